"""Random halvings: ragged numbers, several structures, any factor, members that diverge; nobody is lost.

``JAXNN_HALVINGS=200`` tries so many instead of 12.
"""

import math
import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import jaxnn as nn

EXAMPLES = int(os.environ.get("JAXNN_HALVINGS", "12"))
RATES = [0.5, 0.1, 0.02, 0.003, 3e38]
POINT = st.fixed_dictionaries({"wide": st.booleans(), "lr": st.sampled_from(RATES), "seed": st.integers(0, 2)})
SEARCHES = st.builds(
    nn.Halving, factor=st.sampled_from([1.5, 2, 3, 4]), min_budget=st.sampled_from([None, 2, "exhaust"]),
    metric=st.sampled_from(["val_loss", "val_accuracy", "loss", None]), asynchronous=st.booleans(),
)  # fmt: skip
BRACKETS = st.builds(nn.Hyperband, factor=st.sampled_from([2, 3]), seed=st.integers(0, 3), metric=st.just("val_loss"))


def sound(problem, runs, epochs):
    """One row for each point, in order; each its solo run up to where it came; rungs that climb, and the best go on."""
    points = runs.space.points
    assert len(runs) == len(points) == len(runs.table["lr"]) == len(runs.rung)
    assert sorted(np.concatenate([cohort.indices for cohort in runs.cohorts])) == list(range(len(points)))
    assert [p["lr"] for p in points] == runs.table["lr"] and min(runs.table["rung"]) >= 0
    problem.assert_alone(runs, epochs)
    top = max(runs.table["rung"])
    for i, run in enumerate(runs):
        solo = problem.solo(points[i], epochs)
        reached = max(rung.budget for rung in runs.rungs if i in rung.members)
        assert run.epochs == min(reached, solo.epochs) and (reached == epochs) == (runs.table["rung"][i] == top)


def promoted(problem, runs, search):
    """Of rounds: as many as one in ``factor`` of those before, the best of them, and no sick one beside a healthy."""
    metric = search.metric or "val_accuracy"
    sign = -1 if metric == "val_accuracy" else 1
    for rung, after in zip(runs.rungs, runs.rungs[1:], strict=False):
        fits = [problem.solo(runs.space.points[i]) for i in rung.members]
        sick = np.array([fit.diverged is not None and fit.epochs < rung.budget for fit in fits])
        ends = np.array([np.inf if bad else sign * fit.history[metric][rung.budget - 1]
                         for fit, bad in zip(fits, sick, strict=True)])  # fmt: skip
        wanted = math.ceil(len(ends) / search.factor)
        best = np.argsort(ends, kind="stable")[: min(wanted, int((~sick).sum()) or wanted)]
        assert set(after.members) == set(rung.members[best])


@pytest.mark.slow
def test_random_halvings_lose_nobody(problem):
    @seed(0)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=[*HealthCheck])  # fmt: skip
    @given(st.lists(POINT, min_size=1, max_size=14), st.one_of(SEARCHES, BRACKETS), st.sampled_from([1, 2, 4, None]))
    def check(points, search, chunk):
        plan = nn.Plan(1, 1, chunk)
        runs = problem.grid(nn.space.Space(tuple(points), ("wide", "lr", "seed")), plan=plan, search=search)
        sound(problem, runs, 9)
        if isinstance(search, nn.Halving) and not search.asynchronous:
            promoted(problem, runs, search)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nn.DivergedWarning)
        check()
