"""Means and moments of weighted rows against NumPy, in batches that do not divide."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.core import gather

DRAW = np.random.default_rng(0)
ROWS, WEIGHT = DRAW.normal(size=(11, 3)), DRAW.uniform(0, 2, 11)
WEIGHT[[0, 5]] = 0


def test_means_are_numpy_s_average_and_rows_of_weight_zero_may_be_nan():
    rows = ROWS.copy()
    rows[5] = np.nan
    np.testing.assert_allclose(gather.means(jnp.asarray(rows), jnp.asarray(WEIGHT)),
                               np.average(ROWS, 0, WEIGHT), rtol=1e-5, atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("size", [1, 4, 11])
def test_moments_of_parts_are_those_of_all_rows(size, offset):
    rows = (ROWS + offset).astype(np.float32)
    parts = [
        (
            *gather.moments(jnp.asarray(rows[i : i + size]), jnp.asarray(WEIGHT[i : i + size])),
            WEIGHT[i : i + size].sum(),
        )
        for i in range(0, 11, size)
    ]
    means, variances, weights = (jnp.stack([jnp.asarray(part[k]) for part in parts]) for k in range(3))
    mean, variance = gather.moments(means, weights, variances)
    wanted = np.average(rows.astype(float), 0, WEIGHT)
    np.testing.assert_allclose(mean, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(variance, np.average((rows - wanted) ** 2, 0, WEIGHT), rtol=1e-5 if not offset else 0.1)


def test_equal_rows_have_no_variance_to_the_bit():
    rows = jnp.full((7, 1), 0.1, jnp.float32)
    mean, variance = gather.moments(rows, jnp.asarray(DRAW.uniform(0.1, 1, 7), jnp.float32))
    assert mean.tolist() == rows[0].tolist() and variance.tolist() == [0]
