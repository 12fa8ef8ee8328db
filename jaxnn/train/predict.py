"""Outputs of a trained model for any number of rows, in few shapes."""

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from jaxnn.core.layer import is_spec
from jaxnn.core.reads import key_of
from jaxnn.core.tree import cast
from jaxnn.core.types import Batch, Params, State
from jaxnn.data.batches import in_order
from jaxnn.losses import reading
from jaxnn.train.program import Program
from jaxnn.train.step import evaluate, widened
from jaxnn.train.trial import Trial

LARGEST = 4096
"""Rows that go through the model at once."""
KEPT = 64
"""Programs of evaluations that are kept."""


@functools.lru_cache(maxsize=8)
def _forward(dtype: Any) -> Program:
    def forward(model: Any, params: Params, state: State, x: Any) -> Any:
        outputs, _ = model.apply(cast(params, dtype), state, cast(x, dtype))
        return widened(outputs)

    return Program(forward)


def outputs_of(model: Any, params: Params, state: State, x: Any, dtype: Any = None) -> Any:
    """What the model gives for ``x``, in use.

    Rows go through in blocks whose sizes are powers of two up to `LARGEST`, so that a new number of rows
    seldom compiles anew.

    Args:
        model, params, state: the three trees.
        x: ``(rows, ...)``, an array or a pytree of arrays; rows may be 0.
        dtype: the compute dtype.

    Returns:
        Outputs ``(rows, ...)`` as NumPy arrays.
    """
    rows = jax.tree.leaves(x)[0].shape[0]
    size = min(LARGEST, 1 << max(0, rows - 1).bit_length())
    blocks = []
    for first in range(0, max(rows, 1), size):
        block = jax.tree.map(lambda a, first=first: _padded(np.asarray(a[first : first + size]), size), x)
        blocks.append(jax.tree.map(np.asarray, _forward(dtype)(model, params, state, block)))
    return jax.tree.map(lambda *b: np.concatenate(b)[:rows], *blocks)


def _padded(block: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([block, np.zeros((size - len(block), *block.shape[1:]), block.dtype)])


_EVALUATIONS: OrderedDict[Any, Program] = OrderedDict()


def _evaluation(given: tuple, dtype: Any) -> Program:
    """The program for a loss and metrics; ``given`` has None where a spec comes in as an argument, with its numbers."""

    def evaluate_all(model: Any, specs: tuple, params: Params, state: State, batches: Batch) -> dict[str, Any]:
        loss, *own = (spec if part is None else part for part, spec in zip(given, specs, strict=True))
        return evaluate(Trial(model, loss, optax.identity(), tuple(own)), params, state, batches, compute_dtype=dtype)

    key = key_of(given), dtype
    found = _EVALUATIONS.pop(key, None) or Program(evaluate_all)
    _EVALUATIONS[key] = found
    while len(_EVALUATIONS) > KEPT:
        _EVALUATIONS.popitem(last=False)
    return found


def evaluation(trial: Trial, params: Params, state: State, data: Batch, dtype: Any = None) -> dict[str, float]:
    """Loss and metrics over all rows as Python floats."""
    parts = trial.loss, *trial.metrics
    specs = tuple(part if is_spec(part) else None for part in parts)
    program = _evaluation(tuple(None if is_spec(part) else part for part in parts), dtype)
    values = program(trial.model, specs, params, state, in_order(data, LARGEST))
    return {name: float(v) for name, v in values.items()}


def probabilities(task: str | None, outputs: Any, call: str) -> np.ndarray:
    """Class probabilities ``(rows, classes)`` from outputs, for the tasks that have them.

    Raises:
        ValueError: for a task without probabilities.
    """
    if task == "classes":
        shares = np.exp(outputs - outputs.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)
    if task == "binary":
        outputs = np.asarray(outputs)
        yes, no = (np.exp(-np.logaddexp(0, sign * outputs)) for sign in (-1, 1))  # small ones are small, not 0
        if outputs.ndim > 1 and outputs.shape[-1] > 1:
            return yes
        return np.stack([no.reshape(len(no)), yes.reshape(len(yes))], -1)
    if task is None:
        raise ValueError(
            f"nobody said how outputs under this loss are read; write {call}.outputs(x), or define the loss by "
            '@nn.loss(task="classes") where they are logits of classes, task="binary" for logits of yes or no'
        )
    raise ValueError(f"this loss gives no probabilities; write {call}.predict(x), or train with a cross-entropy")


def decide(task: str | None, mean: Callable[[str], Any]) -> np.ndarray:
    """Predictions: class numbers for classes, 0 or 1 for two of them, else the outputs (one per row: ``(rows,)``).

    Args:
        task: that of the loss, as `jaxnn.Loss` lists it; unknown outputs are values.
        mean: gives ``"probabilities"`` or ``"outputs"``, of one model or averaged over several.
    """
    if task == "classes":
        return np.asarray(mean("probabilities")).argmax(-1)
    if task == "binary":
        p = np.asarray(mean("probabilities"))
        outputs = mean("outputs")
        multi = outputs.ndim > 1 and outputs.shape[-1] > 1
        return (p > 0.5).astype(int) if multi else p.argmax(-1)
    outputs = reading.values(np.asarray(mean("outputs")), task)
    if outputs.ndim == 2 and outputs.shape[-1] == 1:
        outputs = outputs[:, 0]
    return (outputs > 0).astype(int) if task == "sign" else outputs
