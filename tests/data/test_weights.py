"""Weights of rows, of steps and by output: what is refused, what a row weighs, what weight 0 silences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.arrays import as_batch
from jaxnn.data.batches import batched, in_order
from jaxnn.data.source import read
from jaxnn.data.weights import of_rows, padded, silenced

RNG = np.random.default_rng(0)
X, LABELS, VALUES = RNG.normal(size=(6, 2)), RNG.integers(0, 3, 6), RNG.normal(size=(6, 2))
STEPS = RNG.integers(0, 3, (6, 4))
MASK = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)


def test_targets_may_be_any_tree():
    batch = as_batch((X, {"cls": LABELS.tolist(), "boxes": (VALUES, VALUES[:, 0])}))
    assert jax.tree.map(lambda a: (a.shape, str(a.dtype)), batch.y) == {
        "cls": ((6,), "int32"),
        "boxes": (((6, 2), "float32"), ((6,), "float32")),
    }
    np.testing.assert_array_equal(batch.weight, np.ones(6))
    assert as_batch((X[:2], (0, 1))).y.tolist() == [0, 1]  # a tuple of numbers is one array


def test_a_leaf_of_other_rows_is_named_with_all_shapes():
    with pytest.raises(ValueError, match=r"x of the data has shape \(6, 2\) and y \(6,\), \(5, 2\); write one row"):
        as_batch((X, {"cls": LABELS, "reg": VALUES[:5]}))
    with pytest.raises(ValueError, match=r"y\['cls'\] of the data holds text"):
        as_batch((X, {"cls": np.array(list("abcdef")), "reg": VALUES}))
    with pytest.raises(ValueError, match="and y of nothing"):
        as_batch((X, {}))
    with pytest.raises(ValueError, match="y of the data is None"):
        as_batch((X, None))


@pytest.mark.parametrize(
    ("y", "weight", "words"),
    [
        (LABELS, np.ones(5), r"have shape \(5,\); write one per row, shape \(6,\)"),
        (STEPS, np.ones((6, 3)), r"shape \(6, 3\); write one per row, shape \(6,\) or one per step, shape \(6, 4\)"),
        (LABELS, np.ones((6, 1)), r"shape \(6, 1\); write one per row, shape \(6,\)$"),
        (STEPS, -1.0 * MASK, "0 or more and not all 0"),
        ({"a": LABELS, "b": VALUES}, {"a": np.ones(6), "b": np.zeros(6)}, "0 or more and not all 0"),
        ({"a": LABELS, "b": VALUES}, {"a": np.ones(6), "b": np.ones(4)}, r"\(4,\); write one per row"),
        ({"a": LABELS, "b": STEPS}, {"a": np.ones(6), "b": np.ones((6, 3))}, r"shape \(6, 3\); .* shape \(6, 4\)"),
        ({"a": {"b": STEPS}}, {"a": {"b": np.ones((6, 3))}}, r"shape \(6, 3\); .* per step, shape \(6, 4\)"),
        ((LABELS, STEPS), (np.ones(6), np.ones((6, 3))), r"shape \(6, 3\); .* per step, shape \(6, 4\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(y, weight, words):
    with pytest.raises(ValueError, match=words):
        as_batch((X, y, weight))


def test_a_mask_of_booleans_is_a_weight_for_each_step():
    batch = as_batch((X, STEPS, MASK))
    assert batch.weight.dtype == np.float32
    np.testing.assert_array_equal(batch.weight, MASK)


def test_batches_carry_weights_of_any_kind_and_padding_has_none():
    data = as_batch((X, {"cls": STEPS, "reg": VALUES}, {"cls": MASK, "reg": np.arange(1.0, 7)}))
    order = jnp.array([5, 4, 3, 2, 1, 0])
    epoch = batched(jax.tree.map(jnp.asarray, data), order, 6, 4)
    assert epoch.weight["cls"].shape == (2, 4, 4) and epoch.weight["reg"].shape == (2, 4)
    np.testing.assert_array_equal(epoch.weight["reg"].ravel(), [6, 5, 4, 3, 2, 1, 0, 0])
    np.testing.assert_array_equal(epoch.weight["cls"].reshape(8, 4)[:6], MASK[::-1])
    assert not epoch.weight["cls"].reshape(8, 4)[6:].any()
    np.testing.assert_array_equal(epoch.y["cls"].reshape(8, 4)[:6], STEPS[::-1])
    whole = in_order(data, 4)
    np.testing.assert_array_equal(whole.weight["reg"].ravel(), [1, 2, 3, 4, 5, 6, 0, 0])
    assert whole.y["reg"].shape == (2, 4, 2) and not whole.rows[1, 2:].any()
    np.testing.assert_array_equal(padded(jnp.ones((2, 3)), jnp.array([False, True])), [[0, 0, 0], [1, 1, 1]])


def test_a_row_weighs_the_mean_of_its_steps_and_outputs():
    np.testing.assert_allclose(of_rows(np.array([2.0, 3.0])), [2, 3])
    np.testing.assert_allclose(of_rows(MASK.astype(float)), MASK.mean(1))
    tree = {"a": MASK.astype(float), "b": np.arange(6.0)}
    np.testing.assert_allclose(of_rows(tree), (MASK.mean(1) + np.arange(6)) / 2)


def test_standardising_leaves_out_rows_that_count_nowhere():
    source = read((X, STEPS, MASK), scale=True)
    np.testing.assert_allclose(source.standardiser.mean, np.average(X, axis=0, weights=MASK.mean(1)))


def test_what_is_not_finite_where_the_weight_is_zero_becomes_zero():
    nan = np.where(MASK[..., None], 1.0, np.nan)
    batch = nn.Batch(jnp.asarray(nan), {"cls": jnp.asarray(nan), "reg": jnp.asarray(nan)},
                     {"cls": jnp.asarray(MASK, jnp.float32), "reg": jnp.ones(6)})  # fmt: skip
    clean = silenced(batch)
    np.testing.assert_array_equal(clean.y["cls"], np.where(MASK[..., None], 1.0, 0.0))
    np.testing.assert_array_equal(clean.y["reg"], nan)  # its rows count
    np.testing.assert_array_equal(clean.x, nan)
    rows = silenced(nn.Batch(jnp.asarray(nan), (jnp.asarray(nan),), jnp.asarray(MASK.any(1), jnp.float32)))
    assert np.isfinite(rows.x[5]).all() and np.isnan(rows.x[1, 1])
    assert np.isfinite(rows.y[0][5]).all() and np.isnan(rows.y[0][1, 1])
    pair = silenced(
        nn.Batch(jnp.zeros((6, 1)), (jnp.asarray(nan), jnp.zeros(6)), (jnp.asarray(MASK, jnp.float32),) * 2)
    )
    assert np.isfinite(pair.y[0]).all()


def test_a_source_splits_and_digests_trees():
    y = {"cls": np.repeat([0, 1], 10), "reg": np.arange(20.0)}
    source = read((np.arange(20.0)[:, None], y, {"cls": np.ones(20), "reg": np.ones(20)}), 0.2)
    assert source.data.weight is None and source.rows == 16 and source.held is not None
    np.testing.assert_array_equal(np.bincount(source.held[0].y["cls"]), [2, 2])  # stratified by the labels
    np.testing.assert_array_equal(source.held[0].y["reg"], source.held[0].x[:, 0])
    other = read((np.arange(20.0)[:, None], {**y, "reg": np.arange(20.0) + 1}), 0.2)
    assert source.fingerprint()["x"] == other.fingerprint()["x"]
    assert source.fingerprint()["y"] != other.fingerprint()["y"]
    held = read((np.arange(6.0)[:, None], STEPS), 0.5).held[0].x[:, 0].astype(int)
    none_held = np.where(np.isin(np.arange(6), held)[:, None], 0.0, np.ones((6, 4)))
    with pytest.raises(ValueError, match="weights of the validation part are all 0"):
        read((X, STEPS, none_held), 0.5)
    with pytest.raises(ValueError, match="rows of the validation data"):
        read((X, {"cls": LABELS}), (X, LABELS))
