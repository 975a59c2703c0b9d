"""Print where a number comes from: the chain from a cell back to the raw files.

    python -m elemflow.explain results/tables/<study>/<table>.csv [row] [column]
    python -m elemflow.explain results/figures/<study>/<figure>.csv [panel] [series]
    python -m elemflow.explain results/runs/<dataset>/<property>/<representation>/<model>/<protocol>
    python -m elemflow.explain resources/record/<dataset>/<property>/<representation>/<model>/<protocol>

Rows and columns are named by any part of their label; without both, the cells that match are listed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from elemflow.core.errors import ElemflowError
from elemflow.provenance.explain import explain


def main(arguments: Sequence[str]) -> None:
    """Print the explanation that the arguments request."""
    parser = argparse.ArgumentParser(
        prog="python -m elemflow.explain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="csv of a table or figure, or folder of a run, computed or recorded")
    parser.add_argument("names", nargs="*", help="parts of the labels of row and column, or of panel and series")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(explain(given.path, given.names) + "\n")
    except ElemflowError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
