"""Images padded, then cut out at random in their old size."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.random_rows import check_fill, check_images, is_off, pixel, uniform


@spec
class RandomCrop:
    """In training only: an image with ``padding`` pixels on all sides is cut out, in its own size, at a random place.

    Both corners of the cut are whole numbers of pixels, each of ``-padding, ..., padding`` as likely as any other.

    Args:
        padding: pixels, a leaf: it may be traced, and of a fraction the whole part counts. A concrete 0 draws nothing.
        fill: what lies around the image: ``"constant"`` (0), ``"nearest"`` (the last pixel) or ``"reflect"``.

    Shapes:
        ``x (batch, height, width, channels)`` gives the same shape.

    Raises:
        ValueError: for padding below 0, an unknown fill, inputs that are no images, or a missing key in training.

    Source: ``torchvision.transforms.RandomCrop(size, padding)``; He et al., 2015, who pad CIFAR's images by 4.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> y, _ = nn.RandomCrop(1).apply({}, {}, jnp.ones((1, 4, 4, 1)), key=jax.random.key(3), train=True)
        >>> y[0, :, :, 0].astype(int).tolist()
        [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]]
    """

    padding: Hyper = hyper(4)
    fill: str = "constant"

    def __post_init__(self):
        checks.not_negative("padding", self.padding, "RandomCrop(4)")
        check_fill(self.fill, 'RandomCrop(4, fill="constant")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_images("RandomCrop", x, blends=False)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training its images moved by whole pixels."""
        check_images("RandomCrop", x, blends=False)
        if is_off(train, self.padding):
            return x, state
        down, right = (self._places(key, i, x) for i in (0, 1))
        return jax.vmap(self._cut)(x, down, right), state

    def _places(self, key: Key | None, i: int, x: Any) -> Any:
        """The first pixel of each image that the cut shows, from ``-padding`` to ``padding``: ``(batch,)``."""
        draw = (uniform("RandomCrop", key, i, x) + 1) / 2
        padding = jnp.floor(jnp.asarray(self.padding).astype(draw.dtype))
        return jnp.minimum(jnp.floor(draw * (2 * padding + 1)), 2 * padding).astype(jnp.int32) - padding.astype(
            jnp.int32
        )

    def _cut(self, image: Any, down: Any, right: Any) -> Any:
        row, in_rows = pixel(jnp.arange(image.shape[0], dtype=down.dtype) + down, image.shape[0], self.fill)
        column, in_columns = pixel(jnp.arange(image.shape[1], dtype=right.dtype) + right, image.shape[1], self.fill)
        shown = image[row][:, column]
        return jnp.where((in_rows[:, None] & in_columns[None])[..., None], shown, jnp.zeros_like(shown))
