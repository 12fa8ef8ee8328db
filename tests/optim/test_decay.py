"""Decoupled decay: AdamW, and what tells it from L2."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(8, 3)), jnp.float32)
PARAMS = {"kernel": jnp.asarray(RNG.normal(size=(3, 2)), jnp.float32), "bias": jnp.ones(2)}
MASK = {"kernel": True, "bias": False}


def loss(params):
    return jnp.mean((X @ params["kernel"] + params["bias"][None] - 1) ** 2)


def trained(optimizer, steps=20, **extra):
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry, _):
        params, state = carry
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(jax.grad(loss)(params), state, params, **extra)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (PARAMS, optimizer.init(PARAMS)), length=steps)[0][0]


@pytest.mark.parametrize("rate", [0.1, optax.cosine_decay_schedule(0.1, 15)], ids=["number", "schedule"])
def test_behind_adam_it_is_adamw(rate):
    ours = trained(optax.chain(optax.adam(rate), nn.decay(0.3, rate)))
    theirs = trained(optax.adamw(rate, weight_decay=0.3, mask=MASK))
    chex.assert_trees_all_close(ours, theirs, rtol=1e-5)


def test_behind_adam_it_is_the_adamw_of_pytorch():
    torch = pytest.importorskip("torch")
    kernel = torch.tensor(np.asarray(PARAMS["kernel"]), requires_grad=True)
    bias = torch.tensor(np.asarray(PARAMS["bias"]), requires_grad=True)
    groups = [{"params": [kernel], "weight_decay": 0.3}, {"params": [bias], "weight_decay": 0.0}]
    optimizer, x = torch.optim.AdamW(groups, lr=0.1), torch.tensor(np.asarray(X))
    for _ in range(20):
        optimizer.zero_grad()
        ((x @ kernel + bias - 1) ** 2).mean().backward()
        optimizer.step()
    ours = trained(optax.chain(optax.adam(0.1), nn.decay(0.3, 0.1)))
    np.testing.assert_allclose(ours["kernel"], kernel.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(ours["bias"], bias.detach().numpy(), atol=1e-5)


def test_under_gradient_descent_it_is_l2_of_half_the_strength_and_under_adam_it_is_not():
    chex.assert_trees_all_close(
        trained(optax.chain(optax.sgd(0.1), nn.decay(0.3, 0.1))),
        trained(optax.chain(nn.l2(0.15), optax.sgd(0.1))),
        rtol=1e-5,
    )
    decoupled = trained(optax.chain(optax.adam(0.1), nn.decay(0.3, 0.1)))
    coupled = trained(optax.chain(nn.l2(0.15), optax.adam(0.1)))
    assert jnp.abs(decoupled["kernel"] - coupled["kernel"]).max() > 1e-2


def test_without_a_learning_rate_weights_shrink_by_their_own_factor():
    frozen = trained(optax.chain(optax.set_to_zero(), nn.decay(0.25)), steps=3)
    np.testing.assert_allclose(frozen["kernel"], 0.75**3 * PARAMS["kernel"], rtol=1e-6)
    np.testing.assert_array_equal(frozen["bias"], PARAMS["bias"])


def test_it_shrinks_with_the_plateaus_of_the_whole_state():
    slower, seen = nn.plateau(0.5, patience=1, metric="loss"), []
    state = slower.init(PARAMS)
    for epoch in (1, 2):
        row, whole = dict(metrics={"loss": 1.0}, epoch=epoch), {"first": state, "second": (state,)}
        seen.append(trained(optax.chain(optax.set_to_zero(), nn.decay(0.5, 0.5)), steps=2, opt_state=whole, **row))
        _, state = slower.update(PARAMS, state, **row)
    np.testing.assert_allclose(seen[0]["kernel"], 0.75**2 * PARAMS["kernel"], rtol=1e-6)
    np.testing.assert_allclose(seen[1]["kernel"], 0.9375**2 * PARAMS["kernel"], rtol=1e-6)  # both have halved


def test_strength_and_rate_ride_under_vmap():
    def final(c, rate):
        return trained(optax.chain(optax.sgd(rate), nn.decay(c, rate)), steps=3)

    c, rate = jnp.array([0.0, 0.5]), jnp.array([0.1, 0.2])
    members = jax.vmap(final)(c, rate)
    for i in range(2):
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], members), final(c[i], rate[i]), rtol=1e-6)


def test_bad_calls_say_what_to_write():
    with pytest.raises(ValueError, match=r"must be 0 or more, got -1; write nn\.decay"):
        nn.decay(-1)
    with pytest.raises(ValueError, match="decay finds no leaf"):
        nn.decay(0.1, where="nothing").init(PARAMS)
    with pytest.raises(ValueError, match="reads the parameters and got none"):
        nn.decay(0.1).update(PARAMS, nn.decay(0.1).init(PARAMS))
    with pytest.raises(ValueError, match="must be a number"):
        nn.decay(optax.constant_schedule(0.1))
