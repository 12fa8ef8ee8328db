"""Hyperband: the brackets of the paper, and members that are their solo runs."""

import numpy as np
import pytest

import jaxnn as nn

PAPER = {4: (81, 1), 3: (34, 3), 2: (15, 9), 1: (8, 27), 0: (5, 81)}
"""Table 1 of Li et al., 2018, for R = 81 and eta = 3: points and epochs of the first round of each bracket."""


def test_points_and_budgets_are_those_of_the_paper():
    search = nn.Hyperband(factor=3)
    steps, sizes = search.ladder(81, 0), search._sizes(81)
    assert [(n, steps[k]) for k, n in enumerate(sizes)] == [PAPER[s] for s in (4, 3, 2, 1, 0)]
    assert search.points(81) == sum(n for n, _ in PAPER.values())
    assert [len(part) for part in search._dealt(143, 81)] == sizes


@pytest.mark.parametrize("candidates", [1, 2, 7, 49, 100])
def test_every_point_is_dealt_once(candidates):
    dealt = nn.Hyperband()._dealt(candidates, 27)
    assert sorted(np.concatenate(dealt)) == list(range(candidates)) and len(dealt) == 4


def test_brackets_begin_higher_and_members_are_their_solo_runs(problem):
    runs = problem.grid(dict(wide=[False, True], lr=problem.rates), search=nn.Hyperband(metric="val_loss"))
    problem.assert_alone(runs)
    first = [rung for rung, before in zip(runs.rungs, [None, *runs.rungs], strict=False)
             if before is None or rung.budget <= before.budget]  # fmt: skip
    assert [rung.budget for rung in first] == [1, 3, 9]
    assert sorted(np.concatenate([rung.members for rung in first])) == list(range(18))
    assert runs.best("val_loss").epochs == 9 and runs.table["rung"][first[2].members[0]] == 2


def test_another_seed_deals_in_another_way():
    a, b = (nn.Hyperband(seed=seed)._dealt(49, 27)[0].tolist() for seed in (0, 1))
    assert a != b and a == nn.Hyperband(seed=0)._dealt(49, 27)[0].tolist()


@pytest.mark.parametrize("wrong", [dict(min_budget="exhaust"), dict(budget="rows")])
def test_brackets_need_a_number_to_begin_at(wrong):
    with pytest.raises(ValueError, match=r"brackets begin at a number of .*; write nn.Hyperband\("):
        nn.Hyperband(**wrong)


def test_a_factor_of_one_is_told():
    with pytest.raises(ValueError, match=r"write nn.Hyperband\(factor=3\)"):
        nn.Hyperband(factor=1)
