"""Epochs as batches: every row once, padding that is told from rows, orders that depend on seed and epoch alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.data.batches import batched, epoch_orders, in_order, rows_of_a_step


def data(rows):
    return nn.Batch(
        {"a": np.arange(rows, dtype=np.float32)[:, None] + 100, "b": np.arange(rows, dtype=np.int32)},
        np.arange(rows, dtype=np.float32),
        np.linspace(1, 2, rows, dtype=np.float32),
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**40), first=st.integers(0, 10**6), count=st.integers(0, 4), rows=st.integers(1, 40))
def test_orders_are_permutations_and_a_function_of_seed_and_epoch(seed, first, count, rows):
    orders = epoch_orders(seed, first, count, rows)
    assert orders.shape == (count, rows) and orders.dtype == np.int32
    for i, order in enumerate(orders):
        words = np.random.Philox(np.random.SeedSequence((seed, first + i))).random_raw(rows)
        np.testing.assert_array_equal(order, sorted(range(rows), key=lambda row: words[row]))
    still = epoch_orders(seed, first, count, rows, shuffle=False)
    np.testing.assert_array_equal(still, np.arange(rows)[None].repeat(count, 0))
    assert still.dtype == np.int32


def test_epochs_and_seeds_differ():
    orders = [tuple(o) for seed in range(3) for o in epoch_orders(seed, 0, 4, 20)]
    assert len(set(orders)) == 12


@pytest.mark.parametrize(
    ("entries", "size", "real"), [(9, 4, 9), (9, 4, 6), (8, 4, 8), (3, 7, 2), (5, 1, 5), (1, 1, 1)]
)
def test_an_epoch_holds_every_real_entry_once_in_order(entries, size, real):
    order = np.random.default_rng(entries).permutation(12)[:entries].astype(np.int32)
    epoch = batched(jax.tree.map(jnp.asarray, data(12)), jnp.asarray(order), jnp.int32(real), size)
    steps = -(-entries // size)
    assert epoch.x["a"].shape == (steps, size, 1) and {a.shape[:2] for a in jax.tree.leaves(epoch)} == {(steps, size)}
    flat = jax.tree.map(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), epoch)
    np.testing.assert_array_equal(flat.rows, np.arange(steps * size) < real)
    np.testing.assert_array_equal(flat.y[flat.rows], order[:real])
    np.testing.assert_array_equal(flat.x["b"][flat.rows], order[:real])
    np.testing.assert_array_equal(flat.x["a"][flat.rows, 0], order[:real] + 100)
    np.testing.assert_array_equal(flat.weight, np.where(flat.rows, data(12).weight[flat.y.astype(int)], 0))
    assert np.isfinite(flat.x["a"]).all() and set(flat.y) <= set(order)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 12), size=st.integers(1, 14), more=st.none() | st.integers(0, 5), host=st.booleans())
def test_in_order_all_rows_come_once_and_the_rest_is_padding(rows, size, more, host):
    given_data = data(rows) if host else jax.tree.map(jnp.asarray, data(rows))
    total = rows if more is None else rows + more
    epoch = in_order(given_data, size, None if more is None else total)
    size = min(size, total)
    steps = -(-total // size)
    assert epoch.x["a"].shape == (steps, size, 1)
    flat = jax.tree.map(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), epoch)
    np.testing.assert_array_equal(flat.rows, np.arange(steps * size) < rows)
    np.testing.assert_array_equal(flat.y[:rows], np.arange(rows))
    np.testing.assert_array_equal(flat.weight[:rows], data(rows).weight)
    assert not flat.weight[rows:].any() and not flat.x["a"][rows:].any()
    assert {type(a) for a in jax.tree.leaves(epoch._replace(rows=None))} == {np.ndarray if host else type(jnp.ones(1))}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((3, 10, True), (3, True)), ((3, 10, False), (3, False)), ((10, 10, True), (10, True)),
     ((11, 10, True), (10, True)), ((None, 10, True), (10, False)), ((None, 10, False), (10, False))],
)  # fmt: skip
def test_rows_of_a_step(arguments, expected):
    assert rows_of_a_step(*arguments) == expected
