"""The model card: what a trained model predicts, how well, from which data, and where it comes from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.files import JsonObject, read_json
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.evaluation.metrics import METRICS
from elemflow.inference.model_files import CALIBRATION, DOMAIN
from elemflow.inference.reliability import INTERVAL_KIND
from elemflow.training.run_config import RunConfig

CARD, CARD_JSON = "README.md", "model_card.json"
ERRORS = ("mae", "rmse", "median_ae", "r2")
"""Measures that the card shows, of those in `metrics.json`."""
LIBRARIES = ("elemflow", "python", "tensorflow", "keras", "scikit-learn", "numpy")
NAMES = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "median_ae": "median absolute error",
    "r2": "R²",
}

ModelFacts = JsonObject
"""Content of the card as JSON."""


def facts_of(folder: Path, config: RunConfig, dataset: Mapping[str, Any], members: int) -> ModelFacts:
    """Return what the card says.

    Args:
        folder: Folder with the members of the exported file.
        config: Configuration of the run.
        dataset: Title, version, licence and citation of its dataset.
        members: Number of trained members.
    """
    info = read_json(folder / "provenance.json") if (folder / "provenance.json").exists() else {}
    elements = folder / DOMAIN / "elements.json"
    return {
        "run": config.run.keys(),
        "property": config.run.property,
        "unit": config.property.unit,
        "minimum": config.property.minimum,
        "dataset": dict(dataset),
        "members": members,
        "kind": config.model.kind,
        "test": _errors(folder),
        "intervals": _intervals(folder),
        "elements": read_json(elements) if elements.exists() else None,
        "rows": next((member["rows"] for member in info.get("members", {}).values()), None),
        "commit": info.get("commit"),
        "code": info.get("code"),
        "trained": info.get("finished"),
        "versions": {name: info["versions"][name] for name in LIBRARIES if name in info.get("versions", {})},
        "inputs_sha256": info.get("inputs_sha256", {}),
    }


def _errors(folder: Path) -> JsonObject | None:
    """Return errors on the test set: of the ensemble, or the mean over its members."""
    path = folder / "metrics.json"
    test = read_json(path).get("test") if path.exists() else None
    if not test:
        return None
    errors = test.get("ensemble") or test
    first = next(iter(errors["members"].values()))
    of = f"{errors['combined_by']} of the members" if test.get("ensemble") else "one member, mean over the members"
    return {"of": of, "materials": first["n"], **{name: errors["mean"][name] for name in METRICS if name in ERRORS}}


def _intervals(folder: Path) -> JsonObject | None:
    """Return level, coverage and width of the intervals on the test set."""
    if not (folder / CALIBRATION).exists():
        return None
    report = read_json(folder / "metrics.json")["test"]["uncertainty"][INTERVAL_KIND.value]
    level = str(DEFAULT_LEVEL)
    return {"level": DEFAULT_LEVEL, "coverage": report["coverage"][level], "width": report["width"][level]}


def card_text(facts: ModelFacts) -> str:
    """Return the card as Markdown.

    Args:
        facts: What `facts_of` returned.
    """
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: ModelFacts) -> Iterator[str]:
    run, dataset, unit = facts["run"], facts["dataset"], facts["unit"]
    yield f"# {facts['property']} [{unit}], from {run['representation']}"
    yield ""
    yield f"{facts['members']} trained members of the model `{run['model']}` ({facts['kind']})."
    yield f"Protocol: `{run['protocol']}`."
    yield ""
    yield "## Use"
    yield ""
    yield "    elemflow predict --model FILE.elemflow Fe2O3 NaCl"
    yield ""
    yield "## Data"
    yield ""
    yield f"- dataset: {dataset.get('title', run['dataset'])} (`{run['dataset']}`)"
    yield f"- version: {dataset.get('version', 'not stated')}"
    yield f"- licence: {dataset.get('license', 'not stated')}; that of the code is in LICENSE"
    yield f"- cite: {', '.join(dataset.get('citation', [])) or 'not stated'}; see references.bib"
    if facts["rows"]:
        yield f"- materials: {', '.join(f'{count:,} {role}' for role, count in facts['rows'].items())}"
    if facts["elements"]:
        yield f"- elements: {' '.join(facts['elements'])}"
    yield ""
    yield from _reliability_lines(facts)
    yield "## Provenance"
    yield ""
    yield f"- run: {'/'.join(run.values())}"
    yield f"- commit: {facts['commit'] or 'not known'}; digest of the training code: {facts['code'] or 'not known'}"
    yield f"- trained until: {facts['trained'] or 'not known'}"
    yield f"- versions: {', '.join(f'{name} {version}' for name, version in facts['versions'].items()) or 'not known'}"
    yield from (f"- input: {path}, SHA-256 {digest}" for path, digest in facts["inputs_sha256"].items())


def _reliability_lines(facts: ModelFacts) -> Iterator[str]:
    """Yield errors, coverage and limits."""
    unit, test, intervals = facts["unit"], facts["test"], facts["intervals"]
    yield "## Errors on test materials"
    yield ""
    if test:
        yield f"Of the {test['of']}, {test['materials']:,} materials."
        yield ""
        for name in ERRORS:
            if test.get(name) is not None:
                yield f"- {NAMES[name]}: {test[name]:.3g}{'' if name == 'r2' else f' {unit}'}"
    else:
        yield "The run was not evaluated."
    yield ""
    yield "## Limits"
    yield ""
    if intervals:
        width = "unbounded" if intervals["width"] is None else f"{intervals['width']:.3g} {unit} wide on average"
        coverage = f"{100 * intervals['coverage']:.0f} % of the test materials"
        yield f"- intervals of {intervals['level']} %: hold {coverage}, {width}"
    else:
        yield "- without intervals"
    if facts["elements"]:
        yield "- flag `unseen`: elements that no training material has; `far`: unlike the training materials"
    else:
        yield "- without applicability domain"
    yield "- a composition stands for the materials that the dataset keeps of it; other phases have other values"
    yield ""
