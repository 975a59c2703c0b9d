"""The members of a fleet trained at once: many steps as one compiled JAX call.

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
from elemflow.training.keras_factory import PREDICTION_ROWS, assign, make_loss, make_optimizer, read, with_habits
from elemflow.training.loop import Steps
from elemflow.training.state import evaluation_batches, in_rows

State = tuple[list[Any], list[Any], list[Any]]
"""Values of trainable weights, of other variables of the network, and of the optimiser."""
FLOAT = 4  # bytes
SHARE_OF_MEMORY = 0.8


def start() -> str:
    """Choose full float32, as the papers computed, and return the name of the device that computes."""
    jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
    return jax.devices()[0].device_kind


def members_with_room(model: keras.Model, parts: Sequence[RoleData], batch_size: int) -> int:
    """Return how many members fit into the memory of the device at once, at least one.

    A member has its weights and two slots of the optimiser, all twice while a step is taken, a gradient, and the
    activations of a batch and their gradients. The members share features and the activations of predictions.

    Args:
        model: Network of one member.
        parts: Training rows of all members.
        batch_size: Rows per step.
    """
    weights = FLOAT * model.count_params()
    # A layer may have several outputs, as an LSTM that returns its states.
    outputs = [keras.tree.flatten(layer.output) for layer in model.layers]
    widths = [sum(int(np.prod(each.shape[1:])) for each in of_layer) for of_layer in outputs]
    member = 7 * weights + 2 * FLOAT * batch_size * sum(widths)
    shared = len(shared_rows(parts)[0]) * parts[0].x.shape[1] * FLOAT + 3 * FLOAT * PREDICTION_ROWS * max(widths)
    limit = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
    free = limit or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(max(1, (SHARE_OF_MEMORY * free - shared) // member))


def make_forward(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """See `elemflow.training.loop.make_forward`."""
    values = (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
    forward = jax.jit(lambda weights, others, x: model.stateless_call(weights, others, x, training=False)[0][:, 0])
    return lambda x: np.asarray(forward(*values, x))


class JaxEngine:
    """See `elemflow.training.loop.Engine`.

    Args:
        models: Built, uncompiled networks of the members, equal but for their weights.
        parts: Training rows of the members.
        protocol: `training` and `evaluation` of the protocol.
    """

    def __init__(self, models: Sequence[keras.Model], parts: Sequence[RoleData], protocol: Mapping[str, Any]):
        training, habits = protocol["training"], protocol["evaluation"]
        self._models, self._model = list(models), models[0]
        self._optimizer = make_optimizer(training["optimizer"], self._model.trainable_variables)
        self._loss = make_loss(training)
        self._batch_size, self._seed = training["batch_size"], protocol["seed"]
        x, self._rows = shared_rows(parts)
        self._x, self._y = jnp.asarray(x), [part.y.astype(np.float32) for part in parts]
        self._aboard = list(range(len(models)))
        self._finished: set[int] = set()
        self._state = _stacked([self._initial_state(model) for model in models])
        self._most = 0
        self._run = jax.jit(self._run_lanes, donate_argnums=0)
        self._take = jax.jit(_take)
        self._put = jax.jit(_put, donate_argnums=0)
        self._in_batches = habits["dropout"] or habits["batch_norm"] == "batch"
        self._evaluated = with_habits(self._model, habits) if self._in_batches else self._model
        self._forward = jax.jit(self._forward_batches if self._in_batches else self._forward_rows)

    def _initial_state(self, model: keras.Model) -> State:
        return tuple(
            read(variables)
            for variables in (model.trainable_variables, model.non_trainable_variables, self._optimizer.variables)
        )  # type: ignore[return-value]

    def run_steps(self, work: Mapping[int, Steps]) -> dict[int, float]:
        """See `elemflow.training.loop.Engine`."""
        self._leave_behind()
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
        lanes, batch = len(self._aboard), self._batch_size
        most = max(last - first for first, last in ranges.values())
        if not most:
            return
        self._most = max(self._most, most)  # one shape for all calls, so that few are compiled
        length = self._most if size == batch else 1
        rows, y = np.zeros((lanes, length, size), np.int32), np.zeros((lanes, length, size, 1), np.float32)
        rates, counts, totals = np.zeros((lanes, length)), np.zeros(lanes, np.int32), np.zeros(lanes)
        for member, (first, last) in ranges.items():
            lane, count, steps = self._aboard.index(member), last - first, work[member]
            order = steps.order[first * batch : first * batch + count * size].reshape(count, size)
            rows[lane, :count], y[lane, :count, :, 0] = self._rows[member][order], self._y[member][order]
            rates[lane, :count] = steps.rates[first:last]
            counts[lane], totals[lane] = count, sums[member]
        given = (totals.astype(np.float32), counts, rows, y, rates.astype(np.float32))
        self._state, losses = self._run(self._state, given, self._x, most)
        sums |= {member: float(losses[self._aboard.index(member)]) for member in ranges}

    def _run_lanes(self, state: State, given: tuple[Any, ...], x: Any, most: Any) -> tuple[State, Any]:
        """Take the steps of all lanes; a single one goes without the extra axis and without masks."""
        if len(self._aboard) > 1:
            return jax.vmap(partial(self._run_lane, masked=True), (0, 0, None, None))(state, given, x, most)
        state, given = jax.tree.map(lambda value: value[0], (state, given))
        return jax.tree.map(lambda value: value[None], self._run_lane(state, given, x, most, masked=False))

    def _run_lane(self, state: State, given: tuple[Any, ...], x: Any, most: Any, *, masked: bool) -> tuple[State, Any]:
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

    def predict(self, member: int, part: RoleData, /) -> np.ndarray:
        """See `elemflow.training.loop.Engine`; habits that look at a whole batch see the batches of TensorFlow's."""
        weights, others, _ = self._member_state(member)
        if not self._in_batches:
            chunks = [part.x[i : i + PREDICTION_ROWS] for i in range(0, len(part), PREDICTION_ROWS)]
            predicted = [np.asarray(self._forward(weights, others, chunk)) for chunk in chunks]
            return np.concatenate([np.empty(0), *predicted]).astype(np.float64)
        if not len(part):
            return np.empty(0)
        batches = evaluation_batches(len(part), self._batch_size, self._seed)
        return in_rows(batches, np.asarray(self._forward(weights, others, part.x[batches])))

    def _forward_rows(self, weights: list[Any], others: list[Any], x: Any) -> Any:
        return self._model.stateless_call(weights, others, x, training=False)[0][:, 0]

    def _forward_batches(self, weights: list[Any], others: list[Any], batches: Any) -> Any:
        """Predict batch after batch, since dropout draws on; what it draws is forgotten at the end."""
        trained, rest = self._model.trainable_variables, self._model.non_trainable_variables

        def predict(others: list[Any], x: Any) -> tuple[list[Any], Any]:
            values = [*zip(trained, weights, strict=True), *zip(rest, others, strict=True)]
            with keras.StatelessScope(state_mapping=values) as scope:
                predicted = self._evaluated(x)[:, 0]
            return [scope.get_current_value(variable) for variable in rest], predicted

        return jax.lax.scan(predict, others, batches)[1]

    def get_state(self, member: int, /) -> dict[str, list[np.ndarray]]:
        """See `elemflow.training.loop.Engine`."""
        weights, others, slots = jax.tree.map(np.array, self._member_state(member))
        return {"model": weights + others, "optimizer": slots}

    def set_state(self, member: int, state: Mapping[str, list[np.ndarray]], /) -> None:
        """See `elemflow.training.loop.Engine`."""
        shapes = {group: [array.shape for array in arrays] for group, arrays in self.get_state(member).items()}
        if {group: [array.shape for array in arrays] for group, arrays in state.items()} != shapes:
            raise ValueError("its arrays have other shapes")
        weights = len(self._model.trainable_variables)
        values = state["model"][:weights], state["model"][weights:], state["optimizer"]
        lane = self._aboard.index(member)
        self._state = self._put(self._state, values, lane)

    def get_weights(self, member: int, /) -> list[np.ndarray]:
        """See `elemflow.training.loop.Engine`."""
        weights, others, _ = self._member_state(member)
        return [np.array(value) for value in weights + others]

    def finish(self, member: int, weights: list[np.ndarray] | None, /) -> None:
        """See `elemflow.training.loop.Engine`."""
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
        lane = self._aboard.index(member)
        return self._take(self._state, lane)

    def _leave_behind(self) -> None:
        """Drop the lanes of finished members once they are half of all, since each other number is compiled anew."""
        kept = [lane for lane, member in enumerate(self._aboard) if member not in self._finished]
        if len(kept) <= len(self._aboard) // 2:
            self._aboard = [self._aboard[lane] for lane in kept]
            self._state = self._take(self._state, np.array(kept))


