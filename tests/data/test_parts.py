"""Parts by index: orders of a length are shared, padding has no weight, and a part's scale loses no digit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.batches import epoch_orders
from jaxnn.data.folded import read_parts
from jaxnn.data.parts import centred, relative


@pytest.mark.parametrize(("n", "k", "size", "epoch", "seed"), [(6, 2, 2, 0, 0), (17, 3, 4, 3, 1), (23, 5, 18, 1, 7)])
def test_an_epoch_of_a_part_is_that_of_a_copy_of_its_rows(n, k, size, epoch, seed):
    """Rows, weights and padding, whatever the sizes; `epoch_orders` gives what `fit` would do with the copy."""
    weight = np.arange(1.0, n + 1, dtype=np.float32)
    source = read_parts((np.arange(n, dtype=np.float32)[:, None], np.arange(n) * 2.0, weight), k, shuffle_seed=seed)
    orders, sizes, count = source.work(epoch, 1)
    assert orders.shape[1] == len(sizes) == len(source.lengths) <= 2 and int(count) == 1
    parts = source.by_index
    for part, rows in enumerate(source.parts):
        batches = parts.training(source.data, part, jnp.asarray(orders[0]), size)
        expected = rows[epoch_orders(seed, epoch, 1, len(rows))[0]]
        real = np.asarray(batches.rows).reshape(-1)
        np.testing.assert_array_equal(np.asarray(batches.y).reshape(-1)[real], expected)
        weights = np.asarray(batches.weight).reshape(-1)
        np.testing.assert_array_equal(weights[real], weight[expected])
        assert not weights[~real].any()
        made = parts.reading(source.data, part)(batches)  # all steps at once, as nothing is scaled
        np.testing.assert_array_equal(np.asarray(made.x).reshape(-1)[real], expected.astype(np.float32))
        np.testing.assert_array_equal(np.asarray(made.y).reshape(-1)[real], expected * 2.0)
        held = parts.held(source.data, part, 4096)
        assert np.asarray(held.y)[np.asarray(held.rows)].tolist() == source.tests[part].tolist()
        assert float(held.weight.sum()) == weight[source.tests[part]].sum()


WIDE = np.random.default_rng(0).normal(size=(60, 5)) * [1.0, 1e-3, 1e6, 1.0, 1.0] + [0.0, 1e4, 1.7e9, 0.0, 0.0]
WIDE[7, 3], WIDE[:, 4] = 1e9, 0.1


def held_out(source, part):
    """The held-out rows as a program reads them."""
    parts = source.by_index
    return parts.reading(source.data, part)(jax.tree.map(lambda a: a[0], parts.held(source.data, part, 4096)))


@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_in_the_program_is_that_of_the_training_rows_in_double(weighted):
    """A small spread far from 0, years in seconds, one row far out, a constant: against NumPy in float64."""
    weight = np.random.default_rng(1).integers(0, 3, 60).astype(float) if weighted else np.ones(60)
    source = read_parts((WIDE, np.zeros(60), weight), 4, scale=True)
    for part, (rows, test) in enumerate(zip(source.parts, source.tests, strict=True)):
        mean = np.average(WIDE[rows], axis=0, weights=weight[rows])
        scale = np.sqrt(np.average((WIDE[rows] - mean) ** 2, axis=0, weights=weight[rows]))
        scale[4] = 1.0
        made = held_out(source, part)
        expected = (WIDE[test] - mean) / scale
        np.testing.assert_allclose(made.x[: len(test)], expected, rtol=2e-6, atol=2e-6)
        np.testing.assert_allclose(source.scaler(part).transform(WIDE[test]), expected, rtol=1e-6, atol=1e-6)


def test_scaling_of_several_arrays_and_of_sequences_with_masks():
    x = {"a": WIDE[:, :2], "ids": np.arange(60)}
    source = read_parts((x, np.zeros(60)), 3, scale=True)
    made = held_out(source, 1).x
    own = nn.data.standardise(WIDE[source.parts[1], :2])
    np.testing.assert_allclose(made["a"], own.transform(WIDE[source.tests[1], :2]), rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(made["ids"], source.tests[1])
    steps, mask = WIDE[:, :4].reshape(60, 2, 2), np.tile([1, 0], (60, 1))
    source = read_parts(((steps, mask), np.zeros(60)), 3, scale=True)
    made = held_out(source, 2).x[0]
    own = nn.data.standardise(steps[source.parts[2], 0])
    np.testing.assert_allclose(made[:, 0], own.transform(steps[source.tests[2], 0]), rtol=2e-6, atol=2e-6)


def test_units_about_the_median():
    base = centred(np.array([[1.0], [2.0], [9.0], [50.0]]), np.array([1, 1, 1, 0]))
    assert base.mean.tolist() == [2.0] and base.scale.tolist() == [np.std([1.0, 2.0, 9.0])]
    own = nn.data.Standardiser(np.array([4.0]), np.array([3.0]))
    x = np.array([[7.0]])
    np.testing.assert_allclose(relative(own, base).transform(base.transform(x)), own.transform(x), rtol=1e-6)
    assert centred(np.full((3, 1), 5.0)).scale.tolist() == [1.0]
