"""Repeat against the same blocks written one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.tree import member

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
BLOCK = nn.Residual(nn.Sequential(nn.Dense(4, "tanh"), nn.BatchNorm(momentum=0.5), nn.Dropout(0.3)))
N = 3


@pytest.fixture(scope="module")
def made():
    return nn.Repeat(BLOCK, N).init(KEY, X)


def test_each_block_has_the_parameters_of_its_own_key(made):
    for tree, i in ((0, 0), (1, 1), (0, 2)):
        alone = BLOCK.init(jax.random.fold_in(KEY, i), X)[tree]
        jax.tree.map(np.testing.assert_array_equal, member(made[tree]["residual_0"], i), alone)


@pytest.mark.parametrize("remat", [None, "full", "dots"])
def test_equals_the_blocks_in_a_row_in_value_state_and_gradient(made, remat):
    rows = np.arange(6) < 5
    params, state, x = jax.tree.map(lambda a: np.asarray(a, np.float64), (*made, X))
    key = jax.random.key(1, impl="threefry2x32")

    def scanned(params, x):
        y, after = nn.Repeat(BLOCK, N, remat).apply(params, state, x, key=key, train=True, rows=rows)
        return (y[:5] ** 2).sum(), (y, after["residual_0"])

    def in_a_row(params, x):
        after = []
        for i in range(N):
            p, s = member(params["residual_0"], i), member(state["residual_0"], i)
            x, s = BLOCK.apply(p, s, x, key=jax.random.fold_in(key, i), train=True, rows=rows)
            after.append(s)
        return (x[:5] ** 2).sum(), (x, jax.tree.map(lambda *a: jnp.stack(a), *after))

    with jax.enable_x64(True):
        ours, theirs = (jax.jit(jax.value_and_grad(f, (0, 1), has_aux=True))(params, x) for f in (scanned, in_a_row))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), ours, theirs)


def test_the_program_does_not_grow_with_depth():
    def lines(n):
        model = nn.Repeat(nn.Residual(nn.Dense(4, "tanh")), n)
        params, state = jax.eval_shape(model.init, KEY, X)
        return jax.jit(jax.grad(lambda p: model.apply(p, state, X)[0].sum())).lower(params).as_text().count("\n")

    assert lines(2) == lines(40)


def test_it_trains_with_batch_statistics_and_padding():
    import optax

    model = nn.Sequential(nn.Repeat(nn.Residual(nn.Sequential(nn.Dense(4), nn.BatchNorm())), 2), nn.Dense(1))
    trial = nn.Trial(model, "squared_error", optax.sgd(0.01))
    state = nn.init(trial, KEY, X)
    batch = (jnp.asarray(X), jnp.ones(6), jnp.array([1.0, 1, 1, 1, 1, 0]))
    after, _ = jax.jit(lambda s: nn.step(trial, s, batch))(state)
    assert jax.tree.map(jnp.shape, after.model_state) == jax.tree.map(jnp.shape, state.model_state)
    assert int(after.diverged) == -1


def test_blocks_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"\(6, 4\).*\(6, 3\)"):
        nn.Repeat(nn.Dense(3), 2).init(KEY, X)
    with pytest.raises(ValueError, match="n must be"):
        nn.Repeat(nn.Dense(3), 0)
    with pytest.raises(ValueError, match="'full', 'dots', got True; write Repeat"):
        nn.Repeat(nn.Dense(4), 2, remat=True)
    with pytest.raises(TypeError, match="takes layers"):
        nn.Repeat(nn.Dense, 2)
