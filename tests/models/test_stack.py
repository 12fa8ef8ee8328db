"""Stacks of equal blocks, written out and scanned, and weights drawn anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxnn as nn
from jaxnn.models.stack import apply_cached, init_caches, redraw, stack_of

BLOCK = nn.TransformerBlock(nn.Attention(2, causal=True), hidden=8)
X = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("repeat", [False, True])
def test_step_by_step_through_the_caches_is_all_at_once(repeat):
    stack = stack_of(BLOCK, 2, repeat, remat=None)
    assert isinstance(stack, nn.Repeat if repeat else nn.Sequential)
    params, state = jax.jit(stack.init)(jax.random.key(0), X)
    whole, _ = jax.jit(stack.apply)(params, state, X)
    caches = init_caches(BLOCK, 2, repeat, params, 2, 4, jnp.float32)
    step = jax.jit(lambda caches, x: apply_cached(BLOCK, 2, repeat, params, state, caches, x))
    for at in (0, 2):
        y, caches = step(caches, X[:, at : at + 2])
        np.testing.assert_allclose(y, whole[:, at : at + 2], rtol=1e-4, atol=1e-5)


def test_weights_drawn_anew_are_normal_with_the_spread_that_is_asked_for():
    kernel = jnp.zeros((64, 64))
    block = {"out": {"kernel": kernel}, "query": {"kernel": kernel}, "norm": {"scale": jnp.ones(3)}}
    tree = {"block_0": block, "block_1": block, "mlp_out": {"kernel": kernel, "bias": jnp.ones(64)}}
    drawn = redraw(tree, jax.random.key(1), 0.5, layers=2)
    wide = [drawn[f"block_{i}"]["query"]["kernel"] for i in (0, 1)]
    narrow = [drawn[f"block_{i}"]["out"]["kernel"] for i in (0, 1)] + [drawn["mlp_out"]["kernel"]]
    for kernels, spread in ((wide, 0.5), (narrow, 0.5 / np.sqrt(4))):
        for values in kernels:
            assert stats.kstest(np.ravel(values), "norm", args=(0, spread)).pvalue > 1e-3
    together = np.stack([np.ravel(k) for k in (*wide, *narrow)])
    assert np.abs(np.corrcoef(together) - np.eye(5)).max() < 0.1, "no two are the same draw"
    assert drawn["mlp_out"]["bias"].tolist() == [1.0] * 64 and drawn["block_0"]["norm"]["scale"].tolist() == [1.0] * 3


def test_blocks_without_end_are_scanned_or_refused():
    with pytest.raises(ValueError, match="1000000000 blocks are too many to compile one by one; write repeat=True"):
        stack_of(nn.Residual(nn.Dense(2)), 10**9, False, None)
    assert stack_of(nn.Residual(nn.Dense(2)), 10**9, True, None).n == 10**9
