"""The state of a training against Keras' callbacks and against rows counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.config.protocol import Training
from elemflow.core.errors import DataError
from elemflow.training.state import TrainingState, epoch_order, evaluation_batches, in_rows, rows_of_epoch

TRAINING = Training.model_validate(
    {
        "optimizer": {"name": "adam", "learning_rate": 0.5},
        "batch_size": 16,
        "loss": "mae",
        "max_epochs": 1000,
        "early_stopping": {"monitor": "validation", "patience": 4, "restore_best": True},
    }
)


def _follow(state: TrainingState, errors: list[float]) -> TrainingState:
    """Take the state through validations with these errors, until it ends."""
    for error in errors:
        while not state.stopped:
            segment = state.next_segment()
            state.advance(segment, state.counters.loss_sum + segment.last - segment.first)
            if state.validation_due:
                state.record(error)
                break
    return state


ERRORS = st.lists(st.sampled_from([0.0, 1.0, 1.00005, 1.0002, 2.0, 3.0]), min_size=1, max_size=25)


@given(ERRORS)
def test_stops_and_learning_rates_are_those_of_keras(errors: list[float]) -> None:
    callbacks = pytest.importorskip("keras.callbacks")
    reduction = {"factor": 0.5, "patience": 2, "min_delta": 1e-4, "min_learning_rate": 0.1}
    state = _follow(TrainingState(TRAINING.but(learning_rate_reduction=reduction), 42), errors)
    plateau = callbacks.ReduceLROnPlateau("error", factor=0.5, patience=2, min_delta=1e-4, min_lr=0.1, mode="min")
    early = callbacks.EarlyStopping("error", patience=4, mode="min")
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5), stop_training=False)
    rates = []
    for callback in (plateau, early):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, error in enumerate(errors):
        rates.append(model.optimizer.learning_rate)
        for callback in (plateau, early):
            callback.on_epoch_end(epoch, {"error": error})
        if model.stop_training:
            break
    assert [row.learning_rate for row in state.history.rows] == pytest.approx(rates)
    assert (state.stopped == "early_stopping") == model.stop_training
    assert state.history.best_row is not None
    assert state.history.best_row.validation_mae == early.best


@given(
    st.integers(1, 70), st.integers(1, 9), st.sampled_from(["keep", "drop"]), st.sampled_from(["every_epoch", "never"])
)
def test_every_row_of_every_epoch_is_counted_once(rows: int, every: int, last_batch: str, shuffle: str) -> None:
    change = {"last_batch": last_batch, "shuffle": shuffle, "max_epochs": 3, "validate_every_steps": every}
    training = TRAINING.but(**change, early_stopping=None, batch_size=4)
    if rows < 4 and (last_batch, shuffle) != ("keep", "every_epoch"):
        with pytest.raises(DataError, match=f"{rows} training rows do not fill one batch of 4"):
            TrainingState(training, rows)
        return
    state, trained, counted = TrainingState(training, rows), [], 0
    while not state.stopped:
        segment = state.next_segment()
        order = rows_of_epoch(training, rows, 7, segment.epoch)
        assert len(order) == state.rows_per_epoch
        trained.append((segment.epoch, order[segment.first * 4 : segment.last * 4]))
        state.advance(segment, 0.0)
        if state.validation_due:
            counted += state.counters.loss_rows
            state.record(None)
    assert counted == sum(len(rows) for _, rows in trained) == 3 * state.rows_per_epoch
    if shuffle == "every_epoch":
        for epoch in (1, 2, 3):
            assert len(set(np.concatenate([rows for e, rows in trained if e == epoch]))) == state.rows_per_epoch


def test_rows_that_are_never_shuffled_come_in_windows_of_one_order() -> None:
    training = TRAINING.but(shuffle="never", batch_size=4)
    fixed = epoch_order(11, 3, 0).tolist()
    steps = np.concatenate([rows_of_epoch(training, 11, 3, epoch) for epoch in (1, 2, 3)]).reshape(-1, 4).tolist()
    assert steps == [fixed[offset : offset + 4] for offset in (0, 4, 1, 5, 2, 6)]


def test_orders_differ_between_epochs_and_seeds() -> None:
    orders = [epoch_order(50, seed, epoch).tolist() for seed, epoch in ((1, 1), (1, 2), (2, 1))]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_patience_counts_training_rows_where_validations_follow_steps() -> None:
    state = _follow(TrainingState(TRAINING.but(validate_every_steps=2), 42), [1.0] * 99)
    assert state.stopped == "early_stopping"
    assert state.counters.step == 14  # best at step 2; 4 x 42 / 16 = 10.5 steps later, at the next validation
    assert state.steps_left == 0


def test_a_training_continues_from_a_stored_state() -> None:
    change = {"learning_rate_reduction": {"factor": 0.1, "patience": 1, "min_delta": 0.0, "min_learning_rate": 0.0}}
    whole, other = (TrainingState(TRAINING.but(**change), 42) for _ in range(2))
    errors = [3.0, 2.0, 2.0, 1.0, 4.0, 2.0]
    other.set_state(_follow(TrainingState(TRAINING.but(**change), 42), errors[:3]).get_state())
    assert _follow(other, errors[3:]).get_state() == _follow(whole, errors).get_state()


def test_a_schedule_rises_and_falls_with_the_steps() -> None:
    training = TRAINING.but(schedule={"warmup": 0.25, "decay": "cosine"}, max_epochs=4, early_stopping=None)
    state = _follow(TrainingState(training, 32), [1.0] * 4)  # eight steps
    rates = np.concatenate([state.rates(epoch) for epoch in (1, 2, 3, 4)])
    np.testing.assert_allclose(rates, [0.25, 0.5] + [0.25 * (1 + np.cos(np.pi * i / 6)) for i in range(6)])
    assert [row.learning_rate for row in state.history.rows] == list(rates[1::2])
    training = training.but(schedule={"warmup": 0.25, "decay": "none"})
    assert list(TrainingState(training, 32).rates(2)) == [0.5, 0.5]


@given(rows=st.integers(1, 200), batch_size=st.integers(1, 70), seed=st.integers(0, 3))
def test_evaluation_batches_are_full_and_each_row_has_the_value_of_its_first(
    rows: int, batch_size: int, seed: int
) -> None:
    batches = evaluation_batches(rows, batch_size, seed)
    assert batches.shape == (-(-rows // batch_size), min(batch_size, rows))
    assert all(len(set(batch)) == len(batch) for batch in batches), "no row twice in a batch"
    values = np.arange(batches.size, dtype=float).reshape(batches.shape)
    first = dict(zip(batches[::-1].ravel(), values[::-1].ravel(), strict=True))
    np.testing.assert_array_equal(in_rows(batches, values), [first[row] for row in range(rows)])


def test_evaluation_batches_mix_the_rows() -> None:
    """Rows come sorted by material; a batch of neighbours would hold one element's compounds."""
    batches = evaluation_batches(640, 32, 7)
    assert np.array_equal(batches, evaluation_batches(640, 32, 7))
    assert not np.array_equal(batches, evaluation_batches(640, 32, 8))
    assert (np.ptp(batches, axis=1) > 320).all(), "each batch spans more than half of the rows"
