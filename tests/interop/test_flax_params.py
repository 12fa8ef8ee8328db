"""Parameters there and back: the Flax module with our parameters computes what our layer computes."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.interop.flax import params_from_flax, params_to_flax

DRAW = np.random.default_rng(0)
SEQUENCE = DRAW.normal(size=(2, 5, 8)).astype(np.float32)
IMAGE = DRAW.normal(size=(2, 6, 6, 3)).astype(np.float32)
IDS = DRAW.integers(0, 7, (2, 5)).astype(np.int32)

PAIRS = [
    (nn.Dense(4), linen.Dense(4), SEQUENCE),
    (nn.Embed(7, 3), linen.Embed(7, 3), IDS),
    (nn.Conv(4, (3, 3)), linen.Conv(4, (3, 3)), IMAGE),
    (nn.LayerNorm(1e-6), linen.LayerNorm(), SEQUENCE),
    (nn.RMSNorm(1e-6), linen.RMSNorm(), SEQUENCE),
    (nn.BatchNorm(eps=1e-5), linen.BatchNorm(use_running_average=True), IMAGE),
    (nn.Attention(4), linen.MultiHeadDotProductAttention(4), SEQUENCE),
    (nn.SimpleRNN(3, True), linen.RNN(linen.SimpleCell(3)), SEQUENCE),
    (nn.LSTM(3, True), linen.RNN(linen.OptimizedLSTMCell(3)), SEQUENCE),
    (nn.GRU(3, True), linen.RNN(linen.GRUCell(3)), SEQUENCE),
]


def made(layer, x):
    """Parameters and statistics, all of them random."""
    params, state = jax.jit(layer.init)(jax.random.key(0), x)
    draw = np.random.default_rng(1)
    params = jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape), jnp.float32), params)
    return params, jax.tree.map(lambda s: s + 0.5 if s.ndim else s, state)


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize(("layer", "module", "x"), PAIRS, ids=lambda v: type(v).__name__)
def test_there_and_back(layer, module, x):
    params, state = made(layer, x)
    variables = params_to_flax(layer, params, state)
    expected = jax.tree.map(jnp.shape, jax.eval_shape(module.init, jax.random.key(0), x))
    assert jax.tree.map(jnp.shape, variables) == expected
    ours, theirs = jax.jit(layer.apply)(params, state, x)[0], jax.jit(module.apply)(variables, x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    same(params_from_flax(layer, variables), (params, state))


def test_a_stack_under_compact_names():
    class Module(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Conv(4, (3, 3))(x))
            x = linen.BatchNorm(use_running_average=True)(x)
            x = linen.relu(linen.Dense(5)(x.reshape(x.shape[0], -1)))
            return linen.Dense(2)(x)

    model = nn.Sequential(
        nn.Conv(4, (3, 3)),
        nn.Activation("relu"),
        nn.BatchNorm(eps=1e-5),
        nn.Flatten(),
        nn.Dense(5, "relu"),
        nn.Dropout(0.5),
        nn.Dense(2),
    )
    variables = jax.jit(Module().init)(jax.random.key(0), IMAGE)
    params, state = params_from_flax(model, variables)
    made = jax.eval_shape(model.init, jax.random.key(0), IMAGE)
    assert jax.tree.structure((params, state)) == jax.tree.structure(made)
    ours, theirs = jax.jit(model.apply)(params, state, IMAGE)[0], jax.jit(Module().apply)(variables, IMAGE)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    same(params_to_flax(model, params, state), variables)


def test_a_stack_under_places():
    module = linen.Sequential([linen.Dense(3), linen.relu, linen.Dense(2)])
    model = nn.Sequential(nn.Dense(3), nn.Activation("relu"), nn.Dense(2))
    variables = module.init(jax.random.key(0), SEQUENCE)
    params, state = params_from_flax(model, variables, names="layers")
    np.testing.assert_allclose(
        model.apply(params, state, SEQUENCE)[0], module.apply(variables, SEQUENCE), rtol=1e-5, atol=1e-6
    )
    same(params_to_flax(model, params, names="layers"), variables)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: params_to_flax(nn.Bidirectional(nn.LSTM(2)), {}), "no module with the parameters of Bidirectional"),
        (lambda: params_from_flax(nn.LearnedPositions(), {}), "no module with the parameters of LearnedPositions"),
        (lambda: params_from_flax(nn.Sequential(), {}, names="torch"), '"compact" or "layers"'),
        (lambda: params_from_flax(nn.Sequential(nn.Dense(2)), {"params": {"a": 1}}), "no 'Dense_0' for dense_0"),
        (lambda: params_to_flax(nn.Attention(4, kv_heads=2), {}), "without kv_heads"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()
