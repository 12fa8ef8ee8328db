"""Population-based training: a child is its parent, gone on with by hand under other rates."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.search.goal import Goal

SPACE = dict(wide=[True], lr=nn.logspace(1e-3, 0.5, 8))
SEARCH = nn.PopulationBased(every=3, metric="val_loss", seed=2)


@pytest.fixture(scope="module")
def runs(problem):
    return problem.grid(SPACE, search=SEARCH, states=True)


def by_hand(problem, runs, i):
    """Member ``i``, trained by `Population.put` alone as the lineage says."""
    pop = nn.population(problem.trial, problem.data, SPACE, epochs=9, plan="map",
                        **{n: v for n, v in problem.options.items() if n != "progress"})  # fmt: skip
    for epoch in (3, 6, 9):
        pop.advance(3)
        rows = [row for row in runs.lineage if row.epoch == epoch]
        if rows:
            pop.put([r.child for r in rows], pop.take([r.parent for r in rows]), lr=[r.hparams["lr"] for r in rows])
    return pop.run(i)


def test_children_are_their_parents_gone_on_with_by_hand(problem, runs):
    assert [row.epoch for row in runs.lineage] == [3, 3, 6, 6]
    for i in {row.child for row in runs.lineage}:
        hand = by_hand(problem, runs, i)
        problem.assert_same_weights(runs[i], hand)
        np.testing.assert_array_equal(runs[i].history["val_loss"], hand.history["val_loss"])
        assert runs[i].hparams == hand.hparams and runs[i].epochs == 9


def test_a_child_is_a_fit_that_goes_on_from_its_parent(problem, runs):
    """All have seed 0 here, so that a child draws the dropout masks of its parent."""
    row = next(row for row in runs.lineage if row.epoch == 3 and row.child not in late(runs))
    parent = {"wide": True, "lr": SPACE["lr"][row.parent]}
    first = nn.fit(problem.trial, problem.data, parent, epochs=3, **problem.options)
    child = nn.fit(problem.trial, problem.data, parent | row.hparams, epochs=6, start=first, **problem.options)
    np.testing.assert_array_equal(runs[row.child].history["val_loss"], child.history["val_loss"])
    problem.assert_same_weights(runs[row.child], child)


def late(runs):
    """Who was replaced once more."""
    return {row.child for row in runs.lineage if row.epoch == 6}


def test_the_worst_go_on_from_the_best(problem, runs):
    ends = np.array([problem.solo({"lr": lr, "wide": True}, 9).history["val_loss"][2] for lr in SPACE["lr"]])
    order = np.argsort(ends)
    rows = [row for row in runs.lineage if row.epoch == 3]
    assert {row.child for row in rows} == set(order[-2:]) and {row.parent for row in rows} <= set(order[:2])


def test_the_curves_show_the_rates_in_use(runs):
    used = np.repeat(np.array(SPACE["lr"])[:, None], 9, 1)
    for epoch in (3, 6):
        before = used.copy()
        for row in [row for row in runs.lineage if row.epoch == epoch]:
            used[row.child, :epoch], used[row.child, epoch:] = before[row.parent, :epoch], row.hparams["lr"]
    np.testing.assert_array_equal(runs.history["lr"], used)
    assert runs.table["lr"] == [run.hparams["lr"] for run in runs] == used[:, -1].tolist()


def test_nothing_is_compiled_again_and_a_seed_draws_the_same(problem, runs):
    again = problem.grid(SPACE, search=SEARCH)
    assert again.n_compiles == 0 and again.lineage == runs.lineage and again.table == runs.table
    other = problem.grid(SPACE, search=nn.PopulationBased(every=3, metric="val_loss", seed=5))
    assert other.n_compiles == 0 and other.lineage != runs.lineage


def test_who_diverges_is_replaced_and_goes_on(problem):
    space = dict(wide=[True], lr=[0.01, 0.02, 0.1, 0.05, 3e38, 3e38, 3e38, 3e38])
    search = nn.PopulationBased(every=3, perturb={"lr": (0.8, 0.9)}, resample=0.0, metric="val_loss")
    runs = problem.grid(space, search=search)
    assert {row.child for row in runs.lineage if row.epoch == 3} == {4, 5, 6, 7}
    assert len(runs.diverged) == 0 and set(runs.table["epochs_done"]) == {9}


def test_structures_are_populations_of_their_own(problem):
    space = dict(wide=[True, False], lr=nn.logspace(1e-3, 0.5, 8))
    runs = problem.grid(space, search=SEARCH)
    assert all((row.child < 8) == (row.parent < 8) for row in runs.lineage) and len(runs.lineage) == 8


@pytest.mark.parametrize(("members", "children"), [(1, 0), (2, 2), (3, 2)])
def test_small_populations(problem, members, children):
    space = nn.space.zip(wide=[True] * members, lr=[0.5, 0.01, 0.1][:members])
    search = nn.PopulationBased(every=3, perturb={"lr": (0.8, 1.25)}, metric="val_loss")
    assert len(problem.grid(space, search=search).lineage) == children


def test_who_has_stopped_is_nobodys_parent(problem):
    options = {n: v for n, v in problem.options.items() if n != "progress"}
    pop = nn.population(problem.trial, problem.data, SPACE, epochs=9, plan="map", **options)
    pop.advance(3)
    order = np.argsort(pop.table["val_loss"])
    pop.stop([order[0]])
    winners, losers = SEARCH._chosen(pop, Goal("val_loss", False))
    assert winners.tolist() == [order[1]] and losers.tolist() == order[-2:].tolist()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (dict(every=0), "every must be a whole number of at least 1"),
        (dict(fraction=0.7), "fraction must be from 0 to 0.5, got 0.7"),
        (dict(resample=-0.1), "resample must be from 0 to 1, got -0.1"),
        (dict(mode="up"), 'mode must be "min", "max" or None'),
    ],
)
def test_wrong_arguments_are_told(wrong, told):
    with pytest.raises(ValueError, match=told):
        nn.PopulationBased(**wrong)
