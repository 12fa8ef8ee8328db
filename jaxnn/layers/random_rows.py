"""What the layers that change rows at random share: a draw for each row, and images read between their pixels."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Key

FILLS = ("constant", "nearest", "reflect")
"""What lies around an image, in the words of SciPy and Keras: 0, the last pixel, or the image mirrored at its edge."""


def check_fill(value: Any, call: str) -> None:
    """Raise unless ``value`` is one of `FILLS`."""
    if value not in FILLS:
        raise ValueError(f"fill must be one of {', '.join(map(repr, FILLS))}, got {value!r}; write {call}")


def check_images(layer: str, x: Any, blends: bool = True) -> None:
    """Raise unless ``x`` is ``(batch, height, width, channels)``, and floating where pixels are blended.

    Raises:
        SpecError: with the shape or the dtype of ``x``.
    """
    if len(x.shape) != 4:
        raise checks.SpecError(
            f"{layer} needs images (batch, height, width, channels), got {tuple(x.shape)}; "
            "write x[..., None] where the channels are missing"
        )
    if blends:
        check_floats(layer, x)


def check_floats(layer: str, x: Any) -> None:
    """Raise unless ``x`` is floating.

    Raises:
        SpecError: with the dtype of ``x``.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise checks.SpecError(
            f"{layer} needs floats, got {x.dtype} of shape {tuple(x.shape)}; write x.astype(numpy.float32) / 255"
        )


def is_off(train: bool, *strengths: Any) -> bool:
    """Whether a layer does nothing: in use, or where its strengths are concrete zeros, which draw nothing."""
    return not train or all(checks.is_concrete(s) and s == 0 for s in strengths)


def uniform(layer: str, key: Key | None, i: int, x: Any) -> Any:
    """The ``i``-th number of each row of ``x`` in [-1, 1), float32, or float64 for ``x`` of float64: ``(batch,)``.

    Raises:
        SpecError: where there is no key.
    """
    dtype = jnp.float64 if x.dtype == jnp.float64 else jnp.float32
    key = jax.random.fold_in(checks.key_needed(layer, key), i)
    return jax.random.uniform(key, (x.shape[0],), dtype, -1.0)


def pixel(index: Any, size: int, fill: str) -> tuple[Any, Any]:
    """Where a place that may lie outside of ``[0, size)`` is read, and whether it counts.

    Example:
        >>> pixel(jnp.arange(-2, 5), 3, "reflect")[0].tolist(), pixel(jnp.arange(-1, 2), 3, "constant")[1].tolist()
        ([1, 0, 0, 1, 2, 2, 1], [False, True, True])
    """
    if fill == "reflect":
        folded = index % (2 * size)
        return jnp.minimum(folded, 2 * size - 1 - folded), jnp.ones_like(index, bool)
    inside = (index >= 0) & (index < size)
    return jnp.clip(index, 0, size - 1), inside if fill == "constant" else jnp.ones_like(inside)


def read(image: Any, down: Any, right: Any, fill: str) -> Any:
    """An image at places between its pixels, by linear interpolation between the four around each.

    Args:
        image: ``(height, width, channels)``.
        down, right: places in pixels from the first, floats of one shape, ``(height, width)``.
        fill: one of `FILLS`.

    Returns:
        ``(height, width, channels)``.

    Source: ``scipy.ndimage.map_coordinates`` of order 1, whose values these are (``grid-constant`` for ``constant``).

    Example:
        >>> image = jnp.array([[[0.0], [10.0]]])
        >>> read(image, jnp.zeros((1, 2)), jnp.array([[0.25, 1.5]]), "constant").ravel().tolist()
        [2.5, 5.0]
    """

    def corner(i: Any, j: Any) -> Any:
        row, in_rows = pixel(i.astype(jnp.int32), image.shape[0], fill)
        column, in_columns = pixel(j.astype(jnp.int32), image.shape[1], fill)
        share = (1 - jnp.abs(down - i)) * (1 - jnp.abs(right - j))
        share = jnp.where(in_rows & in_columns, share, jnp.zeros_like(share)).astype(image.dtype)
        return share[..., None] * image[row, column]

    top, left = jnp.floor(down), jnp.floor(right)
    return sum(corner(i, j) for i in (top, top + 1) for j in (left, left + 1))
