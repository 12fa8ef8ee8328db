"""Noise added to inputs."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import by_step
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.random_rows import check_floats, is_off


@spec
@by_step
class GaussianNoise:
    """In training only: ``x + stddev * e`` with ``e`` standard normal, drawn for every entry by itself.

    Args:
        stddev: the standard deviation, 0 or more, a leaf: it may be traced. A concrete 0 draws nothing.

    Shapes:
        ``x (batch, ...)`` gives the same shape, and ``(x, mask)`` gives ``(y, mask)``.

    Raises:
        ValueError: for a standard deviation below 0, inputs that are no floats, or a missing key in training.

    Source: ``keras.layers.GaussianNoise``; Bishop, "Training with noise ...", 1995.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> y, _ = nn.GaussianNoise(0.1).apply({}, {}, jnp.ones((100, 100)), key=jax.random.key(0), train=True)
        >>> round(float(y.std()), 2)
        0.1
    """

    stddev: Hyper = hyper()

    def __post_init__(self):
        checks.not_negative("stddev", self.stddev, "GaussianNoise(0.1)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        check_floats("GaussianNoise", x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training ``x`` with noise."""
        check_floats("GaussianNoise", x)
        if is_off(train, self.stddev):
            return x, state
        noise = jax.random.normal(checks.key_needed("GaussianNoise", key), x.shape, x.dtype)
        stddev = jnp.asarray(self.stddev).astype(x.dtype)
        return jnp.where(stddev == 0, x, x + stddev * noise), state
