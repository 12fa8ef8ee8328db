import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core import tree

TREE = {"dense_0": {"kernel": 1.0, "bias": 2.0}, "embed_0": {"embedding": 3.0}, "layer_norm_0": {"scale": 4.0}}
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
TREES = st.recursive(
    SHAPES.map(lambda s: np.arange(np.prod(s, dtype=int), dtype=np.float32).reshape(s)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=5,
)


def chosen(where=tree.WEIGHTS):
    flat = jax.tree_util.tree_flatten_with_path(tree.mask(TREE, where))[0]
    return {tree.path_of(path) for path, leaf in flat if leaf}


def test_weights_are_chosen_by_name():
    assert chosen() == {"dense_0/kernel", "embed_0/embedding"}


def test_the_three_ways_to_choose():
    assert chosen(("bias", "scale")) == {"dense_0/bias", "layer_norm_0/scale"}
    assert chosen("dense_*/*") == {"dense_0/kernel", "dense_0/bias"}
    assert chosen("*kernel") == {"dense_0/kernel"}
    assert chosen(lambda path: path.startswith("e")) == {"embed_0/embedding"}
    assert chosen(()) == set()


def test_the_choice_goes_by_name_and_not_by_rank():
    model = nn.mlp((4,), out=2)
    params, _ = model.init(jax.random.key(0), jnp.ones((1, 3)))
    assert tree.mask(params) == tree.mask(tree.stack([params, params]))


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_count_is_the_sum_of_sizes(arrays):
    assert tree.count(arrays) == sum(leaf.size for leaf in jax.tree.leaves(arrays))
    assert tree.count(jax.eval_shape(lambda: jax.tree.map(jnp.asarray, arrays))) == tree.count(arrays)


@given(TREES)
@settings(max_examples=30, deadline=None)
def test_a_member_of_a_stack_is_what_was_stacked(arrays):
    other = jax.tree.map(lambda a: a + 1, arrays)
    stacked = tree.stack([arrays, other])
    for i, one in enumerate((arrays, other)):
        jax.tree.map(np.testing.assert_array_equal, tree.member(stacked, i), one)


def test_stacking_trees_of_two_structures_fails():
    with pytest.raises(ValueError, match=r"structure|Dict key"):
        tree.stack([{"a": 1.0}, {"b": 1.0}])


def test_cast_changes_floats_only_in_arrays_and_in_shapes():
    arrays = {"x": jnp.ones(2), "half": jnp.ones(2, jnp.float16), "whole": jnp.arange(2), "bool": jnp.array([True])}
    wanted = {"x": jnp.bfloat16, "half": jnp.bfloat16, "whole": jnp.int32, "bool": jnp.bool_}
    assert jax.tree.map(lambda a: a.dtype.type, tree.cast(arrays, jnp.bfloat16)) == wanted
    shapes = jax.eval_shape(lambda: arrays)
    assert jax.tree.map(lambda a: a.dtype.type, tree.cast(shapes, jnp.bfloat16)) == wanted
    assert tree.cast(arrays, None) is arrays


def test_rows_are_counted_along_the_first_axis_of_any_tree():
    assert tree.row_count(jnp.ones((5, 2, 3))) == tree.row_count([np.ones(5)]) == 5
    assert tree.row_count({"a": jax.ShapeDtypeStruct((0, 4), jnp.float32), "b": np.ones(0)}) == 0


def test_only_narrow_floats_are_widened():
    dtypes = {"bfloat16": "float32", "float16": "float32", "int8": "int8", "float32": "float32"}
    assert {n: str(v.dtype) for n, v in tree.widened({n: jnp.ones(2, n) for n in dtypes}).items()} == dtypes
    with jax.enable_x64(True):
        assert tree.widened(jnp.ones(2, jnp.float64)).dtype == jnp.float64
