"""By how much two programs for one formula may differ: what a dtype, a platform and the precision of products allow."""

from typing import Any

import jax
import jax.numpy as jnp

SPACING = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16_3x": 2.0**-16, "tensorfloat32": 2.0**-10,
           "float16": 2.0**-10, "bfloat16": 2.0**-7}  # fmt: skip
"""The distance of a number at 1 to the next one. Three passes of bfloat16 leave two bytes of a float32, about."""
PASSES = {"cpu": ("float32", "float32"), "tpu": ("bfloat16", "bfloat16_3x")}
"""In which format the factors of a product of float32 are read by default, and at ``"high"``; of others TF32 is both.
A GPU before Ampere has no TF32, and is better than told."""


def spacing(dtype: Any = "float32", platform: str = "cpu", products: str | None = None) -> float:
    """The spacing of the numbers, next to 1, as which products read their factors.

    It bounds the error of one product, relative to its size: each of two factors is rounded by half of it.

    Args:
        dtype: that a model computes in.
        platform: ``"cpu"``, ``"gpu"``, ``"tpu"``, as a device says it.
        products: in the words of `jax.default_matmul_precision`; None for its setting now.

    Example:
        >>> spacing(), spacing("bfloat16"), spacing(platform="gpu"), spacing(platform="gpu", products="highest")
        (1.1920928955078125e-07, 0.0078125, 0.0009765625, 1.1920928955078125e-07)
    """
    name = jnp.dtype(dtype).name
    if name != "float32":
        return SPACING.get(name, 1.0)
    settings: Any = jax.config
    products = products or settings.jax_default_matmul_precision
    if products in ("highest", "float32"):
        return SPACING["float32"]
    default, high = PASSES.get(platform, ("tensorfloat32", "tensorfloat32"))
    return SPACING[high if products in ("high", "tensorfloat32", "bfloat16_3x") else default]


def tolerance(exact: float, dtype: Any = "float32", platform: str = "cpu", products: str | None = None) -> float:
    """``exact``, what float32 allows, or what is coarser: two times the `spacing` of the products' factors.

    Each of two programs may be off by one of them from what is right. So much was seen on a CPU, too: losses of three
    epochs of a grid and of solo runs were apart by 0.0016 in float16, where this is 0.002, and by less in bfloat16.

    Args:
        exact: where products are of float32.
        dtype, platform, products: as in `spacing`.

    Example:
        >>> tolerance(1e-5), tolerance(1e-5, platform="gpu"), tolerance(1e-5, platform="tpu", products="highest")
        (1e-05, 0.001953125, 1e-05)
    """
    return max(exact, 2 * spacing(dtype, platform, products))
