"""Outputs and what they are held against: one loss for all of them, or a tree of losses, one for each head.

A head is one leaf of the tree of losses, with the outputs, targets and weights that stand at its path. `Head.seen` is
where rows, steps of a sequence, masks and ignored labels become one thing: rows, each with a weight.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxnn.core.logits import on_rows
from jaxnn.core.masks import Masked, only_real
from jaxnn.core.records import Loss, Metric
from jaxnn.core.types import Batch
from jaxnn.data.mixup import Mixed

EXAMPLE = 'Trial(model, {"cls": "softmax_cross_entropy", "reg": "squared_error"}, optax.adam(1e-3))'


class Seen(NamedTuple):
    """What a head sees of a batch.

    Args:
        outputs: ``(rows, ...)``; steps of a sequence are rows where they have weights of their own.
        targets: ``(rows, ...)``.
        weight: ``(rows,)`` float, 0 for what is not there.
        real: ``(rows,)`` bool, what is there; None where the rows of the batch tell.
    """

    outputs: Any
    targets: Any
    weight: Any
    real: Any


@dataclass(frozen=True, eq=False)
class Head:
    """One output of a model, and what it is trained and judged by.

    Args:
        path: the keys and places that lead to it in the tree of losses; () where there is one loss.
        loss: its `Loss`.
        metrics: its metrics, each a `Metric`.
        share: what its loss is multiplied with in the sum over heads.
        class_weight: see `jaxnn.train.class_weight`; None for 1 each.
    """

    path: tuple
    loss: Loss
    metrics: tuple[Metric, ...]
    share: Any = 1.0
    class_weight: Any = None

    def called(self, name: str) -> str:
        """The name in the history: ``accuracy``, or ``cls_accuracy`` where there are several heads."""
        return "_".join([*map(str, self.path), name])

    def seen(self, outputs: Any, batch: Batch) -> Seen:
        """Outputs, targets and weights of this head, as rows.

        A step counts as a row of its own where there are weights by step or a mask: a step of weight 0, of a mask that
        is 0 or of an ignored label is not there. Everywhere else a loss takes the mean over the steps of a row.
        """
        if isinstance(batch.y, Mixed):
            return self._seen_both(outputs, batch)
        outputs, mask = value_and_mask(pick(outputs, self.path))
        targets, weight, real = pick(batch.y, self.path), own_weight(batch.weight, self.path), None
        rows = jnp.ones(weight.shape[:1], bool) if batch.rows is None else batch.rows
        if weight.ndim > 1:
            real = _over(rows, weight) & (weight > 0)
        if mask is not None:
            real = _over(rows if real is None else real, mask) & mask.astype(bool)
        ignored = ignored_label(self.loss)
        if ignored is not None:
            kept = targets != ignored
            real = _over(rows if real is None else real, kept) & kept
        if real is None:
            return Seen(outputs, targets, weight, None)
        # What stands in the other steps may be NaN, and a gradient of 0 times NaN would be NaN.
        axes = real.ndim
        outputs = on_rows(lambda a: merged(only_real(a, real), axes), outputs)
        parts = (only_real(a, real) for a in (targets, _over(weight, real)))
        targets, weight, real = (merged(a, axes) for a in (*parts, real))
        return Seen(outputs, targets, weight, real)

    def _seen_both(self, outputs: Any, batch: Batch) -> Seen:
        """Rows that are blends of two: both targets, and a step is there where it is for both."""
        one, other = (self.seen(outputs, batch._replace(y=y)) for y in batch.y[:2])
        share = jnp.repeat(batch.y.share, one.weight.shape[0] // batch.y.share.shape[0])
        one = one._replace(targets=Mixed(one.targets, other.targets, share))
        if one.real is None:
            return one
        real = one.real & other.real
        return one._replace(real=real, weight=only_real(one.weight, real))


def ignored_label(loss: Loss) -> Any:
    """The label that a loss ignores, or None; see `jaxnn.losses.ignoring`."""
    return getattr(loss.rows, "ignored", None)


def merged(array: Any, axes: int) -> Any:
    """The first so many axes as one."""
    return array if axes == 1 else array.reshape(-1, *array.shape[axes:])


def _over(flags: Any, like: Any) -> Any:
    """``(batch, ...)`` spread over the further axes of another array."""
    return jnp.broadcast_to(flags.reshape(flags.shape + (1,) * (like.ndim - flags.ndim)), like.shape)


def value_and_mask(outputs: Any) -> tuple[Any, Any]:
    """The outputs and the mask beside them, as layers hand it on, or None.

    Example:
        >>> masked = Masked(jnp.ones((2, 5, 3)), jnp.ones((2, 5)))
        >>> [a.shape for a in value_and_mask(masked)], value_and_mask(jnp.ones(3))[1]
        ([(2, 5, 3), (2, 5)], None)
    """
    return (outputs.value, outputs.mask) if isinstance(outputs, Masked) else (outputs, None)


def is_node(tree: Any) -> bool:
    """Whether this is a dict, a tuple or a list, and no leaf."""
    return isinstance(tree, Mapping) or (isinstance(tree, (tuple, list)) and not hasattr(tree, "_fields"))


def items(node: Any) -> list[tuple[Any, Any]]:
    """The keys or places of a node, and what stands there."""
    return list(node.items() if isinstance(node, Mapping) else enumerate(node))


def leaves(tree: Any) -> Iterator[tuple[tuple, Any]]:
    """Path and leaf of a tree of losses, in its own order.

    Example:
        >>> list(leaves({"cls": "hinge", "boxes": ("huber", "huber")}))
        [(('cls',), 'hinge'), (('boxes', 0), 'huber'), (('boxes', 1), 'huber')]
    """
    if not is_node(tree):
        yield (), tree
        return
    if isinstance(tree, Mapping) and not all(isinstance(key, str) for key in tree):
        raise ValueError(f"outputs go by names, got {list(tree)}; write {EXAMPLE}")
    for key, branch in items(tree):
        for path, leaf in leaves(branch):
            yield (key, *path), leaf


def pick(tree: Any, path: tuple) -> Any:
    """What stands at a path."""
    for key in path:
        tree = tree[key]
    return tree


def mapped(function: Callable, loss: Any, *trees: Any) -> Any:
    """``function(leaf, ...)`` of every leaf of a tree of losses and what stands at its path in others.

    Example:
        >>> mapped(lambda loss, y: (loss, y), {"cls": "hinge", "reg": "huber"}, {"reg": 1, "cls": 2})
        {'cls': ('hinge', 2), 'reg': ('huber', 1)}
    """
    if not is_node(loss):
        return function(loss, *trees)
    made = {key: mapped(function, branch, *(tree[key] for tree in trees)) for key, branch in items(loss)}
    return made if isinstance(loss, Mapping) else tuple(made.values())


def by_path(loss: Any, values: Mapping[tuple, Any]) -> Any:
    """A tree like that of the losses of what is known by path, None where nothing is.

    Example:
        >>> by_path({"cls": "hinge", "reg": "huber"}, {("cls",): 1})
        {'cls': 1, 'reg': None}
    """
    found = iter([values.get(path) for path, _ in leaves(loss)])
    return mapped(lambda _: next(found), loss)


def own_weight(weight: Any, path: tuple) -> Any:
    """The weights of one head: those at its path, or those of the rows where they go for all."""
    for key in path:
        if not is_node(weight):
            return weight
        weight = weight[key]
    return weight


def given(what: str, tree: Any, paths: list[tuple], default: Any, call: str) -> list[Any]:
    """What a tree says for each head, the default where it says nothing.

    Raises:
        ValueError: for a key that is no head, with the heads there are.

    Example:
        >>> given("loss_weights", {"reg": 0.3}, [("cls",), ("reg",)], 1.0, "")
        [1.0, 0.3]
    """
    if tree is None:
        return [default] * len(paths)
    if paths == [()]:
        return [tree]
    check_keys(what, tree, paths, call)
    return [_at(tree, path, default) for path in paths]


def _at(tree: Any, path: tuple, default: Any) -> Any:
    for key in path:
        if isinstance(tree, Mapping) and key not in tree:
            return default
        tree = tree[key]
    return tree


def check_keys(what: str, tree: Any, paths: list[tuple], call: str) -> None:
    """Raise unless every key of the tree leads to a head."""
    known = list(dict.fromkeys(path[0] for path in paths))
    named = ", ".join(map(repr, known))
    if not is_node(tree) or (not isinstance(tree, Mapping) and len(tree) != len(known)):
        raise ValueError(f"{what} goes by output, of which there are {named}, got {tree!r}; write {call}")
    for key, branch in items(tree):
        if key not in known:
            raise ValueError(f"{what} names {key!r}, which is no output; there are {named}: write {call}")
        below = [path[1:] for path in paths if path[0] == key]
        if below != [()]:
            check_keys(what, branch, below, call)


def shown(tree: Any) -> str:
    """A tree for a message, its arrays as their shapes.

    Example:
        >>> shown({"cls": jnp.ones((4, 3)), "reg": (jnp.ones(4), "huber")})
        '{cls: (4, 3), reg: ((4,), huber)}'
    """
    if isinstance(tree, Mapping):
        return "{" + ", ".join(f"{key}: {shown(v)}" for key, v in tree.items()) + "}"
    if is_node(tree):
        return "(" + ", ".join(map(shown, tree)) + ")"
    return str(getattr(tree, "shape", getattr(tree, "__name__", tree)))


def check_trees(loss: Any, outputs: Any, y: Any, what: str) -> None:
    """Raise unless outputs and targets have a leaf or a branch wherever the losses have one.

    Args:
        loss: a loss, or a tree of them.
        outputs: of the model, arrays or their shapes.
        y: targets.
        what: how messages call the data.

    Raises:
        ValueError: with the trees.
    """
    if not is_node(loss):
        return
    for name, tree in (("the model gives outputs", outputs), (f"y of {what} is", y)):
        if not fits(loss, tree):
            raise ValueError(
                f"the losses are {shown(loss)} and {name} {shown(tree)}; write a loss for each output, and outputs and "
                f"targets under the same names, as in {EXAMPLE} with y={{'cls': labels, 'reg': values}}"
            )


def fits(loss: Any, tree: Any) -> bool:
    """Whether a tree has a leaf or a branch wherever a tree of losses has one.

    Example:
        >>> fits({"cls": "hinge"}, {"cls": jnp.ones(3)}), fits(("hinge",), jnp.ones(3))
        (True, False)
    """
    if not is_node(loss):
        return not is_node(tree) or value_and_mask(tree)[1] is not None
    if not is_node(tree) or isinstance(loss, Mapping) != isinstance(tree, Mapping):
        return False
    own, theirs = dict(items(loss)), dict(items(tree))
    return own.keys() == theirs.keys() and all(fits(own[key], theirs[key]) for key in own)
