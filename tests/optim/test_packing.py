"""Packed optimizers are those of Optax and of this library, step for step; what cannot be packed is left alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.optim.packing import packing

RNG = np.random.default_rng(0)
PARAMS = {
    f"dense_{i}": {
        "kernel": jnp.asarray(RNG.normal(size=shape), jnp.float32),
        "bias": jnp.full(shape[1], 0.5, jnp.float32),
    }
    for i, shape in enumerate([(3, 4), (4, 2)])
}
RATE = 0.1
PACKED = {  # optimizer, leaves of each family
    "adam": (optax.adam(RATE), [4]),
    "adam in half": (optax.adam(RATE, mu_dtype=jnp.bfloat16), [4]),
    "l2 in front": (optax.chain(nn.l2(1e-2), optax.adam(RATE)), [4]),
    "clipped": (optax.chain(optax.clip_by_global_norm(0.5), optax.adam(RATE)), [4]),
    "adamw": (optax.adamw(RATE), [4]),
    "momentum": (optax.sgd(RATE, 0.9, nesterov=True), [4]),
    "a velocity that is the update": (optax.chain(optax.scale(-RATE), optax.trace(0.9)), [4]),
    "rmsprop": (optax.rmsprop(RATE), [4]),
    "adagrad": (optax.adagrad(RATE), [4]),
    "lion": (optax.lion(RATE), [4]),
    "radam": (optax.radam(RATE), [4]),
    "yogi": (optax.yogi(RATE), [4]),
    "adadelta": (optax.adadelta(RATE), [4]),
    "schedule": (optax.adam(optax.cosine_decay_schedule(RATE, 10)), [4]),
    "injected": (optax.inject_hyperparams(optax.adam)(learning_rate=RATE), [4]),
    "decay on kernels": (optax.chain(optax.adam(RATE), nn.decay(0.1, RATE)), [2, 2]),
    "proximal on kernels": (optax.chain(optax.adam(RATE), nn.proximal_l1(0.1, RATE)), [2, 2]),
    "plateau": (optax.chain(optax.adam(RATE), nn.plateau(0.5, patience=1, metric="loss")), [4]),
    "ema": (optax.chain(optax.adam(RATE), nn.ema(0.9)), [4]),
    "proximal_adam": (nn.proximal_adam(RATE, 0.1), [2, 2]),
    "schedule_free": (optax.contrib.schedule_free_adamw(RATE), [4]),
    "masked": (optax.masked(optax.adam(RATE), jax.tree.map(lambda p: p.ndim == 2, PARAMS)), [2]),
    "frozen": (optax.chain(optax.adam(RATE), nn.freeze("dense_0")), [2, 2]),
}
ALONE = {
    "sgd, which has no arrays": optax.sgd(RATE),
    "norms of moments": optax.lamb(RATE),
    "products of moments": optax.contrib.muon(RATE),
    "a branch": nn.accumulate(optax.adam(RATE), 2),
    "flat already": optax.flatten(optax.adam(RATE)),
}


def function(optimizer):
    update = optax.with_extra_args_support(optimizer).update

    def f(grads, state, params, rest):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return update(grads, state, params, grad=grads, opt_state=state, **rest)

    return f


def rest(i):
    return {"value": jnp.float32(1.0), "metrics": {"loss": jnp.float32(1.0)}, "epoch": jnp.int32(i)}


def found(optimizer):
    return packing(function(optimizer), PARAMS, optimizer.init(PARAMS), PARAMS, rest(0))


@pytest.mark.parametrize("name", PACKED)
def test_steps_are_those_of_the_optimizer(name):
    optimizer, sizes = PACKED[name]
    packed = found(optimizer)
    assert sorted(len(family.inputs[0]) for family in packed.families) == sizes

    def train(update, state):
        params = PARAMS
        for i in range(4):
            grads = jax.tree.map(lambda p, i=i: jnp.sin(p * (i + 1)), params)
            updates, state = update(grads, state, params, rest(i))
            params = jax.tree.map(lambda p, u: p + u.astype(p.dtype), params, updates)
        return params, state

    def packed_update(*args):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return packed.update(*args)

    theirs = jax.jit(lambda s: train(function(optimizer), s))(optimizer.init(PARAMS))
    params, state = jax.jit(lambda s: train(packed_update, packed.pack(s)))(optimizer.init(PARAMS))
    state = packed.unpack(state)
    assert jax.tree.structure(state) == jax.tree.structure(theirs[1])
    for ours, other in zip(jax.tree.leaves((params, state)), jax.tree.leaves(theirs), strict=True):
        assert (ours.shape, ours.dtype) == (other.shape, other.dtype)
        tolerance = 1e-2 if ours.dtype == jnp.bfloat16 else 2e-6
        np.testing.assert_allclose(*(np.asarray(a, np.float64) for a in (ours, other)), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ALONE)
def test_what_does_anything_else_is_left_alone(name):
    assert found(ALONE[name]) is None


def test_a_state_goes_there_and_back_to_the_bit():
    optimizer = optax.chain(nn.l2(1e-2), optax.adam(RATE), nn.ema(0.9))
    state = jax.tree.map(lambda a: jnp.asarray(RNG.normal(size=a.shape)).astype(a.dtype), optimizer.init(PARAMS))
    packed = found(optimizer)
    jax.tree.map(np.testing.assert_array_equal, packed.unpack(packed.pack(state)), state)


def test_members_side_by_side_and_traced_rates():
    rates = jnp.array([0.1, 0.01])

    def one(rate, packs):
        optimizer = optax.chain(nn.l2(rate / 10), optax.adam(rate))
        state, f = optimizer.init(PARAMS), function(optimizer)
        if packs:
            packed = packing(f, PARAMS, state, PARAMS, rest(0))
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
                return packed.update(PARAMS, packed.pack(state), PARAMS, rest(0))[0]
        return f(PARAMS, state, PARAMS, rest(0))[0]

    ours, theirs = (jax.jit(jax.vmap(lambda r, p=p: one(r, p)))(rates) for p in (True, False))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6), ours, theirs)
