"""Normalisation of each row over groups of channels."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import beside, parts, per_step, split
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dtypes import param_dtype
from jaxnn.layers.layer_norm import affine, check_features, scale_and_bias


@spec
class GroupNorm:
    """Normalise each row over places and groups of channels: ``y = (x - mean) / sqrt(var + eps) * scale + bias``.

    Neighbouring channels form a group. The biased variance is used, in training as in use; statistics are computed
    in float32 at least. One group is LayerNorm over the whole row; as many as channels is instance normalisation.

    Args:
        groups: how many; divides the channels.
        eps: added to the variance; a leaf.
        use_scale, use_bias: whether the learned scale and bias exist.

    Shapes:
        ``x (batch, ..., channels)`` gives the same, and ``(x, mask)`` gives ``(y, mask)``, whose masked steps do not
        count; params are ``scale`` and ``bias``, each ``(channels,)``.

    Raises:
        ValueError: for groups that do not divide the channels, eps not above 0, or inputs that do not fit.

    Source: Wu and He, "Group normalization", 2018; ``flax.linen.GroupNorm``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.array([[[1.0, 10.0], [3.0, 30.0]]])
        >>> params, state = nn.GroupNorm(2).init(jax.random.key(0), x)
        >>> [round(v, 3) for v in nn.GroupNorm(2).apply(params, state, x)[0].ravel().tolist()]
        [-1.0, -1.0, 1.0, 1.0]
    """

    groups: int
    eps: Hyper = hyper(1e-5)
    use_scale: bool = True
    use_bias: bool = True

    def __post_init__(self):
        checks.size("groups", self.groups, "GroupNorm(8)")
        checks.positive("eps", self.eps, "GroupNorm(8, eps=1e-5)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Scale 1 and bias 0."""
        x, _ = parts("GroupNorm", x)
        params = scale_and_bias("GroupNorm", x, self.use_scale, self.use_bias)
        self._check(x)
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The normalised input."""
        x, mask = split("GroupNorm", x)
        check_features("GroupNorm", params, x)
        self._check(x)
        shape = (x.shape[0], math.prod(x.shape[1:-1]), self.groups, x.shape[-1] // self.groups)
        wide, mean = x.astype(param_dtype(x)).reshape(shape), _over_places(x, mask)
        centred = wide - mean(wide)
        var = mean(centred * centred)  # (batch, 1, groups, 1)
        y = centred * jax.lax.rsqrt(var + jnp.asarray(self.eps, var.dtype))
        return beside(affine(params, y.reshape(x.shape), x), mask), state

    def _check(self, x: Any) -> None:
        if len(x.shape) < 2 or x.shape[-1] % self.groups:
            raise checks.SpecError(
                f"{self.groups} groups do not divide the channels of inputs {tuple(x.shape)}; write GroupNorm(1)"
            )


def _over_places(x: Any, mask: Any) -> Callable:
    """The mean of ``(batch, places, groups, size)`` over places and groups' channels, of real steps alone."""
    if mask is None:
        return lambda a: a.mean((1, 3), keepdims=True)
    real = jnp.broadcast_to(per_step(mask, x.ndim), (*x.shape[:-1], 1)).reshape(x.shape[0], -1, 1, 1)

    def mean(a: Any) -> Any:
        total = jnp.maximum(real.sum(1, keepdims=True), 1) * a.shape[3]
        return jnp.where(real, a, jnp.zeros_like(a)).sum((1, 3), keepdims=True) / total.astype(a.dtype)

    return mean
