"""Masked sequences: what is real, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.core.masks import Masked, beside, by_step, is_masked, none_here, only_real, parts, split

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
MASK = np.array([[1, 1, 0], [1, 0, 0]])


def test_steps_that_are_not_real_become_zero_and_the_mask_is_the_same_object():
    value, mask = split("Dense", (np.where(MASK[..., None] == 1, X, np.nan), MASK))
    np.testing.assert_array_equal(value, X * MASK[..., None])
    assert mask is MASK
    np.testing.assert_array_equal(only_real(X, MASK.astype(bool), 9)[1, 1:], 9)
    assert only_real(np.array([[1, 2, 3]] * 2), MASK).tolist() == [[1, 2, 0], [1, 0, 0]]


def test_an_array_alone_passes_untouched():
    assert split("Dense", X) == (X, None) or split("Dense", X)[0] is X
    assert beside(X, None) is X
    assert beside(X, MASK) == Masked(X, MASK)


def test_shapes_alone_are_enough_to_tell_parts():
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (X, MASK))
    assert parts("Dense", shapes) == shapes
    assert is_masked(shapes) and is_masked([X, MASK]) and not is_masked(X) and not is_masked((X, X, X))


@pytest.mark.parametrize("dtype", [bool, np.int32, np.float32])
def test_masks_of_any_dtype_say_the_same(dtype):
    np.testing.assert_array_equal(only_real(X, MASK.astype(dtype)), only_real(X, MASK))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ((X, MASK[:, :2]), r"Dense got a sequence \(2, 3, 2\) and a mask \(2, 2\); write \(x, mask\) with a mask of"),
        ((X[0, 0], MASK), r"got a sequence \(2,\)"),
        ({"x": X}, r"Dense takes an array, or \(x, mask\), and got a dict of \['x'\]"),
        ((X, X, X), "got a tuple"),
    ],
)
def test_what_is_no_masked_sequence_is_told(x, words, key):
    with pytest.raises(SpecError, match=words):
        nn.Dense(3).init(key, x)


@pytest.mark.parametrize(
    "layer", [nn.Flatten(), nn.Reshape((-1,)), nn.Conv(2, 3), nn.MaxPool(2), nn.AvgPool(2), nn.DepthwiseConv(2)]
)
def test_layers_that_know_no_masks_say_what_to_put_in_front(layer, key):
    with pytest.raises(SpecError, match=r"got a sequence with a mask; put GlobalAvgPool\(\) in front"):
        layer.init(key, (X, MASK))
    with pytest.raises(SpecError, match="takes one array"):
        layer.apply({"kernel": jnp.ones((2, 2, 2))}, {}, (X, MASK))
    free = nn.Sequential(nn.Lambda(lambda x: x[0]), layer)
    assert free.apply(*free.init(key, (X, MASK)), (X, MASK))[0].shape[0] == 2
    assert none_here("Flatten", X) is X


def test_a_layer_of_ones_own_hands_the_mask_on(key):
    @nn.spec
    @by_step
    class Grown:
        def init(self, key, x):
            assert x.shape[1:] == X.shape[1:]
            return {"by": jnp.ones(())}, {}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            return x + params["by"], state

    params, state = Grown().init(key, (X, MASK))
    (y, mask), _ = Grown().apply(params, state, (X, MASK))
    np.testing.assert_array_equal(y, X * MASK[..., None] + 1)
    assert mask is MASK
    nn.testing.check_layer(Grown(), X)
    nn.testing.check_layer(Grown(), (X, MASK))


def test_what_a_layer_that_works_by_step_is_not_told_is_what_any_layer_is_not_told():
    seen = []

    @nn.spec
    @by_step
    class Told:
        def init(self, key, x):
            return {}, {}

        def apply(self, params, state, x, *, key=1, train=2, rows=3):
            seen.append((key, train, rows))
            return x, state

    Told().apply({}, {}, X)
    Told().apply({}, {}, (X, MASK), key="k", train=True, rows="r")
    assert seen == [(None, False, None), ("k", True, "r")] and type(seen[0][1]) is bool


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ((X, X, X), "Flatten takes one array and got a tuple of 3; write nn.Graph, .* or Join"),
        ([X], "got a list of 1"),
        ({"x": X, "y": X}, "got a dict of 2"),
    ],
)
def test_several_arrays_are_told_where_to_go(x, words):
    with pytest.raises(SpecError, match=words):
        none_here("Flatten", x)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 2), (2, 3, 1)])
def test_a_mask_has_one_entry_for_each_step(shape):
    for value in (X, X[..., 0]):
        assert parts("Dense", (value, MASK))[0] is value
        with pytest.raises(SpecError, match=r"write \(x, mask\) with a mask of shape \(2, 3\)"):
            parts("Dense", (value, np.ones(shape)))
