"""The four two-dimensional sets of the TensorFlow playground, drawn by NumPy."""

from collections.abc import Callable

import numpy as np

RADIUS = 5.0
CLASSES = ("orange", "blue")


def circle(n: int, noise: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A disc of radius 2.5 (blue) inside a ring from 3.5 to 5 (orange); noise moves the point that is labelled."""
    inner = np.arange(n) < n // 2
    r = np.where(inner, draw.uniform(0.0, 0.5 * RADIUS, n), draw.uniform(0.7 * RADIUS, RADIUS, n))
    angle = draw.uniform(0.0, 2 * np.pi, n)
    x = np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1)  # (n, 2)
    moved = x + noise * draw.uniform(-RADIUS, RADIUS, (n, 2))
    return x, np.hypot(*moved.T) < 0.5 * RADIUS


def xor(n: int, noise: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Four squares, blue where the signs agree, 0.3 away from the axes; noise moves the point that is labelled."""
    x = draw.uniform(-RADIUS, RADIUS, (n, 2))
    x = x + np.where(x > 0, 0.3, -0.3)
    moved = x + noise * draw.uniform(-RADIUS, RADIUS, (n, 2))
    return x, moved.prod(axis=1) >= 0


def gauss(n: int, noise: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two round normal clouds around (2, 2), blue, and (-2, -2); the variance is 0.5 + 7 * noise."""
    blue = np.arange(n) < n // 2
    centre = np.where(blue, 2.0, -2.0)[:, None]
    return centre + np.sqrt(0.5 + 7.0 * noise) * draw.standard_normal((n, 2)), blue


def spiral(n: int, noise: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two arms of 1.75 turns out to radius 5; noise moves every point by up to ``noise`` along each axis."""
    blue = np.arange(n) < n // 2
    arm = np.where(blue, n // 2, n - n // 2)
    share = np.where(blue, np.arange(n), np.arange(n) - n // 2) / arm
    angle = 2 * np.pi * 1.75 * share + np.where(blue, 0.0, np.pi)
    x = (RADIUS * share)[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)  # (n, 2)
    return x + noise * draw.uniform(-1.0, 1.0, (n, 2)), blue


SETS: dict[str, Callable] = {"circle": circle, "xor": xor, "gauss": gauss, "spiral": spiral}


def draw(name: str, n: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of one of the four sets.

    Args:
        name: "circle", "xor", "gauss" or "spiral".
        n: number of rows, at least 2.
        noise: from 0 to 0.5, as on the slider of the playground (there in percent).
        seed: of the generator.

    Returns:
        ``x (n, 2)`` float64 and ``y (n,)`` int32, 0 for orange and 1 for blue.

    Raises:
        ValueError: for fewer than 2 rows, or a noise outside 0 .. 0.5.

    Source: playground.tensorflow.org.

    Example:
        >>> x, y = draw("xor", 200, 0.0, seed=0)
        >>> bool(((x[:, 0] * x[:, 1] >= 0) == (y == 1)).all())
        True
    """
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n must be a whole number of at least 2, got {n!r}; write load({name!r}, n=500)")
    if not 0 <= noise <= 0.5:
        raise ValueError(f"noise must lie in [0, 0.5], got {noise}; write load({name!r}, noise=0.1)")
    x, blue = SETS[name](n, noise, np.random.default_rng(seed))
    return x, blue.astype(np.int32)
