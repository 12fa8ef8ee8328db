"""A plateau through `fit`: a plain loop that puts the scale of Optax's rule into every rate by hand."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.optim.plateau import shrinkage

X = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
Y = (X @ np.float32([1, -2, 0.5]) + np.random.default_rng(2).normal(size=20)).astype(np.float32)
OPTIMIZERS = {
    "chain": lambda slower: optax.chain(nn.l2(0.01), optax.sgd(0.4), slower, nn.decay(0.02, 0.4)),
    "proximal": lambda slower: optax.chain(optax.sgd(0.4), slower, nn.proximal_l1(0.05, 0.4)),
    "group_lasso": lambda slower: optax.chain(optax.sgd(0.4), slower, nn.group_lasso(0.05, 0.4)),
    "proximal_adam": lambda slower: nn.proximal_adam(0.3, 0.05, plateau=slower),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_through_fit_it_is_a_loop_that_tells_the_update_of_each_epoch(name):
    settings = dict(factor=0.5, patience=1, cooldown=1, rtol=0.2, atol=0.0)
    optimizer, rule = OPTIMIZERS[name](nn.plateau(**settings)), optax.contrib.reduce_on_plateau(**settings)
    trial = nn.Trial(nn.Dense(1), "squared_error", optimizer)
    start = {"kernel": jnp.float32([[1.0], [1.0], [-1.0]]), "bias": jnp.zeros(1)}
    run = nn.fit(
        trial, (X[:12], Y[:12]), epochs=8, batch_size=4, validation=(X[12:], Y[12:]), shuffle=False, start=start,
        progress=False,
    )  # fmt: skip

    def loss(params, x, y):
        return jnp.mean((x @ params["kernel"][:, 0] + params["bias"][0] - y) ** 2)

    @jax.jit
    def step(params, state, i, scale):
        x, y = (jax.lax.dynamic_slice_in_dim(jnp.asarray(a), i * 4, 4) for a in (X[:12], Y[:12]))
        return by_hand(name, params, state, jax.grad(loss)(params, x, y), scale)

    params, state, slower, scales, held = start, optax.scale_by_adam().init(start), rule.init(start), [], []
    for _ in range(8):
        scales.append(float(slower.scale))
        for i in range(3):
            params, state = step(params, state, i, scales[-1])
        held.append(float(loss(params, X[12:], Y[12:])))
        with jax.numpy_dtype_promotion("standard"):
            _, slower = rule.update(start, slower, value=held[-1])
    assert len(set(scales)) >= 3
    np.testing.assert_allclose(run.history["val_loss"], held, rtol=1e-4)
    chex.assert_trees_all_close(run.params, params, rtol=1e-4, atol=1e-6)
    assert float(shrinkage(opt_state=run.last.opt_state)) == scales[-1]  # the last row is for a step to come


def by_hand(name, params, state, grads, scale):
    """One step of each of the optimizers, every rate times the scale."""
    rate, kernel = 0.4 * scale, params["kernel"]
    if name == "proximal_adam":
        with jax.numpy_dtype_promotion("standard"):
            _, state = optax.scale_by_adam().update(grads, state)
            mu, nu = (optax.tree.bias_correction(m, b, state.count) for m, b in ((state.mu, 0.9), (state.nu, 0.999)))
        metric = jax.tree.map(lambda n: jnp.sqrt(n) + 1e-8, nu)
        after = jax.tree.map(lambda p, m, d: p - 0.3 * scale * m / d, params, mu, metric)
        limit = 0.3 * scale * 0.05 / metric["kernel"]
        return after | {"kernel": soft(after["kernel"], limit)}, state
    if name == "chain":
        grads = grads | {"kernel": grads["kernel"] + 0.02 * kernel}
    after = jax.tree.map(lambda p, g: p - rate * g, params, grads)
    moved = {
        "chain": lambda v: v - rate * 0.02 * kernel,
        "proximal": lambda v: soft(v, 0.05 * rate),
        "group_lasso": lambda v: v * jnp.maximum(1 - 0.05 * rate / jnp.linalg.norm(v, axis=1, keepdims=True), 0),
    }[name](after["kernel"])
    return after | {"kernel": moved}, state


def soft(v, limit):
    return jnp.sign(v) * jnp.maximum(jnp.abs(v) - limit, 0)
