"""What must stay true of a member: it is its solo run, one program serves a structure, a sick one harms nobody."""

import chex
import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] ** 2 > 0.3).astype(np.int32)
OPTIONS = dict(epochs=4, batch_size=8, validation=0.25, progress=False)


def trial(lr, rate=0.2, hidden=(6,)):
    model = nn.mlp(hidden, out=2, dropout=rate, batch_norm=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


@pytest.fixture(scope="module")
def mapped():
    space = dict(lr=[1e-3, 1e-2, 1e-1], rate=[0.0, 0.3], seed=range(2))
    return nn.grid(trial, (X, Y), space, plan="map", **OPTIONS)


@pytest.mark.parametrize("i", [0, 5, 11])
def test_a_member_under_map_is_its_solo_run_to_the_bit(mapped, i):
    point = mapped.space.points[i]
    solo = nn.fit(trial, (X, Y), {k: point[k] for k in ("lr", "rate")}, seed=point["seed"], **OPTIONS)
    chex.assert_trees_all_equal(mapped[i].params, jax.tree.map(np.asarray, solo.params))
    chex.assert_trees_all_equal(mapped[i].history, solo.history)
    np.testing.assert_array_equal(mapped[i].outputs(X), solo.outputs(X))


def test_replay_is_the_member(mapped):
    chex.assert_trees_all_equal(mapped[3].history, mapped.replay(3).history)


@pytest.mark.parametrize("plan", ["vmap", nn.Plan(1, 5), nn.Plan(1, 2, 4), "auto"])
def test_other_plans_agree_in_losses_and_predictions(mapped, plan):
    runs = nn.grid(trial, (X, Y), mapped.space, plan=plan, **OPTIONS)
    assert len(runs) == 12
    np.testing.assert_allclose(runs.history["val_loss"], mapped.history["val_loss"], rtol=2e-4, atol=2e-5)
    for a, b in zip(runs, mapped, strict=True):
        assert a.hparams == b.hparams
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-4)


def test_a_sick_member_leaves_the_others_the_same_to_the_bit():
    def plain(lr):
        return nn.Trial(nn.mlp((6,), out=1), "squared_error", optax.sgd(lr))

    for plan in ("map", "vmap"):
        healthy = nn.grid(plain, (X, X[:, 0]), dict(lr=[1e-3, 1e-3, 1e-2]), plan=plan, **OPTIONS)
        with pytest.warns(nn.DivergedWarning, match="1 of 3 networks diverged, first at step"):
            sick = nn.grid(plain, (X, X[:, 0]), dict(lr=[1e-3, 1e6, 1e-2]), plan=plan, **OPTIONS)
        for i in (0, 2):
            chex.assert_trees_all_equal(healthy[i].params, sick[i].params)
            chex.assert_trees_all_equal(healthy[i].history, sick[i].history)
        assert healthy.table["diverged_at"] == [None, None, None]
        assert sick[1].diverged is not None and 0 <= sick[1].diverged < 16
        assert sick[1].epochs == sick[1].diverged // 4 and sick[1].best_epoch == sick[1].epochs - 1
        assert all(np.isfinite(a).all() for a in jax.tree.leaves(sick[1].params))
        assert sick.order("val_loss")[-1] == 1


def test_one_program_for_every_float_seed_epoch_and_order(caplog):
    def plain(lr, l2=0.0):
        return nn.Trial(nn.mlp((4,), out=2), "softmax_cross_entropy", optax.adam(lr))

    def compilations():
        return [r.getMessage() for r in caplog.records if "Compiling" in r.getMessage()]

    with jax.log_compiles():
        nn.fit(plain, (X, Y), dict(lr=1e-3), epochs=2, progress=False)
        first = nn.grid(plain, (X, Y), dict(lr=[1e-3, 1e-2], seed=[0, 1]), epochs=2, progress=False)
        assert compilations()
        assert first.n_compiles == 2
        caplog.clear()
        solo = nn.fit(plain, (X, Y), dict(lr=0.5), seed=7, epochs=9, progress=False)
        again = nn.grid(plain, (X, Y), dict(seed=[9, 3], lr=[0.3, 1e-4]), epochs=150, progress=False)
    assert compilations() == []
    assert (solo.timing["compiles"], again.n_compiles) == (0, 0)
    assert again.history["loss"].shape == (4, 150)


