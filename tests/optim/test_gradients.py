"""Clipping against Optax and PyTorch, and accumulation against one large batch."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
GRADS = {"kernel": jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32), "bias": jnp.asarray([3.0, -4.0, 0.0])}
X = jnp.asarray(RNG.normal(size=(8, 3)), jnp.float32)
Y = jnp.asarray(RNG.normal(size=(8, 1)), jnp.float32)
BOUNDS = [0.01, 1.0, 100.0]


def clipped(transformation, grads=GRADS):
    return transformation.update(grads, transformation.init(grads))[0]


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [(nn.clip_by_norm, optax.clip_by_global_norm), (nn.clip_by_value, optax.clip)]
)
def test_clipping_is_that_of_optax(ours, theirs, bound):
    chex.assert_trees_all_close(clipped(ours(bound)), clipped(theirs(bound)), rtol=1e-6)


@pytest.mark.parametrize("bound", [0.25, 0.8, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("share", [0.9, 0.999, 1.001, 1.1])
def test_a_norm_just_inside_stays_to_the_bit_and_one_just_outside_comes_to_the_bound(bound, share):
    grads = {"kernel": jnp.array([0.6, 0.0]) * bound * share, "bias": jnp.array([-0.8]) * bound * share}
    after = clipped(nn.clip_by_norm(bound), grads)
    if share < 1:
        chex.assert_trees_all_equal(after, grads)
    else:
        norm = np.sqrt(sum(np.sum(np.square(np.float64(a))) for a in after.values()))
        assert norm == pytest.approx(bound, rel=1e-6)


@pytest.mark.parametrize("bound", BOUNDS)
def test_clipping_is_that_of_pytorch(bound):
    torch = pytest.importorskip("torch")
    leaves = {name: torch.zeros(leaf.shape, requires_grad=True) for name, leaf in GRADS.items()}
    for ours, theirs in (
        (nn.clip_by_norm, torch.nn.utils.clip_grad_norm_),
        (nn.clip_by_value, torch.nn.utils.clip_grad_value_),
    ):
        for name, leaf in leaves.items():
            leaf.grad = torch.tensor(np.array(GRADS[name]))
        theirs(leaves.values(), bound)
        for name, leaf in leaves.items():
            np.testing.assert_allclose(clipped(ours(bound))[name], leaf.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("make", [nn.clip_by_norm, nn.clip_by_value])
def test_bounds_ride_under_vmap_and_gradients_are_finite_even_at_zero(make):
    bounds = jnp.array(BOUNDS)
    together = jax.vmap(lambda c: clipped(make(c)))(bounds)
    for i, bound in enumerate(BOUNDS):
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], together), clipped(make(bound)), rtol=1e-6)
    for grads in (GRADS, jax.tree.map(jnp.zeros_like, GRADS)):
        slopes = jax.grad(lambda g, c: sum(jnp.sum(a**2) for a in clipped(make(c), g).values()), (0, 1))(grads, 1.0)
        assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("make", [nn.clip_by_norm, nn.clip_by_value])
def test_dtypes_stay_and_squares_do_not_overflow(make, dtype):
    grads = jax.tree.map(lambda g: (1000 * g).astype(dtype), GRADS)
    after = clipped(make(jnp.float32(1.0)), grads)
    chex.assert_trees_all_equal_dtypes(grads, after)
    norm = np.sqrt(sum(float(jnp.sum(jnp.square(a.astype(jnp.float32)))) for a in after.values()))
    assert norm == pytest.approx(1.0, rel=1e-2) if make is nn.clip_by_norm else norm > 1


def loss(params, x, y):
    return jnp.mean(jnp.square(x @ params["kernel"] - y))


@pytest.mark.parametrize("make", [lambda: optax.adam(0.1), lambda: optax.chain(nn.l2(0.1), optax.sgd(0.1))])
def test_small_batches_together_are_one_large_batch(make):
    params = {"kernel": jnp.ones((3, 1))}
    large, small = make(), nn.accumulate(make(), every=4)
    one, many = params, params
    large_state, small_state = large.init(one), small.init(many)
    for _ in range(3):
        with jax.numpy_dtype_promotion("standard"):
            updates, large_state = large.update(jax.grad(loss)(one, X, Y), large_state, one)
        one = optax.apply_updates(one, updates)
        for i in range(4):
            before = many
            grads = jax.grad(loss)(many, X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2])
            updates, small_state = small.update(grads, small_state, many)
            many = optax.apply_updates(many, updates)
            if i < 3:
                chex.assert_trees_all_equal(before, many)
        chex.assert_trees_all_close(one, many, rtol=1e-5)


def test_the_optimizer_inside_moves_only_when_its_batches_are_complete():
    optimizer = nn.accumulate(optax.chain(nn.l1(0.5), optax.adam(lambda count: 0.1 / (1.0 + count))), every=3)
    params = {"kernel": jnp.ones(2, jnp.bfloat16)}

    @jax.jit
    @chex.assert_max_traces(n=1)
    def update(grads, state):
        return optimizer.update(grads, state, params)

    state = start = optimizer.init(params)
    for i in range(1, 7):
        before = state
        updates, state = update({"kernel": jnp.array([i, -1.0], jnp.bfloat16)}, state)
        chex.assert_trees_all_equal_shapes_and_dtypes(state, start)
        assert updates["kernel"].dtype == jnp.bfloat16 and state.total["kernel"].dtype == jnp.float32
        if i % 3:
            assert not updates["kernel"].any()
            chex.assert_trees_all_equal(state.inner, before.inner)
        else:
            assert updates["kernel"].all()
            np.testing.assert_array_equal(state.total["kernel"], [3 * i - 3, -3.0])
    counts = [leaf for leaf in jax.tree.leaves(state.inner) if leaf.dtype == jnp.int32]
    assert {int(count) for count in counts} == {2}


def test_members_accumulate_each_by_itself():
    def final(rate):
        optimizer, params = nn.accumulate(optax.sgd(rate), 2), {"kernel": jnp.ones((3, 1))}
        state = optimizer.init(params)
        for i in range(4):
            grads = jax.grad(loss)(params, X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2])
            updates, state = optimizer.update(grads, state, params)
            params = optax.apply_updates(params, updates)
        return params["kernel"]

    rates = jnp.array([0.1, 0.3])
    np.testing.assert_allclose(jax.vmap(final)(rates), [final(r) for r in rates], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.clip_by_norm(0), "max_norm must be above 0, got 0"),
        (lambda: nn.clip_by_value(-1.0), "max_delta must be above 0"),
        (lambda: nn.accumulate(optax.sgd(0.1), 2.5), "every must be a whole number of at least 1, got 2.5"),
        (lambda: clipped(nn.clip_by_norm(1.0), {}), "clip_by_norm got no gradients"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
