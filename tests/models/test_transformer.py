"""The transformer encoder: order, padding, ids and features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def made(model, x):
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    assert not jax.tree.leaves(state)
    draw = np.random.default_rng(1)
    return jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape) * 0.3, jnp.float32), params), state


@pytest.mark.parametrize("positions", ["learned", "rotary", None])
def test_padding_changes_nothing(positions):
    model = nn.transformer_encoder(8, 2, 2, 3, positions=positions)
    params, state = made(model, (X, MASK))
    apply = jax.jit(model.apply)
    y, _ = apply(params, state, (X, MASK))
    other, _ = apply(params, state, (np.where(MASK[..., None] != 0, X, 7), MASK))
    np.testing.assert_allclose(y, other, atol=1e-5)
    if positions != "learned":
        short, _ = apply(params, state, X[1:, :3])
        np.testing.assert_allclose(y[1], short[0], atol=1e-5)


@pytest.mark.parametrize(("positions", "same"), [(None, True), ("learned", False), ("rotary", False)])
def test_order_counts_with_positions_only(positions, same):
    model = nn.transformer_encoder(8, 2, 1, 3, positions=positions)
    params, state = made(model, X)
    apply = jax.jit(model.apply)
    y, _ = apply(params, state, X)
    turned, _ = apply(params, state, X[:, ::-1])
    assert np.allclose(y, turned, atol=1e-5) == same


def test_one_block_equals_its_parts_by_hand():
    model = nn.transformer_encoder(8, 2, 1, 3, positions=None)
    params, state = made(model, X)
    h = X @ params["embed"]["kernel"] + params["embed"]["bias"].reshape(1, 1, -1)
    h, _ = model.block.apply(params["blocks"]["transformer_block_0"], {}, h)
    h = np.asarray(h, np.float64)
    h = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5)
    h = h * np.asarray(params["norm"]["scale"]) + np.asarray(params["norm"]["bias"])
    expected = h.mean(1) @ np.asarray(params["head"]["kernel"]) + np.asarray(params["head"]["bias"])
    np.testing.assert_allclose(model.apply(params, state, X)[0], expected, atol=1e-5)


def test_ids_with_a_mask(key):
    model = nn.transformer_encoder(8, 2, 1, 3, vocab=9, context=6, repeat=True)
    ids = np.array([[1, 2, 3], [4, 5, 0]], np.int32)
    params, state = jax.jit(model.init)(key, (ids, ids))
    apply = jax.jit(model.apply)
    y, _ = apply(params, state, (ids, ids))
    other, _ = apply(params, state, (np.array([[1, 2, 3], [4, 5, 8]], np.int32), ids))
    np.testing.assert_array_equal(y, other)


@pytest.mark.parametrize("x", [X[0], (X, MASK[:, :2])])
def test_inputs_that_do_not_fit_are_refused(key, x):
    with pytest.raises(ValueError, match=r"TransformerEncoder takes \(batch, time, features\), alone or beside"):
        nn.transformer_encoder(8, 2, 1, 3).init(key, x)
