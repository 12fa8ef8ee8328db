"""Which dtype a layer computes in, and which its parameters have."""

from typing import Any

import jax.numpy as jnp


def compute_dtype(x: Any, parameter: Any) -> Any:
    """The dtype a layer computes in: that of ``x`` where it is floating, else that of its parameters.

    Example:
        >>> compute_dtype(jnp.ones(2, "bfloat16"), jnp.ones(2)), compute_dtype(jnp.arange(2), jnp.ones(2))
        (dtype(bfloat16), dtype('float32'))
    """
    return x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else parameter.dtype


def param_dtype(x: Any) -> Any:
    """The dtype of new parameters: float64 for float64 inputs, float32 for all others.

    Example:
        >>> param_dtype(jnp.ones(2, "bfloat16")).__name__
        'float32'
    """
    return jnp.float64 if x.dtype == jnp.float64 else jnp.float32
