"""L1, L2 and elastic net: their gradients, their value, and where they act."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.optim.penalties import PenaltyState, value_of

RNG = np.random.default_rng(0)
PARAMS = {
    "dense_0": {"kernel": RNG.normal(size=(3, 2)).astype(np.float32), "bias": np.ones(2, np.float32)},
    "norm_0": {"scale": np.ones(2, np.float32)},
    "embed_0": {"embedding": RNG.normal(size=(4, 2)).astype(np.float32)},
}
KERNEL, EMBEDDING = PARAMS["dense_0"]["kernel"], PARAMS["embed_0"]["embedding"]
ZERO = jax.tree.map(np.zeros_like, PARAMS)
FACTORIES = {
    "l1": (nn.l1, lambda c, w: c * np.abs(w).sum()),
    "l2": (nn.l2, lambda c, w: c * (w**2).sum()),
    "elastic_net": (lambda c, **k: nn.elastic_net(c, c / 4, **k), lambda c, w: (c * abs(w) + c / 4 * w**2).sum()),
}


def added(transformation, params=PARAMS, grads=ZERO):
    return transformation.update(grads, transformation.init(params), params)[0]


@pytest.mark.parametrize("name", FACTORIES)
def test_it_adds_the_slope_of_its_value(name):
    make, value = FACTORIES[name]
    updates = added(make(0.3))
    h = 1e-6
    for path, leaf in (("dense_0", "kernel"), ("embed_0", "embedding")):
        w = PARAMS[path][leaf].astype(np.float64)
        slope = np.zeros_like(w)
        for i in np.ndindex(*w.shape):
            up, down = w.copy(), w.copy()
            up[i], down[i] = up[i] + h, down[i] - h
            slope[i] = (value(0.3, up) - value(0.3, down)) / (2 * h)
        np.testing.assert_allclose(updates[path][leaf], slope, rtol=1e-5, atol=1e-6)
    assert not updates["dense_0"]["bias"].any()
    assert not updates["norm_0"]["scale"].any()


@pytest.mark.parametrize("name", FACTORIES)
def test_the_gradient_that_came_in_stays(name):
    make, _ = FACTORIES[name]
    ones = jax.tree.map(np.ones_like, PARAMS)
    plain, shifted = added(make(0.3)), added(make(0.3), grads=ones)
    chex.assert_trees_all_close(jax.tree.map(lambda a, b: a + b, plain, ones), shifted, rtol=1e-6)


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        (("kernel",), {"dense_0/kernel"}),
        (("kernel", "bias"), {"dense_0/kernel", "dense_0/bias"}),
        ("dense_*/*", {"dense_0/kernel", "dense_0/bias"}),
        ("*scale", {"norm_0/scale"}),
        (lambda path: "embed" in path, {"embed_0/embedding"}),
    ],
)
def test_where_chooses_by_name(where, chosen):
    updates = added(nn.l2(0.5, where=where))
    for path, leaf in jax.tree_util.tree_flatten_with_path(updates)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        wanted = PARAMS[name.split("/")[0]][name.split("/")[1]] if name in chosen else np.zeros(1, np.float32)
        np.testing.assert_array_equal(leaf, np.broadcast_to(wanted, leaf.shape))
    assert set(nn.l2(0.5, where=where).init(PARAMS).leaves.paths) == chosen


@pytest.mark.parametrize("name", FACTORIES)
def test_strengths_ride_under_jit_and_vmap_with_one_trace(name):
    make, _ = FACTORIES[name]
    strengths = jnp.array([0.0, 0.1, 3.0])

    traces = []

    @jax.jit
    def both(c):
        traces.append(c)
        transformation = make(c)
        state = transformation.init(PARAMS)
        updates, state = transformation.update(ZERO, state, PARAMS)
        return updates, value_of(state, PARAMS)

    solo = [both(c) for c in strengths]
    assert len(traces) == 1
    updates, values = jax.vmap(both)(strengths)
    for i, (u, v) in enumerate(solo):
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], updates), u, rtol=1e-6)
        np.testing.assert_allclose(values[i], v, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", FACTORIES)
def test_dtypes_stay_under_strict_promotion(name, dtype):
    params = jax.tree.map(lambda a: jnp.asarray(a, dtype), PARAMS)
    transformation = FACTORIES[name][0](jnp.float32(0.1))
    before = transformation.init(params)
    updates, after = transformation.update(params, before, params)
    assert {a.dtype for a in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
    chex.assert_trees_all_equal_shapes_and_dtypes(before, after)
    assert value_of(after, params).dtype == jnp.float32


def test_penalty_is_the_sum_of_the_lectures():
    table = {(3, 0.25, 0.5): (3.75, 9.3125), (5, -2, -1): (8, 30)}
    for w, (first, second) in table.items():
        params = {"kernel": jnp.array(w, jnp.float32)}
        assert float(nn.penalty(params, l1=1.0)) == pytest.approx(first)
        assert float(nn.penalty(params, l2=1.0)) == pytest.approx(second)
    params = {"kernel": jnp.array([10 / 3, 0, 0], jnp.float32)}
    assert float(nn.penalty(params, l1=1.0, l2=1.0)) == pytest.approx(10 / 3 + 100 / 9)
    params = {"kernel": 10 / 14 * jnp.array([3, 2, 1], jnp.float32), "bias": jnp.ones(1)}
    assert float(nn.penalty(params, l1=1.0, l2=1.0)) == pytest.approx(60 / 14 + 100 / 14)


def test_the_gradient_of_penalty_is_what_the_transformation_adds():
    slope = jax.grad(lambda p: nn.penalty(p, l1=0.2, l2=0.1))(PARAMS)
    chex.assert_trees_all_close(slope, added(nn.elastic_net(0.2, 0.1)), rtol=1e-6)


NESTINGS = {
    "alone": lambda t: t,
    "chain": lambda t: optax.chain(optax.clip(1.0), optax.chain(t, optax.adam(1e-3))),
    "masked": lambda t: optax.masked(t, {"dense_0": True, "norm_0": False, "embed_0": True}),
    "accumulated": lambda t: optax.MultiSteps(optax.chain(t, optax.sgd(0.1)), 2).gradient_transformation(),
    "partition": lambda t: optax.partition(
        {"a": t, "b": optax.sgd(0.1)}, {"dense_0": "a", "norm_0": "b", "embed_0": "a"}
    ),
    "extra": lambda t: optax.with_extra_args_support(optax.named_chain(("penalty", t), ("sgd", optax.sgd(0.1)))),
}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_value_of_finds_penalties_wherever_they_stand(nesting):
    expected = 0.3 * (np.abs(KERNEL).sum() + np.abs(EMBEDDING).sum())

    def value(c):
        optimizer = NESTINGS[nesting](nn.l1(c))
        state = optimizer.init(PARAMS)
        with jax.numpy_dtype_promotion("standard"):
            _, state = optimizer.update(ZERO, state, PARAMS)
        return value_of(state, PARAMS)

    np.testing.assert_allclose(jax.jit(value)(0.3), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(value)(jnp.array([0.3, 0.6])), [expected, 2 * expected], rtol=1e-6)


def test_value_of_sums_several_and_is_none_without_one():
    state = optax.chain(nn.l1(1.0), nn.l2(2.0, where="dense_0/*"), nn.elastic_net(0.0, 1.0)).init(PARAMS)
    dense = (KERNEL**2).sum() + (PARAMS["dense_0"]["bias"] ** 2).sum()
    both = (KERNEL**2).sum() + (EMBEDDING**2).sum()
    expected = np.abs(KERNEL).sum() + np.abs(EMBEDDING).sum() + 2 * dense + both
    np.testing.assert_allclose(value_of(state, PARAMS), expected, rtol=1e-6)
    assert value_of(optax.adam(1e-3).init(PARAMS), PARAMS) is None
    assert value_of(optax.lbfgs().init(PARAMS), PARAMS) is None


def test_a_strength_may_follow_a_schedule_through_inject_hyperparams():
    optimizer = optax.inject_hyperparams(nn.l1)(c=optax.linear_schedule(0.0, 1.0, 2))
    state = optimizer.init(PARAMS)
    seen = []
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(3):
            updates, state = optimizer.update(ZERO, state, PARAMS)
            seen.append(float(jnp.abs(updates["dense_0"]["kernel"]).max()))
    assert seen == [0.0, 0.5, 1.0]
    np.testing.assert_allclose(value_of(state, PARAMS), np.abs(KERNEL).sum() + np.abs(EMBEDDING).sum(), rtol=1e-6)


def test_the_state_is_arrays_that_a_scan_carries_and_a_new_function_for_where_changes_no_structure():
    def make():
        return nn.l1(0.1, where=lambda path: path.endswith("kernel"))

    first, second = make().init(PARAMS), make().init(PARAMS)
    assert jax.tree.structure(first) == jax.tree.structure(second)
    assert all(isinstance(leaf, jax.Array) and not leaf.weak_type for leaf in jax.tree.leaves(first))

    def body(state, _):
        return make().update(ZERO, state, PARAMS)[1], None

    chex.assert_trees_all_equal(jax.lax.scan(body, first, length=3)[0], first)
    assert isinstance(first, PenaltyState)


@pytest.mark.parametrize("name", FACTORIES)
def test_bad_calls_say_what_to_write(name):
    make, _ = FACTORIES[name]
    with pytest.raises(ValueError, match=r"must be 0 or more, got -1; write nn\."):
        make(-1)
    with pytest.raises(ValueError, match=r"finds no leaf for where=\('weights',\) among dense_0/bias, dense_0/kernel"):
        make(0.1, where=("weights",)).init(PARAMS)
    with pytest.raises(ValueError, match=r"write optimizer\.update\(grads, state, params\)"):
        make(0.1).update(ZERO, make(0.1).init(PARAMS))
    with pytest.raises(ValueError, match="was initialised with a leaf 'dense_0/kernel'"):
        value_of(make(0.1).init(PARAMS), {"other": jnp.ones(2)})
