"""Attempts at what may fail for a while, with pauses that grow, and the errors that tell why all of them failed."""

import logging
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import TypeVar

import tenacity

from elemflow.core.errors import DataError

log = logging.getLogger(__name__)

T = TypeVar("T")


ATTEMPTS = int(os.environ.get("ELEMFLOW_ATTEMPTS", "10"))

BACKOFF, LONGEST_PAUSE = 5.0, 120.0
"""First and longest pause in seconds: ten requests take some ten minutes, as long as short outages last."""


class ExhaustedError(DataError):
    """All attempts failed in a way that may pass."""


class TemporaryError(Exception):
    """A failure that may pass: the reason, and the pause in seconds that the server requests, if any."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def with_retries(
    action: Callable[[], T], what: str, state: str, *, attempts: int = ATTEMPTS, backoff: float = BACKOFF
) -> T:
    """Return what `action` returns, trying again after each `TemporaryError`.

    Args:
        action: One attempt.
        what: What is fetched, for messages.
        state: What remains if all attempts fail, for messages.
        attempts: Largest number of attempts.
        backoff: First pause in seconds; it doubles each time, unless the error names one.

    Raises:
        DataError: The last attempt failed too.
    """

    def pause(state: tenacity.RetryCallState) -> float:
        requested = getattr(_failure(state), "pause", None)
        # Jitter keeps the jobs of one cluster from knocking at the same moment.
        if requested is not None:
            return requested
        return _planned(state.attempt_number, backoff) * (1 + random.random() / 4)  # noqa: S311

    def warn(state: tenacity.RetryCallState) -> None:
        number = state.attempt_number + 1
        rest = sum(_planned(done, backoff) for done in range(number, attempts))
        until = datetime.now(UTC) + timedelta(seconds=state.upcoming_sleep + rest)
        log.warning(
            "%s: %s; attempt %d of %d in %.1f s, the last one about %s UTC",
            what,
            _failure(state),
            number,
            attempts,
            state.upcoming_sleep,
            until.strftime("%H:%M"),
        )

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TemporaryError),
        stop=tenacity.stop_after_attempt(attempts),
        wait=pause,
        before_sleep=warn,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(action)
    except TemporaryError as error:
        raise ExhaustedError(
            f"{what}: {error}, and {attempts} attempts did not help. Check the network and whether the server is up, "
            f"then run again; {state}."
        ) from error


def _planned(done: int, backoff: float) -> float:
    """Return the pause in seconds after so many attempts."""
    return float(min(backoff * 2 ** (done - 1), LONGEST_PAUSE))


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    """Return the error of the last attempt."""
    return state.outcome.exception() if state.outcome else None
