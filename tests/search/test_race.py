"""Rungs: budgets and numbers of members beside scikit-learn's, and who is promoted."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

import jaxnn as nn
from jaxnn.search.goal import Goal
from jaxnn.search.race import Race, ladder


class Told:
    """Budgets of a race whose scores are told beforehand, and who is sick when it starts."""

    def __init__(self, scores, stacks=(), sick=()):
        self.told, self.stacks, self.reached = np.asarray(scores, float), [np.array(s) for s in stacks], []
        self.sick = np.isin(np.arange(len(self.told)), sick)
        self.field = self

    def reach(self, members, budget):
        self.reached.append((budget, [int(i) for i in members]))

    def scores(self, budget):
        return self.told, self.sick


def race(scores, steps, factor=3, candidates=None, **told):
    points = len(scores)
    candidates = np.arange(points) if candidates is None else np.array(candidates)
    return Race(Told(scores, **told), Goal("m", True), steps, factor, candidates, np.full(points, -1), [])


def sizes(done):
    return [(rung.budget, len(rung.members)) for rung in done.rungs]


class Counts(BaseEstimator):
    """An estimator that is as good as its ``x``, for scikit-learn's search to count."""

    def __init__(self, x=0, epochs=1):
        self.x, self.epochs = x, epochs

    def fit(self, x, y):
        return self

    def score(self, x, y):
        return self.x


@pytest.mark.parametrize("least", ["exhaust", 1])
@pytest.mark.parametrize(
    ("members", "epochs", "factor"), [(27, 27, 3), (10, 100, 3), (16, 64, 2), (7, 50, 4), (5, 20, 2), (3, 9, 3)]
)
def test_sizes_and_budgets_are_those_of_scikit_learn(members, epochs, factor, least):
    peer = HalvingGridSearchCV(Counts(), {"x": list(range(members))}, cv=2, factor=factor, resource="epochs",
                               max_resources=epochs, min_resources=least, refit=False)  # fmt: skip
    peer.fit(np.zeros((8, 1)), np.zeros(8))
    ours = race(np.arange(members), nn.Halving(factor, min_budget=least).ladder(epochs, members), factor)
    ours.run(np.arange(members))
    theirs, found = list(zip(peer.n_resources_, peer.n_candidates_, strict=True)), sizes(ours)
    assert found[: len(theirs) - 1] == theirs[:-1]
    budget, count = found[len(theirs) - 1]
    assert count == peer.n_candidates_[-1] and budget in (peer.n_resources_[-1], epochs)
    assert found[-1][0] == epochs  # the last round has all here, and may stop below it there
    assert ours.rungs[-1].members[-1] == members - 1 == peer.best_params_["x"]


@pytest.mark.parametrize("factor", [2, 3, 1.5])
def test_a_ladder_grows_and_ends_at_all(factor):
    for most in range(1, 60):
        for least in (1, 2, 7):
            steps = ladder(most, least, factor)
            assert steps[-1] == most and steps == sorted(set(steps)) and steps[0] >= min(least, most)


def test_who_is_best_goes_on_and_the_last_one_goes_to_the_top_at_once():
    ours = race([4, 9, 1, 7, 8], [1, 3, 9, 27, 81])
    ours.run(np.arange(5))
    assert ours.budgets.reached == [(1, [0, 1, 2, 3, 4]), (3, [1, 4]), (81, [1])]
    assert ours.rung.tolist() == [0, 4, 0, 0, 1]
    assert ours.rungs[1].scores.tolist() == [9, 8]


def test_the_sick_never_go_on_beside_a_healthy_one():
    ours = race([9, 8, 7, 6, 1, 5, np.nan, 4, 3], [1, 3, 9], sick=[0, 1, 2, 3, 5, 7, 8])
    ours.run(np.arange(9))
    assert ours.budgets.reached[1:] == [(9, [4])]
    assert np.isnan(ours.rungs[0].scores).tolist() == [True, True, True, True, False, True, True, True, True]


def test_where_all_are_sick_the_race_ends_all_the_same():
    ours = race([1, 2, 3], [1, 3], sick=[0, 1, 2])
    ours.run(np.arange(3))
    assert ours.budgets.reached == [(1, [0, 1, 2]), (3, [2])]


def test_folds_of_a_point_are_compared_by_their_mean_and_go_on_together():
    ours = race([9, 0, 5, 5, 6, np.nan, 1, 2], [1, 2], factor=4, candidates=[0, 0, 1, 1, 2, 2, 3, 3])
    ours.run(np.arange(8))
    assert ours.budgets.reached[1] == (2, [2, 3])


def test_as_they_come_the_best_third_so_far_is_promoted():
    """By hand, as Algorithm 2 of Li et al.: three stacks of three, one third of what has reached a rung goes on."""
    ours = race([1, 2, 3, 6, 5, 4, 9, 7, 8], [1, 3, 9], stacks=[[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    ours.run_as_they_come()
    # after the second stack 2 of 6 may be beyond the first rung; those are 3 and 4, and 2 is there already
    assert ours.budgets.reached == [
        (1, [0, 1, 2]), (3, [2]), (1, [3, 4, 5]), (3, [3, 4]), (9, [3]), (1, [6, 7, 8]), (3, [6, 7, 8]), (9, [6, 8]),
    ]  # fmt: skip
    assert sizes(ours) == [(1, 9), (3, 6), (9, 3)]


def test_as_they_come_the_best_goes_to_the_top_even_where_a_third_is_nobody():
    ours = race([1, 2], [1, 3, 9], stacks=[[0], [1]])
    ours.run_as_they_come()
    assert ours.budgets.reached[-1] == (9, [1]) and ours.rung.tolist() == [0, 2]
