"""The end of a job's time, in an environment variable that the scripts set and training reads."""

import os
import time

DEADLINE = "ELEMFLOW_DEADLINE"
"""Name of the variable; its value is in seconds since 1970."""


def set_deadline(runtime: float, grace: float | None) -> None:
    """Set the end of the job's time, before which the training saves its state and stops.

    Args:
        runtime: Time of the job in minutes.
        grace: Minutes of it that the job needs before its script begins and after it ends. Only a profile whose
            executor enforces `runtime` sets it; without it the job has no end.
    """
    if grace:
        os.environ[DEADLINE] = f"{time.time() + 60 * (runtime - grace):.0f}"
