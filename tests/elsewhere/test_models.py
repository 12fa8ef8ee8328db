"""Every model trains and is used on an H200 and on a TPU, as far as their compilers can tell."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.plan import Plan
from jaxnn.sampling import generated
from jaxnn.train.lowered import lowered
from jaxnn.train.predict import forward
from jaxnn.train.program import Lowered
from tests.contract.test_models import MODELS

ROWS = [row[:4] for row in MODELS]


def population(make, arguments, x, shape, device):
    def trial(lr):
        return nn.Trial(make(**arguments), "squared_error", optax.adam(lr))

    y = np.zeros(shape, np.float32)
    return nn.population(trial, (x, y), dict(lr=[0.1, 0.2]), batch_size=2, plan=Plan(1, 2, 2, (device,)))


def placed(tree, device):
    place = jax.sharding.SingleDeviceSharding(device)
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), a.dtype, sharding=place), tree)


def in_use(make, arguments, x, device):
    """A model, its weights, its state and rows, as shapes."""
    model = make(**arguments)
    params, state = jax.eval_shape(model.init, jax.random.key(0, impl="threefry2x32"), x)
    return model, *placed((params, state, x), device)


def assert_made(made, text):
    assert made.memory_analysis().argument_size_in_bytes > 0
    assert text in made.as_text()


@pytest.mark.parametrize(("make", "arguments", "x", "shape"), ROWS)
def test_training(make, arguments, x, shape, device, compiled):
    assert_made(compiled(lowered(population(make, arguments, x, shape, device)).train, device), "while")


@pytest.mark.parametrize(("make", "arguments", "x", "shape"), ROWS[6::4])
def test_use(make, arguments, x, shape, device, compiled):
    made = compiled(forward().lower(*in_use(make, arguments, x, device)), device)
    assert made.memory_analysis().output_size_in_bytes >= 4 * np.prod(shape)


@pytest.mark.parametrize("cached", [True, False])
def test_sampling(cached, device, compiled):
    model = nn.gpt(vocab=5, context=6 if cached else 3, width=4, heads=2, layers=1)
    _, *weights, prompt = in_use(lambda: model, {}, np.zeros((2, 2), np.int32), device)
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    rest = jax.tree.map(lambda a: placed(a, device), (np.float32(1.0), key))
    assert_made(
        compiled(Lowered(generated.lower(model, *weights, prompt, 3, rest[0], 2, rest[1]), None), device), "while"
    )


def test_an_ensemble_of_several_chips(compiled):
    """Members dealt over the chips of a slice, without a word between them."""
    from elsewhere_devices import devices, missing

    if missing("v5e"):
        pytest.skip("libtpu is not installed; bench/elsewhere_devices.py says how to")
    on = devices("v5e:2x2")

    def trial(lr):
        return nn.Trial(nn.mlp((4,), out=2), "squared_error", optax.adam(lr))

    data = np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32)
    pop = nn.population(trial, data, dict(lr=[0.1] * 8), batch_size=2, plan=Plan(4, 2, 8, on))
    text = compiled(lowered(pop).train, on[0]).as_text()
    assert "f32[2,3,4]" in text and "f32[8,3,4]" not in text  # each chip knows its own members alone
    assert not any(word in text for word in ("all-gather", "all-to-all", "collective-permute"))
