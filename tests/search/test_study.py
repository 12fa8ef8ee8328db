"""A study of Optuna over batches: the numbers of a grid, its storages, its pruners, and no trial left running."""

import logging
import os
import subprocess
import sys
import textwrap

import jax
import numpy as np
import optax
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.float32([1.0, -2.0, 0.5])).astype(np.float32)
OPTIONS = dict(batch_size=8, plan="map", validation=0.25, progress=False)
SPACE = dict(lr=nn.space.log(1e-3, 0.3), l2=(0.0, 0.1))


def trial(lr, l2=0.0, hidden=(), kind="sgd", momentum=0.0):
    optimizer = optax.sgd(lr, momentum) if kind == "sgd" else optax.adam(lr)
    return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.chain(nn.l2(l2), optimizer), "r2")


@pytest.fixture(autouse=True)
def quiet():
    """Optuna tells every trial at length."""
    optuna.logging.set_verbosity(logging.ERROR)


def study_of(sampler=None, **options):
    return optuna.create_study(sampler=sampler or optuna.samplers.TPESampler(seed=0), **options)


def states(study):
    return [t.state.name for t in study.trials]


def search(study, space=SPACE, **options):
    return nn.optuna(study, trial, (X, Y), space, **(dict(n_trials=12, batch=5, epochs=3) | OPTIONS | options))


def test_it_is_the_grid_of_the_same_points_and_the_study_of_one_s_own_loop():
    study, by_hand = study_of(), study_of()
    runs = search(study)
    distributions = dict(lr=FloatDistribution(1e-3, 0.3, log=True), l2=FloatDistribution(0.0, 0.1))
    for n in (5, 5, 2):
        asked = [by_hand.ask(distributions) for _ in range(n)]
        own = nn.grid(trial, (X, Y), [t.params for t in asked], epochs=3, **OPTIONS)
        for one, value in zip(asked, own.table["val_loss"], strict=True):
            by_hand.tell(one, value)
    assert [t.params for t in study.trials] == [t.params for t in by_hand.trials] == [*map(dict, runs.space.points)]
    assert [t.value for t in study.trials] == [t.value for t in by_hand.trials] == runs.table["val_loss"]
    alone = nn.grid(trial, (X, Y), runs.space, epochs=3, **OPTIONS)
    for ours, theirs in zip(runs, alone, strict=True):
        jax.tree.map(np.testing.assert_array_equal, (ours.params, ours.history), (theirs.params, theirs.history))
    assert study.best_params == runs[study.best_trial.number].hparams == runs.best("val_loss").hparams
    assert search(study, n_trials=3).n_compiles == 0 and len(study.trials) == 15


def conditional(t):
    """A choice that opens others."""
    point = dict(lr=t.suggest_float("lr", 1e-3, 0.1, log=True), kind=t.suggest_categorical("kind", ["sgd", "adam"]))
    if point["kind"] == "sgd":
        point["momentum"] = t.suggest_float("momentum", 0.0, 0.9)
    return point


def test_a_space_may_be_a_function_in_which_one_choice_opens_others():
    study = study_of()
    runs = search(study, conditional, n_trials=14, batch=7)
    assert runs.space.axes == ("lr", "kind", "momentum") and len(runs.cohorts) == 2
    for t, run in zip(study.trials, runs, strict=True):
        assert ("momentum" in t.params) == (t.params["kind"] == "sgd") and run.hparams == {"momentum": 0.0} | t.params
    alone = nn.grid(trial, (X, Y), [t.params for t in study.trials], epochs=3, **OPTIONS)
    assert alone.table == runs.table
    assert search(study, conditional, n_trials=7, batch=7).n_compiles == 0


def test_an_enqueued_trial_is_the_first():
    study = study_of()
    study.enqueue_trial(dict(lr=0.01, l2=0.05))
    assert search(study, n_trials=2)[0].hparams == dict(lr=0.01, l2=0.05)


class Halves(optuna.pruners.BasePruner):
    """Prunes what is worse than the median of all that were reported at this step."""

    def prune(self, study, trial):
        step = trial.last_step
        others = [t.intermediate_values[step] for t in study.get_trials(False) if step in t.intermediate_values]
        return trial.intermediate_values[step] > np.median(others)


