"""Mixup: rows of a batch blended with other rows of it, targets and weights alike."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.tree import is_floating, row_count
from jaxnn.core.types import Batch, Hyper, Key


class Mixed(NamedTuple):
    """Targets of rows that are a blend of two: whatever judges outputs judges them by both, by their shares.

    For cross-entropy that is the cross-entropy of the blended labels, and for the squared error its gradient is that
    of the blended targets, so that labels stay whole numbers and no loss or metric needs to know of it.

    Args:
        one, other: targets, ``(batch, ...)`` each.
        share: of ``one``, in [0, 1], ``(batch,)``.

    Example:
        >>> y = Mixed(jnp.array([0.0]), jnp.array([4.0]), jnp.array([0.75]))
        >>> y.judge(lambda outputs, y: (outputs - y) ** 2, jnp.array([1.0])).tolist()
        [3.0]
    """

    one: Any
    other: Any
    share: Any

    def judge(self, function: Callable, outputs: Any) -> Any:
        """What a loss or metric ``(outputs, targets) -> (batch, ...)`` says of outputs under both targets."""
        one, other = (function(outputs, y).astype(self.share.dtype) for y in (self.one, self.other))
        share = self.share.reshape(self.share.shape + (1,) * (one.ndim - 1))
        return share * one + (1 - share) * other


def judged(function: Callable, outputs: Any, targets: Any) -> Any:
    """What a loss or metric says of outputs, row by row; targets that are blends of two are judged by both.

    Example:
        >>> judged(lambda outputs, y: (outputs - y) ** 2, jnp.array([1.0]), jnp.array([4.0])).tolist()
        [9.0]
    """
    return targets.judge(function, outputs) if isinstance(targets, Mixed) else function(outputs, targets)


@spec
class Mixup:
    """Each row of a batch blended with another one, ``x = s x_i + (1 - s) x_j``, ``s`` from ``Beta(alpha, alpha)``.

    Targets and weights are blended by the same share as the inputs: the row that the model sees is one new row. Its
    partner is another real row of the same batch whose weight is not 0, by a random permutation of these, so that
    padding and rows left out by their weight never enter. Each row of each step has a share of its own.

    Args:
        alpha: 0 or more, a leaf: it may be traced. 0 is no mixing, 1 shares that are uniform.

    Raises:
        ValueError: for an alpha below 0, or inputs that are no floats.

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", 2017.

    Example:
        >>> import optax, jaxnn as nn
        >>> def digits(alpha, lr):
        ...     return nn.Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.adam(lr), augment=nn.Mixup(alpha))
        >>> batch = nn.Batch(jnp.array([[0.0], [1.0]]), jnp.array([3, 8]), jnp.ones(2))
        >>> x, y, *_ = nn.Mixup(1.0)(jax.random.key(2), batch)
        >>> [round(float(v), 2) for v in (*x[:, 0], *y.share)], y.other.tolist()
        ([0.36, 0.06, 0.64, 0.06], [8, 3])
    """

    alpha: Hyper = hyper()

    def __post_init__(self):
        checks.not_negative("alpha", self.alpha, "Mixup(0.2)")

    def __call__(self, key: Key, batch: Batch) -> Batch:
        """The batch of blended rows, its targets `Mixed`."""
        for leaf in jax.tree.leaves(batch.x):
            if not is_floating(leaf):
                raise checks.SpecError(
                    f"Mixup blends inputs, which must be floats, and got {leaf.dtype} of shape {tuple(leaf.shape)}; "
                    "write x.astype(numpy.float32) / 255 for images, or no augment= for words and masks"
                )
        weight = jnp.ones(row_count(batch.y)) if batch.weight is None else batch.weight
        live = _live(weight) if batch.rows is None else _live(weight) & jnp.asarray(batch.rows, bool)
        of_shares, of_partners = jax.random.split(key)
        share, partner = self._shares(of_shares, jax.tree.leaves(weight)[0]), partners(of_partners, live)

        def blend(a: Any) -> Any:
            s = share.astype(a.dtype).reshape(share.shape + (1,) * (a.ndim - 1))
            return jnp.where(s == 1, a, s * a + (1 - s) * a[partner])

        y = Mixed(batch.y, jax.tree.map(lambda a: a[partner], batch.y), share)
        return batch._replace(x=jax.tree.map(blend, batch.x), y=y, weight=jax.tree.map(blend, weight))

    def _shares(self, key: Key, weight: Any) -> Any:
        alpha = jnp.asarray(self.alpha, weight.dtype)
        some = jnp.where(alpha > 0, alpha, jnp.ones_like(alpha))
        drawn = symmetric_beta(key, some, weight.shape[0])
        return jnp.where(alpha > 0, drawn, jnp.ones_like(drawn))


def symmetric_beta(key: Key, alpha: Any, n: int) -> jax.Array:
    """Draws from ``Beta(alpha, alpha)``, in closed form from two uniform numbers each.

    ``b = 1/2 + sign(c) / (2 sqrt(1 + 1 / (w c^2)))`` with ``w = u^(-1/alpha) - 1`` and ``c = cos(2 pi v)``: the polar
    method for Student's t with ``2 alpha`` degrees of freedom, of which it is a function. There is no loop to compile,
    as there is in ``jax.random.beta``, and the derivative in ``alpha`` is that of the formula. Here 1/2 and what is
    taken off it stand as one number, so that small draws keep their digits.

    Args:
        alpha: above 0, a 0-d array of floats; may be traced.
        n: how many.

    Returns:
        ``(n,)`` of the dtype of ``alpha``.

    Source: Bailey, "Polar generation of random variates with the t-distribution", 1994; Devroye, "Random variate
        generation in one line of code", 1996.

    Example:
        >>> drawn = symmetric_beta(jax.random.key(0), jnp.float32(2.0), 1000)
        >>> abs(float(drawn.mean()) - 0.5) < 0.02, abs(float(drawn.var()) - 0.05) < 0.005
        (True, True)
    """
    of_radius, of_angle = jax.random.split(key)
    u = jax.random.uniform(of_radius, (n,), alpha.dtype, minval=jnp.finfo(alpha.dtype).tiny)
    c = jnp.cos(2 * jnp.pi * jax.random.uniform(of_angle, (n,), alpha.dtype))
    w = jnp.expm1(jnp.minimum(-jnp.log(u) / alpha, 80))  # beyond it the draw is within 1e-34 of an end
    t = jnp.sqrt(w) * jnp.abs(c)
    h = jnp.sqrt(1 + t * t)
    small = 0.5 / (h * (h + t))
    return jnp.where(c > 0, 1 - small, small)


def _live(weight: Any) -> Any:
    """Which rows count at all: those with a weight that is not 0, at some output and step."""
    each = [(a > 0).reshape(a.shape[0], -1).any(1) for a in jax.tree.leaves(weight)]
    return functools.reduce(jnp.logical_or, each)


def partners(key: Key, live: Any) -> Any:
    """A random permutation of the rows that are live; all others stay where they are.

    Args:
        live: ``(batch,)`` bool.

    Returns:
        ``(batch,)`` int, the partner of each row.

    Example:
        >>> found = partners(jax.random.key(0), jnp.array([True, False, True, True]))
        >>> int(found[1]), sorted(found.tolist())
        (1, [0, 1, 2, 3])
    """
    n = live.shape[0]
    places = jnp.argsort(~live, stable=True)  # the live rows first, in their order
    drawn = jax.random.uniform(key, (n,))
    shuffled = jnp.argsort(jnp.where(live, drawn, jnp.full_like(drawn, 2)), stable=True)  # and in a random one
    return jnp.where(live, jnp.zeros_like(places).at[places].set(shuffled), jnp.arange(n, dtype=places.dtype))
