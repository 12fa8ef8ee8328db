"""Arrays at the door: no number changes in silence."""

from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jaxnn.data.numeric import numeric


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1.5, 2.0], np.float32), (np.array([1.5], np.float16), np.float16), (jnp.ones(2, jnp.bfloat16), jnp.bfloat16),
        ([1, 2], np.int32), (np.array([1], np.uint8), np.uint8), (np.array([7], np.uint64), np.uint32),
        ([True, False], np.int32), (np.array([1, 2.5], object), np.float32), (np.array([1, 2], object), np.int32),
        ([2**31 - 1, -(2**31)], np.int32), ([3.4e38, -3.4e38], np.float32),
    ],
)  # fmt: skip
def test_the_dtypes_that_jax_computes_in(value, dtype):
    found = numeric(value, "y of the data")
    assert found.dtype == dtype
    np.testing.assert_allclose(np.array(found, float), np.array(value, float), rtol=1e-7)


@pytest.mark.parametrize(
    ("value", "what", "words"),
    [
        ([5_000_000_000], "y", r"holds the whole number 5000000000, which int32 cannot hold; .*y\.astype\(float\)"),
        ([2**32, 2**32 + 1], "y", "whole number 4294967296"),
        (np.array([2**63], np.uint64), "y", "whole number 9223372036854775808"),
        ([1, -(2**31) - 1], "x", "whole number -2147483649"),
        ([1e300], "y", r"holds 1e\+300, which float32 cannot hold; divide it"),
        ([0.0, -1e39], "x", r"holds -1e\+39, which float32 cannot hold; write standardise=True"),
        (np.array([2**70], object), "y", "which float32 cannot hold|text or objects"),
        ([np.nan], "x", r"NaN or infinite values.*prepare=nn.data.Preparation\(\)"),
        (np.ma.masked_array([1.0, 2.0], mask=[0, 1]), "x", r"masked values, which would count; write prepare="),
        ([["a"]], "x", r"text or objects .* write prepare=nn.data.Preparation\(\)"),
        (["a"], "y", "text or objects .* class names"),
        (np.array([Decimal(1), "b"], object), "x", "text or objects"),
        (np.array(["2024-01-01"], "datetime64[D]"), "x", "holds dates"),
        (np.array([3], "timedelta64[D]"), "x", "holds dates"),
        ([[1, 2], [3]], "x", "the rows of x have different lengths"),
        (np.array([1j]), "x", "complex"),
    ],
)
def test_what_would_change_is_told(value, what, words):
    with pytest.raises(ValueError, match=words) as caught:
        numeric(value, what)
    assert "\n" not in str(caught.value)


def test_statistics_keep_what_float32_would_lose():
    assert numeric([1e39], "x", keep=True).tolist() == [1e39]
    assert numeric([5_000_000_000], "x", keep=True).tolist() == [5e9]
    assert numeric([5], "x", keep=True).dtype == np.int32


def test_under_x64_nothing_is_too_large():
    with jax.enable_x64(True):
        assert numeric([1e300, 1.0], "x").tolist() == [1e300, 1.0]
        assert numeric([5_000_000_000], "y").tolist() == [5_000_000_000]


def test_sparse_rows_become_dense_floats():
    x = scipy.sparse.random_array((5, 7), density=0.3, rng=np.random.default_rng(0))
    for form in (x.tocsr(), x.tocoo(), scipy.sparse.csc_matrix(x)):
        np.testing.assert_allclose(numeric(form, "x"), x.toarray(), rtol=1e-7)
    assert numeric(scipy.sparse.eye_array(3, dtype=int), "x").dtype == np.float32


def test_masks_that_hide_nothing_and_tracers_pass():
    assert numeric(np.ma.masked_array([1.0], mask=[0]), "x").tolist() == [1.0]
    assert jax.jit(lambda a: numeric(a, "x"))(jnp.ones(2)).tolist() == [1, 1]