PRUNERS = {
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=2),
    "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=2),
    "own": Halves,
}


@pytest.mark.parametrize("pruner", PRUNERS)
def test_pruning_is_that_of_a_loop_by_hand(pruner):
    study, by_hand = (study_of(pruner=PRUNERS[pruner]()) for _ in range(2))
    runs = search(study, n_trials=12, batch=6, epochs=7, prune_every=2)
    for _ in range(2):
        asked = [by_hand.ask(dict(lr=FloatDistribution(1e-3, 0.3, log=True), l2=FloatDistribution(0.0, 0.1)))
                 for _ in range(6)]  # fmt: skip
        pop = nn.population(trial, (X, Y), [t.params for t in asked], epochs=7,
                            batch_size=8, plan="map", validation=0.25)  # fmt: skip
        for rung in (2, 4, 6):
            pop.advance(2)
            kept = []
            for i, t in enumerate(asked):
                t.report(float(pop.history["val_loss"][i, -1]), rung)
                if t.should_prune():
                    by_hand.tell(t, state=TrialState.PRUNED)
                else:
                    kept.append(i)
            asked = [asked[i] for i in kept]
            if not asked:
                break
            pop = pop.take(kept)
        if asked:
            pop.advance(1)
        for t, value in zip(asked, pop.table["val_loss"] if asked else (), strict=True):
            by_hand.tell(t, value)
    assert states(study) == states(by_hand) and {"PRUNED", "COMPLETE"} <= set(states(study))
    assert [t.intermediate_values for t in study.trials] == [t.intermediate_values for t in by_hand.trials]
    assert [t.value for t in study.trials] == [t.value for t in by_hand.trials]
    done = runs.table["epochs_done"]
    for t, epochs, run in zip(study.trials, done, runs, strict=True):
        assert epochs == (7 if t.state is TrialState.COMPLETE else t.last_step)
        assert {s: run.history["val_loss"][s - 1] for s in t.intermediate_values} == t.intermediate_values
    kernels = runs.stacked_params()["dense_0"]["kernel"]
    np.testing.assert_array_equal(kernels, np.stack([run.params["dense_0"]["kernel"] for run in runs]))
    solo = nn.fit(trial, (X, Y), runs[8].hparams, epochs=done[8], batch_size=8, validation=0.25, progress=False)
    assert solo.history["val_loss"].tolist() == runs[8].history["val_loss"].tolist()


def test_all_seeds_of_a_trial_are_pruned_and_no_others():
    study = study_of(pruner=Halves())
    runs = search(study, n_trials=6, batch=6, epochs=6, prune_every=2, seeds=2)
    expected = [6 if t.state is TrialState.COMPLETE else t.last_step for t in study.trials]
    assert runs.table["epochs_done"] == np.repeat(expected, 2).tolist() and 0 < expected.count(6) < 6
    assert max(t.last_step for t in study.trials) == 4, "at its end a trial is complete, and nobody asks to prune it"
    for i, t in enumerate(study.trials):
        for step, value in t.intermediate_values.items():
            assert value == np.mean([runs.history["val_loss"][2 * i + k, step - 1] for k in range(2)], dtype=float)


@pytest.mark.parametrize("width", [4, 12])
def test_members_side_by_side_lie_closer_together_when_some_are_pruned(width):
    """In the program that there is: pruning compiles nothing."""
    options = dict(n_trials=24, batch=12, epochs=5, prune_every=1, plan=nn.Plan(1, width))
    study = study_of(pruner=Halves())
    first = search(study, **options)
    assert set(states(study)) == {"PRUNED", "COMPLETE"} and first.n_compiles == 2
    again = search(study_of(pruner=Halves()), **options)
    assert again.n_compiles == 0 and again.table == first.table
    alone = nn.grid(trial, (X, Y), [*first.space.points], epochs=5, **OPTIONS)
    known = np.isfinite(first.history["val_loss"])
    np.testing.assert_allclose(first.history["val_loss"][known], alone.history["val_loss"][known], rtol=1e-4)


