"""Normalisation of each row over its features: LayerNorm and RMSNorm."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import by_step
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dtypes import param_dtype


@spec
@by_step
class LayerNorm:
    """Normalise over the last axis: ``y = (x - mean) / sqrt(var + eps) * scale + bias``.

    Mean and biased variance are those of the features of one place of one row, in training as in use; they are
    computed in float32 at least, and the result has the dtype of ``x``.

    Args:
        eps: added to the variance; a leaf.
        use_scale, use_bias: whether the learned scale and bias exist.

    Shapes:
        ``x (batch, ..., features)`` gives the same, and ``(x, mask)`` gives ``(y, mask)``; params are ``scale`` and
        ``bias``, each ``(features,)``.

    Raises:
        ValueError: for eps not above 0, or inputs that do not fit.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016; ``flax.linen.LayerNorm``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.array([[1.0, 3.0]])
        >>> params, state = nn.LayerNorm().init(jax.random.key(0), x)
        >>> [round(v, 3) for v in nn.LayerNorm().apply(params, state, x)[0].ravel().tolist()]
        [-1.0, 1.0]
    """

    eps: Hyper = hyper(1e-5)
    use_scale: bool = True
    use_bias: bool = True

    def __post_init__(self):
        checks.positive("eps", self.eps, "LayerNorm(eps=1e-5)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Scale 1 and bias 0."""
        return scale_and_bias("LayerNorm", x, self.use_scale, self.use_bias), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The normalised input."""
        check_features("LayerNorm", params, x)
        wide = x.astype(param_dtype(x))
        centred = wide - wide.mean(-1, keepdims=True)
        var = (centred * centred).mean(-1, keepdims=True)
        return affine(params, centred * jax.lax.rsqrt(var + jnp.asarray(self.eps, var.dtype)), x), state


@spec
@by_step
class RMSNorm:
    """Divide by the root mean square of the last axis: ``y = x / sqrt(mean(x^2) + eps) * scale``.

    Args:
        eps: added to the mean square; a leaf.
        use_scale: whether the learned scale exists.

    Shapes:
        ``x (batch, ..., features)`` gives the same, and ``(x, mask)`` gives ``(y, mask)``; params are ``scale
        (features,)``.

    Raises:
        ValueError: for eps not above 0, or inputs that do not fit.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019; ``flax.linen.RMSNorm``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.array([[3.0, 4.0]])
        >>> params, state = nn.RMSNorm().init(jax.random.key(0), x)
        >>> [round(v, 3) for v in nn.RMSNorm().apply(params, state, x)[0].ravel().tolist()]
        [0.849, 1.131]
    """

    eps: Hyper = hyper(1e-5)
    use_scale: bool = True

    def __post_init__(self):
        checks.positive("eps", self.eps, "RMSNorm(eps=1e-5)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Scale 1."""
        return scale_and_bias("RMSNorm", x, self.use_scale, False), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The scaled input."""
        check_features("RMSNorm", params, x)
        wide = x.astype(param_dtype(x))
        square = (wide * wide).mean(-1, keepdims=True)
        return affine(params, wide * jax.lax.rsqrt(square + jnp.asarray(self.eps, square.dtype)), x), state


def scale_and_bias(layer: str, x: Any, use_scale: bool, use_bias: bool) -> Params:
    """``scale`` 1 and ``bias`` 0 for the last axis of ``x``.

    Raises:
        SpecError: for inputs without a batch axis.
    """
    if len(x.shape) < 2:
        raise checks.SpecError(f"{layer} needs (batch, ..., features), got {tuple(x.shape)}; write x[None] for one row")
    params = {"scale": jnp.ones(x.shape[-1:], param_dtype(x))} if use_scale else {}
    return {**params, "bias": jnp.zeros(x.shape[-1:], param_dtype(x))} if use_bias else params


def check_features(layer: str, params: Params, x: Any) -> None:
    """Raise unless the last axis of ``x`` is that of the parameters.

    Raises:
        SpecError: with both shapes.
    """
    for name, leaf in params.items():
        if x.ndim < 2 or leaf.shape != x.shape[-1:]:
            raise checks.misfit(layer, f"a {name} {leaf.shape}", x, f"(batch, ..., {leaf.shape[0]})")


def affine(params: Params, y: Any, x: Any) -> Any:
    """``y * scale + bias`` with whichever of them exists, in the dtype of a floating ``x``."""
    shape = (1,) * (y.ndim - 1) + y.shape[-1:]
    if "scale" in params:
        y = y * params["scale"].astype(y.dtype).reshape(shape)
    if "bias" in params:
        y = y + params["bias"].astype(y.dtype).reshape(shape)
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y
