"""Frozen leaves: to the bit, under any optimizer, found by path; the others as Optax moves them."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize

import jaxnn as nn

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.float32([1, -2, 0.5]) + np.random.default_rng(1).normal(size=24)).astype(np.float32)
LABELS = (Y > 0).astype(np.int32)
OPTIONS = dict(batch_size=8, progress=False)


def leaves(tree):
    return {"/".join(str(k.key) for k in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@pytest.fixture(scope="module")
def start():
    x = jax.ShapeDtypeStruct((1, 3), jnp.float32)
    return nn.mlp((4, 2), out=1).init(jax.random.key(7, impl="threefry2x32"), x)[0]


LAYER_0, LAYER_1 = ({f"dense_{i}/kernel", f"dense_{i}/bias"} for i in range(2))
BIASES = {"dense_0/bias", "dense_1/bias", "dense_2/bias"}


@pytest.mark.parametrize(
    ("paths", "frozen"),
    [
        (["dense_0"], LAYER_0),
        (["dense_1/kernel"], {"dense_1/kernel"}),
        (["*/bias"], BIASES),
        (["dense_[01]"], LAYER_0 | LAYER_1),
        (["dense_0", "*/bias"], LAYER_0 | BIASES),
    ],
)
def test_the_leaves_of_its_paths_stay_whatever_their_gradient_and_the_others_move_as_without_it(start, paths, frozen):
    grads = {name: jnp.full_like(leaf, jnp.nan if name in frozen else 0.5) for name, leaf in leaves(start).items()}
    grads = jax.tree.unflatten(jax.tree.structure(start), grads.values())
    plain, optimizer = optax.adam(0.1), optax.chain(optax.adam(0.1), nn.freeze(*paths))
    with jax.numpy_dtype_promotion("standard"):
        ours, _ = optimizer.update(grads, optimizer.init(start), start)
        theirs, _ = plain.update(grads, plain.init(start), start)
    theirs = leaves(theirs)
    for name, update in leaves(ours).items():
        np.testing.assert_array_equal(update, np.zeros(update.shape) if name in frozen else theirs[name], name)
        assert (np.asarray(update) == 0).all() == (name in frozen)


OPTIMIZERS = {
    "adam": lambda: optax.adam(0.05),
    "adam with decay in front": lambda: optax.chain(optax.adam(0.05), nn.decay(0.5, 0.05, where="*")),
    "adamw": lambda: optax.adamw(0.05, weight_decay=0.5),
    "l1 and momentum": lambda: optax.chain(nn.l1(0.1, where="*"), optax.sgd(0.02, momentum=0.9)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_under_fit_they_stay_to_the_bit_and_the_others_are_those_of_a_partition(name, start):
    def trained(optimizer):
        trial = nn.Trial(nn.mlp((4, 2), out=1), "squared_error", optimizer)
        return nn.fit(trial, (X, Y), epochs=3, start=start, **OPTIONS).params

    labels = {f"dense_{i}": {"kernel": "moves", "bias": "moves"} for i in range(3)}
    labels["dense_0"] = {"kernel": "stays", "bias": "stays"}
    ours = trained(optax.chain(OPTIMIZERS[name](), nn.freeze("dense_0")))
    theirs = trained(optax.partition({"moves": OPTIMIZERS[name](), "stays": optax.set_to_zero()}, labels))
    chex.assert_trees_all_equal(ours["dense_0"], start["dense_0"])
    chex.assert_trees_all_close(ours, theirs, rtol=1e-6)
    moved = [np.abs(np.asarray(a) - b).max() for a, b in zip(*map(jax.tree.leaves, (theirs, start)), strict=True)]
    assert sum(m > 1e-3 for m in moved) >= 4 > 2 == sum(m == 0 for m in moved)


def test_in_a_grid_they_stay_to_the_bit_for_every_member(start):
    def trial(lr):
        return nn.Trial(nn.mlp((4, 2), out=1), "squared_error", optax.chain(optax.adam(lr), nn.freeze("*/kernel")))

    runs = nn.grid(trial, (X, Y), dict(lr=[0.1, 0.01, 0.001]), epochs=2, start=start, **OPTIONS)
    for run in runs:
        for name, leaf in leaves(run.params).items():
            assert np.array_equal(leaf, leaves(start)[name]) == name.endswith("kernel")
    chex.assert_trees_all_equal_shapes(runs[0].params, start)
    assert len({float(run.params["dense_2"]["bias"][0]) for run in runs}) == 3


def test_around_lbfgs_the_others_come_to_their_minimum():
    bias, strength = np.float32(1.5), 0.01
    optimizer = optax.chain(nn.freeze("bias"), nn.lbfgs(l2=strength), nn.freeze("bias"))
    trial = nn.Trial(nn.Dense(1), "sigmoid_cross_entropy", optimizer)
    begin = {"kernel": np.zeros((3, 1), np.float32), "bias": np.array([bias])}
    run = nn.fit(trial, (X, LABELS), epochs=30, start=begin, batch_size=None, progress=False)

    def objective(w):
        z = X.astype(np.float64) @ w + float(bias)
        return np.mean(np.logaddexp(0, z) - LABELS * z) + strength * (w**2).sum()

    best = minimize(objective, np.zeros(3), tol=1e-10)
    assert float(run.params["bias"][0]) == bias
    np.testing.assert_allclose(run.params["kernel"][:, 0], best.x, atol=1e-3)
    assert run.metrics["loss"] + run.metrics["penalty"] == pytest.approx(best.fun, rel=1e-5)


def test_the_penalty_and_the_average_behind_see_frozen_leaves(start):
    optimizer = optax.chain(nn.l2(0.1), optax.sgd(0.05), nn.freeze("dense_0"), nn.swa())
    trial = nn.Trial(nn.mlp((4, 2), out=1), "squared_error", optimizer)
    run = nn.fit(trial, (X, Y), epochs=2, start=start, **OPTIONS)
    chex.assert_trees_all_close(run.params["dense_0"], start["dense_0"], rtol=1e-6)
    kernels = [np.asarray(run.params[f"dense_{i}"]["kernel"], np.float64) for i in range(3)]
    assert run.metrics["penalty"] == pytest.approx(0.1 * sum((k**2).sum() for k in kernels), rel=1e-5)


def test_transfer_learning_is_two_lines():
    first = nn.Trial(nn.mlp((6,), out=1), "squared_error", optax.adam(0.05))
    then = optax.chain(optax.adam(0.05), nn.freeze("dense_0"))
    second = nn.Trial(nn.mlp((6,), out=2), "softmax_cross_entropy", then)

    old = nn.fit(first, (X, Y), epochs=20, **OPTIONS)
    new = nn.fit(second, (X, LABELS), epochs=20, start=old.params, **OPTIONS)

    chex.assert_trees_all_equal(new.params["dense_0"], old.params["dense_0"])
    assert new.params["dense_1"]["kernel"].shape == (6, 2)
    assert (set(new.taken.over), set(new.taken.anew)) == ({"dense_0/bias", "dense_0/kernel"}, LAYER_1)
    assert new.history["loss"][-1] < new.history["loss"][0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: nn.freeze(), r'freeze takes paths of leaves, got \(\); write nn\.freeze\("dense_0"\)'),
        (lambda p: nn.freeze("dense_0", 3), "freeze takes paths of leaves, got"),
        (lambda p: nn.freeze(("dense_0",)), "freeze takes paths of leaves, got"),
        (
            lambda p: nn.freeze("dense_0", "dense_7").init(p),
            r"freeze finds no leaf for 'dense_7' among dense_0/bias, .*; write nn\.freeze\('dense_0/bias'\)",
        ),
        (lambda p: nn.freeze("dense").init(p), "freeze finds no leaf for 'dense' among"),
        (lambda p: nn.freeze("dense_0").init({}), "among no leaves"),
        (lambda p: nn.freeze("dense_0").update(p, nn.freeze("dense_0").init(p)), "reads the parameters and got none"),
    ],
)
def test_bad_calls_say_what_to_write(call, message, start):
    with pytest.raises(ValueError, match=message):
        call(start)
