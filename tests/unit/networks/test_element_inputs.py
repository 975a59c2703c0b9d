"""How the CNN and the RNN take compositions apart."""

from typing import Any

import numpy as np
import pytest
from factories.toy import build, make_spec
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.networks.build import check_inputs

pytestmark = pytest.mark.usefixtures("backend")

RNN = {"family": "recurrent", "max_elements": 4, "lstm_width": 6, "highway_layers": 1, "gate_bias": -1.0}


@st.composite
def compositions(draw: st.DrawFn) -> np.ndarray:
    """Fractions of up to eight of the 86 elements, float32 (1, 86); equal amounts are likely."""
    columns = draw(st.lists(st.integers(0, 85), min_size=1, max_size=8, unique=True))
    amounts = np.array([draw(st.integers(1, 5)) for _ in columns])
    x = np.zeros((1, 86), dtype=np.float32)
    x[0, columns] = amounts / amounts.sum()
    return x


@given(x=compositions())
@settings(max_examples=50)
def test_the_grid_holds_the_composition(x: np.ndarray) -> None:
    from elemflow.networks.families.convolutional import element_grid

    grid = np.array(element_grid(x))
    assert grid.shape == (1, 10, 10, 1)
    assert np.array_equal(grid.reshape(1, 100)[:, :86], x)
    assert not grid.reshape(1, 100)[:, 86:].any()


@given(x=compositions())
@settings(max_examples=50)
def test_the_vectors_hold_the_composition_largest_fraction_first(x: np.ndarray) -> None:
    from elemflow.networks.families.recurrent import element_vectors

    vectors = np.array(element_vectors(x, 8))
    assert vectors.shape == (1, 8, 100)
    assert np.array_equal(vectors.sum(axis=1)[:, :86], x)
    present = np.flatnonzero(vectors[0].any(axis=-1))
    assert present.tolist() == list(range(np.count_nonzero(x)))
    columns = vectors[0, present].argmax(axis=-1)
    assert columns.tolist() == sorted(columns, key=lambda column: (-x[0, column], column))


@pytest.fixture(scope="module")
def rnn(backend: None) -> Any:
    return build(RNN, 86, seed=1)


def test_attention_sums_to_one_over_the_elements_present(rnn: Any, fractions: np.ndarray) -> None:
    import keras

    weights = np.array(keras.Model(rnn.input, rnn.get_layer("attention").output)(fractions))
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    present = np.arange(4) < np.count_nonzero(fractions, axis=1)[:, None]
    assert (weights[present] > 0).all()
    assert not weights[~present].any()


def test_the_two_most_attended_vectors_follow_the_attention(rnn: Any, fractions: np.ndarray) -> None:
    import keras

    from elemflow.networks.families.recurrent import element_vectors

    outputs = [rnn.get_layer(name).output for name in ("attention", "attended")]
    weights, attended = (np.array(values) for values in keras.Model(rnn.input, outputs)(fractions))
    best = np.argsort(-weights, axis=1, kind="stable")[:, :2, None]
    expected = np.take_along_axis(np.array(element_vectors(fractions, 4)), best, axis=1)
    assert np.array_equal(attended, expected.reshape(-1, 200))


def test_more_places_change_no_prediction(rnn: Any, fractions: np.ndarray) -> None:
    wide = build(RNN | {"max_elements": 9}, 86, seed=2)
    wide.set_weights(rnn.get_weights())
    np.testing.assert_allclose(np.array(wide(fractions)), np.array(rnn(fractions)), rtol=1e-5, atol=1e-6)


def test_too_many_elements_are_refused_by_name(fractions: np.ndarray) -> None:
    ids = np.array([f"m{row}" for row in range(len(fractions))], dtype=object)
    check_inputs(make_spec(RNN), fractions, ids)
    message = r"material 'm3' cannot enter the network: it has 4 elements, and .* at most 3 .*; 12 of 48 rows like it"
    with pytest.raises(DataError, match=message):
        check_inputs(make_spec(RNN | {"max_elements": 3}), fractions, ids)
