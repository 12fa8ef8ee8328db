"""Folds and bootstrap draws by index: each run is the fit on a copy of its rows, and all cost one compilation."""

import jax
import numpy as np
import optax
import pytest
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.utils import resample

import jaxnn as nn

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(42, 3)) * 2 + 1).astype(np.float32)
LABELS = (X[:, 0] + RNG.normal(size=42) > 1).astype(np.int32)
Y = (X @ np.array([1, -1, 0.5]) + RNG.normal(size=42)).astype(np.float32)
MAP = dict(plan="map", progress=False)


def rich(lr, clock, dropout=0.2):
    """Dropout, batch statistics, momentum, decay, a schedule over all steps: what a step too many changes."""
    model = nn.Sequential(nn.Dense(4, use_bias=False), nn.BatchNorm(), nn.Dropout(dropout), nn.Dense(2))
    return nn.Trial(model, "softmax_cross_entropy", optax.adamw(lambda t: lr * (1 - t / clock.steps), weight_decay=0.1))


def small(lr):
    return nn.Trial(nn.mlp((4,), out=2), "softmax_cross_entropy", optax.adam(lr), ("f1",))


def copies(runs, trial, data, splits, **options):
    """The solo fits on copied rows of each run of a grid by folds."""
    x, y, *weight = data
    for i, run in enumerate(runs):
        train, test = splits[i % len(splits)]
        own, held = ((x[rows], y[rows], *(w[rows] for w in weight)) for rows in (train, test))
        yield run, nn.fit(trial, own, run.hparams, validation=held, seed=run.seed, progress=False, **options)


def same(run, solo, tolerance=0.0):
    assert run.epochs == solo.epochs and run.best_epoch == solo.best_epoch and run.diverged == solo.diverged
    assert [*run.history] == [*solo.history] and run.baseline == pytest.approx(solo.baseline)
    trees = [(r.params, r.state, r.history) for r in (run, solo)]
    if tolerance:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), *trees)
    else:
        jax.tree.map(np.testing.assert_array_equal, *trees)


def test_k_folds_by_index_are_k_fits_on_copies_to_the_bit_and_one_compilation():
    splits = list(StratifiedKFold(4, shuffle=True, random_state=3).split(X, LABELS))
    assert {len(train) for train, _ in splits} == {31, 32}
    space, weight = dict(lr=[0.05], seed=[1, 2]), RNG.integers(1, 4, 42).astype(np.float32)
    data = X, LABELS, weight
    runs = nn.grid(rich, data, space, folds=4, epochs=3, batch_size=8, shuffle_seed=3, **MAP)
    assert runs.n_compiles == 2 and len(runs) == 8
    assert runs.table["fold"] == [0, 1, 2, 3] * 2 and runs.table["seed"] == [1] * 4 + [2] * 4
    for run, solo in copies(runs, rich, data, splits, epochs=3, batch_size=8, shuffle_seed=3):
        same(run, solo)
    again = nn.grid(rich, data, space, folds=nn.folds(4, seed=8), epochs=3, batch_size=8, shuffle_seed=3, **MAP)
    assert again.n_compiles == 0 and again.table["val_loss"] != runs.table["val_loss"]
    same(runs.replay(6), runs[6])


