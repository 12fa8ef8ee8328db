"""Which plan a population gets."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.choose import TINY_WIDTH, choose, even
from jaxnn.grid.memory import Line

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 30)


class Stand:
    """A gauge that says: so many bytes whatever the members, and so many for each of them."""

    def __init__(self, work=0, each=1, once=0, place=0):
        # Two kernels, or one layer would count as no work.
        self.state = SimpleNamespace(params=[np.empty((work, 1)), np.empty((1, 1))] if work else [])
        self.batch_size, self.told, self.compiled = 1, Line(once, each, place), 0

    def estimate(self, plan, members):
        return self.told.of(plan.width, -(-min(members, plan.chunk or members) // plan.devices))

    def line(self, plan):
        self.compiled += 1
        return self.told


LARGE = 10**6


def trial(lr, hidden=()):
    return nn.Trial(nn.mlp(hidden, 3), "softmax_cross_entropy", optax.sgd(lr))


def chosen(**space):
    space = {"lr": nn.logspace(1e-3, 1.0, 6), **space}
    return nn.grid(trial, (X, Y), space, epochs=1, progress=False).plan[0].plan


@pytest.mark.parametrize("devices", [1, 2, 5])
def test_blocks_are_even_and_none_is_too_wide(devices):
    for members in range(1, 300):
        width, each = even(members, devices), -(-members // devices)
        blocks = -(-each // width)
        assert 1 <= width <= TINY_WIDTH and blocks == -(-each // TINY_WIDTH)
        assert blocks * width - each < blocks


def test_small_networks_go_side_by_side_and_large_ones_one_after_the_other():
    assert chosen(hidden=[(4,)]).width == 6
    assert chosen(hidden=[(80, 80)]).width == 1


def test_a_single_layer_goes_side_by_side_whatever_its_size():
    def width(*shapes):
        gauge = Stand()
        gauge.state, gauge.batch_size = SimpleNamespace(params=[np.empty(shape) for shape in shapes]), 10**6
        return choose("auto", 6, gauge).width

    assert width((640, 100), (100,)) == 6
    assert width((640, 100), (100,), (100, 10), (10,)) == width((3, 3, 1, 8), (8,)) == 1


def test_plans_by_name():
    device = jax.local_devices()[:1]
    assert choose("map", 5) == nn.Plan(1, 1, 5, tuple(device))
    assert choose("vmap", 5, Stand(LARGE)) == nn.Plan(1, 5, 5, tuple(device))
    assert choose("auto", 5, Stand()) == choose("auto", 5, Stand(), device[0]) == nn.Plan(1, 5, 5, tuple(device))
    assert choose("auto", 5, Stand(LARGE)).width == 1
    on = nn.Plan(1, 2, on=tuple(device))
    assert choose(on, 5) == dataclasses.replace(on, chunk=5)
    assert choose(nn.Plan(1, 2), 5).on == tuple(device)


@pytest.mark.parametrize(
    "plan",
    [nn.Plan(0), nn.Plan(99), nn.Plan(1, 0), nn.Plan(1.5), nn.Plan(1, 2.0), nn.Plan(1, 1, 0), nn.Plan(1, 1, -3),
     nn.Plan(2, 1, on=(0,)), "wide", None, 3],
)  # fmt: skip
def test_what_is_no_plan_is_refused_at_the_door(plan):
    with pytest.raises(ValueError, match=r"does not fit 1 device\(s\); write Plan|a plan is \"auto\""):
        choose(plan, 4, Stand())


def test_a_plan_that_names_its_devices_needs_none_of_this_process():
    """As a program that is compiled for devices elsewhere has none here."""
    here = jax.local_devices()
    named = (*here, *here)
    plan = choose(nn.Plan(len(named), 2, on=named), 4 * len(here))
    assert plan.on == named and plan.devices == len(named)
    with pytest.raises(ValueError, match="does not fit"):
        choose(nn.Plan(len(named), 2), 4)
    with pytest.raises(ValueError, match="does not fit"):
        choose(nn.Plan(1, 2, on=named), 4)
