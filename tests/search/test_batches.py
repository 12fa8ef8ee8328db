"""The points of a search as they come: few programs, one reading of the rows, one `Runs`."""

import pickle

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.search.batches import LEAST, Batches, Options

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2)).astype(np.float32)
Y = X @ np.float32([1.0, -2.0])


def trial(lr, l2=0.0, width=0):
    model = nn.mlp((width,) * bool(width), out=1)
    return nn.Trial(model, "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr)))


def points(n, **more):
    return [dict(lr=float(v), **more) for v in RNG.uniform(0.01, 0.1, n)]


def batches_of(full=20, **options):
    return Batches(trial, (X, Y), epochs=2, full=full, options=dict(batch_size=8) | options)


def rooms(batches, *sizes):
    return [batches.begin(points(n)).parts[0].population.layout.room for n in sizes]


def test_where_members_follow_one_another_there_is_one_program():
    assert rooms(batches_of(plan="map"), 3, 20, 1, 16) == [20] * 4
    assert rooms(batches_of(plan=nn.Plan(1, 1, 4)), 3, 20, 1) == [20] * 3


def test_side_by_side_a_power_of_two_and_what_is_there_for_fewer():
    assert rooms(batches_of(), 3, 2, 9, 20, 17, 10, 8) == [LEAST, LEAST, 16, 20, 20, 16, LEAST]
    assert rooms(batches_of(plan="vmap"), 20, 3, 1) == [20] * 3
    assert rooms(batches_of(), 40, 30) == [40, 40]


def test_two_structures_have_rooms_of_their_own():
    batches = batches_of(plan="vmap")
    batch = batches.begin(points(12) + points(3, width=2))
    assert [part.population.layout.room for part in batch.parts] == [16, LEAST]


def test_a_name_that_came_later_is_filled_for_all_and_shares_the_program_from_then_on():
    batches = batches_of(plan="map")
    for own in (points(2), points(1, l2=0.1), points(2)):
        batch = batches.begin(own)
        batch.advance(2)
        batches.close(batch)
    runs = batches.runs()
    assert runs.table["l2"] == [0.0, 0.0, 0.1, 0.0, 0.0] and [len(c.indices) for c in runs.cohorts] == [2, 3]
    assert batches.source is runs.source and len(runs) == 5
    alone = nn.grid(trial, (X, Y), runs.space, epochs=2, plan="map", batch_size=8, progress=False)
    assert alone.table == runs.table


def test_runs_are_pickled_and_make_ensembles():
    batches = batches_of()
    batch = batches.begin(points(3))
    batch.advance(2)
    batches.close(batch)
    runs = batches.runs()
    again = pickle.loads(pickle.dumps(runs))
    assert again.table == runs.table and again.stacked_params()["dense_0"]["kernel"].shape == (3, 2, 1)
    np.testing.assert_array_equal(again[2].predict(X), runs[2].predict(X))
    assert runs.top(2).ensemble().evaluate((X, Y))["loss"] > 0


def test_its_options_are_those_of_a_grid():
    import inspect

    known = inspect.signature(nn.grid).parameters
    batches = Batches(trial, (X, Y), epochs=1, full=1)
    assert set(Options.__annotations__) == set(batches.options) < set(known)
    assert batches.options == {name: known[name].default for name in batches.options}


def test_no_runs_before_the_first_batch():
    batches = batches_of()
    assert len(batches.runs()) == 0 and batches.runs().finished == []
    with pytest.raises(ValueError, match=r"point 0 of the space.*'lr' has no value"):
        batches.begin([dict(l2=0.1)])
