"""The programs that `fit`, `grid`, `predict` and `generate` build, for devices that need not be here."""

from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from elsewhere_devices import LIBRARY
from jax.sharding import SingleDeviceSharding

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.grid.plan import Plan
from jaxnn.sampling import generated
from jaxnn.train.enrol import enrol
from jaxnn.train.layout import Alone
from jaxnn.train.lowered import lowered
from jaxnn.train.population import Population
from jaxnn.train.predict import forward
from jaxnn.train.program import Lowered

ROWS, BATCH, EPOCHS = 1437, 32, 50
STEPS = -(-ROWS // BATCH)
GPT = dict(vocab=65, context=64, width=128, heads=4, layers=4)


def numbers(*shape):
    """Rows of inputs, of which only the shape matters."""
    return np.zeros((ROWS, *shape), np.float32)


def trial_of(model):
    """The trial that is tried in all sizes: Adam behind an L2 term, and dropout where the model has it."""

    def trial(lr, l2, dropout):
        optimizer = optax.chain(nn.l2(l2), optax.adam(lr))
        return nn.Trial(model(dropout), "softmax_cross_entropy", optimizer)

    return trial


CLASSES = np.arange(ROWS) % 10
IDS = (np.arange(ROWS * GPT["context"]) % GPT["vocab"]).reshape(ROWS, -1).astype(np.int32)
KINDS = {  # name -> model of a dropout rate, x, y
    "mlp": (lambda dropout: nn.mlp((100, 100), out=10, dropout=dropout), numbers(64), CLASSES),
    "lenet": (lambda dropout: nn.lenet(10, dropout=dropout), numbers(28, 28, 1), CLASSES),
    "resnet": (lambda dropout: nn.resnet(8, 10), numbers(32, 32, 3), CLASSES),
    "lstm": (lambda dropout: nn.rnn_classifier(32, 10, dropout=dropout), numbers(50, 8), CLASSES),
    "encoder": (lambda dropout: nn.transformer_encoder(64, 4, 2, 10, dropout=dropout), numbers(32, 8), CLASSES),
    "gpt": (lambda dropout: nn.gpt(**GPT, dropout=dropout), IDS, IDS),
}


class Job(NamedTuple):
    """A program, and what a step of it must move at least.

    Args:
        program: not compiled yet.
        least: bytes of a step, or of a use: weights, moments and gradients once each way; a use reads weights.
        steps: turns of the loop that is the step, or None for the whole program.
        devices: of it.
    """

    program: Lowered
    least: int
    steps: int | None
    devices: tuple


def bytes_of(tree):
    """Bytes of all floats of a tree."""
    return sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(tree) if np.issubdtype(a.dtype, np.floating))


def training(kind: str, members: int, devices: tuple, plan: Plan | None = None) -> Job:
    """What `grid` compiles for so many members on these devices; for one member what `fit` compiles."""
    model, x, y = KINDS[kind]
    source, trial = read((x, y)), trial_of(model)
    point = dict(lr=1e-3, l2=1e-4, dropout=0.2)
    entries = [enrol(trial, source, {**point, "seed": 0}, epochs=EPOCHS, batch_size=BATCH)] * members
    layout: Any = Alone(devices[0])
    if members > 1:
        each = -(-members // len(devices))
        layout = plan or Plan(len(devices), each, members, devices)
    pair = lowered(Population(source, entries, layout))
    own = pair.state
    weights = bytes_of(own.params)
    return Job(pair.train, (4 * weights + 2 * bytes_of(own.opt_state)) // len(devices), STEPS, devices)


def shapes(kind, device, rows):
    """A model in use, its weights and so many rows, as shapes on a device."""
    model, x, _ = KINDS[kind]
    spec, x = model(0.0), x[:rows]
    params, state = jax.eval_shape(spec.init, jax.random.key(0, impl="threefry2x32"), x[:1])

    def placed(tree):
        place = SingleDeviceSharding(device)
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), jax.numpy.result_type(a), sharding=place), tree)

    return placed, spec, *map(placed, (params, state, x))


def predicting(kind: str, devices: tuple, rows: int = 1024) -> Job:
    """What `predict` compiles for so many rows."""
    _, *args = shapes(kind, devices[0], rows)
    return Job(forward().lower(*args), bytes_of(args[1:]), None, devices)


def generating(devices: tuple, rows: int = 8, length: int = 48) -> Job:
    """What `generate` compiles for prompts of 16 ids."""
    placed, spec, params, state, prompt = shapes("gpt", devices[0], rows)
    prompt = jax.ShapeDtypeStruct((rows, 16), np.int32, sharding=prompt.sharding)
    rest = jax.eval_shape(lambda: (jax.numpy.float32(0.8), jax.random.key(0, impl="threefry2x32")))
    temperature, key = placed(rest[0]), jax.ShapeDtypeStruct((), rest[1].dtype, sharding=prompt.sharding)
    stage = generated.lower(spec, params, state, prompt, length, temperature, 10, key)
    return Job(Lowered(stage, None), bytes_of(params), length - 1, devices)


def jobs(kind: str, members: int, devices: tuple) -> dict[str, Any]:
    """Name to a function that makes the job, for all that is done with a model of this kind."""
    found = {
        "fit": lambda: training(kind, 1, devices[:1]),
        "grid": lambda: training(kind, members, devices),
        "predict": lambda: predicting(kind, devices),
    }
    return found | ({"generate": lambda: generating(devices)} if kind == "gpt" else {})


def compiled(job: Job) -> Any:
    """As XLA compiles it where it cannot try what it makes."""
    try:
        return job.program.compile()
    except jax.errors.JaxRuntimeError:
        options = LIBRARY.get(job.devices[0].platform)
        if options is None:
            raise
        return job.program.compile(options)
