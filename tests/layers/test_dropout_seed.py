"""Dropout with a stream of its own: the masks of a seed, whatever stands around the layer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

KEY = jax.random.key(3, impl="threefry2x32")
ONES = jnp.ones((20, 30))


def masks(model, n=3, key=KEY, x=ONES):
    """What ``n`` steps of training make of ones."""
    params, state = model.init(jax.random.key(0), x)
    found = []
    for i in range(n):
        y, state = model.apply(params, state, x, key=jax.random.fold_in(key, i), train=True)
        found.append(np.asarray(y))
    return np.stack(found)


def test_the_masks_are_those_of_the_seed_whatever_the_key_and_the_place():
    own = nn.Dropout(0.5, seed=7)
    first = masks(nn.Sequential(own))
    np.testing.assert_array_equal(first, masks(nn.Sequential(own), key=jax.random.fold_in(KEY, 9)))
    np.testing.assert_array_equal(first, masks(nn.Sequential(nn.Activation("relu"), nn.Dropout(0.0), own)))
    np.testing.assert_array_equal(first, masks(own))
    assert (first != masks(nn.Sequential(nn.Dropout(0.5, seed=8)))).mean() > 0.4
    assert (masks(nn.Sequential(nn.Dropout(0.5))) != masks(nn.Sequential(nn.Flatten(), nn.Dropout(0.5)))).mean() > 0.4


def test_each_step_draws_a_mask_of_its_own_with_the_rate():
    found = masks(nn.Dropout(0.3, seed=1), 4) == 0
    assert found.mean() == pytest.approx(0.3, abs=0.03)
    assert all((found[i] != found[j]).mean() > 0.3 for i in range(4) for j in range(i))


def test_no_key_is_needed_and_in_use_nothing_happens():
    layer = nn.Dropout(0.5, seed=7)
    state = layer.init(KEY, ONES)[1]
    y, after = layer.apply({}, state, ONES, train=True)
    assert (int(after["step"]), bool((y == 0).any())) == (1, True)
    assert layer.apply({}, state, ONES) == (ONES, state)


def trial(rate, mask_seed, lr):
    dropout = nn.Dropout(rate, seed=mask_seed)
    return nn.Trial(nn.Sequential(dropout, nn.Dense(1, kernel_init="zeros")), "squared_error", optax.sgd(lr))


def test_members_of_other_seeds_share_the_masks_and_the_seed_is_an_axis_of_one_program():
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    options = {"epochs": 3, "batch_size": 4, "progress": False}
    space = {"rate": [0.5], "mask_seed": nn.traced([1, 2]), "lr": [0.1], "seed": [0, 1]}
    runs = nn.grid(trial, (x, x[:, 0]), space, **options)
    losses = {(r.hparams["mask_seed"], r.seed): r.history["loss"] for r in runs}
    np.testing.assert_allclose(losses[1, 0], losses[1, 1], rtol=1e-6)
    assert abs(losses[1, 0][-1] - losses[2, 0][-1]) > 1e-3
    again = nn.grid(trial, (x, x[:, 0]), {**space, "mask_seed": nn.traced([5, 6])}, **options)
    assert again.n_compiles == 0


def test_a_run_that_goes_on_draws_on(tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    point, options = {"rate": 0.5, "mask_seed": nn.traced(3), "lr": 0.1}, {"batch_size": 4, "progress": False}
    whole = nn.fit(trial, (x, x[:, 0]), point, epochs=4, **options)
    half = nn.fit(trial, (x, x[:, 0]), point, epochs=2, **options)
    rest = nn.fit(trial, (x, x[:, 0]), point, epochs=2, start=half, **options)
    np.testing.assert_array_equal(rest.history["loss"], whole.history["loss"])
    whole.save(tmp_path / "run")
    loaded = nn.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict(x), whole.predict(x))
    assert loaded.spec.layers[0] == nn.Dropout(0.5, seed=3)


@pytest.mark.parametrize("seed", [-1, 1.5, True, 2**31])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(
        ValueError, match=r"seed must be a whole number in \[0, 2\*\*31\), got .*; write Dropout\(0.5, s"
    ):
        nn.Dropout(0.5, seed=seed)
