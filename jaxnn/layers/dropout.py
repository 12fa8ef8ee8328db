"""Dropout with a traced rate."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import by_step
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dropout_mask import dropped


@spec
@by_step
class Dropout:
    """In training only: 0 with probability ``rate``, else ``x / (1 - rate)``, so that the mean is unchanged.

    Sixteen random bits decide on a unit, so that the probability is ``rate`` to the nearest multiple of ``2 ** -16``.

    Args:
        rate: the drop rate in [0, 1), a leaf: it may be traced. A concrete 0 draws nothing.
        noise_shape: the shape of the mask, broadcast against ``x``; None in a place takes the axis of ``x``.
            ``(None, 1, None)`` on ``(batch, time, features)`` shares one mask over time, ``(None, 1, 1, None)`` on
            images drops whole channels.
        seed: of a stream of masks of its own, a whole number that may be traced: the masks are those of the seed and
            of how many were drawn, whatever stands before the layer, whatever the seed of the member. None draws from
            the key of the step and the place of the layer in the model.

    Shapes:
        ``x (batch, ...)`` gives the same shape, and ``(x, mask)`` gives ``(y, mask)``.

    Raises:
        ValueError: for a rate outside [0, 1), a noise shape that does not broadcast, a seed that is no whole number,
            or a missing key in training.

    Source: Srivastava et al., "Dropout", JMLR 15 (2014); ``keras.layers.Dropout`` for ``noise_shape`` and ``seed``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> y, _ = nn.Dropout(0.5).apply({}, {}, jnp.ones((1, 4)), key=jax.random.key(0), train=True)
        >>> sorted(set(y.ravel().tolist()))
        [0.0, 2.0]
    """

    rate: Hyper = hyper()
    noise_shape: tuple[int | None, ...] | None = None
    seed: Hyper = hyper(None)

    def __post_init__(self):
        checks.rate("rate", self.rate, "Dropout(0.5)")
        if isinstance(self.seed, (bool, float)) or (isinstance(self.seed, int) and not 0 <= self.seed < 2**31):
            raise ValueError(
                f"seed must be a whole number in [0, 2**31), got {self.seed!r}; write Dropout(0.5, seed=0)"
            )

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep, or with a seed of its own the number of masks drawn so far."""
        self._mask_shape(x.shape)
        return {}, {} if self.seed is None else {"step": jnp.int32(0)}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """``x`` itself in use; in training ``x`` under a mask drawn from ``key``."""
        if not train or (checks.is_concrete(self.rate) and self.rate == 0):
            return x, state
        if self.seed is not None:
            key = jax.random.fold_in(jax.random.key(self.seed, impl="threefry2x32"), state["step"])
            state = {"step": state["step"] + 1}
        return dropped(checks.key_needed("Dropout", key), self.rate, x, self._mask_shape(x.shape)), state

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.noise_shape is None:
            return shape
        mask = tuple(n if m is None else m for m, n in zip(self.noise_shape, shape, strict=False))
        if len(self.noise_shape) != len(shape) or any(m not in (1, n) for m, n in zip(mask, shape, strict=True)):
            raise checks.SpecError(
                f"noise_shape {self.noise_shape} does not broadcast to inputs {shape}; "
                f"write one entry per axis, as in Dropout(0.5, noise_shape={(None,) + (1,) * (len(shape) - 1)})"
            )
        return mask
