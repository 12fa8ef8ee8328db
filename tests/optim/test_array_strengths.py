"""Strengths that are arrays: one for each input, each unit or each weight."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.optim.penalties import value_of

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 2)).astype(np.float32)
PARAMS = {"kernel": W, "bias": np.ones(2, np.float32)}
ZERO = jax.tree.map(np.zeros_like, PARAMS)
STRENGTHS = {
    "each input": np.array([[0.1], [0.2], [0.3]], np.float32),
    "each unit": np.array([0.1, 0.2], np.float32),
    "each weight": RNG.uniform(size=(3, 2)).astype(np.float32),
}
T = 0.1
MAKE = {  # what each does to weights under a gradient of 0, and the value of its penalty
    "l1": (nn.l1, lambda c: c * np.sign(W), lambda c: c * abs(W)),
    "l2": (nn.l2, lambda c: 2 * c * W, lambda c: c * W**2),
    "elastic_net": (
        lambda c: nn.elastic_net(c, c),
        lambda c: c * np.sign(W) + 2 * c * W,
        lambda c: c * abs(W) + c * W**2,
    ),
    "decay": (lambda c: nn.decay(c, T), lambda c: -T * c * W, None),
    "proximal_l1": (lambda c: nn.proximal_l1(c, T), lambda c: -np.clip(W, -T * c, T * c), lambda c: c * abs(W)),
    "proximal_elastic_net": (
        lambda c: nn.proximal_elastic_net(c, c, T),
        lambda c: (W - np.clip(W, -T * c, T * c)) / (1 + 2 * T * c) - W,
        lambda c: c * abs(W) + c * W**2,
    ),
}


@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.parametrize("name", MAKE)
def test_each_weight_has_its_own_strength(name, kind):
    make, change, value = MAKE[name]
    c = STRENGTHS[kind]
    state = make(c).init(PARAMS)
    updates, state = make(c).update(ZERO, state, PARAMS)
    np.testing.assert_allclose(updates["kernel"], change(c), rtol=1e-5, atol=1e-7)
    assert not updates["bias"].any()
    if value is not None:
        np.testing.assert_allclose(value_of(state, PARAMS), value(c).sum(), rtol=1e-6)


@pytest.mark.parametrize("name", MAKE)
def test_equal_strengths_are_one(name):
    make = MAKE[name][0]
    one, many = (
        (t := make(c)).update(ZERO, t.init(PARAMS), PARAMS)[0] for c in (0.3, np.full((3, 1), 0.3, np.float32))
    )
    np.testing.assert_allclose(one["kernel"], many["kernel"], rtol=1e-6)


def test_proximal_adam_at_rest_balances_each_strength():
    """At the minimum of ``(w - t)^2 / 2 + c |w|`` a weight is ``t - c``, or 0."""
    target, c = jnp.array([3.0, 3.0, 0.1]), jnp.array([0.5, 1.0, 0.5])
    optimizer = nn.proximal_adam(0.05, c, b2=0.99)

    @jax.jit
    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update({"kernel": params["kernel"] - target}, state, params)
        return (optax.apply_updates(params, updates), state), None

    params = {"kernel": jnp.zeros(3)}
    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=1500)
    np.testing.assert_allclose(params["kernel"], [2.5, 2.0, 0.0], atol=1e-3)
    assert params["kernel"][2] == 0


def test_a_grid_has_arrays_as_members():
    def ridge(l2):
        return nn.Trial(nn.Dense(1), "squared_error", optax.chain(nn.l2(l2), optax.adam(0.1)))

    x = RNG.normal(size=(20, 3))
    y = x @ [1.0, 2.0, 3.0]
    points = [{"l2": np.array([[10.0], [0.0], [0.0]])}, {"l2": np.zeros((3, 1))}]
    runs = nn.grid(ridge, (x, y), points, epochs=200, batch_size=None, progress=False)
    first, second = (r.params["kernel"][:, 0] for r in runs)
    np.testing.assert_allclose(second, [1, 2, 3], atol=0.05)
    assert abs(first[0]) < 0.2 < abs(first[1])


def test_strengths_that_do_not_fit_say_what_to_write():
    with pytest.raises(
        ValueError, match=r"strength of l2 has shape \(3,\), .* kernel of shape \(3, 2\); write c\[:, None\]"
    ):
        nn.l2(np.ones(3, np.float32)).init(PARAMS)
    deep = {"a": {"kernel": W}, "b": {"kernel": W.T}}
    with pytest.raises(ValueError, match=r'does not broadcast to b/kernel of shape \(2, 3\); write where="a/kernel"'):
        nn.l1(np.ones((3, 1), np.float32)).init(deep)
    with pytest.raises(ValueError, match="penalty has shape"):
        nn.penalty(PARAMS, l2=np.ones(3, np.float32))
    with pytest.raises(ValueError, match=r"must be 0 or more, got -1.0; write nn\.l2"):
        nn.l2(np.array([1.0, -1.0]))
