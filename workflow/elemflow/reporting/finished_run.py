"""The line that a run logs when it is evaluated: its error, with the published one where a study prints it.

The published values come from a file that each start writes. They are no parameter of the job: which studies are
built, and what papers print, evaluates no run again. Not part of code digests: no result depends on the line.
"""

import logging
from pathlib import Path

from elemflow.core.files import read_json
from elemflow.core.run import Run
from elemflow.plan.paths import PUBLISHED_OF_RUNS
from elemflow.reporting.results import read_evaluation, read_score

log = logging.getLogger(__name__)


def log_finished(metrics: str | Path, published: str | Path = PUBLISHED_OF_RUNS) -> None:
    """Log one line on a run.

    Args:
        metrics: `metrics.json` of the run, in its folder.
        published: File of unit and published values by run; a line without them is logged if there is none.
    """
    log.info("%s", finished_line(Path(metrics), Path(published)))


def finished_line(metrics: Path, published: Path) -> str:
    """Return the line on a run; see `log_finished`."""
    run = Run.of_folder(metrics.parent).path
    evaluation = read_evaluation(metrics)
    if evaluation is not None and evaluation.not_run:
        return f"{run}: no result: {evaluation.not_run}"
    score = read_score(metrics, "mae")
    if score is None:
        return f"{run}: no error on test materials"
    known = (read_json(published) if published.is_file() else {}).get(run, {"unit": "", "values": []})
    spread = "" if score.sd is None else f" ± {score.sd:.2g}"
    members = f" ({score.members} members)" if score.members > 1 else ""
    unit = f" {known['unit']}" if known["unit"] not in {"", "1"} else ""
    printed = "; published ".join(["", *known["values"]])
    return f"{run}: test MAE {score.mean:.3g}{spread}{unit}{members}{printed}"
