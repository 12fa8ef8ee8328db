"""However members are divided, each stands in one part, and workers have alike to do."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.grid.parts import dealt, divided
from jaxnn.grid.stored import NAME

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def structures(sizes):
    ends = np.cumsum([0, *sizes])
    return [list(range(a, b)) for a, b in itertools.pairwise(ends)]


@given(SIZES, st.integers(1, 9), st.one_of(st.none(), st.integers(1, 5)), st.randoms())
def test_every_point_stands_once_in_a_part_of_its_structure(sizes, workers, most, random):
    cohorts = structures(sizes)
    costs = [random.choice([0.0, 1.0, 7.5]) for _ in range(sum(sizes))]
    parts = divided(cohorts, costs, workers, most)
    assert sorted(i for part in parts for i in part.points) == list(range(sum(sizes)))
    assert all(set(part.points) <= set(cohorts[part.structure]) and part.points for part in parts)
    assert all(part.points == sorted(part.points) and len(part.points) <= (most or 99) for part in parts)
    names = [part.name for part in parts]
    assert len(set(names)) == len(names) and all(map(NAME.fullmatch, names))
    hands = dealt(parts, costs, workers)
    assert len(hands) == workers and sorted(p.name for hand in hands for p in hand) == sorted(names)


@pytest.mark.parametrize(("sizes", "workers", "lengths"), [
    ([8], 1, [8]), ([8], 4, [2, 2, 2, 2]), ([3], 5, [1, 1, 1]), ([4, 4], 2, [4, 4]), ([4] * 16, 4, [4] * 16),
    ([4, 4, 4], 2, [4, 2, 2, 4]),
])  # fmt: skip
def test_a_structure_is_cut_only_where_a_worker_ends(sizes, workers, lengths):
    assert [len(part.points) for part in divided(structures(sizes), [1.0] * sum(sizes), workers)] == lengths


@given(SIZES, st.integers(2, 5))
def test_nobody_has_more_than_a_third_above_the_even_share_and_a_member(sizes, workers):
    costs = [1.0] * sum(sizes)
    hands = dealt(divided(structures(sizes), costs, workers), costs, workers)
    loads = [sum(len(part.points) for part in hand) for hand in hands]
    assert max(loads) <= 4 / 3 * (sum(sizes) / workers + 1)  # Graham 1969, of the longest first


def test_dear_members_make_small_parts():
    parts = divided([[0, 1], [2, 3, 4, 5]], [8.0, 8.0, 4.0, 4.0, 4.0, 4.0], 4)
    assert [part.points for part in parts] == [[0], [1], [2, 4], [3, 5]]


def test_neighbours_go_to_different_workers():
    first, second = divided([list(range(16))], [1.0] * 16, 2)
    assert max(np.diff(first.points)) <= 3 and max(np.diff(second.points)) <= 3
