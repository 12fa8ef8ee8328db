"""Normalisation of each row over groups of channels."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dense import param_dtype
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
        ``x (batch, ..., channels)`` gives the same; params are ``scale`` and ``bias``, each ``(channels,)``.

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
        params = scale_and_bias("GroupNorm", x, self.use_scale, self.use_bias)
        self._check(x)
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The normalised input."""
        check_features("GroupNorm", params, x)
        self._check(x)
        rows = (x.shape[0], math.prod(x.shape[1:-1]), self.groups, x.shape[-1] // self.groups)
        wide = x.astype(param_dtype(x)).reshape(rows)
        centred = wide - wide.mean((1, 3), keepdims=True)
        var = (centred * centred).mean((1, 3), keepdims=True)  # (batch, 1, groups, 1)
        y = centred * jax.lax.rsqrt(var + jnp.asarray(self.eps, var.dtype))
        return affine(params, y.reshape(x.shape), x), state

    def _check(self, x: Any) -> None:
        if len(x.shape) < 2 or x.shape[-1] % self.groups:
            raise checks.SpecError(
                f"{self.groups} groups do not divide the channels of inputs {tuple(x.shape)}; write GroupNorm(1)"
            )
