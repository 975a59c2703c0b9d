"""Predict new materials with a trained run.

    python -m elemflow.predict results/runs/<dataset>/<property>/ef/<model>/<protocol> formulas.csv out.parquet
    python -m elemflow.predict results/runs/<dataset>/… results/features/<dataset>/ef.parquet out.parquet
    python -m elemflow.predict results/runs/<dataset>/… Fe2O3 "Ba(Zr0.2Ti0.8)O3"

The first form reads a table of formulas, the second the workflow's feature files, one for each part of the run's
representation; both write a Parquet file. The third shows the predictions of the formulas, with the run's intervals and
applicability domain. `python -m elemflow.predict --help` lists the options.
"""

import argparse
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa

from elemflow.chemistry.weights import CANONICAL
from elemflow.core.errors import DataError, ElemflowError
from elemflow.core.files import read_json, read_metadata
from elemflow.inference.predictor import COMBINE, predict_parquet, predict_table
from elemflow.training.backend import Backend

log = logging.getLogger(__name__)

SUFFIXES = {".csv", ".json", ".parquet", ".gz", ".tsv", ".txt"}
"""Endings by which an argument is a file and not a formula."""
LEVELS = range(1, 100)
"""Levels of intervals in per cent."""


def main(arguments: Sequence[str]) -> None:
    """Write the predictions that the arguments request."""
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if not any(_looks_like_a_file(text) for text in given.inputs):
        with _errors_end():
            sys.stdout.write(_shown(given, given.inputs))
        return
    *inputs, out = map(Path, given.inputs)
    if not inputs:
        parser.error(f"{out}: after the input, give the Parquet file to write")
    given.inputs, given.out = inputs, out
    if given.out.suffix != ".parquet":
        parser.error(f"{given.out}: the output is a Parquet file; give it a name that ends in .parquet")
    if given.out.resolve() in {path.resolve() for path in given.inputs}:
        parser.error(f"{given.out} is an input, which the predictions would replace; give another name")
    feature_files = all(_has_features(path) for path in given.inputs)
    if feature_files and given.applicability:
        parser.error("--applicability looks at the elements of formulas; give a table of them")
    if not feature_files and len(given.inputs) > 1:
        parser.error("several inputs must all be feature files of the workflow")
    with _errors_end():
        _predict(given, feature_files=feature_files)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m elemflow.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a trained run")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="input",
        help="a table with formulas, or feature files, and then the Parquet file to write; or formulas, to see their "
        "predictions",
    )
    parser.add_argument("--column", help="column of the formulas (default: formula, or else composition)")
    parser.add_argument(
        "--amounts",
        choices=CANONICAL,
        default="atomic",
        help="what the amounts of the formulas count (default: atomic)",
    )
    parser.add_argument("--skip", action="store_true", help="continue where a formula cannot be predicted")
    parser.add_argument("--combine", choices=COMBINE, help="default: as the run was evaluated, or mean")
    parser.add_argument("--level", type=_level, help="level of the intervals in per cent (default: 90)")
    parser.add_argument(
        "--applicability", action="store_true", help="add how far each formula is from the training materials"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of a network (default: 1)")
    return parser


def _predict(given: argparse.Namespace, *, feature_files: bool) -> None:
    backend = Backend(given.threads)
    if feature_files:
        predict_parquet(given.run, given.inputs, given.out, backend=backend, combine=given.combine, level=given.level)
        return
    predict_table(
        given.run,
        given.inputs[0],
        given.out,
        column=given.column,
        skip=given.skip,
        backend=backend,
        combine=given.combine,
        level=given.level,
        applicability=given.applicability,
        amounts=given.amounts,
    )


def _looks_like_a_file(text: str) -> bool:
    return Path(text).suffix.lower() in SUFFIXES or "/" in text or Path(text).exists()


def _shown(given: argparse.Namespace, formulas: Sequence[str]) -> str:
    """Return the predictions of formulas as a table for the terminal; a formula without one has the reason."""
    with TemporaryDirectory() as folder:
        table, out = Path(folder) / "formulas.csv", Path(folder) / "predicted.parquet"
        pd.DataFrame({"formula": formulas}).to_csv(table, index=False)
        predict = partial(
            predict_table, given.run, table, out,
            skip=True, backend=Backend(given.threads), combine=given.combine, level=given.level,
            amounts=given.amounts,
        )  # fmt: skip
        try:
            predict(applicability=True)
        except DataError as error:
            predict(applicability=False)
            log.info("without applicability: %s", error)
        found = pd.read_parquet(out)
    unit = read_json(given.run / "model/model.json")["property"].get("unit", "")
    known = known_values(given.run)
    measured = pd.DataFrame([known.get(composition, (None, None)) for composition in found["composition"]])
    found[f"known ({unit})"], found["set"] = measured[0], measured[1]
    shown = found.drop(columns=["composition", "reason"]).rename(columns={"y_pred": f"predicted ({unit})"})
    shown = shown.dropna(axis="columns", how="all").map(_cell)
    text = shown.to_string(index=False)
    refused = found[found["reason"].notna()]
    lines = [text, *(f"{row.formula}: {row.reason}" for row in refused.itertuples()), *_slips(formulas)]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """Return a cell of the table in the terminal."""
    if value is None or value != value:  # noqa: PLR0124  NaN
        return "—"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def known_values(run: Path) -> dict[str, tuple[float, str]]:
    """Return the value of each composition in the dataset of a run and its role for the first member.

    Args:
        run: Folder of the run, below the results. Without them nothing is known.
    """
    parts = run.absolute().parts
    results, (dataset, property_id, _, _, protocol) = Path(*parts[:-6]), parts[-5:]
    materials = results / f"datasets/{dataset}/materials.parquet"
    split = results / f"splits/{dataset}/{property_id}/{protocol}.parquet"
    if not (materials.exists() and split.exists()):
        return {}
    rows = pd.read_parquet(split).query("member == 0")[["material_id", "role"]]
    rows = rows.merge(pd.read_parquet(materials, columns=["material_id", "composition", property_id]), on="material_id")
    return {row[1]: (row[2], str(row[0])) for row in rows[["role", "composition", property_id]].itertuples(index=False)}


def _slips(formulas: Sequence[str]) -> Iterator[str]:
    """Yield a question for each formula with a zero that may be meant for oxygen: Fe203 for Fe2O3."""
    for formula in formulas:
        meant = re.sub(r"(?<=[1-9])0(?=[1-9](?![0-9]))", "O", formula)
        if meant != formula and "." not in formula:
            yield f"{formula}: did you mean {meant}?"


@contextmanager
def _errors_end() -> Iterator[None]:
    """End the command with the message of an error."""
    try:
        yield
    except ElemflowError as error:
        sys.exit(str(error))


def _level(text: str) -> int:
    if text.isdecimal() and int(text) in LEVELS:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number of per cent from 1 to 99")


def _has_features(path: Path) -> bool:
    try:
        return path.suffix == ".parquet" and path.is_file() and "part" in read_metadata(path)
    except pa.ArrowInvalid:  # what reads it next says what is wrong
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
