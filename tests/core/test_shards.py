"""Rules from paths to the axes of a mesh: what is split, what is whole, and what mirrors what."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AbstractMesh, Mesh
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.shards import MEGATRON, specs
from jaxnn.core.tree import path_of

MESH = AbstractMesh((1, 2, 4), ("member", "data", "model"))
IDS = jax.ShapeDtypeStruct((2, 8), jnp.int32)


def shapes(model, x=IDS):
    return jax.eval_shape(model.init, jax.random.key(0), x)[0]


def by_path(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=lambda s: isinstance(s, P))
    return {path_of(path): leaf for path, leaf in leaves}


GPT = nn.gpt(vocab=64, context=8, width=16, heads=4, layers=2)
DEEP = nn.gpt(vocab=64, context=8, width=16, heads=8, kv_heads=4, layers=2, repeat=True, tied=False)


def test_megatron_splits_the_first_product_by_columns_and_the_second_by_rows():
    found = by_path(specs(shapes(GPT), MEGATRON, MESH))
    block = "blocks/transformer_block_1/"
    for name in ("attention/query", "attention/key", "attention/value", "mlp_in"):
        assert found[f"{block}{name}/kernel"] == P(None, "model")
        assert found[f"{block}{name}/bias"] == P("model")
    for name in ("attention/out", "mlp_out"):
        assert found[f"{block}{name}/kernel"] == P("model", None)
        assert found[f"{block}{name}/bias"] == P()  # added once, after the sum
    assert found["embed/embedding"] == P("model", None)
    whole = {"positions/embedding", "norm/scale", "norm/bias", f"{block}attention_norm/scale", f"{block}mlp_norm/bias"}
    assert all(found[name] == P() for name in whole)


def test_scanned_blocks_keep_their_depth_whole_and_a_head_is_split_by_its_columns():
    found = by_path(specs(shapes(DEEP), MEGATRON, MESH))
    assert found["blocks/transformer_block_0/attention/key/kernel"] == P(None, None, "model")
    assert found["blocks/transformer_block_0/mlp_in/bias"] == P(None, "model")
    assert found["blocks/transformer_block_0/attention/out/kernel"] == P(None, "model", None)
    assert found["head/kernel"] == P(None, "model")


def test_layers_of_ones_own_sequential_are_found_by_their_names():
    model = nn.Sequential(nn.Embed(8, 16), nn.Attention(4), nn.Dense(3))
    found = by_path(specs(shapes(model), MEGATRON, MESH))
    assert found["embed_0/embedding"] == P("model", None) and found["attention_0/out/kernel"] == P("model", None)
    assert found["attention_0/query/kernel"] == P(None, "model") and found["dense_0/kernel"] == P()


@pytest.mark.parametrize("model", [GPT, DEEP], ids=["written out", "scanned"])
def test_fully_sharded_leaves_hold_one_share_of_the_whole(model):
    params = shapes(model)
    found = specs(params, (), MESH, fully=True)
    for leaf, spec in zip(jax.tree.leaves(params), jax.tree.leaves(found), strict=True):
        (axis,) = [i for i, name in enumerate(spec) if name == "data"]
        assert leaf.shape[axis] == max(n for n in leaf.shape if n % 2 == 0)


def test_both_at_once_split_over_two_axes_and_none_twice():
    found = by_path(specs(shapes(DEEP), MEGATRON, MESH, fully=True))
    assert found["blocks/transformer_block_0/mlp_in/kernel"] == P(None, "data", "model")
    assert found["blocks/transformer_block_0/mlp_out/kernel"] == P(None, "model", "data")
    assert found["blocks/transformer_block_0/mlp_in/bias"] == P("data", "model")  # two blocks over two
    assert found["norm/scale"] == P("data")


def test_a_leaf_that_the_data_axis_does_not_divide_is_whole():
    found = specs({"a": jnp.ones((3, 5)), "b": jnp.ones(()), "c": jnp.ones((0, 4)), "d": jnp.ones((3, 6))}, (), MESH,
                  fully=True)  # fmt: skip
    assert found == {"a": P(), "b": P(), "c": P(None, "data"), "d": P(None, "data")}


@pytest.mark.parametrize(
    "optimizer",
    [optax.adam(0.1), optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.1)), optax.adafactor(0.1),
     optax.MultiSteps(optax.adam(0.1), 2), optax.lbfgs(memory_size=3, linesearch=None), optax.contrib.muon(0.1)],
    ids=["adam", "chain", "adafactor", "accumulated", "lbfgs", "muon"],
)  # fmt: skip
@pytest.mark.parametrize("fully", [False, True])
def test_what_an_optimizer_keeps_of_a_parameter_lies_where_the_parameter_lies(optimizer, fully):
    params = shapes(DEEP)
    state = jax.eval_shape(optimizer.init, params)
    own = specs(params, MEGATRON, MESH, fully)
    found = specs(state, MEGATRON, MESH, fully, params=params)
    assert jax.tree.structure(found) == jax.tree.structure(state)
    shape_of, spec_of, mirrors = by_path(params), by_path(own), 0
    for path, leaf in by_path(state).items():
        name = next((n for n in shape_of if path.endswith(n)), None)
        spec = by_path(found)[path]
        if name is None or leaf.shape[-len(shape_of[name].shape) :] != shape_of[name].shape:
            assert spec == P(), path
        else:
            more = len(leaf.shape) - len(shape_of[name].shape)
            assert spec == (P(*(None,) * more, *spec_of[name]) if len(spec_of[name]) else P()), path
            mirrors += len(spec) > 0
    assert mirrors


def test_a_training_state_is_split_as_its_parameters_are():
    trial = nn.Trial(DEEP, "softmax_cross_entropy", optax.adam(0.1), stop=nn.EarlyStopping("loss"))
    state = jax.eval_shape(lambda key: nn.init(trial, key, jnp.ones((1, 8), jnp.int32)), jax.random.key(0))
    found = specs(state, MEGATRON, MESH)
    assert found.params == found.opt_state[0].mu == found.opt_state[0].nu == found.best.params
    assert found.params == specs(state.params, MEGATRON, MESH)
    assert found.step == found.opt_state[0].count == found.stopped == P()


def test_shards_lie_on_real_devices_as_the_specs_say():
    mesh = Mesh(np.array(jax.devices("cpu")[:1]).reshape(1, 1, 1), MESH.axis_names)
    params = GPT.init(jax.random.key(0), jnp.ones((1, 8), jnp.int32))[0]
    shardings = jax.tree.map(lambda s: jax.NamedSharding(mesh, s), specs(params, MEGATRON, mesh, fully=True))
    placed = jax.device_put(params, shardings)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), placed, params))


def test_the_first_rule_wins():
    rules = (("embed/*", P()), *MEGATRON)
    assert specs(shapes(GPT), rules, MESH)["embed"]["embedding"] == P()


def test_an_axis_may_be_split_over_two_of_the_mesh():
    found = specs({"table": jnp.ones((16, 3))}, (("table", P(("data", "model"), None)),), MESH, fully=True)
    assert found == {"table": P(("data", "model"), None)}


def test_parameters_that_are_one_array_have_moments_that_lie_as_it_does():
    kernel = jnp.ones((4, 6))
    found = specs(optax.adam(0.1).init(kernel), (), MESH, fully=True, params=kernel)
    assert found[0].mu == specs(kernel, (), MESH, fully=True) == P(None, "data") and found[0].count == P()


@pytest.mark.parametrize(
    ("tree", "rules", "words"),
    [
        (shapes(nn.gpt(50257, 8, 16, 4, 1)), MEGATRON, r"embed/embedding \(50257, 16\).*'model': 4.*such as 50260"),
        (shapes(nn.gpt(64, 8, 18, 3, 1)), MEGATRON, r"attention/key/bias \(18,\).*18 is no multiple of 4"),
        ({"a": jnp.ones(4)}, (("a", P(None, "model")),), r"a \(4,\) has fewer axes"),
        ({"a": jnp.ones(4)}, (("a", P("tensor")),), r"'tensor'.*\('member', 'data', 'model'\)"),
        ({"a": jnp.ones(4)}, (("a", "model"),), r"a rule is a pattern and a PartitionSpec"),
        ({"dense_0": {"kernel": jnp.ones((4, 4))}}, MEGATRON, r"split none of the leaves.*dense_0/kernel"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_path_and_both_shapes(tree, rules, words):
    with pytest.raises(ValueError, match=words):
        specs(tree, rules, MESH)


def test_rules_that_match_nothing_do_no_harm_where_their_axis_has_one_device():
    mesh = AbstractMesh((1, 2, 1), ("member", "data", "model"))
    params = {"dense_0": {"kernel": jnp.ones((4, 8))}}
    assert specs(params, MEGATRON, mesh, fully=True) == {"dense_0": {"kernel": P(None, "data")}}
