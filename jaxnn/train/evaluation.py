"""Evaluation: what a model gives for rows, and what loss and metrics come to over them."""

from collections.abc import Callable
from typing import Any

import jax

from jaxnn.core.precision import DEFAULT, Precision, precision_of
from jaxnn.core.tree import cast, row_count, widened
from jaxnn.core.types import Batch, Key, Params, State
from jaxnn.train.steps import through
from jaxnn.train.sums import Sums, finished, gathered, weighted
from jaxnn.train.trial import Trial


def forward(
    trial: Trial, params: Params, model_state: State, batch: Batch, *, key: Key | None, train: bool,
    precision: Precision,
) -> tuple[Any, State]:  # fmt: skip
    """Outputs as losses and metrics take them, and the new model state; running statistics keep their dtype."""
    rows, compute = batch.rows if train else None, precision.compute
    x = cast(batch.x, compute)
    outputs, after = trial.model.apply(cast(params, compute), model_state, x, key=key, train=train, rows=rows)
    return given_out(outputs, precision), after if train else model_state


def given_out(outputs: Any, precision: Precision) -> Any:
    """What a model gave, in the dtype in which it is judged: float32 at least, unless another one was asked for."""
    return widened(outputs) if precision.output is None else cast(outputs, precision.output)


def evaluate(
    trial: Trial, params: Params, model_state: State, batches: Batch, *, precision: Any = None,
    read: Callable[[Batch], Batch] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Loss and metrics over stacked batches, in use (no dropout, running statistics).

    Args:
        trial: a concrete `Trial`.
        params, model_state: what to evaluate.
        batches: leaves ``(steps, batch, ...)``, as `jaxnn.data.batches.in_order` makes them; padding has weight 0.
        precision: as in `fit`.
        read: ``batch -> batch``, what makes the rows of a batch, where these stand in it by number; or None.

    Returns:
        The loss and each metric by name, weighted means over all rows.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> batches = nn.Batch(jnp.ones((2, 3, 1)), jnp.full((2, 3), 2.0), jnp.ones((2, 3)))
        >>> state = nn.init(trial, jax.random.key(0), batches.x[0])
        >>> float(nn.evaluate(trial, state.params, state.model_state, batches)["loss"])
        4.0
    """
    own = precision_of(precision) or DEFAULT

    def outputs_of(batch: Batch) -> Any:
        return forward(trial, params, model_state, batch, key=None, train=False, precision=own)[0]

    with own.tracing():
        return measured(trial, outputs_of, batches, read)


def measured(
    trial: Trial, outputs_of: Callable[[Batch], Any], batches: Batch, read: Callable[[Batch], Batch] | None = None
) -> dict[str, Any]:
    """Loss and metrics of what a function gives for stacked batches."""
    return finished(trial, judged_by(trial, outputs_of, batches, read))


def judged_by(
    trial: Trial, outputs_of: Callable[[Batch], Any], batches: Batch,
    read: Callable[[Batch], Batch] | None = None, limit: Any = None,
) -> tuple[Sums, ...]:  # fmt: skip
    """What stacked batches leave behind; of the first ``limit`` of them where not all are there."""

    def sums_of(batch: Batch) -> tuple[Sums, ...]:
        batch = batch if read is None else read(batch)
        outputs = outputs_of(batch)
        return gathered(trial, [head.seen(outputs, batch) for head in trial.heads])

    if limit is not None and row_count(batches.y) > 1:
        _, sums = through(lambda carry, batch: (carry, sums_of(batch)), (), batches, limit)
    elif row_count(batches.y) == 1:
        one = jax.tree.map(lambda a: a[0], batches)
        sums = weighted(trial, sums_of(one), one.weight)
        return sums if limit is None else jax.tree.map(lambda a: a[None], sums)
    else:
        sums = jax.lax.map(sums_of, batches)
    return weighted(trial, sums, batches.weight)
