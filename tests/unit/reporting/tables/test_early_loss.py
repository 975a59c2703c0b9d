"""Tables of the training loss of the first epochs."""

import math

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.reporting.tables.kinds.early_loss import BUILDER, EPOCHS


@pytest.fixture
def trained(tmp_path):
    """A run of two members and a function that writes their losses by epoch."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "early_loss", "table": "early"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2, 0.3])

    def write(*losses):
        lines = [(n, e, loss) for n, each in enumerate(losses) for e, loss in enumerate(each, start=1)]
        pd.DataFrame(lines, columns=["member", "epoch", "train_loss"]).to_parquet(folder / "history.parquet")

    return cfg, {name_run("brnet"): folder / "metrics.json"}, write


def line_of(cfg, runs, tmp_path):
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    return line


def test_the_first_epochs_count_alone_by_their_geometric_mean(trained, tmp_path):
    cfg, runs, write = trained
    write([1.0, 0.01] * (EPOCHS // 2) + [1e-9] * 30, [0.4] * EPOCHS)
    line = line_of(cfg, runs, tmp_path)
    assert line.early_loss == pytest.approx((0.1 + 0.4) / 2)
    assert line.early_epochs == EPOCHS


def test_a_shorter_training_counts_whole_and_says_so(trained, tmp_path):
    cfg, runs, write = trained
    write([0.4, 0.1], [0.2] * EPOCHS)
    line = line_of(cfg, runs, tmp_path)
    assert (line.early_loss, line.early_epochs) == (pytest.approx(0.2), 2)


@pytest.mark.parametrize("losses", [[], [math.inf, 1.0], [0.0, 0.0]])
def test_without_finite_losses_above_zero_there_is_none(trained, tmp_path, losses):
    cfg, runs, write = trained
    write(losses)
    assert line_of(cfg, runs, tmp_path).early_loss is None
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, runs).rows[0][1]][1:] == ["—"]


def test_a_run_without_a_result_has_no_loss(trained):
    cfg, _, _ = trained
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, {}).rows[0][1]][1:] == ["—"]
