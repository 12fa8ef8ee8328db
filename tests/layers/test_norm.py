import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.checks import SpecError

DRAW = np.random.default_rng(0)
SHAPES = [(6, 3), (4, 5, 3), (2, 4, 4, 3)]


def prepared(shape, layer, seed=0):
    """Inputs, and params and state of other values than the first ones."""
    draw = np.random.default_rng(seed)
    x = jnp.asarray(2 + 3 * draw.normal(size=shape), jnp.float32)
    params, state = layer.init(jax.random.key(0), x)
    params = jax.tree.map(lambda p: p + jnp.asarray(draw.normal(size=p.shape), jnp.float32), params)
    moved = {
        "mean": jnp.asarray(draw.normal(size=3), jnp.float32),
        "var": jnp.asarray(draw.uniform(1, 2, 3), jnp.float32),
    }
    return x, params, {**state, **moved}


def flax_of(x, params, state, train, momentum, eps):
    module = linen.BatchNorm(use_running_average=not train, momentum=momentum, epsilon=eps)
    statistics = {"mean": state["mean"], "var": state["var"]}
    y, after = module.apply({"params": params, "batch_stats": statistics}, x, mutable=["batch_stats"])
    return y, after["batch_stats"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("train", [False, True])
def test_equals_flax_with_the_same_parameters(shape, train):
    layer = nn.BatchNorm(momentum=0.7, eps=1e-2)
    x, params, state = prepared(shape, layer)
    y, after = layer.apply(params, state, x, train=train)
    wanted, statistics = flax_of(x, params, state, train, 0.7, 1e-2)
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5)
    for name in ("mean", "var"):
        np.testing.assert_allclose(after[name], statistics[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("train", [False, True])
def test_equals_torch_but_for_its_unbiased_running_variance(train):
    torch = pytest.importorskip("torch")
    layer = nn.BatchNorm(momentum=0.9, eps=1e-5)
    x, params, state = prepared((6, 3), layer)
    module = torch.nn.BatchNorm1d(3, eps=1e-5, momentum=0.1)
    leaves = {
        "weight": params["scale"],
        "bias": params["bias"],
        "running_mean": state["mean"],
        "running_var": state["var"],
    }
    module.load_state_dict({name: torch.tensor(np.array(leaf)) for name, leaf in leaves.items()}, strict=False)
    wanted = module.train(train)(torch.tensor(np.array(x))).detach().numpy()
    y, after = layer.apply(params, state, x, train=train)
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(after["mean"], module.running_mean.numpy(), rtol=1e-5, atol=1e-6)
    if train:
        moved = (np.asarray(after["var"]) - 0.9 * np.asarray(state["var"])) * 6 / 5
        np.testing.assert_allclose(0.9 * np.asarray(state["var"]) + moved, module.running_var.numpy(), rtol=1e-5)


def test_gradient_equals_flax():
    layer = nn.BatchNorm()
    x, params, state = prepared((6, 3), layer)

    def loss(params, x, ours):
        y = layer.apply(params, state, x, train=True)[0] if ours else flax_of(x, params, state, True, 0.99, 1e-3)[0]
        return jnp.sin(y).sum()

    ours, theirs = (jax.grad(loss, (0, 1))(params, x, which) for which in (True, False))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, theirs)


@given(shape=st.sampled_from(SHAPES), real=st.integers(1, 5), padding=st.integers(0, 4), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_masked_rows_count_for_nothing(shape, real, padding, seed):
    layer = nn.BatchNorm(momentum=0.7)
    x, params, state = prepared((real, *shape[1:]), layer, seed)
    rubbish = jnp.asarray(1e3 * np.random.default_rng(seed).normal(size=(padding, *shape[1:])), jnp.float32)
    order = np.random.default_rng(seed).permutation(real + padding)
    filled = jnp.concatenate([x, rubbish])[order]
    mask = jnp.asarray(np.arange(real + padding) < real, jnp.float32)[order]
    y, after = layer.apply(params, {**state, "mask": mask}, filled, train=True)
    wanted, moved = layer.apply(params, state, x, train=True)
    back = np.argsort(order)[:real]
    np.testing.assert_allclose(y[back], wanted, rtol=1e-4, atol=1e-4)
    for name in ("mean", "var"):
        np.testing.assert_allclose(after[name], moved[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(after["mask"], mask)


def test_a_batch_of_padding_alone_gives_finite_numbers():
    layer = nn.BatchNorm()
    x, params, state = prepared((4, 3), layer)
    y, after = layer.apply(params, {**state, "mask": jnp.zeros(4)}, x, train=True)
    assert np.isfinite(y).all()
    assert all(np.isfinite(leaf).all() for leaf in after.values())


def test_statistics_of_half_precision_inputs_are_float32():
    layer = nn.BatchNorm()
    x = jnp.asarray(300 + DRAW.normal(size=(512, 1)), jnp.bfloat16)
    params, state = layer.init(jax.random.key(0), x)
    y, after = layer.apply(params, state, x, train=True)
    exact = np.asarray(x, np.float64)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(after["mean"], 0.01 * exact.mean(0), rtol=1e-5)
    np.testing.assert_allclose(after["var"], 0.99 + 0.01 * exact.var(0), rtol=1e-5)


def test_large_offsets_do_not_spoil_the_variance():
    x = jnp.asarray(1e4 + DRAW.normal(size=(256, 1)), jnp.float32)
    layer = nn.BatchNorm(momentum=0.0)
    params, state = layer.init(jax.random.key(0), x)
    for mask in (jnp.ones(()), jnp.ones(256)):
        _, after = layer.apply(params, {**state, "mask": mask}, x, train=True)
        np.testing.assert_allclose(after["var"], np.asarray(x, np.float64).var(0), rtol=1e-3)


def test_momentum_and_eps_ride_along_as_axes():
    x, params, state = prepared((6, 3), nn.BatchNorm())
    many = jax.vmap(lambda m, e: nn.BatchNorm(m, e).apply(params, state, x, train=True))(
        jnp.array([0.5, 0.9]), jnp.array([1e-3, 1e-1])
    )
    for i, (momentum, eps) in enumerate([(0.5, 1e-3), (0.9, 1e-1)]):
        y, statistics = flax_of(x, params, state, True, momentum, eps)
        np.testing.assert_allclose(many[0][i], y, rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(many[1]["var"][i], statistics["var"], rtol=1e-5)


def test_shapes_that_do_not_fit_are_told(key):
    params, state = nn.BatchNorm().init(key, jnp.ones((2, 3)))
    with pytest.raises(SpecError, match=r"BatchNorm holds statistics \(3,\) and got inputs \(2, 4\).*write"):
        nn.BatchNorm().apply(params, state, jnp.ones((2, 4)))
    with pytest.raises(SpecError, match=r"BatchNorm needs \(batch, ..., features\), got \(3,\); write x\[None\]"):
        nn.BatchNorm().init(key, jnp.ones(3))


@pytest.mark.parametrize("arguments", [{"momentum": 1.1}, {"momentum": -0.1}, {"eps": 0.0}, {"eps": -1e-3}])
def test_numbers_outside_are_refused(arguments):
    with pytest.raises(
        ValueError, match=r"(momentum must lie in \[0, 1\]|eps must be above 0), got .*; write BatchNorm"
    ):
        nn.BatchNorm(**arguments)
