"""How a batch of a stream becomes rows: by name, as numbers, prepared, scaled, all of one form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxnn.core.records import OF_LABELS
from jaxnn.core.types import Batch
from jaxnn.data import frames
from jaxnn.data.arrays import as_batch
from jaxnn.data.given import Given, count, given, inputs, needed
from jaxnn.data.origins import Origin
from jaxnn.data.preparation import Preparation
from jaxnn.data.source import columns_of, ready
from jaxnn.data.split import Standardiser
from jaxnn.data.stream import Stream

FIRST = "the first batch of the stream"


@dataclass(frozen=True, eq=False)
class Reads:
    """How a batch becomes rows: columns by name, class numbers, prepared, scaled, in the dtypes of the program.

    Args:
        wish: what the user said.
        task: of the loss.
        features, classes, named: as of a `Source`.
        prepare, standardiser: fitted, or None.
        wide: whether floats are kept wide until they are scaled.
        template: rows of the first batch, to whose shapes and dtypes all others are held; or None.
    """

    wish: Stream
    task: Any = None
    features: tuple[str, ...] | None = None
    classes: Any = None
    named: bool = False
    prepare: Any = None
    standardiser: Standardiser | None = None
    wide: bool = False
    template: Batch | None = None

    def __call__(self, raw: Any, what: str) -> Batch | None:
        """The rows of a batch with their weights; None where it has none.

        Raises:
            ValueError: for a batch that does not fit.
        """
        own = given(self.parts(raw), what, task=self.task, known=self.classes, named=self.named)
        if count(own.x) == 0:
            return None
        x = inputs(own.x, self.features, self.prepare, what)
        silent = own.weight is not None and not isinstance(own.weight, Mapping) and not np.any(own.weight)
        batch = as_batch((x, own.y, None if silent else own.weight), what, self.wide)
        batch = batch if not silent else batch._replace(weight=np.zeros_like(batch.weight))
        scaled = ready(batch, self.standardiser, self.wide)._replace(weight=batch.weight)
        if self.template is not None:
            self._fits(scaled, what)
        return scaled

    def parts(self, raw: Any) -> Any:
        """``(x, y)`` or ``(x, y, weight)`` of a batch, tensors as arrays."""
        raw = raw if frames.is_frame(raw) else jax.tree.map(_array, raw)
        if self.wish.target is not None:
            return _columns(raw, self.wish.target, self.wish.weight)
        if isinstance(raw, Mapping) and {"x", "y"} <= raw.keys():
            return tuple(raw[name] for name in ("x", "y", "weight") if name in raw)
        if isinstance(raw, Mapping) or frames.is_frame(raw):
            keys = [*raw.keys()]
            raise ValueError(
                f"a batch of the stream holds {', '.join(map(repr, keys))}, and nobody said which is to be predicted; "
                f"write nn.stream(batches, target={keys[-1]!r})"
            )
        return raw

    def _fits(self, batch: Batch, what: str) -> None:
        ours, theirs = (jax.tree.structure(b) for b in (self.template, batch))
        if ours != theirs:
            raise ValueError(f"{what} is {theirs}, and the first one was {ours}; write batches of one form")
        for name in ("x", "y", "weight"):
            pairs = zip(*(jax.tree.leaves(getattr(b, name)) for b in (self.template, batch)), strict=True)
            for a, b in pairs:
                if a.shape[1:] != b.shape[1:] or not np.can_cast(b.dtype, a.dtype, "same_kind"):
                    raise ValueError(
                        f"{name} of {what} has rows {b.shape[1:]} of {b.dtype}, and in the first one they were "
                        f"{a.shape[1:]} of {a.dtype}; write rows of one shape and kind"
                    )


def _columns(batch: Any, target: Any, weight: str | None) -> Any:
    """Inputs, targets and weights of a dict or a table by their names."""
    if isinstance(batch, (tuple, list)):
        raise ValueError(f"target={target!r} names a key, and a batch of the stream is a pair; leave target= out")
    raw: Any = batch
    names = (target,) if isinstance(target, str) else target
    keys = [*raw.keys()]
    missing = [name for name in (*names, *([] if weight is None else [weight])) if name not in keys]
    if missing:
        raise ValueError(f"a batch of the stream holds no {missing[0]!r}; it holds {', '.join(map(repr, keys))}")
    if frames.is_frame(raw) and isinstance(target, str):
        return (raw, target) if weight is None else (raw, target, weight)
    rest: Any = {name: raw[name] for name in keys if name not in (*names, weight)}
    if frames.is_frame(raw):
        rest = frames.select(raw, tuple(rest), "a batch of the stream")
    x = next(iter(rest.values())) if isinstance(rest, dict) and len(rest) == 1 else rest
    y = raw[target] if isinstance(target, str) else {name: raw[name] for name in names}
    return (x, y) if weight is None else (x, y, raw[weight])


def begun(reads: Reads, origin: Origin, scale: bool) -> tuple[Reads, Given, Batch]:
    """What the first batch tells: names, classes, kinds; and its rows.

    Raises:
        ValueError: for a stream that gives nothing, and for what cannot be learned of a batch.
    """
    raw = origin.first()
    if raw is None:
        raise ValueError("the stream gives no batches; write a list of (x, y), or a function that makes them")
    parts, known = reads.parts(raw), reads.classes
    if known is None and reads.task in OF_LABELS and str(getattr(parts[1], "dtype", "")) == "bool":
        known = (False, True)
        reads = replace(reads, classes=known, named=True)
    own = given(parts, FIRST, task=reads.task, known=known, named=reads.named)
    if own.named and known is None:
        raise ValueError(
            "the targets of the stream are names, and one batch need not hold all of them; write nn.stream(batches, "
            f"classes={tuple(own.classes)!r}), with all there are"
        )
    if count(own.x) == 0:
        raise ValueError("the first batch of the stream has no rows; write batches of at least one row")
    prepare = _learned(needed(own.x, reads.prepare), own.x)
    features = columns_of(own, prepare)
    reads = replace(
        reads,
        prepare=prepare,
        features=own.features,
        classes=own.classes,
        named=own.named,
        wide=scale or prepare is not None,
    )
    first = reads(raw, FIRST)
    assert first is not None
    return replace(reads, template=first), own._replace(features=features), first


def _learned(prepare: Any, x: Any) -> Any:
    """What has learned before; a stream is read once it trains, and then it is too late.

    Raises:
        ValueError: for what has not.
    """
    if prepare is None:
        return None
    call = "write prepare=nn.data.Preparation().fit(table), with a table of some of the rows"
    if isinstance(prepare, Preparation):
        if not prepare.columns:
            raise ValueError(
                f"a Preparation learns from all rows at once, and a stream has them one after the other; {call}"
            )
        return prepare
    try:
        prepare.transform(x)
    except Exception as error:
        if type(error).__name__ != "NotFittedError":
            raise
        raise ValueError(
            f"a {type(prepare).__name__} learns before it prepares a stream; write prepare={type(prepare).__name__}()."
            "fit(x), with some of the rows"
        ) from None
    return prepare


def _array(leaf: Any) -> Any:
    """A tensor of PyTorch or TensorFlow as an array; all else as it is."""
    home = type(leaf).__module__.partition(".")[0]
    if home == "torch":
        return leaf.detach().cpu().numpy()
    return leaf.numpy() if home == "tensorflow" else leaf
