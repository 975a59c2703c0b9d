"""Predict new materials with a trained run; `elemflow predict` has more formats.

    python -m elemflow.predict results/runs/<dataset>/<property>/ef/<model>/<protocol> formulas.csv out.parquet
    python -m elemflow.predict results/runs/<dataset>/… results/features/<dataset>/ef.parquet out.parquet
    python -m elemflow.predict results/runs/<dataset>/… Fe2O3 "Ba(Zr0.2Ti0.8)O3"

The first form reads a table of formulas, the second the workflow's feature files, one for each part of the run's
representation; both write a Parquet file. The third shows the predictions of the formulas, with the run's intervals and
applicability domain. `python -m elemflow.predict --help` lists the options.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elemflow.chemistry.weights import CANONICAL
from elemflow.cli.interruption import removing_unfinished_files
from elemflow.cli.main import main as elemflow
from elemflow.cli.predict_given import looks_like_a_file
from elemflow.core.errors import DataError, ElemflowError
from elemflow.core.files import read_metadata
from elemflow.inference.ensemble import COMBINE
from elemflow.inference.predictor import predict_parquet, predict_table
from elemflow.training.backend import Backend

LEVELS = range(1, 100)
"""Levels of intervals in per cent."""


def main(arguments: Sequence[str]) -> None:
    """Write the predictions that the arguments request."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not any(looks_like_a_file(text) for text in given.inputs):
        elemflow(_as_command(given), prog_name="python -m elemflow.predict")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
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
    with _errors_end(), removing_unfinished_files():
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


def _as_command(given: argparse.Namespace) -> list[str]:
    """Return the arguments of `elemflow` that show the predictions of formulas."""
    options = {
        "--run": given.run,
        "--combine": given.combine,
        "--level": given.level,
        "--threads": given.threads,
        "--amounts": given.amounts,
    }
    named = [f"{name}={value}" for name, value in options.items() if value is not None]
    return ["predict", "--skip", *named, *given.inputs]


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
    except DataError:  # what reads it next says what is wrong
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
