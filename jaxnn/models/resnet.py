"""Residual networks."""

from collections.abc import Callable
from typing import Any

from jaxnn.core.types import Hyper
from jaxnn.layers.activation import Activation
from jaxnn.layers.combine import Residual, Sequential
from jaxnn.layers.conv import Conv
from jaxnn.layers.dense import Dense
from jaxnn.layers.global_pool import GlobalAvgPool
from jaxnn.layers.norm import BatchNorm
from jaxnn.layers.parallel import Parallel
from jaxnn.layers.pool import MaxPool
from jaxnn.layers.repeat import Repeat

LARGE: dict[int, tuple[tuple[int, ...], bool]] = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
"""Blocks per stage of the networks that start with 64 filters, and whether their blocks are bottlenecks."""


def resnet(
    depth: int,
    out: int,
    stem: str | None = None,
    momentum: Hyper = 0.9,
    eps: Hyper = 1e-5,
    activation: str | Callable = "relu",
    kernel_init: str | Callable = "he_normal",
) -> Sequential:
    """A residual network: a stem, stages of blocks that each halve the image and double the filters, a linear end.

    Depths ``6 n + 2`` (20, 32, 44, 56, 110) are the small networks for images of 32 pixels: three stages of 16, 32 and
    64 filters. Depths 18, 34, 50, 101 and 152 have four stages, from 64 filters on. Blocks of one shape follow each
    other in a `Repeat`, so that time to compile does not grow with depth. Shortcuts between stages are 1 x 1
    convolutions.

    Args:
        depth: layers with weights.
        out: number of outputs, which are logits or values without an activation.
        stem: ``"small"`` is one 3 x 3 convolution, for images of about 32 pixels; ``"large"`` is a 7 x 7 convolution
            and a pooling, which divide height and width by 4. None is ``"large"`` for depths 18 to 152, else
            ``"small"``.
        momentum, eps: of every `BatchNorm`; may be traced.
        activation: of all blocks, a name or a function of `jax.nn`.
        kernel_init: initialiser of every kernel but the last.

    Returns:
        A `Sequential` from ``(batch, height, width, channels)`` to ``(batch, out)``.

    Raises:
        ValueError: for a depth that does not exist, with those that do, or an unknown stem.

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2015.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
        >>> params, _ = jax.eval_shape(nn.resnet(50, 1000).init, jax.random.key(0), x)
        >>> sum(p.size for p in jax.tree.leaves(params))
        25557032
    """
    counts, narrow, first, stem = _plan(depth, out, stem)
    act = Activation(activation)

    def conv(filters: int, size: int, strides: int = 1) -> list[Any]:
        # The taps stand around the centre whatever the stride, as in the source; "same" would shift them.
        plain = Conv(filters, (size, size), strides, padding=size // 2, use_bias=False, kernel_init=kernel_init)
        return [plain, BatchNorm(momentum, eps)]

    def path(filters: int, strides: int) -> Sequential:
        if narrow:
            return Sequential(*conv(filters, 1), act, *conv(filters, 3, strides), act, *conv(4 * filters, 1))
        return Sequential(*conv(filters, 3, strides), act, *conv(filters, 3))

    layers: list = [*conv(first, 7, 2), act, MaxPool((3, 3), 2, 1)] if stem == "large" else [*conv(first, 3), act]
    width = first
    for stage, count in enumerate(counts):
        filters, strides = first * 2**stage, 2 if stage else 1
        wide = 4 * filters if narrow else filters
        if strides > 1 or wide != width:
            layers += [Parallel(path(filters, strides), Sequential(*conv(wide, 1, strides)), join="add"), act]
            count -= 1
        if count:
            layers.append(Repeat(Sequential(Residual(path(filters, 1)), act), count))
        width = wide
    return Sequential(*layers, GlobalAvgPool(), Dense(out))


def _plan(depth: int, out: int, stem: str | None) -> tuple[tuple[int, ...], bool, int, str]:
    """Blocks per stage, whether they are bottlenecks, filters of the first, and the stem."""
    if depth in LARGE:
        counts, narrow = LARGE[depth]
        first = 64
    elif isinstance(depth, int) and depth > 2 and depth % 6 == 2:
        counts, narrow, first = ((depth - 2) // 6,) * 3, False, 16
    else:
        raise ValueError(
            f"no residual network has depth {depth}; write one of {', '.join(map(str, LARGE))}, or 6 n + 2"
        )
    stem = ("large" if depth in LARGE else "small") if stem is None else stem
    if stem not in ("small", "large"):
        raise ValueError(f'stem must be "small" or "large", got {stem!r}; write resnet({depth}, {out}, stem="small")')
    return counts, narrow, first, stem
