"""Tables of tests: whether the model of the first column has lower errors than each other one of its row."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.config.kinds import TableKind
from elemflow.core.errors import DataError
from elemflow.core.files import read_json
from elemflow.evaluation import hypothesis_tests as statistics
from elemflow.reporting import comparability as scale
from elemflow.reporting import text as words
from elemflow.reporting.results import read_score, read_test_points
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    FAILURE_TYPES,
    Types,
    describe_failed,
    frame_view,
    make_frame,
    mark_result,
    name_failure,
)
from elemflow.reporting.tables.formats import render_text_page
from elemflow.reporting.tables.view import NO_DATA, NO_VALUE, Cell, TableView

SEED = 2003  # of the bootstrap
SIGNIFICANT = 0.05
NOISE = 1e-12
"""Share of the larger of two errors up to which they count as equal: sums in another order differ by less than that."""
KIND = TableKind(
    description="tests of the first column against each other one",
    overview="tests.csv",
    overview_title="tests",
    inputs=("predictions.parquet", "run_info.json"),
)
CELL_TYPES: Types = {
    "study": "string",
    "table": "string",
    "row": "string",
    "model": "string",
    "against": "string",
    "dataset": "string",
    "property": "string",
    "protocol": "string",
    "unit": "string",
    "members": "Int64",
    "judged_materials": "Int64",
    "shared_materials": "Int64",
    "test_to_train": "float64",
    "difference": "float64",
    "interval_low": "float64",
    "interval_high": "float64",
    "effect_size": "float64",
    **{f"{name}_{test}": "float64" for test in ("corrected", "5x2") for name in ("t", "df", "p", "p_holm")},
    **scale.CELL_TYPES,
    "missing": "string",
    **FAILURE_TYPES,
    "run": "string",
    "against_run": "string",
}
TESTS = {"corrected": "corrected", "5x2": "5×2"}


def compare(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Test the first cell of each row against each other one.

    Returns:
        A frame with the columns of `CELL_TYPES`, one line per test; what cannot be computed is missing. Every number is
        of the test materials that both runs judged (`shared_materials`, of those of either `judged_materials`).

    Raises:
        DataError: Two runs were not judged on the same members, or have no test material of a member in common.
    """
    cells = {(cell["row"], cell["column"]): cell for cell in cfg["cells"]}
    lines = []
    for i, row in enumerate(cfg["rows"]):
        model = cells[i, 0]
        for j, column in enumerate(cfg["columns"][1:], start=1):
            other = cells[i, j]
            lines.append(
                {
                    **{name: model[name] for name in ("dataset", "property", "protocol", "unit", "run")},
                    "study": cfg["study"],
                    "table": cfg["table"],
                    "row": row["label"],
                    "model": cfg["columns"][0]["label"],
                    "against": column["label"],
                    "against_run": other["run"],
                    "missing": model["missing"] or other["missing"] or None,
                    **scale.describe_cell(cfg, model, curation, metrics.get(model["run"])),
                    **name_failure(cfg, model["run"], other["run"]),
                    **_test(model["run"], other["run"], metrics, cfg["splits"].get(model["protocol"])),
                }
            )
    for test in TESTS:
        # A test without a result stays in the family, as the least significant: a failed run must not help the others.
        family = [
            line for line in lines if not line["missing"] and test in _possible_tests(cfg["splits"][line["protocol"]])
        ]
        adjusted = statistics.holm([line.get(f"p_{test}", 1.0) for line in family])
        for line, p in zip(family, adjusted, strict=True):
            if f"p_{test}" in line:
                line[f"p_holm_{test}"] = p
    return make_frame(lines, CELL_TYPES)


