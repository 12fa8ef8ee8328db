"""What was asked of a study is told, however the search ends."""

import os
import signal
import threading
import time

import numpy as np
import optax
import optuna
import pytest

import jaxnn as nn
from jaxnn.search.asked import Asked

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.float32([1.0, -2.0, 0.5])).astype(np.float32)
SPACE = dict(lr=nn.space.log(1e-3, 0.3))


def trial(lr):
    return nn.Trial(nn.Dense(1), "squared_error", optax.sgd(lr))


@pytest.fixture(autouse=True)
def quiet():
    """Optuna tells every trial at length."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study_of(sampler=None, **options):
    return optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=0), **options)


def states(study):
    return [t.state.name for t in study.trials]


def search(study, space=SPACE, epochs=1, **options):
    return nn.optuna(study, trial, (X, Y), space, n_trials=12, batch=5, epochs=epochs, progress=False, **options)


class Stopping(optuna.samplers.RandomSampler):
    """Sends Ctrl-C while the study makes its eighth trial, or while that is drawn."""

    def __init__(self, where):
        super().__init__(seed=0)
        self.where = where

    def stop(self, trial, where):
        if trial.number == 7 and where == self.where:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)

    def before_trial(self, study, trial):
        self.stop(trial, "made")

    def infer_relative_search_space(self, study, trial):
        self.stop(trial, "drawn")
        return super().infer_relative_search_space(study, trial)


@pytest.mark.parametrize("where", ["made", "drawn"])
def test_ctrl_c_while_a_trial_is_asked_for_leaves_none_running(where):
    study = study_of(Stopping(where))
    with pytest.raises(nn.Interrupted) as error:
        search(study)
    assert states(study) == ["COMPLETE"] * 5 + ["FAIL"] * 3 and len(error.value.runs) == 5


def test_ctrl_c_while_a_batch_trains_leaves_none_running():
    longer = study_of()
    threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(nn.Interrupted):
        search(longer, epochs=10_000_000)
    assert states(longer) == ["FAIL"] * 5


def test_an_error_leaves_no_trial_running_either():
    study = study_of()
    with pytest.raises(ValueError, match="no hyperparameter 'rate'"):
        search(study, dict(rate=(0.0, 1.0)))
    assert states(study) == ["FAIL"] * 5


def test_a_name_that_the_study_knows_otherwise_is_told_and_leaves_no_trial_running():
    study = study_of()
    search(study)
    with pytest.raises(ValueError, match=r"cannot draw lr from Categorical.*may know otherwise.*write another study"):
        search(study, dict(lr=["a", "b"]))
    assert states(study) == ["COMPLETE"] * 12 + ["FAIL"]


def test_what_is_open_is_failed_at_the_end_and_what_was_told_stays():
    study = study_of()
    with Asked(study, SPACE) as asked:
        points = asked.points(3)
        asked.study.tell(asked.open[1], 0.5)
    assert states(study) == ["FAIL", "COMPLETE", "FAIL"] and not study.get_trials(
        states=(optuna.trial.TrialState.RUNNING,)
    )
    assert points == [t.params for t in study.trials]
