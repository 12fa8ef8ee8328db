"""Areas under curves over all thresholds; they need all rows at once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.registry import metric
from jaxnn.losses.shapes import at_least_float32, check_labels, fit_shapes
from jaxnn.metrics.labels import kind_of


def _scores(name: str, outputs: Any, targets: Any, task: str | None) -> Any:
    """For each row and class a score that rises with its probability, and the truth, ``(batch, 2, classes)``."""
    if outputs.ndim > 2:
        raise ValueError(f"{name} is of one label a row, got outputs {outputs.shape}; write a model without time steps")
    kind = kind_of(outputs, targets, task)
    if kind == "classes":
        classes = outputs.shape[-1]
        if outputs.shape == targets.shape:
            targets = targets.argmax(-1)
        check_labels(name, outputs, targets)
        if classes == 2:
            scores, true = (outputs[:, 1] - outputs[:, 0])[:, None], (targets == 1)[:, None]
        else:
            scores, true = jax.nn.log_softmax(outputs), jax.nn.one_hot(targets.astype(jnp.int32), classes)
    else:
        scores, targets = fit_shapes(outputs, targets)
        scores, true = (v[:, None] if v.ndim == 1 else v for v in (scores, targets > 0.5))
    wide = at_least_float32(scores.dtype)
    return jnp.stack([scores.astype(wide), true.astype(wide)], 1)


def _over_classes(area: Callable) -> Callable:
    """The mean over classes of an area from scores, truth and weights, all ``(n,)``; NaN where a score is."""

    def finish(rows: Any, weight: Any) -> Any:
        sick = jnp.where(jnp.isnan(rows).any(), jnp.nan, 0).astype(rows.dtype)
        return jax.vmap(lambda pair: area(pair[:, 0], pair[:, 1], weight), in_axes=2)(rows).mean() + sick

    return finish


def _ranked(scores: Any, true: Any, weight: Any) -> tuple:
    """Weights of yes and of no by falling score, summed up to the end of each run of equal scores, and before it."""
    order = jnp.argsort(-scores)
    scores, weight, true = scores[order], weight[order], true[order]
    yes, no = weight * true, weight * (1 - true)
    last = jnp.append(scores[1:] != scores[:-1], jnp.ones(1, bool))
    place = jax.lax.iota(jnp.int32, scores.shape[0])
    end = jax.lax.cummin(jnp.where(last, place, scores.shape[0] - 1), reverse=True)
    first = jnp.append(jnp.ones(1, bool), last[:-1])
    start = jax.lax.cummax(jnp.where(first, place, 0))
    sums = [(jnp.append(jnp.zeros(1, v.dtype), jnp.cumsum(v))) for v in (yes, no)]
    return yes, *((s[start], s[end + 1], s[-1]) for s in sums)


def _roc_area(scores: Any, true: Any, weight: Any) -> Any:
    yes, (_, _, all_yes), (above, upto, all_no) = _ranked(scores, true, weight)
    below = all_no - (above + upto) / 2  # ties count half
    return (yes * below).sum() / (all_yes * all_no)


def _precision_area(scores: Any, true: Any, weight: Any) -> Any:
    yes, (_, right, all_yes), (_, wrong, _) = _ranked(scores, true, weight)
    taken = right + wrong
    precision = right / jnp.where(taken > 0, taken, jnp.ones_like(taken))
    return jnp.where(all_yes > 0, (yes * precision).sum() / jnp.where(all_yes > 0, all_yes, 1), 0.0 * all_yes)


@metric(rises=True, by_task=True, over="rows", finish=_over_classes(_roc_area))
def roc_auc(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The area under the ROC curve: how often a row of the class scores above one of the others, ties counting half.

    For more than two classes the mean over each against the rest; for several labels the mean over them. NaN where a
    class has no rows, or all.

    Args:
        outputs: logits ``(batch, classes)``, one logit or score a row, or one for each of several labels.
        targets: class numbers, or yes and no.
        task: that of the loss, by which outputs are read.

    Returns:
        Scores and truth of each row, ``(batch, 2, classes)``; ``roc_auc.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``sklearn.metrics.roc_auc_score``, ``multi_class="ovr"``.

    Example:
        >>> float(roc_auc.score(jnp.array([0.1, 0.4, 0.35, 0.8]), jnp.array([0, 0, 1, 1])))
        0.75
    """
    return _scores("roc_auc", outputs, targets, task)


@metric(rises=True, by_task=True, over="rows", finish=_over_classes(_precision_area))
def average_precision(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The area under the curve of precision over recall, ``sum_n (R_n - R_(n-1)) P_n`` over all thresholds.

    For more than two classes, and for several labels, the mean over them; 0 for a class without rows.

    Args:
        outputs: logits ``(batch, classes)``, one logit or score a row, or one for each of several labels.
        targets: class numbers, or yes and no.
        task: that of the loss, by which outputs are read.

    Returns:
        Scores and truth of each row, ``(batch, 2, classes)``; ``average_precision.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``sklearn.metrics.average_precision_score``.

    Example:
        >>> round(float(average_precision.score(jnp.array([0.1, 0.4, 0.35, 0.8]), jnp.array([0, 0, 1, 1]))), 4)
        0.8333
    """
    return _scores("average_precision", outputs, targets, task)