def test_trials_with_epochs_of_their_own_come_to_their_own_end():
    study = study_of()
    runs = search(study, dict(lr=0.01, epochs=IntDistribution(2, 6)), n_trials=8, batch=4, prune_every=2)
    assert runs.table["epochs_done"] == [t.params["epochs"] for t in study.trials] and max(runs.table["epochs"]) > 3
    assert [t.last_step for t in study.trials] == [2 * ((e - 1) // 2) or None for e in runs.table["epochs"]]


def test_a_trial_that_diverged_is_told_as_failed_and_the_search_goes_on():
    study = study_of()
    for lr in (0.1, 1e30, 0.05):
        study.enqueue_trial(dict(lr=lr))
    with pytest.warns(nn.DivergedWarning, match="2 of 6 networks"):
        runs = search(study, dict(lr=FloatDistribution(0.0, 1e31)), n_trials=3, seeds=2, batch=3, prune_every=1)
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE"]
    means = np.array(runs.table["val_loss"]).reshape(3, 2).mean(1)
    assert [study.trials[0].value, study.trials[2].value] == [means[0], means[2]]


STORAGES = {"sqlite": "sqlite:///{}/study.db", "journal": "{}/journal.log"}


def storage_of(kind, folder):
    place = STORAGES[kind].format(folder)
    if kind == "sqlite":
        return place
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(place))


AGAIN = """
import sys
sys.path.insert(0, {tests!r})
from test_study import *
for kind in STORAGES:
    study = optuna.load_study(study_name="digits", storage=storage_of(kind, {folder!r}))
    assert len(study.trials) == 4
    search(study, n_trials=2, batch=4)
"""


def test_a_study_goes_on_from_its_storage_in_another_process(tmp_path):
    first = {}
    for kind in STORAGES:
        study = study_of(storage=storage_of(kind, tmp_path), study_name="digits")
        first[kind] = search(study, n_trials=4, batch=4).table["val_loss"]
    code = textwrap.dedent(AGAIN.format(tests=os.path.dirname(__file__), folder=str(tmp_path)))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    for kind in STORAGES:
        again = optuna.load_study(study_name="digits", storage=storage_of(kind, tmp_path))
        assert states(again) == ["COMPLETE"] * 6 and [t.value for t in again.trials[:4]] == first[kind]
        alone = nn.grid(trial, (X, Y), [t.params for t in again.trials], epochs=3, **OPTIONS)
        np.testing.assert_allclose([t.value for t in again.trials], alone.table["val_loss"], rtol=1e-6)


def test_several_directions_have_a_metric_each():
    study = study_of(directions=["minimize", "maximize"])
    runs = search(study, metric=("val_loss", "val_r2"))
    values = np.array([t.values for t in study.trials]).T
    np.testing.assert_array_equal(values, [runs.table["val_loss"], runs.table["val_r2"]])
    with pytest.raises(ValueError, match="prunes no study of several directions; leave out prune_every"):
        search(study, metric=("val_loss", "val_r2"), prune_every=1)
    with pytest.raises(ValueError, match=r"2 direction\(s\) and metric= 1 name\(s\), val_loss"):
        search(study)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: search(study_of(direction="maximize")), r'val_loss is better the smaller.*direction="minimize"'),
        (lambda: search(study_of(), metric="val_r2"), r'val_r2 is better the larger.*create_study\(direction="maxi'),
        (lambda: search(study_of(), metric="val_acuracy"), "no 'val_acuracy'; write metric= one of loss"),
        (lambda: search("digits"), r"a study is one of Optuna, got 'digits'; write optuna.create_study"),
        (
            lambda: search(study_of(), [dict(lr=0.1)]),
            r"a dict of ranges or a function .*, and no list; .*nn.grid\(trial, data, space\)",
        ),
        (lambda: search(study_of(), lambda t: None), "returned None; write return dict"),
        (lambda: search(study_of(), dict(lr=(0.3, 0.1))), r"a range goes up, and lr is .* write lr=\(0\.1, 0\.3\)"),
        (lambda: search(study_of(), n_trials=0), "n_trials must be a whole number of at least 1"),
        (lambda: search(study_of(), prune_every=0), "prune_every must be a whole number of at least 1"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_call_to_write(make, message):
    with pytest.raises(ValueError, match=message):
        make()
