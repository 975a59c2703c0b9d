"""A study of two datasets, two models and a protocol, and its plan."""

from typing import Any

from elemflow.config.load import Settings
from elemflow.plan import build as plan
from elemflow.plan.published import PublishedIndex
from factories.configuration import DATASET, NETWORK, PROTOCOL, PlainSettings


def property_of(unit: str = "eV") -> dict[str, Any]:
    """Return the declaration of a property."""
    return {"column": "x", "unit": unit, "title": "Gap"}


def settings(
    tables: dict[str, Any] | None = None, figures: dict[str, Any] | None = None, **study: Any
) -> PlainSettings:
    """Return the declarations of a study `mine`, to change before they are parsed."""
    dataset = DATASET | {"properties": {"gap": property_of(), "volume": property_of("1")}}
    return PlainSettings(
        datasets={"d1": dataset, "d2": dataset},
        models={
            "brnet": NETWORK | {"title": "BRNet", "published": {"model": "brnet", "depth": 17}},
            "rf": {"title": "RF", "kind": "estimator", "estimator": "random_forest", "parameters": {}},
        },
        protocols={"validated": PROTOCOL | {"title": "by validation"}},
        studies={"mine": {"title": "Mine", "reference": "", "tables": tables or {}, "figures": figures or {}, **study}},
    )


def build(chosen: PlainSettings | Settings, published: PublishedIndex) -> plan.Plan:
    """Return the plan of a study."""
    return plan.build(chosen if isinstance(chosen, Settings) else chosen.typed(), published)


def table(**changes: Any) -> dict[str, Any]:
    """Return the declaration of a table of two datasets and two models."""
    rows, columns = [{"dataset": ["d1", "d2"], "property": "gap"}], [{"model": ["brnet", "rf"]}]
    defaults = {"representation": "ef", "protocol": "validated"}
    return {
        "title": "T",
        "note": "",
        "kind": "errors",
        "metric": "mae",
        "rows": rows,
        "columns": columns,
        "defaults": defaults,
    } | changes


def data_figure(**changes: Any) -> dict[str, Any]:
    """Return the declaration of a figure of two datasets."""
    item = {"title": "F", "metric": "mae", "kind": "distribution", "rows": [{"property": "gap"}]}
    return item | {"columns": [{"dataset": ["d1", "d2"]}]} | changes
