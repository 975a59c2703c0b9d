"""Members trained simultaneously: many steps as one compiled JAX call.

The state of all members has a leading axis, over which the step is vectorised. Each member has rows, weights, dropout
and batch-norm state, optimiser and learning rate of its own; the features lie on the device once. A member that takes
fewer steps than others keeps its state in the steps it has not.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd

from elemflow.training.data import RoleData
from elemflow.training.engine import NetworkSettings, Steps, TrainingJob
from elemflow.training.keras_factory import (
    PREDICTION_ROWS,
    assign,
    make_loss,
    make_optimizer,
    overrides_inference,
    read,
    with_overrides,
)
from elemflow.training.state import evaluation_batches, in_rows

State = tuple[list[Any], list[Any], list[Any]]
"""Values of trainable weights, of other variables of the network, and of the optimiser."""
FLOAT = 4  # bytes
SHARE_OF_MEMORY = 0.8


class JaxBackend:
    """See `elemflow.training.engine.KerasBackend`; computes in full float32, as the papers did.

    Attributes:
        name: Name of the engine.
        device: `cpu`, or the name of the GPU.
    """

    name = "jax"

    def __init__(self) -> None:
        jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
        self.device: str = jax.devices()[0].device_kind

    def clear(self) -> None:
        """See `elemflow.training.engine.KerasBackend`."""
        keras.utils.clear_session()

    def forward(self, model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
        """See `elemflow.training.engine.KerasBackend`."""
        values = (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        )
        forward = jax.jit(lambda weights, others, x: model.stateless_call(weights, others, x, training=False)[0][:, 0])
        return lambda x: np.asarray(forward(*values, x))

    def engine(self, jobs: Sequence[TrainingJob], settings: NetworkSettings) -> "JaxEngine":
        """See `elemflow.training.engine.KerasBackend`."""
        return JaxEngine([job.model for job in jobs], [job.data.train for job in jobs], settings)

    def parallel_members(self, declared: int | str) -> int | None:
        """See `elemflow.training.engine.KerasBackend`; `auto` is one on a CPU."""
        if isinstance(declared, int):
            return declared
        return None if jax.default_backend() == "gpu" else 1

    def members_with_room(self, model: keras.Model, train_sets: Sequence[RoleData], batch_size: int) -> int:
        """See `elemflow.training.engine.KerasBackend`.

        A member has its weights and two slots of the optimiser, all twice while a step is taken, a gradient, and the
        activations of a batch and their gradients. The members share features and the activations of predictions.
        """
        weights = FLOAT * model.count_params()
        # A layer may have several outputs, as an LSTM that returns its states.
        outputs = [keras.tree.flatten(layer.output) for layer in model.layers]
        widths = [sum(int(np.prod(each.shape[1:])) for each in of_layer) for of_layer in outputs]
        member = 7 * weights + 2 * FLOAT * batch_size * sum(widths)
        features = len(shared_rows(train_sets)[0]) * train_sets[0].x.shape[1] * FLOAT
        shared = features + 3 * FLOAT * PREDICTION_ROWS * max(widths)
        limit = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
        free = limit or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return int(max(1, (SHARE_OF_MEMORY * free - shared) // member))


class JaxEngine:
    """See `elemflow.training.engine.Engine`.

    Args:
        models: Built, uncompiled networks of the members, equal but for their weights.
        train_sets: Training sets of the members.
        settings: What of the protocol decides the training.
    """

    def __init__(self, models: Sequence[keras.Model], train_sets: Sequence[RoleData], settings: NetworkSettings):
        training, evaluation = settings.training, settings.evaluation
        self._models, self._model = list(models), models[0]
        self._optimizer = make_optimizer(training.optimizer, self._model.trainable_variables)
        self._loss = make_loss(training)
        self._batch_size, self._seed = training.batch_size, settings.seed
        x, self._rows = shared_rows(train_sets)
        self._x, self._y = jnp.asarray(x), [train.y.astype(np.float32) for train in train_sets]
        self._active = list(range(len(models)))
        self._finished: set[int] = set()
        self._state = _stacked([self._initial_state(model) for model in models])
        self._most = 0
        self._run = jax.jit(self._run_members, donate_argnums=0)
        self._take = jax.jit(_take)
        self._put = jax.jit(_put, donate_argnums=0)
        self._in_batches = overrides_inference(evaluation)
        self._evaluated = with_overrides(self._model, evaluation) if self._in_batches else self._model
        self._forward = jax.jit(self._forward_batches if self._in_batches else self._forward_rows)

    def _initial_state(self, model: keras.Model) -> State:
        return tuple(
            read(variables)
            for variables in (model.trainable_variables, model.non_trainable_variables, self._optimizer.variables)
        )  # type: ignore[return-value]

    def run_steps(self, work: Mapping[int, Steps]) -> dict[int, float]:
        """See `elemflow.training.engine.Engine`."""
        self._drop_finished()
        batch, sums = self._batch_size, {member: steps.loss_sum for member, steps in work.items()}
        whole = {member: min(steps.last, len(steps.order) // batch) for member, steps in work.items()}
        self._advance(work, {m: (steps.first, whole[m]) for m, steps in work.items()}, batch, sums)
        short = {member: len(work[member].order) % batch for member in work if work[member].last > whole[member]}
        for size in sorted(set(short.values())):
            last = {member: (whole[member], whole[member] + 1) for member in short if short[member] == size}
            self._advance(work, last, size, sums)
        return sums

    def _advance(
        self, work: Mapping[int, Steps], ranges: Mapping[int, tuple[int, int]], size: int, sums: dict[int, float]
    ) -> None:
        """Take the steps `ranges` (first, last) of each member, `size` rows each, and update the sums of its losses."""
        members, batch = len(self._active), self._batch_size
        most = max(last - first for first, last in ranges.values())
        if not most:
            return
        self._most = max(self._most, most)  # one shape for all calls, so that few are compiled
        length = self._most if size == batch else 1
        rows, y = np.zeros((members, length, size), np.int32), np.zeros((members, length, size, 1), np.float32)
        rates, counts, totals = np.zeros((members, length)), np.zeros(members, np.int32), np.zeros(members)
        for member, (first, last) in ranges.items():
            place, count, steps = self._active.index(member), last - first, work[member]
            order = steps.order[first * batch : first * batch + count * size].reshape(count, size)
            rows[place, :count], y[place, :count, :, 0] = self._rows[member][order], self._y[member][order]
            rates[place, :count] = steps.rates[first:last]
            counts[place], totals[place] = count, sums[member]
        given = (totals.astype(np.float32), counts, rows, y, rates.astype(np.float32))
        self._state, losses = self._run(self._state, given, self._x, most)
        sums |= {member: float(losses[self._active.index(member)]) for member in ranges}

    def _run_members(self, state: State, given: tuple[Any, ...], x: Any, most: Any) -> tuple[State, Any]:
        """Train all active members; a single one goes without the extra axis and without masks."""
        if len(self._active) > 1:
            return jax.vmap(partial(self._run_member, masked=True), (0, 0, None, None))(state, given, x, most)
        state, given = jax.tree.map(lambda value: value[0], (state, given))
        return jax.tree.map(lambda value: value[None], self._run_member(state, given, x, most, masked=False))

    def _run_member(
        self, state: State, given: tuple[Any, ...], x: Any, most: Any, *, masked: bool
    ) -> tuple[State, Any]:
        total, count, rows, y, rates = given

        def advance(i: Any, carried: tuple[State, Any]) -> tuple[State, Any]:
            state, total = carried
            after, loss = self._step(state, x[rows[i]], y[i], rates[i])
            done = after, total + loss * rows.shape[1]
            return jax.tree.map(partial(jnp.where, i < count), done, carried) if masked else done

        return jax.lax.fori_loop(0, most, advance, (state, total))

    def _step(self, state: State, x: Any, y: Any, learning_rate: Any) -> tuple[State, Any]:
        weights, others, slots = state

        def loss_of(weights: list[Any]) -> tuple[Any, list[Any]]:
            predicted, after = self._model.stateless_call(weights, others, x, training=True)
            return jnp.mean(self._loss(y, predicted)), after

        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        own = self._optimizer.learning_rate
        slots = [
            learning_rate if variable is own else value
            for variable, value in zip(self._optimizer.variables, slots, strict=True)
        ]
        weights, slots = self._optimizer.stateless_apply(slots, gradients, weights)
        return (weights, others, slots), loss

    def predict(self, member: int, rows: RoleData, /) -> np.ndarray:
        """See `elemflow.training.engine.Engine`."""
        weights, others, _ = self._member_state(member)
        if not self._in_batches:
            chunks = [rows.x[i : i + PREDICTION_ROWS] for i in range(0, len(rows), PREDICTION_ROWS)]
            predicted = [np.asarray(self._forward(weights, others, chunk)) for chunk in chunks]
            return np.concatenate([np.empty(0), *predicted]).astype(np.float64)
        if not len(rows):
            return np.empty(0)
        batches = evaluation_batches(len(rows), self._batch_size, self._seed)
        return in_rows(batches, np.asarray(self._forward(weights, others, rows.x[batches])))

    def _forward_rows(self, weights: list[Any], others: list[Any], x: Any) -> Any:
        return self._model.stateless_call(weights, others, x, training=False)[0][:, 0]

    def _forward_batches(self, weights: list[Any], others: list[Any], batches: Any) -> Any:
        """Predict batch after batch, since dropout continues its random numbers; their state is dropped at the end."""
        trained, rest = self._model.trainable_variables, self._model.non_trainable_variables

        def predict(others: list[Any], x: Any) -> tuple[list[Any], Any]:
            values = [*zip(trained, weights, strict=True), *zip(rest, others, strict=True)]
            with keras.StatelessScope(state_mapping=values) as scope:
                predicted = self._evaluated(x)[:, 0]
            return [scope.get_current_value(variable) for variable in rest], predicted

        return jax.lax.scan(predict, others, batches)[1]

    def get_state(self, member: int, /) -> dict[str, list[np.ndarray]]:
        """See `elemflow.training.engine.Engine`."""
        weights, others, slots = jax.tree.map(np.array, self._member_state(member))
        return {"model": weights + others, "optimizer": slots}

    def set_state(self, member: int, state: Mapping[str, list[np.ndarray]], /) -> None:
        """See `elemflow.training.engine.Engine`."""
        shapes = {group: [array.shape for array in arrays] for group, arrays in self.get_state(member).items()}
        if {group: [array.shape for array in arrays] for group, arrays in state.items()} != shapes:
            raise ValueError("its arrays have other shapes")
        weights = len(self._model.trainable_variables)
        values = state["model"][:weights], state["model"][weights:], state["optimizer"]
        self._state = self._put(self._state, values, self._active.index(member))

    def get_weights(self, member: int, /) -> list[np.ndarray]:
        """See `elemflow.training.engine.Engine`."""
        weights, others, _ = self._member_state(member)
        return [np.array(value) for value in weights + others]

    def finish(self, member: int, weights: list[np.ndarray] | None, /) -> None:
        """See `elemflow.training.engine.Engine`."""
        model = self._models[member]
        kept = weights or self.get_weights(member)
        assign([*model.trainable_variables, *model.non_trainable_variables], kept)
        self._finished.add(member)

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the device, in MB (10^6 bytes); None on a CPU."""
        known = jax.devices()[0].memory_stats()
        return round(known["peak_bytes_in_use"] / 1e6, 1) if known else None

    def _member_state(self, member: int) -> State:
        if member in self._finished:
            return self._initial_state(self._models[member])
        return self._take(self._state, self._active.index(member))

    def _drop_finished(self) -> None:
        """Drop finished members once they are half of all, since each other number is compiled again."""
        kept = [place for place, member in enumerate(self._active) if member not in self._finished]
        if len(kept) <= len(self._active) // 2:
            self._active = [self._active[place] for place in kept]
            self._state = self._take(self._state, np.array(kept))


