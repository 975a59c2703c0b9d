"""A Slurm job that comes to the end of its time is put back into the queue, as the job that it is.

Failing instead would use up a retry of Snakemake, which requests more memory each time and ends after the third.
"""

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from elemflow.training.interruption import MARGIN, Stopped, deadline

log = logging.getLogger(__name__)

SECONDS_TO_BE_STOPPED = 60.0
"""Time in which Slurm ends the processes of a job that it has put back into the queue."""


@contextmanager
def requeued_at_time_limit() -> Iterator[None]:
    """Put this Slurm job back into the queue if what it trains inside the context is stopped by the end of its time."""
    began = time.time()
    try:
        yield
    except Stopped as stopped:
        requeue(stopped, began)
        raise


def requeue(stopped: Stopped, began: float) -> bool:
    """Put this Slurm job back into the queue if its training was stopped by the end of its time.

    A job that had no time for training from the beginning is left to fail: it would come back for ever.

    Args:
        stopped: How the training ended.
        began: Start of the job's script in seconds since 1970.

    Returns:
        Whether Slurm took it. Outside of Slurm, or where a site forbids `scontrol requeue`, it is left to fail.
    """
    job, scontrol = os.environ.get("SLURM_JOB_ID"), shutil.which("scontrol")
    if not (stopped.by_time_limit and job and scontrol) or deadline() - MARGIN <= began:
        return False
    done = subprocess.run([scontrol, "requeue", job], capture_output=True, text=True, check=False)  # noqa: S603  of Slurm
    if done.returncode:
        log.warning("Slurm does not put job %s back into the queue: %s", job, done.stderr.strip())
        return False
    log.info("job %s is back in the queue; its next start continues", job)
    time.sleep(SECONDS_TO_BE_STOPPED)
    return True