def test_structure_splits_into_cohorts_and_no_point_is_dropped():
    def trial(lr, hidden, name):
        return nn.Trial(nn.mlp(hidden, out=2, activation=name), "softmax_cross_entropy", optax.sgd(lr))

    space = dict(hidden=[(3,), (4, 4)], lr=[0.1, 0.2, 0.3], name=["relu", "tanh"], seed=[5])
    runs = nn.grid(trial, (X, Y), space, epochs=1, plan=nn.Plan(1, 2, 2), progress=False)
    table = runs.to_pandas()
    assert len(runs) == len(table) == 12
    assert len(runs.plan) == 4
    assert [tuple(row) for row in table[["hidden", "lr", "name"]].to_numpy()] == [
        (h, lr, n) for h in [(3,), (4, 4)] for lr in [0.1, 0.2, 0.3] for n in ["relu", "tanh"]
    ]
    assert all(runs[i].params["dense_0"]["kernel"].shape == (5, table.hidden[i][0]) for i in range(12))
    assert np.isfinite(table.loss).all()


def test_epochs_and_batch_size_are_axes_of_the_engine():
    def trial(lr):
        return nn.Trial(nn.mlp((3,), out=2), "softmax_cross_entropy", optax.sgd(lr))

    space = dict(lr=[0.1], epochs=[2, 5], batch_size=[4, 500])
    runs = nn.grid(trial, (X, Y), space, epochs=1, plan="map", states=True, progress=False)
    assert runs.table["epochs_done"] == [2, 2, 5, 5]
    assert [int(r.last.step) for r in runs] == [20, 2, 50, 5]
    solo = nn.fit(trial, (X, Y), dict(lr=0.1), epochs=5, batch_size=4, progress=False)
    chex.assert_trees_all_equal(runs[2].params, jax.tree.map(np.asarray, solo.params))


def test_traced_whole_numbers_ride_inside():
    def warm(peak, warmup):
        return nn.Trial(
            nn.mlp((3,), out=2),
            "softmax_cross_entropy",
            optax.sgd(lambda step: peak * np.float32(1) / (1 + warmup + step)),
        )

    runs = nn.grid(warm, (X, Y), dict(peak=[0.1], warmup=nn.traced([1, 5, 50])), epochs=2, progress=False)
    assert runs.n_compiles == 2
    assert runs.table["warmup"] == [1, 5, 50]
    assert len({round(v, 6) for v in runs.table["loss"]}) == 3


def test_ensemble_averages_probabilities(mapped):
    top = mapped.top(3)
    ensemble = top.ensemble()
    np.testing.assert_allclose(ensemble.predict_proba(X), np.mean([r.predict_proba(X) for r in top], 0), rtol=1e-6)
    assert ensemble.evaluate((X, Y))["accuracy"] == pytest.approx((ensemble.predict(X) == Y).mean())


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (dict(lr=[]), "the axis lr has no values"),
        (dict(lr=[0.1, float("nan")]), "holds NaN"),
        (dict(lr=(0.1, 0.2)), "write a list"),
        (dict(lr=[0.1], momentum=[0.9]), "no hyperparameter 'momentum'"),
        (dict(rate=[0.1]), "'lr' has no value"),
        (dict(lr=[0.1], seed=[-1]), "a seed must be"),
        (dict(lr=[0.1], batch_size=[0]), "batch_size must be"),
        ({}, "'lr' has no value"),
    ],
)
def test_bad_spaces_fail_at_the_door(space, message):
    with pytest.raises(ValueError, match=message):
        nn.grid(trial, (X, Y), space, epochs=1, progress=False)


def test_a_grid_in_float64_where_that_is_switched_on():
    def plain(lr):
        return nn.Trial(nn.mlp((3,), out=2), "softmax_cross_entropy", optax.sgd(lr))

    with jax.enable_x64(True):
        runs = nn.grid(plain, (X.astype(np.float64), Y), {"lr": [0.1, 0.2]}, epochs=2, progress=False)
        assert {str(a.dtype) for a in jax.tree.leaves(runs[1].params)} == {"float64"}
        assert runs[1].outputs(X).dtype == np.float64