def shared_rows(train_sets: Sequence[RoleData]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the different rows of some training sets once, and where those of each set are among them.

    Rows of one material differ between sets only if each set is scaled in its own way; then all are kept.

    Returns:
        Features, float32, shape (rows, features), and per training set positions, int32, shape (rows of the set,).
    """
    first = train_sets[0]
    x, known, places = first.x, pd.Index(first.material_id), [np.arange(len(first))]
    for rows in train_sets[1:]:
        place = known.get_indexer(pd.Index(rows.material_id))
        old = place >= 0
        if not np.array_equal(x[place[old]], rows.x[old]):
            ends = np.cumsum([len(each) for each in train_sets])
            places = [
                np.arange(end - len(each), end, dtype=np.int32) for each, end in zip(train_sets, ends, strict=True)
            ]
            return np.concatenate([each.x for each in train_sets]), places
        place[~old] = len(x) + np.arange(np.sum(~old))
        x, known = np.concatenate([x, rows.x[~old]]), known.append(pd.Index(rows.material_id[~old]))
        places.append(place)
    return x, [place.astype(np.int32) for place in places]


def _stacked(states: Sequence[State]) -> State:
    return jax.tree.map(lambda *values: jnp.asarray(np.stack(values)), *states)


def _take(state: State, places: Any) -> State:
    return jax.tree.map(lambda values: values[places], state)


def _put(state: State, of_member: State, place: Any) -> State:
    return jax.tree.map(lambda values, value: jnp.asarray(values).at[place].set(value), state, of_member)  # noqa: PD008
