"""Penalties, schedules, plateaus and stopping as axes of one grid: one program, exact zeros, epochs saved."""

import chex
import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype(np.float32)
Y = (X @ np.array([2, -1, 0, 0, 0.5, 0], np.float32) + 0.3 * RNG.normal(size=48)).astype(np.float32)
STEPS, EPOCHS = 3, 12
OPTIONS = dict(epochs=EPOCHS, batch_size=12, validation=0.25, progress=False)


def test_the_table_of_the_lectures_is_one_grid():
    def lecture(l1, l2):
        steps = optax.chain(nn.l2(l2), optax.sgd(0.05), nn.proximal_l1(l1, 0.05))
        return nn.Trial(nn.Dense(1, use_bias=False, kernel_init="zeros"), "squared_error", steps)

    example = np.array([[3.0, 2.0, 1.0]]), np.array([10.0])
    space = nn.space.zip(l1=[1e-2, 0.0, 0.0], l2=[0.0, 1e-4, 0.0])
    runs = nn.grid(lecture, example, space, epochs=20_000, batch_size=1, progress=False)
    assert (len(runs.plan), runs.n_compiles) == (1, 2)
    sparse, small, plain = np.asarray(runs.stacked_params()["kernel"])[..., 0]
    np.testing.assert_allclose(sparse, [10 / 3, 0, 0], atol=1e-3)
    assert (sparse[1:] == 0).all()
    np.testing.assert_allclose(small, 10 / 14 * np.array([3, 2, 1]), atol=1e-3)
    assert np.abs(plain @ np.array([3, 2, 1]) - 10) < 1e-5
    np.testing.assert_allclose(runs.history["penalty"][:, -1], [1e-2 * 10 / 3, 1e-4 * 100 / 14, 0], rtol=1e-3)
    np.testing.assert_allclose(runs.history["loss"][:, -1], (np.stack([sparse, small, plain]) @ [3, 2, 1] - 10) ** 2,
                               atol=1e-6)  # fmt: skip


def everything(warmup, peak, l1, l2, patience, factor):
    rate = nn.schedules.warmup_cosine(0.0, peak, warmup, decay_steps=STEPS * EPOCHS + 1)
    slower = nn.plateau(factor, patience=1, rtol=0.05)
    steps = optax.chain(nn.l2(l2), optax.sgd(rate, momentum=0.9), slower, nn.proximal_l1(l1, rate))
    stop = nn.EarlyStopping("val_loss", patience=patience)
    return nn.Trial(nn.Dense(1), "squared_error", steps, stop=stop)


SPACE = nn.space.product(
    warmup=nn.traced([1, 6, 20]), peak=[0.01, 0.05, 0.2], l1=[0.0, 0.01, 0.3, 1.0], l2=[0.0, 0.01, 0.3],
    patience=nn.traced([1, 3, 30]), factor=[0.1, 0.5],
)  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    return nn.grid(everything, (X, Y), SPACE, states=True, **OPTIONS)


def test_six_axes_and_648_members_are_one_program(runs):
    assert len(runs) == 648
    assert [(r.structure, r.members, r.compiles) for r in runs.plan] == [({}, 648, 2)]
    assert runs.n_compiles == 2
    others = nn.space.product(**{k: [v] for k, v in dict(peak=0.03, l1=0.02, l2=0.1, factor=0.3).items()},
                              warmup=nn.traced(range(1, 28)), patience=nn.traced(range(24)))  # fmt: skip
    again = nn.grid(everything, (X, Y), others, **OPTIONS)
    assert (len(again), again.n_compiles) == (648, 0)


@pytest.mark.parametrize("i", [0, 300, 530, 647])
def test_a_member_is_its_solo_fit(runs, i):
    solo = runs.replay(i)
    assert solo.hparams == runs[i].hparams and (solo.epochs, solo.best_epoch) == (runs[i].epochs, runs[i].best_epoch)
    chex.assert_trees_all_close(runs[i].params, jax.tree.map(np.asarray, solo.params), rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(runs[i].history, dict(solo.history), rtol=1e-5, atol=1e-6)


def test_members_that_stop_save_epochs_and_the_others_do_not(runs):
    done, patience = np.array(runs.table["epochs_done"]), np.array(runs.table["patience"])
    val_loss = runs.history["val_loss"]
    np.testing.assert_array_equal(np.isfinite(val_loss).sum(1), done)
    assert (done[patience == 30] == EPOCHS).all()
    assert (done[patience == 1] < EPOCHS).any() and done.sum() < EPOCHS * len(runs)
    for row, n, p in zip(val_loss, done, patience, strict=True):
        best = int(np.argmin(row[:n]))
        assert n == EPOCHS or n == best + 1 + p
    assert [runs.table["best_epoch"][i] for i in range(648)] == np.nanargmin(val_loss, 1).tolist()


def test_the_penalty_stands_beside_the_loss(runs):
    table = runs.table
    for i in range(0, 648, 31):
        w = np.asarray(runs[i].params["kernel"], np.float64)
        best = runs[i].best_epoch
        penalty = table["l1"][i] * np.abs(w).sum() + table["l2"][i] * (w**2).sum()
        assert runs.history["penalty"][i, best] == pytest.approx(penalty, rel=1e-5)
        held = nn.data.holdout(48, 0.25, seed=0)[1]
        error = ((X[held] @ w[:, 0] + np.asarray(runs[i].params["bias"]) - Y[held]) ** 2).mean()
        assert runs.history["val_loss"][i, best] == pytest.approx(error, rel=1e-4)
    zeros = (np.asarray(runs.stacked_params()["kernel"]) == 0).sum((1, 2))
    counts = [zeros[np.array(table["l1"]) == l1].mean() for l1 in (1.0, 0.3, 0.0)]
    assert counts[0] > counts[1] > counts[2] == 0


def test_the_plateau_slows_the_members_down_by_their_own_factor(runs):
    scales = np.array([plateau.scale for run in runs for plateau in _plateaus(run.last.opt_state)])
    factors = np.float64(runs.table["factor"])
    falls = np.round(np.log(scales) / np.log(factors))
    np.testing.assert_allclose(scales, factors**falls, rtol=1e-5)
    assert (falls > 0).any() and len(set(falls)) > 2


def _plateaus(opt_state):
    found = jax.tree.leaves(opt_state, is_leaf=lambda node: hasattr(node, "watch"))
    return [node for node in found if hasattr(node, "watch")]
