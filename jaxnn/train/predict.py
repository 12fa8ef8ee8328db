"""Outputs of a trained model for any number of rows, in few shapes."""

import functools
from collections import OrderedDict
from typing import Any

import jax
import numpy as np
import optax

from jaxnn.core.checks import SpecError
from jaxnn.core.hyper import HOLE, Structure, join, split
from jaxnn.core.precision import DEFAULT, Precision, precision_of
from jaxnn.core.reads import key_of
from jaxnn.core.tree import cast
from jaxnn.core.types import Batch, Params, State
from jaxnn.data.batches import in_order
from jaxnn.train.evaluation import evaluate, given_out, measured
from jaxnn.train.program import Program
from jaxnn.train.trial import Trial

LARGEST = 4096
"""Rows that go through the model at once."""
KEPT = 64
"""Programs of evaluations that are kept."""


@functools.lru_cache(maxsize=8)
def forward(precision: Precision = DEFAULT) -> Program:
    """The program that `outputs_of` runs, in this precision: ``(model, params, state, x) -> outputs``."""

    def outputs(model: Any, params: Params, state: State, x: Any) -> Any:
        with precision.tracing():
            given, _ = model.apply(cast(params, precision.compute), state, cast(x, precision.compute))
        return given_out(given, precision)

    return Program(outputs)


def outputs_of(model: Any, params: Params, state: State, x: Any, precision: Any = None) -> Any:
    """What the model gives for ``x``, in use.

    Rows go through in blocks whose sizes are powers of two up to `LARGEST`, so that a new number of rows
    seldom compiles anew.

    Args:
        model, params, state: the three trees.
        x: ``(rows, ...)``, an array or a pytree of arrays; rows may be 0.
        precision: as in `fit`.

    Returns:
        Outputs ``(rows, ...)`` as NumPy arrays.
    """
    rows, run = jax.tree.leaves(x)[0].shape[0], forward(precision_of(precision) or DEFAULT)
    size = min(LARGEST, 1 << max(0, rows - 1).bit_length())
    blocks = []
    for first in range(0, max(rows, 1), size):
        block = jax.tree.map(lambda a, first=first: _padded(np.asarray(a[first : first + size]), size), x)
        try:
            blocks.append(jax.tree.map(np.asarray, run(model, params, state, block)))
        except SpecError:
            jax.eval_shape(lambda v: model.apply(params, state, v), x)  # the same error, of the rows without padding
            raise
    return jax.tree.map(lambda *b: np.concatenate(b)[:rows], *blocks)


def _padded(block: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([block, np.zeros((size - len(block), *block.shape[1:]), block.dtype)])


_EVALUATIONS: OrderedDict[Any, Program] = OrderedDict()


def _evaluation(structure: tuple[Structure, ...], precision: Precision | None, given: bool) -> Program:
    """The program for losses and metrics of this structure; with ``given``, for outputs in the place of inputs."""

    def evaluate_all(model: Any, numbers: Any, params: Params, state: State, batches: Batch) -> dict[str, Any]:
        trial = Trial(model, optimizer=optax.identity(), **join(structure, numbers))
        if given:
            return measured(trial, lambda batch: batch.x, batches)
        return evaluate(trial, params, state, batches, precision=precision)

    fixed = tuple(tuple(None if v is HOLE else v.value for v in s.leaves) for s in structure)
    key = tuple((s.name, s.tree) for s in structure), key_of(fixed), precision, given
    found = _EVALUATIONS.pop(key, None) or Program(evaluate_all)
    _EVALUATIONS[key] = found
    while len(_EVALUATIONS) > KEPT:
        _EVALUATIONS.popitem(last=False)
    return found


def evaluation(
    trial: Trial, params: Params, state: State, data: Batch, precision: Any = None, given: bool = False
) -> dict[str, float]:
    """Loss and metrics over all rows as Python floats.

    Args:
        trial: of concrete numbers.
        params, state: of its model.
        data: inputs, targets and weights.
        precision: as in `fit`.
        given: whether ``data.x`` holds outputs, and no inputs.
    """
    parts = {"loss": trial.loss, "metrics": trial.metrics, "loss_weights": trial.loss_weights}
    numbers, structure = split(parts)
    values = _evaluation(structure, precision_of(precision), given)(
        trial.model, numbers, params, state, in_order(data, LARGEST)
    )
    return {name: float(values[name]) for name in ("loss", *trial.metric_names)}
