"""Class numbers of a stream: the first batch is checked at the door, the others as they come."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.records import OF_CHANCES
from jaxnn.core.types import Batch
from jaxnn.train.enrol import Entry, output_shape
from jaxnn.train.heads import ignored_label, is_node, pick, value_and_mask


class Bound(NamedTuple):
    """Between which numbers the targets of a head lie.

    Args:
        path: of the head.
        most: the largest; the least is 0.
        whole: whether they are whole numbers.
        ignored: a label that does not count, or None.
    """

    path: tuple
    most: int
    whole: bool
    ignored: Any


def label_bounds(entry: Entry, source: Any) -> list[Bound]:
    """The bounds of the heads that have some.

    Args:
        entry: one of the members.
        source: a `jaxnn.data.streamed.Streamed`.
    """
    trial, (leaves, tree) = entry.trial(), jax.tree.flatten(source.data.x)
    outputs = output_shape(trial.model, tree, tuple((a.shape[1:], str(a.dtype)) for a in leaves), 1)
    found = []
    for head in trial.heads:
        own, y = value_and_mask(pick(outputs, head.path))[0], pick(source.data.y, head.path)
        if head.loss.task not in OF_CHANCES or is_node(own) or is_node(y):
            continue
        if head.loss.task == "binary" or y.ndim < len(own.shape):
            most = 1 if head.loss.task == "binary" else own.shape[-1] - 1
            found.append(Bound(head.path, most, head.loss.task == "classes", ignored_label(head.loss)))
    return found


def in_range(bounds: Sequence[Bound], batches: Batch) -> Batch:
    """The block itself, if its targets lie where they must.

    Args:
        bounds: of its heads.
        batches: leaves ``(steps, size, ...)``, on the host.

    Raises:
        ValueError: with the target that does not.
    """
    for path, most, whole, ignored in bounds:
        y = np.asarray(pick(batches.y, path))[np.asarray(batches.rows)]
        bad = (y < 0) | (y > most) | ((y != np.floor(y)) if whole else False)
        bad = bad if ignored is None else bad & (y != ignored)
        if bad.any():
            kind = f"classes are 0 to {most}" if whole else "targets lie between 0 and 1"
            raise ValueError(
                f"a batch of the stream holds the target {y[bad].flat[0]}, and {kind}; write labels from 0, or a model "
                "with more outputs"
            )
    return batches
