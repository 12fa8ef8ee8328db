"""The file through which composites reach their children: keys, names, state, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.core.layer import REGISTRY
from jaxnn.layers.children import Apply, Init, bound, check_layers, fold, layer_names, named

X = np.random.default_rng(0).normal(size=(4, 3, 4)).astype(np.float32)
NORM = nn.BatchNorm(momentum=0.5)
COMPOSITES = {
    "Sequential": nn.Sequential(nn.Dense(4), NORM),
    "Residual": nn.Residual(NORM),
    "DropConnect": nn.DropConnect(nn.Sequential(nn.Dense(4), NORM), 0.0, where="dense_0/kernel"),
    "Parallel": nn.Parallel(nn.Dense(4), NORM, join="add"),
    "Graph": nn.Graph(("a", NORM, "x"), ("b", nn.Dense(4), "a")),
    "Repeat": nn.Repeat(NORM, 2),
    "Remat": nn.Remat(NORM),
    "Bidirectional": nn.Bidirectional(nn.Sequential(NORM, nn.GRU(2))),
    "TransformerBlock": nn.TransformerBlock(nn.Attention(2), norm=NORM),
    "TransformerBlock with a norm in the attention": nn.TransformerBlock(nn.Sequential(NORM, nn.Attention(2))),
    "TransformerEncoder": nn.TransformerEncoder(
        nn.Dense(4), nn.TransformerBlock(nn.Attention(2), norm=NORM), nn.Dense(3), layers=2, norm=NORM
    ),
    "TransformerEncoder repeated": nn.TransformerEncoder(
        nn.Sequential(nn.Dense(4), NORM), nn.TransformerBlock(nn.Attention(2), norm=NORM), nn.Dense(3), 2, repeat=True
    ),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_no_childs_state_is_dropped(name, key):
    """Every BatchNorm inside moves in training, and rests in use."""
    model = COMPOSITES[name]
    params, state = jax.jit(model.init)(key, X)
    assert jax.tree.leaves(state)
    _, after = jax.jit(lambda p, s: model.apply(p, s, X, key=key, train=True))(params, state)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), state, after)
    assert jax.tree.all(moved), moved
    _, rests = jax.jit(lambda p, s: model.apply(p, s, X))(params, after)
    jax.tree.map(np.testing.assert_array_equal, rests, after)


@pytest.mark.parametrize("repeat", [False, True])
def test_gpt_keeps_the_state_of_its_blocks_in_sampling_too(repeat, key):
    block = nn.TransformerBlock(nn.Attention(2, causal=True), norm=NORM)
    model = nn.GPT(nn.Embed(5, 4), block, layers=2, context=6, positions=nn.LearnedPositions(6), norm=NORM)
    model = nn.GPT(**{**vars(model), "repeat": repeat})
    ids = np.random.default_rng(0).integers(0, 5, (3, 4)).astype(np.int32)
    params, state = jax.jit(model.init)(key, ids)
    _, state = jax.jit(lambda p, s: model.apply(p, s, ids, train=True))(params, state)
    whole, _ = jax.jit(model.apply)(params, state, ids)
    cached, _ = jax.jit(lambda p, s: model.apply_cached(p, s, model.init_cache(p, 3), ids))(params, state)
    np.testing.assert_allclose(cached, whole, rtol=1e-5, atol=1e-5)
    fresh, _ = jax.jit(model.apply)(params, jax.jit(model.init)(key, ids)[1], ids)
    assert abs(fresh - whole).max() > 1e-3, "the state must matter for this test to tell anything"


def test_children_get_keys_by_their_place(key):
    run = Init(key)
    assert [run(name, layer, X).shape for name, layer in named((nn.Dense(2), nn.Dense(4)))] == [(4, 3, 2), (4, 3, 4)]
    for i, name in enumerate(("dense_0", "dense_1")):
        own, _ = nn.Dense((2, 4)[i]).init(jax.random.fold_in(key, i), X)
        jax.tree.map(np.testing.assert_array_equal, run.made[0][name], own)
    apply = Apply({}, {}, key=key, train=True)
    drops = [apply(name, nn.Dropout(0.5), X) for name in ("a", "b")]
    for i, y in enumerate(drops):
        expected, _ = nn.Dropout(0.5).apply({}, {}, X, key=fold(key, i), train=True)
        np.testing.assert_array_equal(y, expected)
    assert fold(None, 3) is None


def test_a_name_that_comes_again_is_the_same_child(key):
    run = Init(key)
    for x in (X, X[:, 0]):
        run("shared", nn.Dense(2), x)
    assert list(run.made[0]) == ["shared"]
    with pytest.raises(SpecError, match=r"shared: Dense holds a kernel \(4, 2\) and got inputs \(4, 3\)"):
        run("shared", nn.Dense(2), X[..., 0])


def test_bound_children_are_functions_of_their_input(key):
    layers = {"a": nn.Dense(2), "none": None}
    run = Init(key)
    f = bound(run, layers)
    assert f.none(f.a(X)).shape == (4, 3, 2)
    y = bound(Apply(*run.made), layers).a(X)
    np.testing.assert_array_equal(y, nn.Dense(2).apply(run.made[0]["a"], {}, X)[0])


def test_a_mask_is_given_to_children_and_taken_off_what_they_return():
    seen = []

    def note(x):
        seen.append(x)
        return x

    mask = np.ones((4, 3))
    y = Apply({}, {}, mask=mask)("note", nn.Lambda(note), X)
    assert y is X and seen[0][1] is mask


def test_names_count_per_class():
    layers = (nn.Dense(1), nn.LSTM(2), nn.GlobalAvgPool(), nn.Dense(1))
    assert layer_names(layers) == ("dense_0", "lstm_0", "global_avg_pool_0", "dense_1")


class Undecorated:
    def init(self, key, x):
        return {}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x, state


class Heir(nn.Dense):
    """A subclass that is no spec of its own."""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Heir(3), r"write @nn.spec above class Heir"),
        (Undecorated(), r"the class of argument 1 is no spec; write @nn.spec above class Undecorated"),
        (nn.Dense, "argument 1 is <class"),
        (jnp.tanh, "argument 1 is"),
        ("relu", "argument 1 is 'relu'"),
    ],
)
@pytest.mark.parametrize("kind", [nn.Sequential, nn.Parallel])
def test_what_is_no_layer_is_refused(kind, wrong, words):
    with pytest.raises(TypeError, match=words):
        kind(nn.Dense(3), wrong)


def test_a_number_is_refused_when_it_is_reached(key):
    with pytest.raises(TypeError, match="which is no layer"):
        nn.Sequential(3).init(key, X)
    check_layers("Sequential", (object(), None, 0))  # JAX builds composites of such things in its tree maps


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Sequential(nn.Dense(3), joined="add"),
        lambda: nn.Parallel(nn.Dense(3), joined="add"),
        lambda: nn.Graph(("a", nn.Dense(3), "x"), output="a"),
    ],
)
def test_unknown_keywords_are_errors(call):
    with pytest.raises(TypeError, match=r"has no argument '(joined|output)'; write"):
        call()


def test_composites_are_complete():
    assert {name.split()[0] for name in COMPOSITES} | {"GPT"} == {
        name
        for name, cls in REGISTRY.items()
        if cls.__module__.startswith(("jaxnn.layers", "jaxnn.models"))
        and any(f.metadata.get("child") for f in cls.__dataclass_fields__.values())
    }


@pytest.mark.parametrize("repeat", [False, True])
def test_the_names_of_layers_stand_in_the_program(repeat, key):
    block = nn.Residual(nn.Dense(4))
    model = nn.Sequential(nn.Dense(4), nn.Repeat(block, 2) if repeat else block)
    params, state = model.init(key, X)
    text = jax.jit(lambda x: model.apply(params, state, x)[0]).lower(X).as_text(debug_info=True)
    inner = "repeat_0/residual_0" if repeat else "residual_0"
    assert "dense_0/" in text and (inner in text or "residual_0/dense_0" in text)
