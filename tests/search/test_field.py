"""The field of a search: members that go on apart and come home."""

import numpy as np

import jaxnn as nn
from jaxnn.search.field import Field


def populations(problem, space, plan=None):
    """Two populations of one space, numbered as its points."""
    found, number = [], 0
    options = {n: v for n, v in problem.options.items() if n != "progress"}
    for wide in (False, True):
        pop = nn.population(problem.trial, problem.data, space | dict(wide=wide), epochs=9, plan="map", **options)
        pop.layout = pop.layout.steady(len(pop))
        pop.numbers = np.arange(number, number + len(pop))
        number += len(pop)
        found.append(pop)
    return found


def test_members_are_brought_to_a_budget_and_those_beyond_it_stay(problem):
    seen = []
    field = Field(populations(problem, dict(lr=[0.1, 0.01])), visited=seen.append)
    assert (field.points, field.epochs, [s.tolist() for s in field.stacks]) == (4, 9, [[0, 1], [2, 3]])
    field.advance(np.array([1, 2]), 3)
    field.advance(np.array([0, 1, 2, 3]), 2)
    assert field.column(lambda pop: pop.outcome.epochs).tolist() == [2, 3, 3, 2]
    assert sum(seen) == 2 * 3 + 2 * 2
    field.advance(np.arange(4), 99)  # each ends where it ends
    assert field.column(lambda pop: pop.outcome.epochs).tolist() == [9] * 4
    for pop in field.populations:
        for i, entry in enumerate(pop.entries):
            problem.assert_same_weights(pop.run(i), problem.solo(entry.point))


def test_callbacks_see_the_points_of_who_trains(problem):
    seen = []

    def callback(population, epoch, row):
        seen.append((population.numbers.tolist(), epoch, row["loss"].shape))

    field = Field(populations(problem, dict(lr=[0.1, 0.01])), [callback])
    field.advance(np.array([0, 3]), 1)
    field.advance(np.arange(4), 2)
    assert seen == [
        ([0], 1, (1,)), ([3], 1, (1,)), ([1], 1, (1,)), ([1], 2, (1,)), ([0], 2, (1,)), ([2], 1, (1,)),
        ([2], 2, (1,)), ([3], 2, (1,)),
    ]  # fmt: skip


def test_time_is_added_up(problem):
    field = Field(populations(problem, dict(lr=[0.1, 0.01])))
    field.advance(np.arange(4), 2)
    assert all(pop.timing["run"] > 0 and pop.timing["compiles"] in (0, 1, 2) for pop in field.populations)
