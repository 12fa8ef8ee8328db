"""The tolerance of a dtype, a platform and a precision of products: of machines that are here, and that are not."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from jaxnn.core.alike import close
from jaxnn.core.tolerance import SPACING, spacing, tolerance


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_spacings_are_those_of_the_formats(dtype):
    assert spacing(dtype) == SPACING[dtype] == float(ml_dtypes.finfo(jnp.dtype(dtype)).eps)
    assert spacing(jnp.dtype(dtype), "tpu", "highest") == SPACING[dtype]


@pytest.mark.parametrize(
    ("platform", "products", "expected"),
    [
        ("cpu", None, "float32"), ("cpu", "bfloat16", "float32"), ("gpu", None, "tensorfloat32"),
        ("gpu", "high", "tensorfloat32"), ("gpu", "highest", "float32"), ("cuda", "default", "tensorfloat32"),
        ("tpu", None, "bfloat16"), ("tpu", "high", "bfloat16_3x"), ("tpu", "float32", "float32"),
        ("tpu", "tensorfloat32", "bfloat16_3x"),
    ],
)  # fmt: skip
def test_a_platform_reads_the_factors_of_float32_in_its_way(platform, products, expected):
    assert spacing("float32", platform, products) == SPACING[expected]


def test_the_setting_of_jax_counts_where_nobody_says_otherwise():
    with jax.default_matmul_precision("highest"):
        assert spacing("float32", "tpu") == SPACING["float32"]
        assert spacing("float32", "tpu", "default") == SPACING["bfloat16"]


def rounded(x, bits):
    """Numbers of float32 with so many bits after the point, to nearest."""
    mantissa, exponent = np.frexp(np.float64(x))
    return np.ldexp(np.round(mantissa * 2.0 ** (bits + 1)) / 2.0 ** (bits + 1), exponent)


@pytest.mark.parametrize(("platform", "bits"), [("gpu", 10), ("tpu", 7)])
def test_two_programs_of_such_products_differ_by_no_more_and_by_more_than_float32_allows(platform, bits):
    """A product of factors cut to the format, and one of whole factors, relative to the size of the sums in it."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(64, 100)), rng.normal(size=(100, 64))
    off = np.abs(rounded(a, bits) @ rounded(b, bits) - a @ b) / (np.abs(a) @ np.abs(b))
    assert 1e-5 < off.max() <= tolerance(1e-5, platform=platform)


def test_the_exam_judges_arrays_by_where_they_lie(monkeypatch):
    one, two = {"a": jnp.ones(2)}, {"a": jnp.ones(2) + 1e-3}
    with pytest.raises(AssertionError, match=r"differ by 0\.001"):
        close(one, two, "it", 1e-5)
    monkeypatch.setattr("jaxnn.core.alike._platform", lambda trees: "gpu")
    close(one, two, "it", 1e-5)
    with jax.default_matmul_precision("float32"), pytest.raises(AssertionError, match=r"differ by 0\.001"):
        close(one, two, "it", 1e-5)
    with pytest.raises(AssertionError, match=r"differ by 0\.001"):
        close(one, two, "it", 0)