@pytest.mark.parametrize("plan", ["map", "vmap"])
def test_folds_of_unequal_steps_keep_their_own_steps_and_clock(plan):
    """Folds in time of 14 and 28 rows have 2 and 4 steps; decay, momentum, masks and schedules see no others."""
    splits = list(TimeSeriesSplit(2).split(X))
    assert [-(-len(train) // 8) for train, _ in splits] == [2, 4]
    how = dict(epochs=4, batch_size=8)
    runs = nn.grid(
        rich, (X, LABELS), dict(lr=[0.05]), folds=nn.folds(2, order="time"), plan=plan, progress=False, **how
    )
    assert runs.n_compiles == 2
    for run, solo in copies(runs, rich, (X, LABELS), splits, **how):
        same(run, solo, 1e-5)


def test_a_fold_falls_sick_at_the_step_at_which_it_would_alone():
    x = X.copy()
    train = np.arange(20)
    x[33, 0] = 1e30
    splits = [(train, np.arange(20, 30)), (np.arange(20, 42), np.arange(5)), (np.arange(30, 42), np.arange(5))]

    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    how = dict(epochs=3, batch_size=4)
    with pytest.warns(nn.DivergedWarning, match="2 of 3"):
        runs = nn.grid(line, (x, Y), dict(lr=[0.01]), folds=splits, **how, **MAP)
    assert runs[0].diverged is None and runs[1].diverged is not None
    with pytest.warns(nn.DivergedWarning):
        solos = [solo.diverged for _, solo in copies(runs, line, (x, Y), splits, **how)]
    assert [run.diverged for run in runs] == solos
    assert runs.cv().table["diverged"] == [2]


def test_bootstrap_draws_are_fits_on_the_drawn_rows():
    """The draws are of one size and what they leave out is not, so the weights are those to the bit."""
    stream = np.random.RandomState(5)
    draws = [resample(np.arange(42), random_state=stream) for _ in range(2)]
    how = dict(epochs=3, batch_size=8, shuffle_seed=5)
    runs = nn.grid(small, (X, LABELS), dict(lr=[0.05]), bootstrap=2, **how, **MAP)
    assert runs.n_compiles == 2 and runs.table["bootstrap"] == [0, 1]
    splits = [(rows, np.setdiff1d(np.arange(42), rows)) for rows in draws]
    for run, solo in copies(runs, small, (X, LABELS), splits, **how):
        same(run, solo, 1e-6)
        jax.tree.map(np.testing.assert_array_equal, run.params, solo.params)
    assert runs.cv().table["error"] == runs.cv().table["std"]


def test_scaling_is_fitted_on_each_folds_training_rows():
    wide = X.astype(np.float64) * [1.0, 1e3, 1e-2] + [0.0, 1.7e9, 5.0]
    splits, how = list(KFold(3).split(wide)), dict(epochs=3, batch_size=8, standardise=True)
    names = np.array(["no", "yes"])[LABELS]
    runs = nn.grid(small, (wide, names), dict(lr=[0.05]), folds=KFold(3), **how, **MAP)
    assert set(runs[0].predict(wide)) <= {"no", "yes"}
    for run, solo in copies(runs, small, (wide, names), splits, **how):
        same(run, solo, 2e-4)
        jax.tree.map(np.testing.assert_array_equal, run.standardiser, solo.standardiser)
        np.testing.assert_allclose(run.predict_proba(wide), solo.predict_proba(wide), atol=2e-4)
        held = splits[runs.table["fold"][list(runs).index(run)]][1]
        assert run.evaluate((wide[held], names[held]))["loss"] == pytest.approx(run.metrics["val_loss"], rel=1e-4)


def test_several_structures_early_stopping_and_axes_of_the_engine(tmp_path):
    """Each fold stops by its own held-out rows; a folder goes on with, and gives them all back."""

    def trial(hidden, lr):
        return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.adam(lr))

    space = [dict(hidden=h, lr=0.3, batch_size=size, epochs=e) for h, size in (((), 8), ((3,), None)) for e in (4, 9)]
    stop, splits = nn.EarlyStopping("val_loss", patience=2), list(KFold(3, shuffle=True, random_state=0).split(X))
    runs = nn.grid(trial, (X, Y), space, folds=3, stop=stop, folder=tmp_path / "a", standardise=True, **MAP)
    assert len(runs) == 12 and runs.n_compiles == 4 and len(set(runs.table["epochs_done"])) > 2
    for i, run in enumerate(runs):
        train, test = splits[i % 3]
        own = {name: runs.space.points[i][name] for name in ("batch_size", "epochs")}
        held = X[test], Y[test]
        solo = nn.fit(trial, (X[train], Y[train]), run.hparams, validation=held, stop=stop, standardise=True,
                      progress=False, **own)  # fmt: skip
        same(run, solo, 1e-4)
    again = nn.load_runs(tmp_path / "a")
    assert again.table == runs.table and again.cv().table == runs.cv().table
    for back, run in zip(again, runs, strict=True):
        np.testing.assert_array_equal(back.predict(X), run.predict(X))


def test_a_folder_of_folds_goes_on_and_refuses_other_folds(tmp_path):
    how = dict(batch_size=8, folds=3, **MAP)
    whole = nn.grid(small, (X, LABELS), dict(lr=[0.05, 0.02]), epochs=4, **how)
    nn.grid(small, (X, LABELS), dict(lr=[0.05, 0.02]), epochs=2, folder=tmp_path / "a", **how)
    space = dict(lr=[0.05, 0.02])
    for other, words in ((nn.folds(3, seed=9), "the parts of the data has changed"), (4, "another space")):
        with pytest.raises(ValueError, match=words):
            nn.grid(small, (X, LABELS), space, epochs=4, folder=tmp_path / "a", **how | {"folds": other})
    runs = nn.grid(small, (X, LABELS), dict(lr=[0.05, 0.02]), epochs=4, folder=tmp_path / "a", **how)
    for run, undisturbed in zip(runs, whole, strict=True):
        same(run, undisturbed)


def test_a_population_of_folds_advances_is_taken_apart_saved_and_loaded(tmp_path):
    how = dict(batch_size=8, plan="map")
    whole = nn.grid(small, (X, LABELS), dict(lr=[0.05, 0.02]), epochs=4, folds=3, progress=False, **how)
    pop = nn.population(small, (X, LABELS), dict(lr=[0.05, 0.02]), folds=3, **how)
    pop.advance(2)
    pop.save(tmp_path)
    with pytest.raises(ValueError, match="the training had folds"):
        nn.Population.load(tmp_path, small, (X, LABELS))
    back = nn.Population.load(tmp_path, small, (X, LABELS), folds=3).take([1, 5])
    back.advance(2)
    assert back.table["fold"] == [1, 2]
    for k, i in enumerate((1, 5)):
        same(back.run(k), whole[i])


def test_targets_by_output():
    def heads(lr):
        graph = nn.Graph(("cls", nn.Dense(2), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
        loss = {"cls": "softmax_cross_entropy", "reg": "squared_error"}
        return nn.Trial(graph, loss, optax.adam(lr), class_weight={"cls": "balanced"})

    y = {"cls": LABELS, "reg": Y}
    runs = nn.grid(heads, (X, y), dict(lr=[0.05]), folds=3, epochs=3, batch_size=8, **MAP)
    for i, (train, test) in enumerate(StratifiedKFold(3, shuffle=True, random_state=0).split(X, LABELS)):
        own, held = ((X[rows], jax.tree.map(lambda a, r=rows: a[r], y)) for rows in (train, test))
        same(runs[i], nn.fit(heads, own, dict(lr=0.05), validation=held, epochs=3, batch_size=8, progress=False))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(folds=3, validation=0.2), "validation= and folds= hold rows out"),
        (dict(folds=3, bootstrap=5), "folds= and bootstrap= hold rows out"),
        (dict(folds=3, space=dict(lr=[0.1], fold=[0, 1])), "fold is an axis that grid makes itself; write grid"),
        (dict(space=dict(lr=[0.1], fold=[0, 1])), r"write grid\(\.\.\., folds=5\)"),
        (dict(space=dict(lr=[0.1], bootstrap=[0])), "bootstrap=200"),
        (dict(folds=43), "42 rows cannot be divided into 43 folds"),
        (dict(folds=3, shuffle=False), 'order="time"'),
        (dict(bootstrap=0), "bootstrap must be a whole number"),
        (dict(folds=3, groups=[1, 2]), r"groups of the shape \(2,\)"),
        (dict(folds=3, data=(X, Y, np.r_[np.ones(3), np.zeros(39)])), "the weights of the rows that part"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_compiled(options, words):
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    call = dict(data=(X, Y), space=dict(lr=[0.1]), epochs=1, progress=False) | options
    with pytest.raises(ValueError, match=words):
        nn.grid(line, **call)
