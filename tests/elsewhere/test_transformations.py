"""Every optimizer of Optax and every transformation of ours trains on an H200 and on a TPU, as far as their compilers
can tell: many in one program, each with a layer of its own."""

import inspect
import warnings

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.plan import Plan
from jaxnn.train.lowered import lowered
from tests.contract.test_schedules import SCHEDULES, arguments
from tests.contract.test_transformations import ROWS

REFUSED = {  # what no step of ours can give
    "sam": "two sets of weights",
    "dpsgd": "gradients of each row",
    "differentially_private_aggregate": "gradients of each row",
    "sophia": "obj_fn, to differentiate it twice",
    "lbfgs": "value_fn without further arguments; `jaxnn.lbfgs` does without",
}
LEARNS = 0.1


def factories(room, prefix):
    """The functions of a room of Optax that make an optimizer, by name."""
    functions = {n: f for n, f in vars(room).items() if inspect.isfunction(f) and f.__module__.startswith(prefix)}
    made = {n: f for n, f in functions.items() if "GradientTransformation" in str(inspect.signature(f))}
    return {n: f for n, f in made.items() if n not in REFUSED and not n.startswith("scale_by_")}


def called(make):
    """An optimizer with its defaults, a rate or another optimizer where it asks for one."""
    given = {"learning_rate": LEARNS, "base_optimizer": optax.sgd(LEARNS), "inner": optax.adam(LEARNS), "key": 0}
    wanted = inspect.signature(make).parameters.values()
    needed = [p.name for p in wanted if p.name in given and (p.default is p.empty or p.name == "key")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of them is deprecated
        return make(**{name: given[name] for name in needed})


def ours(name):
    make, numbers = ROWS[name]
    return optax.chain(make(**{key: v[0] for key, v in numbers.items()}), optax.sgd(LEARNS))


OPTAX = {name: called(make) for name, make in factories(optax, "optax._src.alias").items()}
CONTRIB = {name: called(make) for name, make in factories(optax.contrib, "optax.contrib").items()}
OURS = {name: ours(name) for name in ROWS if name not in ("freeze", "accumulate", "lbfgs")}
RATES = {name: optax.sgd(make(**arguments(name, 0))) for name, make in SCHEDULES.items()}
WHOLE = {"lbfgs": nn.lbfgs(), "accumulate": nn.accumulate(optax.adam(LEARNS), 2), "freeze": nn.freeze("dense_0")}
"""What looks at all weights, or chooses some by their paths."""


def together(optimizers):
    """One optimizer of many: the layer of each in a model of as many layers is its own."""
    names = list(optimizers)

    def label(params):
        return {layer: names[int(layer.removeprefix("dense_"))] for layer in params}

    return nn.Sequential(*(nn.Dense(3) for _ in names)), optax.partition(optimizers, label)


def training(model, optimizer, device):
    """The program that trains two members of it side by side."""

    def trial(lr):
        return nn.Trial(model, "squared_error", optax.chain(optimizer, optax.scale(lr)))

    x = np.zeros((4, 3), np.float32)
    plan = Plan(1, 2, 2, (device,))
    return lowered(nn.population(trial, (x, x), dict(lr=[0.1, 0.2]), epochs=2, batch_size=2, plan=plan)).train


def parts(optimizers, count):
    """So many at a time."""
    names = list(optimizers)
    return [{n: optimizers[n] for n in names[i : i + count]} for i in range(0, len(names), count)]


BATCHES = {
    f"{room} {i}": part
    for room, optimizers in {"optax": OPTAX, "contrib": CONTRIB, "ours": OURS, "schedules": RATES}.items()
    for i, part in enumerate(parts(optimizers, 12))
}


@pytest.mark.parametrize("batch", BATCHES)
def test_many_in_one_program(batch, device, compiled):
    made = compiled(training(*together(BATCHES[batch]), device), device)
    assert made.memory_analysis().argument_size_in_bytes > 0


@pytest.mark.parametrize("name", WHOLE)
def test_those_that_see_all_weights(name, device, compiled):
    model = nn.Sequential(nn.Dense(3), nn.Dense(3))
    made = compiled(training(model, WHOLE[name], device), device)
    assert made.memory_analysis().argument_size_in_bytes > 0


def test_all_there_are_are_in_it():
    """So that these tests do not pass because a table went empty."""
    assert {"adam", "lamb", "noisy_sgd"} <= set(OPTAX) and len(OPTAX) >= 28
    assert {"muon", "prodigy", "schedule_free_adamw"} <= set(CONTRIB)
    assert set(OURS) | set(WHOLE) >= set(ROWS)
