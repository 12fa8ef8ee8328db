"""What the loss and all metrics come to over rows: gathered batch by batch, finished over all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import gather
from jaxnn.core.records import Metric
from jaxnn.data.mixup import judged
from jaxnn.train.heads import Head, Seen, own_weight
from jaxnn.train.trial import Trial


@partial(
    jax.tree_util.register_dataclass, data_fields=["values", "weight", "rows", "row_weight"], meta_fields=["shapes"]
)
@dataclass(frozen=True)
class Sums:
    """What a batch leaves behind: one vector, so that a step writes one array and not one a metric.

    Args:
        values: ``(..., numbers)``, the numbers of the loss first, then those of each metric: weighted sums over the
            rows, or means and variances of metrics over moments.
        weight: ``(...)``, the sum of the weights.
        rows: ``(..., batch, numbers)``, all rows of metrics over rows, or None where there is no such metric.
        row_weight: ``(..., batch)``, theirs.
        shapes: the name, the shape and what it is over of each, in order.

    Example:
        >>> sums = Sums.of({"loss": jnp.array([1.0, 5.0])}, jnp.array([3.0, 1.0]))
        >>> sums.values.tolist(), float(sums.weight)
        ([8.0], 4.0)
    """

    values: Any
    weight: Any
    rows: Any
    row_weight: Any
    shapes: tuple[tuple[str, tuple[int, ...], str], ...]

    @classmethod
    def of(cls, rows: dict[str, Any], weight: Any, over: dict[str, str] | None = None) -> "Sums":
        """Of values per row, each ``(batch, ...)``; a row of weight 0 may even be NaN."""
        over = over or {}
        dtype = max((v.dtype for v in rows.values()), key=lambda d: d.itemsize)
        flat = {name: v.astype(dtype).reshape(v.shape[0], -1) for name, v in rows.items()}
        shapes = tuple((name, v.shape[1:], over.get(name, "mean")) for name, v in rows.items())
        parts: dict[str, list] = {kind: [flat[n] for n, _, k in shapes if k == kind] for kind in ("mean", "rows")}
        moments = [jnp.concatenate(gather.moments(flat[n], weight)) for n, _, k in shapes if k == "moments"]
        values = jnp.concatenate([gather.sums(jnp.concatenate(parts["mean"], 1), weight), *moments])
        whole = jnp.concatenate(parts["rows"], 1) if parts["rows"] else None
        return cls(values, weight.sum(), whole, None if whole is None else weight, shapes)

    @property
    def loss(self) -> Any:
        """The sums of the loss."""
        return self.values[..., 0]

    def without_weights(self) -> "Sums":
        """Without weights, where those of many batches are put in at once by `weighted`."""
        return replace(self, weight=None, row_weight=None)

    def weighted(self, weight: Any) -> "Sums":
        """With the weights of all batches, ``(..., batch)``.

        They are summed batch by batch, as those of a stream are: XLA would make one sum of two.
        """
        return replace(
            self, weight=jax.lax.optimization_barrier(weight.sum(-1)), row_weight=None if self.rows is None else weight
        )

    def means(self, metrics: Sequence[Metric]) -> dict[str, Any]:
        """The values of loss and metrics by name, over all batches there are; NaN where no row has a weight."""
        values, weight = self.values.reshape(-1, self.values.shape[-1]), self.weight.reshape(-1)
        weight = weight.astype(values.dtype)
        records = {m.name: m for m in metrics}
        found, first, sick = {}, 0, jnp.where(weight.sum() > 0, 0, jnp.nan).astype(values.dtype)
        for name, shape, _ in (s for s in self.shapes if s[2] == "mean"):
            mean = values[:, first : first + math.prod(shape)].sum(0) / weight.sum()
            found[name] = records[name].value(mean.reshape(shape)) if name in records else mean.reshape(shape)
            first += math.prod(shape)
        for name, shape, _ in (s for s in self.shapes if s[2] == "moments"):
            middle, last = first + math.prod(shape), first + 2 * math.prod(shape)
            mean, variance = gather.moments(values[:, first:middle], weight, values[:, middle:last])
            found[name] = records[name].value(mean.reshape(shape), variance.reshape(shape)) + sick
            first = last
        first = 0
        for name, shape, _ in (s for s in self.shapes if s[2] == "rows"):
            last = first + math.prod(shape)
            rows = self.rows[..., first:last].reshape(-1, *shape)
            found[name] = records[name].value(rows, self.row_weight.reshape(-1).astype(rows.dtype)) + sick
            first = last
        return {name: found[name] for name, _, _ in self.shapes}


def gathered(trial: Trial, seen: Sequence[Seen], losses: Sequence[Any] | None = None) -> tuple[Sums, ...]:
    """What the loss and every metric of a batch leave behind, for each head.

    Args:
        seen: what each head sees of the batch.
        losses: of each head, where they are known.

    Returns:
        Sums, without weights where a head's are those of the batch: `weighted` puts in those of all batches at once.
    """
    heads = trial.heads
    known = [None] * len(heads) if losses is None else losses
    return tuple(_gathered(trial, *each) for each in zip(heads, seen, known, strict=True))


def _gathered(trial: Trial, head: Head, seen: Seen, loss: Any) -> Sums:
    sums = Sums.of(per_row(head, seen, loss), seen.weight, {m.name: m.over for m in head.metrics})
    return sums.without_weights() if seen.real is None and trial.augment is None else sums


def per_row(head: Head, seen: Seen, loss: Any = None) -> dict[str, Any]:
    """The loss and every metric for every row, ``(batch, ...)``."""
    loss = judged(head.loss, *seen[:2]) if loss is None else loss
    return {"loss": loss, **{m.name: judged(partial(m, task=head.loss.task), *seen[:2]) for m in head.metrics}}


def weighted(trial: Trial, sums: Sequence[Sums], weight: Any) -> tuple[Sums, ...]:
    """The sums with the weights of all batches, ``(..., batch)``, where they are still without."""
    pairs = zip(trial.heads, sums, strict=True)
    return tuple(s.weighted(own_weight(weight, head.path)) if s.weight is None else s for head, s in pairs)


def finished(trial: Trial, sums: Sequence[Sums]) -> dict[str, Any]:
    """The values of loss and metrics by name, over all batches there are; the loss is the sum over heads."""
    heads = trial.heads
    means = [s.means(head.metrics) for head, s in zip(heads, sums, strict=True)]
    if len(heads) == 1 and not heads[0].path:
        return means[0]
    total, named = jnp.zeros((), means[0]["loss"].dtype), {}
    for head, own in zip(heads, means, strict=True):
        total += jnp.asarray(head.share, own["loss"].dtype) * own["loss"]
        named |= {head.called(name): value for name, value in own.items()}
    return {"loss": total, **named}
