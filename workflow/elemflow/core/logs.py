"""The start of a job: its log, on file and terminal, with every failure in both; and the check of its software."""

import logging
import sys
from pathlib import Path
from types import TracebackType

from elemflow.core.errors import ElemflowError
from elemflow.provenance.environment import check_versions


def configure_logging(path: str | Path) -> None:
    """Send records of level INFO and above, and any uncaught exception, to `path` and to stderr; check the software.

    An `ElemflowError` is shown as its message alone, since it already says what to do; any other
    exception keeps its traceback.

    Args:
        path: The rule's log file; parent folders are made.

    Raises:
        SoftwareError: See `elemflow.provenance.environment.check_versions`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=[logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)],
        force=True,
    )
    logging.captureWarnings(True)
    sys.excepthook = _log_exception
    check_versions()


def _log_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, ElemflowError):
        logging.getLogger("elemflow").error("%s", error)
    else:
        logging.getLogger("elemflow").error("Unexpected failure", exc_info=(kind, error, trace))
