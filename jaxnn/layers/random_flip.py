"""Images mirrored at random."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.random_rows import check_images, is_off, uniform


@spec
class RandomFlip:
    """In training only: an image is mirrored with probability ``rate``, each by its own draw.

    Args:
        rate: the probability in [0, 1], a leaf: it may be traced. A concrete 0 draws nothing.
        axis: ``"width"`` changes left and right, ``"height"`` top and bottom.

    Shapes:
        ``x (batch, height, width, channels)`` gives the same shape.

    Raises:
        ValueError: for a rate outside [0, 1], an unknown axis, inputs that are no images, or a missing key in training.

    Source: ``torchvision.transforms.RandomHorizontalFlip``; ``keras.layers.RandomFlip`` with rate 0.5.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.arange(3.0).reshape(1, 1, 3, 1)
        >>> y, _ = nn.RandomFlip(1.0).apply({}, {}, x, key=jax.random.key(0), train=True)
        >>> y.ravel().tolist()
        [2.0, 1.0, 0.0]
    """

    rate: Hyper = hyper(0.5)
    axis: str = "width"

    def __post_init__(self):
        checks.fraction("rate", self.rate, "RandomFlip(0.5)")
        if self.axis not in ("height", "width"):
            raise ValueError(
                f"axis must be 'height' or 'width', got {self.axis!r}; write RandomFlip(0.5, axis='width'), "
                "and two layers for both"
            )

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_images("RandomFlip", x, blends=False)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training some of its images mirrored."""
        check_images("RandomFlip", x, blends=False)
        if is_off(train, self.rate):
            return x, state
        draw = (uniform("RandomFlip", key, 0, x) + 1) / 2
        flip = draw < jnp.asarray(self.rate, draw.dtype)
        mirrored = jnp.flip(x, {"height": 1, "width": 2}[self.axis])
        return jnp.where(flip[:, None, None, None], mirrored, x), state
