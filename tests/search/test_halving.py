"""Halving: survivors are their solo runs, structures compare together, nobody is lost, and a kill changes nothing."""

import numpy as np
import pytest

import jaxnn as nn

BOTH = dict(wide=[False, True], lr=nn.logspace(1e-3, 0.5, 9))


@pytest.fixture(scope="module")
def halved(problem):
    return problem.grid(BOTH, search=nn.Halving(factor=3, metric="val_loss"))


def test_every_member_is_its_solo_run_to_the_bit(problem, halved):
    problem.assert_alone(halved)
    assert sorted(halved.table["epochs_done"]) == [1] * 12 + [3] * 4 + [9] * 2
    assert [(r.budget, len(r.members)) for r in halved.rungs] == [(1, 18), (3, 6), (9, 2)]


def test_survivors_are_the_best_over_all_structures(problem, halved):
    points = halved.space.points
    for rung, following in zip(halved.rungs, halved.rungs[1:], strict=False):
        ends = np.array([problem.solo(points[i]).history["val_loss"][rung.budget - 1] for i in rung.members])
        np.testing.assert_array_equal(rung.scores, ends)
        assert set(following.members) == set(rung.members[np.argsort(ends)[: len(following.members)]])


def test_the_table_says_the_rung_and_best_is_of_the_last(halved):
    last = halved.rungs[-1].members
    assert [i for i, rung in enumerate(halved.table["rung"]) if rung == 2] == last.tolist()
    assert list(halved.order("val_loss")[:2]) == sorted(last, key=lambda i: halved.table["val_loss"][i])
    assert halved.best("val_loss").epochs == 9
    assert set(halved.order("loss")[:2]) == set(last)


def test_one_row_for_each_point_and_one_cohort_for_each_structure(halved):
    assert len(halved) == len(halved.table["lr"]) == 18 and len(halved.cohorts) == 2
    assert halved.table["lr"] == [point["lr"] for point in halved.space.points]


def test_rungs_of_any_size_share_the_programs_of_the_first(problem, halved):
    assert halved.n_compiles <= 4  # two for each structure
    for rates in (dict(lr=nn.logspace(1e-3, 0.1, 9)), dict(lr=nn.logspace(1e-2, 0.5, 9), stop=[False])):
        problem.grid(rates, search=nn.Halving(factor=3, metric="val_loss"))
        again = problem.grid(rates | dict(seed=5), search=nn.Halving(factor=2, metric="val_loss"))
        assert again.n_compiles == 0 and len(again.rungs) == 4


def test_in_chunks_the_same_comes_out(problem, halved):
    chunked = problem.grid(BOTH, plan=nn.Plan(1, 1, 4), search=nn.Halving(factor=3, metric="val_loss"))
    problem.assert_alone(chunked)
    assert chunked.table == halved.table


def test_side_by_side_members_are_as_near_as_the_plan_says(problem, halved):
    wide = problem.grid(BOTH, plan="vmap", search=nn.Halving(factor=3, metric="val_loss"))
    assert wide.table["epochs_done"] == halved.table["epochs_done"]
    np.testing.assert_allclose(wide.history["val_loss"], halved.history["val_loss"], rtol=1e-4)


def test_seeds_are_members_like_all_others(problem):
    runs = problem.grid(dict(lr=[0.1, 0.01], seed=range(3)), search=nn.Halving(factor=3))
    problem.assert_alone(runs)
    assert sorted(runs.table["epochs_done"]) == [1, 1, 1, 1, 3, 3] or max(runs.table["epochs_done"]) == 9


def test_who_diverges_is_last_and_a_nan_metric_no_better(problem):
    rates = [3e38, 0.1, 3e38, 3e38, 3e38, 0.01]
    with pytest.warns(nn.DivergedWarning):
        runs = problem.grid(dict(lr=rates), search=nn.Halving(factor=2))
    assert set(runs.rungs[1].members) <= {1, 5}
    assert runs.best().hparams["lr"] in (0.1, 0.01)


def test_early_stopping_ends_members_in_their_rung_and_their_best_epoch_counts(problem):
    rates = dict(lr=[0.5, 0.2, 0.1, 0.05, 0.01, 1.0], stop=True)
    runs = problem.grid(rates, epochs=12, search=nn.Halving(factor=2, metric="val_loss"))
    assert any(run.epochs < 12 and run.last is None for run in runs)
    for rung in runs.rungs:
        for i, score in zip(rung.members, rung.scores, strict=True):
            short = problem.solo(runs.space.points[i], 12).history["val_loss"][: rung.budget]
            assert score == best_by_patience(short)


def best_by_patience(values):
    """The value that stopping with ``min_delta=0.01`` keeps."""
    best = np.float32(np.inf)
    for value in values:
        best = value if value < best - np.float32(0.01) else best
    return best


def test_states_go_on(problem):
    runs = problem.grid(dict(lr=[0.1, 0.01, 0.03]), search=nn.Halving(), states=True)
    short = next(run for run in runs if run.epochs == 1)
    longer = nn.fit(problem.trial, problem.data, short.hparams, epochs=2, start=short, **problem.options)
    solo = problem.solo(short.hparams)
    np.testing.assert_array_equal(longer.history["loss"], solo.history["loss"][:3])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (dict(factor=1), r"factor must be a number above 1, got 1; write nn.Halving\(factor=3\)"),
        (dict(budget="steps"), r'a budget is "epochs" or "rows", got \'steps\''),
        (dict(min_budget=0), "min_budget must be a whole number of at least 1, got 0"),
        (dict(mode="down"), 'mode must be "min", "max" or None'),
        (dict(asynchronous="yes"), "asynchronous must be True or False"),
    ],
)
def test_wrong_arguments_are_told(wrong, told):
    with pytest.raises(ValueError, match=told):
        nn.Halving(**wrong)


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (nn.Halving(min_budget=10), r"the first round has 10 epochs, of 9 that there are; write nn.Halving\(min_bud"),
        (nn.Hyperband(min_budget=10), r"the first round has 10 epochs, of 9 that there are; write nn.Hyperband\(min_b"),
        (nn.Halving(budget="rows", min_budget=99), "the first round has 99 rows, of 16 that there are"),
    ],
)
def test_a_first_round_beyond_all_is_told(problem, search, told):
    with pytest.raises(ValueError, match=told):
        problem.grid(dict(lr=[0.1, 0.2]), search=search)


@pytest.mark.parametrize("search", ["halving", nn.Halving, 3])
def test_what_is_no_search_is_told(problem, search):
    with pytest.raises(ValueError, match=r"search= takes a search, got .*; write search=nn.Halving\(factor=3\)"):
        problem.grid(dict(lr=[0.1]), search=search)


def test_asynchronous_members_are_their_solo_runs_too(problem):
    runs = problem.grid(BOTH, plan=nn.Plan(1, 1, 5), search=nn.Halving(asynchronous=True, metric="val_loss"))
    problem.assert_alone(runs)
    assert [rung.budget for rung in runs.rungs] == [1, 3, 9] and runs.best().epochs == 9
