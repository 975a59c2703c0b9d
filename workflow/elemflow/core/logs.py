"""The log of a job, on file and terminal, and a record of its failure for the end of the workflow."""

import logging
import sys
import traceback
from functools import partial
from pathlib import Path
from types import TracebackType

from elemflow.core.errors import ElemflowError
from elemflow.core.files import write_json


def failure_path(log: str | Path) -> Path:
    """Return the file next to a log that a failed job writes: `failed.json` in place of `log`."""
    log = Path(log)
    return log.with_name(f"{log.name.removesuffix('.log')}.failed.json")


def configure_logging(path: str | Path) -> None:
    """Send records of level INFO and above, and any uncaught exception, to a log file and to stderr.

    An `ElemflowError` is shown as its message alone, since it already says what to do; any other exception keeps its
    traceback. Both are also recorded as JSON (`error`: class, `message`) in `failure_path`, which a new start removes.

    Args:
        path: The rule's log file; parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    failed = failure_path(path)
    failed.unlink(missing_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=[logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)],
        force=True,
    )
    logging.captureWarnings(True)
    sys.excepthook = partial(_report, failed)


def _report(failed: Path, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write an uncaught exception to the log, and a failure to its record."""
    expected = isinstance(error, ElemflowError)
    log = logging.getLogger("elemflow")
    if expected:
        log.error("%s", error)
    else:
        log.error("Unexpected failure", exc_info=(kind, error, trace))
    if isinstance(error, Exception):  # an interrupt from the keyboard is no failure
        message = str(error) if expected else traceback.format_exception_only(error)[-1].strip()
        write_json(failed, {"error": kind.__name__, "message": message})
