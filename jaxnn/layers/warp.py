"""Images turned, moved and enlarged at random, read between their pixels."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.random_rows import check_fill, check_images, is_off, read, uniform


def warp(x: Any, matrix: Any, shift: Any, fill: str) -> Any:
    """Images read at ``matrix @ place + shift``, places counted from the middle of the image, downwards and rightwards.

    Args:
        x: ``(batch, height, width, channels)``.
        matrix: ``(batch, 2, 2)``.
        shift: ``(batch, 2)``, in pixels.
        fill: one of `jaxnn.layers.random_rows.FILLS`.

    Returns:
        The shape of ``x``.

    Source: ``scipy.ndimage.affine_transform`` of order 1.

    Example:
        >>> x = jnp.arange(3.0).reshape(1, 1, 3, 1)
        >>> warp(x, jnp.eye(2)[None], jnp.array([[0.0, 0.5]]), "nearest").ravel().tolist()
        [0.5, 1.5, 2.0]
    """
    height, width = x.shape[1:3]
    middle = jnp.array([(height - 1) / 2, (width - 1) / 2], matrix.dtype)
    down = jnp.broadcast_to((jnp.arange(height, dtype=matrix.dtype) - middle[0])[:, None], (height, width))
    right = jnp.broadcast_to((jnp.arange(width, dtype=matrix.dtype) - middle[1])[None], (height, width))

    def one(image: Any, m: Any, s: Any) -> Any:
        rows = m[0, 0] * down + m[0, 1] * right + s[0] + middle[0]
        columns = m[1, 0] * down + m[1, 1] * right + s[1] + middle[1]
        return read(image, rows, columns, fill)

    return jax.vmap(one)(x, matrix, shift)


def _matrix(a: Any, b: Any, c: Any, d: Any) -> Any:
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)  # (batch,) four times -> (batch, 2, 2)


@spec
class RandomRotation:
    """In training only: an image is turned about its middle by an angle uniform in ``[-degrees, degrees]``, its own.

    Args:
        degrees: the largest angle, 0 or more, a leaf: it may be traced. A concrete 0 draws nothing.
        fill: what lies around the image: ``"constant"`` (0), ``"nearest"`` (the last pixel) or ``"reflect"``.

    Shapes:
        ``x (batch, height, width, channels)`` gives the same shape.

    Raises:
        ValueError: for degrees below 0, an unknown fill, inputs that are no images of floats, or a missing key in
            training.

    Source: ``torchvision.transforms.RandomRotation``; ``keras.layers.RandomRotation``, which counts in full turns.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> y, _ = nn.RandomRotation(10.0).apply({}, {}, jnp.ones((2, 5, 5, 1)), key=jax.random.key(0), train=True)
        >>> float(y[0, 2, 2, 0]), float(y[0, 0, 0, 0]) < 1
        (1.0, True)
    """

    degrees: Hyper = hyper()
    fill: str = "constant"

    def __post_init__(self):
        checks.not_negative("degrees", self.degrees, "RandomRotation(10.0)")
        check_fill(self.fill, 'RandomRotation(10.0, fill="nearest")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_images("RandomRotation", x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training its images turned."""
        check_images("RandomRotation", x)
        if is_off(train, self.degrees):
            return x, state
        draw = uniform("RandomRotation", key, 0, x)
        angle = draw * jnp.deg2rad(jnp.asarray(self.degrees, draw.dtype))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        turned = warp(x, _matrix(cos, sin, -sin, cos), jnp.zeros((*draw.shape, 2), draw.dtype), self.fill)
        return jnp.where(jnp.asarray(self.degrees) == 0, x, turned), state


@spec
class RandomTranslation:
    """In training only: an image is moved by shares of its height and width, uniform in ``[-share, share]``, its own.

    Args:
        height, width: the largest shares, 0 or more, leaves: they may be traced. Concrete zeros draw nothing.
        fill: what lies around the image: ``"constant"`` (0), ``"nearest"`` (the last pixel) or ``"reflect"``.

    Shapes:
        ``x (batch, height, width, channels)`` gives the same shape.

    Raises:
        ValueError: for shares below 0, an unknown fill, inputs that are no images of floats, or a missing key in
            training.

    Source: ``keras.layers.RandomTranslation``; ``translate`` of ``torchvision.transforms.RandomAffine``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.RandomTranslation(0.0, 0.5, fill="nearest")
        >>> y, _ = layer.apply({}, {}, jnp.ones((2, 5, 5, 1)), key=jax.random.key(0), train=True)
        >>> bool(jnp.allclose(y, 1))
        True
    """

    height: Hyper = hyper()
    width: Hyper = hyper()
    fill: str = "constant"

    def __post_init__(self):
        for name in ("height", "width"):
            checks.not_negative(name, getattr(self, name), "RandomTranslation(0.1, 0.1)")
        check_fill(self.fill, 'RandomTranslation(0.1, 0.1, fill="nearest")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_images("RandomTranslation", x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training its images moved."""
        check_images("RandomTranslation", x)
        if is_off(train, self.height, self.width):
            return x, state
        draws = [uniform("RandomTranslation", key, i, x) for i in (0, 1)]
        most = [jnp.asarray(v, draws[0].dtype) * n for v, n in ((self.height, x.shape[1]), (self.width, x.shape[2]))]
        shift = jnp.stack([-draw * m for draw, m in zip(draws, most, strict=True)], -1)
        one, zero = jnp.ones_like(draws[0]), jnp.zeros_like(draws[0])
        moved = warp(x, _matrix(one, zero, zero, one), shift, self.fill)
        return jnp.where((most[0] == 0) & (most[1] == 0), x, moved), state


@spec
class RandomZoom:
    """In training only: an image is enlarged by a factor of its own, uniform in ``[1 - share, 1 + share]``.

    Args:
        share: in [0, 1), a leaf: it may be traced. A concrete 0 draws nothing. Factors above 1 enlarge.
        fill: what lies around the image: ``"constant"`` (0), ``"nearest"`` (the last pixel) or ``"reflect"``.

    Shapes:
        ``x (batch, height, width, channels)`` gives the same shape.

    Raises:
        ValueError: for a share outside [0, 1), an unknown fill, inputs that are no images of floats, or a missing key
            in training.

    Source: ``scale`` of ``torchvision.transforms.RandomAffine``; ``keras.layers.RandomZoom``, whose numbers shrink.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.RandomZoom(0.5, fill="nearest")
        >>> y, _ = layer.apply({}, {}, jnp.ones((2, 5, 5, 1)), key=jax.random.key(0), train=True)
        >>> bool(jnp.allclose(y, 1))
        True
    """

    share: Hyper = hyper()
    fill: str = "constant"

    def __post_init__(self):
        checks.rate("share", self.share, "RandomZoom(0.2)")
        check_fill(self.fill, 'RandomZoom(0.2, fill="nearest")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_images("RandomZoom", x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training its images enlarged."""
        check_images("RandomZoom", x)
        if is_off(train, self.share):
            return x, state
        draw = uniform("RandomZoom", key, 0, x)
        back, zero = 1 / (1 + draw * jnp.asarray(self.share, draw.dtype)), jnp.zeros_like(draw)
        zoomed = warp(x, _matrix(back, zero, zero, back), jnp.zeros((*draw.shape, 2), draw.dtype), self.fill)
        return jnp.where(jnp.asarray(self.share) == 0, x, zoomed), state