def shared_rows(parts: Sequence[RoleData]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the different rows of some parts once, and where those of each part are among them.

    Rows of one material differ between parts only if each part is scaled in its own way; then all are kept.

    Returns:
        Features, float32, shape (rows, features), and per part positions, int32, shape (rows of the part,).
    """
    x, known, places = parts[0].x, pd.Index(parts[0].material_id), [np.arange(len(parts[0]))]
    for part in parts[1:]:
        place = known.get_indexer(pd.Index(part.material_id))
        old = place >= 0
        if not np.array_equal(x[place[old]], part.x[old]):
            ends = np.cumsum([len(part) for part in parts])
            places = [np.arange(end - len(part), end, dtype=np.int32) for part, end in zip(parts, ends, strict=True)]
            return np.concatenate([part.x for part in parts]), places
        place[~old] = len(x) + np.arange(np.sum(~old))
        x, known = np.concatenate([x, part.x[~old]]), known.append(pd.Index(part.material_id[~old]))
        places.append(place)
    return x, [place.astype(np.int32) for place in places]


def _stacked(states: Sequence[State]) -> State:
    return jax.tree.map(lambda *values: jnp.asarray(np.stack(values)), *states)


def _take(state: State, lanes: Any) -> State:
    return jax.tree.map(lambda values: values[lanes], state)


def _put(state: State, lane_state: State, lane: Any) -> State:
    return jax.tree.map(lambda values, value: jnp.asarray(values).at[lane].set(value), state, lane_state)  # noqa: PD008
