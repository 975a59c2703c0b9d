"""A base whose training is stopped, for tests of checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from elemflow.multitask import train


@contextmanager
def stopped_at_first_checkpoint() -> Iterator[None]:
    """Stop a base that trains within the block by KeyboardInterrupt, after its first checkpoint."""
    saved = train._save

    def stop(*args: Any) -> None:
        saved(*args)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(train, "_save", stop)
        try:
            yield
        except KeyboardInterrupt:
            return
    pytest.fail("the training ended before its first checkpoint")
