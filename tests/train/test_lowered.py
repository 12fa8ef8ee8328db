"""What a population would run is what it runs, and knowing it takes neither rows nor a device."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.plan import Plan
from jaxnn.train import program
from jaxnn.train.lowered import lowered

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), np.array(["a", "b", "c"] * 4)


def trial(lr, class_weight=None):
    model = nn.mlp((4,), out=3, dropout=0.1)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), class_weight=class_weight)


def population(members=3, **options):
    space = dict(lr=list(np.linspace(0.1, 0.2, members)))
    return nn.population(trial, (X, Y), space, **{"batch_size": 4, "plan": "vmap", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"plan": "map", "validation": 0.25},
        {"folds": 3},
        {"plan": Plan(1, 2, 4), "stop": nn.EarlyStopping("loss", patience=2)},
        {"start": {"dense_0": {"kernel": np.ones((3, 4), np.float32)}}},
    ],
)
def test_the_programs_are_those_that_run(options):
    pop = population(**options)
    told = lowered(pop)
    assert pop.groups[0].standing.state is None and pop.timing["compiles"] == 0
    train, _ = pop.ready(pop.groups[0])
    assert train.in_avals == told.train.stage.in_avals
    state = pop.groups[0].standing.state
    assert jax.tree.map(lambda a: (a.shape, a.dtype), told.state) == jax.tree.map(lambda a: (a.shape, a.dtype), state)


def test_what_xla_made_of_it_is_what_it_made_to_run():
    pop = population()
    told = lowered(pop).train.compile()
    ran, _ = pop.ready(pop.groups[0])
    assert told.memory_analysis().temp_size_in_bytes == ran.memory_analysis().temp_size_in_bytes
    assert told.cost_analysis()["flops"] == ran.cost_analysis()["flops"]


def test_options_are_those_of_the_platform_it_is_for():
    told = lowered(population())
    assert told.train.options == program.OPTIONS["cpu"] and told.start.options == program.OPTIONS_ONCE["cpu"]


def test_places_and_not_members_are_counted():
    told = lowered(population(3, plan=Plan(1, 2, 3)))
    assert {a.shape[0] for a in jax.tree.leaves(told.state)} == {4}
    assert {a.shape[0] for a in jax.tree.leaves(lowered(population(5, plan=Plan(1, 2, 2))).state)} == {2}
