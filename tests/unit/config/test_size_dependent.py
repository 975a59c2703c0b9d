"""Settings by number of rows: the last entry that holds wins, and nothing else changes."""

import pytest

from elemflow.config.size_dependent import check_order, settle
from elemflow.core.errors import ConfigError

CFG = {
    "run": {"dataset": "kefe"},
    "model": {
        "spec": {"family": "dense", "width_factor": 0.25, "by_training_size": [{"above": 100, "width_factor": 0.5}]}
    },
    "protocol": {
        "split": {},
        "training": {
            "max_epochs": 200,
            "batch_size": 128,
            "by_training_size": [{"above": 50, "max_epochs": 100}, {"above": 100, "max_epochs": 40, "batch_size": 256}],
        },
    },
}


@pytest.mark.parametrize(
    ("rows", "epochs", "batch", "width"),
    [(50, 200, 128, 0.25), (51, 100, 128, 0.25), (100, 100, 128, 0.25), (101, 40, 256, 0.5)],
)
def test_the_last_entry_that_holds_wins(rows: int, epochs: int, batch: int, width: float) -> None:
    settled = settle(CFG, rows)
    assert settled["protocol"]["training"] == {"max_epochs": epochs, "batch_size": batch}
    assert settled["model"]["spec"] == {"family": "dense", "width_factor": width}
    assert settled["run"] == CFG["run"]
    assert "by_training_size" in CFG["protocol"]["training"]  # the declaration is left as it is


def test_what_has_no_entries_stays() -> None:
    plain = {"model": {"estimator": "ridge"}, "protocol": {"seed": 1, "training": {}}}
    assert settle(plain, 10) == plain


def test_entries_out_of_order_are_refused() -> None:
    check_order([{"above": 1}, {"above": 2}], "here")
    with pytest.raises(ConfigError, match="here: found `above` 2, 2"):
        check_order([{"above": 2}, {"above": 2}], "here")