def _possible_tests(split: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tests that a split allows: its members, or groups of members, must have test parts of their own."""
    if split["scheme"] == "k_fold" and (split["repeats"], split["folds"]) == statistics.FIVE_BY_TWO:
        return ("corrected", "5x2")
    return ("corrected",) if _count_divisions(split) > 1 else ()


def _count_divisions(split: Mapping[str, Any]) -> int:
    """Return how many test parts of their own a split gives; each is that of equally many members in a row."""
    if split["scheme"] in ("k_fold", "k_fold_rows"):
        return int(split.get("repeats", 1) * split["folds"])
    if split["scheme"] == "fractions":
        return int(split["members"] if split["split_per_member"] else split.get("splits", 1))
    return 1


def _test(model: str, other: str, metrics: Mapping[str, str | Path], split: Any) -> dict[str, Any]:
    scores = [read_score(metrics.get(run), "mae") for run in (model, other)]
    folders = [Path(metrics.get(run, "")).parent for run in (model, other)]
    if not all(scores):
        return {"members": 0}
    ours, theirs = (score.members for score in scores if score)
    if ours != theirs:
        raise DataError(
            f"{metrics[model]} has {ours} members and {metrics[other]} {theirs}, though they share a protocol; build "
            "both runs again."
        )
    points = _read_errors(*folders)
    shared = points.dropna()
    if lacking := sorted(set(points["member"]) - set(shared["member"])):
        raise DataError(
            f"{metrics[model]} and {metrics[other]} have no test material of member {lacking[0]} in common, so nothing "
            "compares them there; check the features that their representations reject, and build both runs again."
        )
    differences = _member_differences(shared)
    low, high = statistics.clustered_bootstrap_interval(*_composition_differences(shared), seed=SEED)
    found = {
        "members": len(differences),
        "judged_materials": points["material_id"].nunique(),
        "shared_materials": shared["material_id"].nunique(),
        "difference": sum(differences) / len(differences),
        "interval_low": low,
        "interval_high": high,
    }
    possible = _possible_tests(split)
    if len(differences) == 1 or not possible:
        return found  # members that share a test part say nothing about other materials
    divisions = _average_divisions(differences, split)
    ratio = _test_to_train(folders[0])
    found |= {"test_to_train": ratio, "effect_size": statistics.cohens_d(divisions)}
    tests = {"corrected": statistics.corrected_resampled_t_test(divisions, ratio)}
    if "5x2" in possible:
        repeats, folds = statistics.FIVE_BY_TWO
        tests["5x2"] = statistics.five_by_two_cv_t_test(
            [divisions[folds * i : folds * (i + 1)] for i in range(repeats)]
        )
    for name, test in tests.items():
        found |= {f"t_{name}": test.t, f"df_{name}": test.df, f"p_{name}": test.p}
    return found


def _average_divisions(differences: Sequence[float], split: Mapping[str, Any]) -> list[float]:
    """Return the mean difference of each division, whose members, if several, follow each other."""
    return [float(part.mean()) for part in np.array_split(differences, _count_divisions(split))]


def _read_errors(model: Path, other: Path) -> pd.DataFrame:
    """Return the absolute error of each run, `ours` and `theirs`, for each `member` and `material_id` of either."""
    keys = ["member", "material_id"]
    ours, theirs = (
        rows[keys].assign(**{name: (rows["y_pred"] - rows["y_true"]).abs()})
        for name, rows in (("ours", read_test_points(model)), ("theirs", read_test_points(other)))
    )
    return ours.merge(theirs, on=keys, how="outer", validate="one_to_one").sort_values(keys, ignore_index=True)


def _subtract(ours: statistics.Array, theirs: statistics.Array) -> statistics.Array:
    """Return the differences of errors, 0 where only rounding sets them apart."""
    differences = ours - theirs
    return np.where(np.abs(differences) <= NOISE * np.maximum(ours, theirs), 0.0, differences)


def _member_differences(shared: pd.DataFrame) -> list[float]:
    """Return the difference of the mean absolute errors of each member over rows that both runs judged."""
    names = ("ours", "theirs")
    means = [[np.mean(rows[name].to_numpy()) for name in names] for _, rows in shared.groupby("member", sort=True)]
    return [float(value) for value in _subtract(*np.array(means).T)]


def _composition_differences(shared: pd.DataFrame) -> tuple[statistics.Array, statistics.Array]:
    """Return the sum of the differences of the rows of each composition over the members, and their count."""
    differences = pd.Series(_subtract(shared["ours"].to_numpy(), shared["theirs"].to_numpy()))
    of_composition = differences.groupby(shared["material_id"].map(composition_of).to_numpy(), sort=True)
    return np.asarray(of_composition.sum(), dtype=np.float64), np.asarray(of_composition.size(), dtype=np.float64)


def _test_to_train(folder: Path) -> float:
    """Return the mean over members of test rows per row that the model was made from, those of validation included."""
    rows = [member["rows"] for member in read_json(folder / "run_info.json")["members"].values()]
    return sum(r["test"] / (r["train"] + r["validation"]) for r in rows) / len(rows)


def view_table(cfg: Mapping[str, Any], tests: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange the tests, one per line, and write the caption."""
    shown = [name for name in TESTS if tests[f"p_{name}"].notna().any()]
    columns = ["difference", "95 % interval", "effect size"]
    columns += [text for name in shown for text in (f"t {TESTS[name]}", f"p {TESTS[name]}", f"p {TESTS[name]}, Holm")]
    rows = []
    for line in tests.to_dict("records"):
        mark = scale.mark_of(line) if line["members"] else ""
        log = "" if pd.isna(line["log"]) else line["log"]
        cells = [
            Cell(
                "",
                text,
                "",
                "",
                int(line["members"]),
                best,
                line["run"],
                mark="" if number else mark,
                log="" if number else log,
            )
            for number, (text, best) in enumerate(_show(line, shown))
        ]
        rows.append((f"{line['row']}: {line['model']} against {line['against']}", tuple(cells)))
    return frame_view(cfg, rows, _write_caption(cfg, tests, shown, curation), columns=columns)


def _show(line: Mapping[Hashable, Any], shown: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the text of each column and whether it is bold."""
    if not line["members"]:
        yield mark_result(line), False
        yield from [(NO_VALUE, False)] * (2 + 3 * len(shown))
        return
    decimals = words.count_decimals(line["difference"], digits=2)
    low, high = (words.format_number(line[f"interval_{end}"], decimals) for end in ("low", "high"))
    yield words.format_number(line["difference"], decimals), False
    yield f"{low} … {high}", False
    yield _number(line["effect_size"], 2), False
    for name in shown:
        yield _number(line[f"t_{name}"], 2), False
        yield _p_value(line[f"p_{name}"]), False
        yield _p_value(line[f"p_holm_{name}"]), line[f"p_holm_{name}"] < SIGNIFICANT


def _number(value: float, decimals: int) -> str:
    return NO_VALUE if pd.isna(value) else words.format_number(value, decimals).replace("inf", "∞")


def _p_value(p: float) -> str:
    smallest = 1e-4
    return NO_VALUE if pd.isna(p) else f"< {smallest:.4f}" if p < smallest else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"  # noqa: PLR2004


def _write_caption(
    cfg: Mapping[str, Any], tests: pd.DataFrame, shown: Sequence[str], curation: Mapping[str, str | Path]
) -> Iterator[str]:
    yield (
        "Difference of the mean absolute errors, in the unit of the row; negative: the first model is better. The "
        f"interval is a percentile bootstrap over test compositions ({statistics.RESAMPLES:,} resamples); the effect "
        "size is the mean difference over divisions divided by its standard deviation."
    )
    yield _describe_shared(tests)
    if "corrected" in shown:
        ratios = tests["test_to_train"].dropna()
        yield (
            "Corrected: t = mean(d) / sqrt((1/J + r) var(d)) over the J divisions, with J − 1 degrees of freedom "
            "(Nadeau and Bengio 2003); r, test rows per training and validation row, is "
            f"{_range(ratios.min(), ratios.max())}."
        )
    if "5x2" in shown:
        yield "5×2: first difference over sqrt(mean of s²) of five repetitions, 5 degrees of freedom (Dietterich 1998)."
    if shown:
        yield (
            "One-tailed: the null hypothesis is that the first model is no better. Holm: adjusted for all tests of the "
            f"table, also those without a result; bold below {SIGNIFICANT}."
        )
    planned = tests[tests["missing"].isna()]
    yield words.describe_data(cfg["datasets"], [*planned["dataset"], *cfg["datasets"]], curation)
    yield words.describe_protocols(cfg["protocols"], planned["protocol"])
    yield scale.describe_scale(planned[planned["members"] > 0].to_dict("records"), tests=True)
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield describe_failed(planned.to_dict("records"))
    yield cfg["note"]


def _describe_shared(tests: pd.DataFrame) -> str:
    """Return a sentence on the tests whose runs judged different materials; empty if there are none."""
    told = [
        f"{line['row']}, {line['model']} against {line['against']}: over the {line['shared_materials']:,} of "
        f"{line['judged_materials']:,} test materials that both runs judged"
        for line in tests[(tests["shared_materials"] < tests["judged_materials"]).fillna(value=False)].to_dict(
            "records"
        )
    ]
    return f"Materials without features in one representation are left out. {'; '.join(told)}." if told else ""


def _range(low: float, high: float) -> str:
    ends = dict.fromkeys(f"{value:.3g}" for value in (low, high))
    return "–".join(ends)


def render_text(view: TableView) -> str:
    """Render the tests as reStructuredText that is aligned plain text."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for label, cells in view.rows:
        row, pair = label.rsplit(": ", 1)
        shown = [(cell.reproduced_with_spread, cell.best) if cell else ("", False) for cell in cells]
        texts = (f"**{text}**" if best else text for text, best in shown)
        groups.setdefault(words.escape_rst(row), []).append((words.escape_rst(pair), *texts))
    return render_text_page(view, ("test", *view.columns), groups.items())


def _list_runs(
    tests: pd.DataFrame,
    cfg: Mapping[str, Any],
    metrics: Mapping[str, str | Path],
    curation: Mapping[str, str | Path],
) -> pd.DataFrame:
    """Return the runs behind the tests, as the page lists them."""
    del tests
    lines = []
    for cell in cfg["cells"]:
        score = read_score(metrics.get(cell["run"]), "mae")
        low, high = score.test_rows if score else (None, None)
        about = {"row": cfg["rows"][cell["row"]]["label"], "column": cfg["columns"][cell["column"]]["label"]}
        size = scale.describe_cell(cfg, cell, curation, metrics.get(cell["run"]))
        rows = {"test_rows_min": low, "test_rows_max": high}
        lines.append(about | rows | size | {"members": score.members if score else 0, "run": cell["run"]})
    types = {"test_rows_min": "Int64", "test_rows_max": "Int64"} | scale.CELL_TYPES
    columns = ["row", "column", *types, "members", "run"]
    return pd.DataFrame(lines, columns=columns).astype(types)


BUILDER = TableBuilder(CELL_TYPES, compare, view_table, render_text, _list_runs)
