"""Batch normalisation, with running statistics as plain state."""

import math
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import beside, parts, split
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dtypes import param_dtype


@spec
class BatchNorm:
    """Normalise every feature over the batch: ``y = (x - mean) / sqrt(var + eps) * scale + bias``.

    In training the mean and the *biased* variance of the batch are used, over all axes but the last, and the
    running ones move: ``running = momentum * running + (1 - momentum) * batch``. In use the running ones serve.
    Statistics are computed in float32 at least. Rows of padding, where ``rows`` is 0, take no part in them, nor do the
    steps that a mask leaves out.

    Args:
        momentum: the weight of the old running value, in [0, 1]; a leaf.
        eps: added to the variance; a leaf.
        use_scale, use_bias: whether the learned scale and bias exist.

    Shapes:
        ``x (batch, ..., features)`` gives the same, and ``(x, mask)`` gives ``(y, mask)``; params are ``scale``,
        ``bias``, state is ``mean``, ``var``, each ``(features,)``.

    Raises:
        ValueError: for a momentum outside [0, 1], eps not above 0, inputs without a batch axis or with other
            features than in ``init``, or ``rows`` that are not ``(batch,)``.

    Source: Ioffe and Szegedy, 2015; ``keras.layers.BatchNormalization`` for the defaults.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.array([[1.0], [3.0]])
        >>> params, state = nn.BatchNorm(momentum=0.9).init(jax.random.key(0), x)
        >>> y, state = nn.BatchNorm(momentum=0.9).apply(params, state, x, train=True)
        >>> [round(v, 2) for v in y.ravel().tolist()], round(float(state["mean"][0]), 3)
        ([-1.0, 1.0], 0.2)
    """

    momentum: Hyper = hyper(0.99)
    eps: Hyper = hyper(1e-3)
    use_scale: bool = True
    use_bias: bool = True

    def __post_init__(self):
        checks.fraction("momentum", self.momentum, "BatchNorm(momentum=0.99)")
        checks.positive("eps", self.eps, "BatchNorm(eps=1e-3)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Scale 1, bias 0, running mean 0, running variance 1."""
        x, _ = parts("BatchNorm", x)
        if len(x.shape) < 2:
            raise checks.SpecError(f"BatchNorm needs (batch, ..., features), got {x.shape}; write x[None] for one row")
        shape, dtype = (x.shape[-1],), param_dtype(x)
        params = {"scale": jnp.ones(shape, dtype)} if self.use_scale else {}
        if self.use_bias:
            params["bias"] = jnp.zeros(shape, dtype)
        return params, {"mean": jnp.zeros(shape, dtype), "var": jnp.ones(shape, dtype)}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The normalised input, and in training the moved running statistics."""
        x, mask = split("BatchNorm", x)
        dtype, features = state["mean"].dtype, state["mean"].shape
        if x.ndim < 2 or x.shape[-1:] != features:
            raise checks.misfit("BatchNorm", f"statistics {features}", x, f"(batch, ..., {features[0]})")
        if rows is not None and rows.shape != x.shape[:1]:
            raise checks.SpecError(
                f"BatchNorm got inputs {x.shape} and rows {rows.shape}; write rows of shape {x.shape[:1]}, one for "
                "each entry of the first axis"
            )
        wide = x.astype(dtype)
        shape = (1,) * (x.ndim - 1) + (x.shape[-1],)
        if train:
            mean, var = _moments(wide, _counted(rows, mask))
            momentum = jnp.asarray(self.momentum, dtype)
            state = {
                "mean": momentum * state["mean"] + (1 - momentum) * mean,
                "var": momentum * state["var"] + (1 - momentum) * var,
            }
        else:
            mean, var = state["mean"], state["var"]
        y = (wide - mean.reshape(shape)) / jnp.sqrt(var.reshape(shape) + jnp.asarray(self.eps, dtype))
        if self.use_scale:
            y = y * params["scale"].astype(dtype).reshape(shape)
        if self.use_bias:
            y = y + params["bias"].astype(dtype).reshape(shape)
        return beside(y.astype(x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else dtype), mask), state


def _counted(rows, mask):
    """Which entries of the first axes count, ``(batch,)`` or ``(batch, time)``; None for all."""
    if rows is None or mask is None:
        return rows if mask is None else mask.astype(bool)
    return rows.astype(bool)[:, None] & mask.astype(bool)


def _moments(x, counted):
    axes = tuple(range(x.ndim - 1))
    if counted is None:
        return x.mean(axes), x.var(axes)
    weight = counted.astype(x.dtype).reshape(counted.shape + (1,) * (x.ndim - counted.ndim))  # (batch, 1, ...)
    total = jnp.maximum(weight.sum(), 1) * math.prod(x.shape[counted.ndim : -1])
    mean = (x * weight).sum(axes) / total
    centred = x - mean.reshape((1,) * (x.ndim - 1) + mean.shape)
    return mean, (centred * centred * weight).sum(axes) / total
