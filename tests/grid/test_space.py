"""Spaces: every combination once, in order, drawn from all of what was given."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import jaxnn as nn
from jaxnn.grid.space import as_space, axis_values, log, logspace, product, random, sobol, zip

AXES = st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(-9, 9), min_size=1, max_size=4), max_size=4)


@given(AXES)
def test_a_product_is_that_of_itertools(axes):
    space = product(**axes)
    assert [tuple(p.values()) for p in space.points] == [*itertools.product(*axes.values())]
    assert space.axes == tuple(axes) and len(as_space(axes)) == len(space) == np.prod([len(v) for v in axes.values()])
    assert all(tuple(p) == tuple(axes) for p in space.points)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 9))
def test_a_zip_goes_side_by_side_with_its_constants(values, constant):
    space = zip(a=values, b=[2 * v for v in values], c=constant)
    assert space.points == tuple({"a": v, "b": 2 * v, "c": constant} for v in values)


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.integers(1, 40))
def test_logspace_is_numpys_with_its_ends_to_the_bit(first, last, n):
    values = logspace(first, last, n)
    assert values[0] == first and (n == 1 or values[-1] == last)
    np.testing.assert_allclose(values, np.geomspace(first, last, n) if n > 1 else [first], rtol=1e-9)


def test_an_axis_with_a_float_is_an_axis_of_floats_and_others_keep_their_types():
    assert [type(v) for v in axis_values("lr", [0, 0.5, 1])] == [float] * 3
    assert [type(v) for v in axis_values("n", [0, 1])] == [int] * 2
    assert axis_values("flag", [True, 0.5]) == [True, 0.5] and axis_values("flag", [True, 0.5])[0] is True
    assert [type(v) for v in axis_values("x", np.array([1, 2]))] == [int] * 2
    assert axis_values("hidden", [(8,), (4, 4)]) == [(8,), (4, 4)] and axis_values("name", "relu") == ["relu"]
    assert axis_values("warmup", nn.traced([1, 2])) == [nn.traced(1), nn.traced(2)]


def test_random_draws_every_value_of_a_list_and_the_whole_of_a_range():
    space = random(4000, seed=3, lr=log(1e-4, 1e-1), l2=(-1.0, 3.0), kind=["a", "b", "c"], depth=2)
    drawn = {name: [p[name] for p in space.points] for name in space.axes}
    counts = [drawn["kind"].count(v) for v in "abc"]
    assert sum(counts) == 4000 and stats.chisquare(counts).pvalue > 1e-3
    assert set(drawn["depth"]) == {2}
    assert stats.kstest(np.log(drawn["lr"]), stats.uniform(np.log(1e-4), np.log(1e3)).cdf).pvalue > 1e-3
    assert stats.kstest(drawn["l2"], stats.uniform(-1.0, 4.0).cdf).pvalue > 1e-3
    assert random(5, seed=3, lr=log(1e-4, 1e-1)).points == random(5, seed=3, lr=log(1e-4, 1e-1)).points
    assert random(5, seed=3, lr=(0.0, 1.0)).points != random(5, seed=4, lr=(0.0, 1.0)).points


@pytest.mark.parametrize("n", [1, 3, 8])
def test_sobol_is_that_of_scipy(n):
    space = sobol(n, seed=5, lr=(0.0, 2.0), kind=["a", "b"])
    units = stats.qmc.Sobol(2, seed=5).random_base2(int(np.ceil(np.log2(n))))[:n]
    np.testing.assert_allclose([p["lr"] for p in space.points], 2 * units[:, 0])
    assert [p["kind"] for p in space.points] == ["ab"[int(2 * u)] for u in units[:, 1]]


def test_a_sum_has_the_points_of_both_in_order_over_all_their_names():
    both = product(lr=[0.1], seed=[1]) + product(seed=[2], lr=[0.2])
    assert both.points == ({"lr": 0.1, "seed": 1}, {"seed": 2, "lr": 0.2}) and both.axes == ("lr", "seed")
    mixed = product(name=["sgd"], momentum=[0.0, 0.9]) + dict(name="adam", b2=[0.99]) + [dict(name="none")]
    assert mixed.axes == ("name", "momentum", "b2") and len(mixed) == 4
    assert mixed.points[2:] == ({"name": "adam", "b2": 0.99}, {"name": "none"})
    assert (dict(lr=0.1) + product(l2=[0.2])).axes == ("lr", "l2") == as_space([dict(lr=0.1), dict(l2=0.2)]).axes
    assert as_space([dict(lr=0.1), dict(lr=0.01, l2=0.1), dict(depth=2, lr=1)]).axes == ("lr", "l2", "depth")


@given(AXES, AXES)
def test_a_product_of_spaces_is_that_of_their_points_the_right_one_fastest(left, right):
    """Held against the product of all axes at once."""
    right = {name.upper(): v for name, v in right.items()}
    assert product(**left) * product(**right) == product(**left, **right)
    assert left * product(**right) == product(**left, **right)
    assert len(random(3, lr=(0.0, 1.0)) * dict(seed=range(5))) == 15


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: product(lr=[]), "the axis lr has no values"),
        (lambda: product(lr=(0.1, 0.2)), r"the axis lr is the tuple \(0\.1, 0\.2\); write a list"),
        (lambda: product(lr=[0.1, float("nan")]), "the axis lr holds NaN"),
        (lambda: zip(a=[1, 2], b=[1, 2, 3]), r"zip needs axes of one length.*write product"),
        (lambda: random(4, lr=(0.0, 1.0), seed=[3, 4]), r"one whole number.*write random\(4, .* dict\(seed=\[3, 4\]\)"),
        (lambda: random(4, lr=(0.0, 1.0), seed=None), r"one whole number from 0 on, got None; write random\(4, "),
        (lambda: sobol(4, lr=(0.0, 1.0), seed=range(2)), r"write sobol\(4, .*dict\(seed=range\(0, 2\)\)"),
        (lambda: product(lr=[0.1]) * product(l2=[1], lr=[0.2]), "both spaces have 'lr', and a point has one value"),
        (lambda: product(lr=[0.1]) * 3, "a space is a dict of axes, got 3"),
        (lambda: product(lr=[0.1]) + 3, "a space is a dict of axes, got 3"),
        (lambda: random(0, lr=(0, 1)), "a space needs at least one point"),
        (lambda: log(0.0, 1.0), "a log range needs 0 < low < high"),
        (lambda: log(1.0, 1.0), "a log range needs 0 < low < high"),
        (lambda: logspace(0.0, 1.0, 3), "logspace needs numbers above 0"),
        (lambda: logspace(0.1, -1.0, 3), r"logspace needs numbers above 0 and n of at least 1, got \(0.1, -1.0, 3\)"),
        (lambda: logspace(-0.1, 1.0, 3), "logspace needs numbers above 0"),
        (lambda: logspace(0.1, 0.0, 1), "logspace needs numbers above 0"),
        (lambda: logspace(0.1, 1.0, 0), "logspace needs numbers above 0"),
        (lambda: as_space(3), "a space is a dict of axes"),
        (lambda: as_space([]), "a space is a dict of axes"),
        (lambda: as_space([{"lr": 0.1}, 3]), "a space is a dict of axes"),
    ],
)
def test_what_is_no_space_is_refused_by_the_call_to_write(make, message):
    with pytest.raises(ValueError, match=message):
        make()
