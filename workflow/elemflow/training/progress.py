"""Progress lines of a training."""

import logging
import math
import time

import numpy as np

from elemflow.training.state import TrainingState

PROGRESS_SECONDS = 10.0

log = logging.getLogger(__name__)


class Progress:
    """Progress lines of one member, at most one every few seconds.

    Args:
        label: What is trained, e.g. `member 2/3`; also used in error messages.
        max_epochs: Most epochs.
        interval: Seconds between lines.
    """

    def __init__(self, label: str, max_epochs: int, interval: float = PROGRESS_SECONDS):
        self.label = label
        self._max_epochs = max_epochs
        self._interval = interval
        self._last = -math.inf

    def validated(self, state: TrainingState, simultaneous: int = 1) -> None:
        """Log the last validation of one of some simultaneous members if the previous line is old enough."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        rows, best = state.history.rows, state.history.best_row
        last = rows[-1]
        steps = np.diff([0, *(row.step for row in rows[-21:])])[-20:]
        rate = float(np.median([row.seconds for row in rows[-20:]] / steps))
        error = "" if last.validation_mae is None else f", validation MAE {last.validation_mae:.5g}"
        log.info(
            "%s, epoch %d/%d: train loss %.5g%s%s, %.0f rows/s%s, ends in %s%s",
            self.label, last.epoch, self._max_epochs, last.train_loss, error,
            f", best {best.validation_mae:.5g} @ {best.epoch}" if best else "",
            state.rows_per_epoch / state.steps_per_epoch / max(rate, 1e-9),
            f" of {simultaneous} members" if simultaneous > 1 else "",
            _duration(state.steps_left * rate * simultaneous),
            " unless it improves" if state.may_stop_early else "",
        )  # fmt: skip


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
