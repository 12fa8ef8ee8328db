"""Graphs of named nodes against the same sums written out."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")
A, B = (np.random.default_rng(i).normal(size=(3, n)).astype(np.float32) for i, n in enumerate((4, 2)))
MODEL = nn.Graph(
    ("left", nn.Dense(5), "a"),
    ("right", nn.Dense(5, "tanh"), "b"),
    ("both", nn.Join("multiply"), ("left", "right")),
    ("out", nn.Dense(1, use_bias=False), "both"),
    ("with_a", nn.Join("concat"), ("a", "out")),
    outputs=("out", "with_a"),
)


def test_several_inputs_and_outputs():
    params, state = MODEL.init(KEY, {"a": A, "b": B})
    assert set(params) == {"left", "right", "out"}
    y, _ = MODEL.apply(params, state, {"a": jnp.asarray(A), "b": jnp.asarray(B)})
    p = jax.tree.map(np.asarray, params)
    both = (A @ p["left"]["kernel"] + p["left"]["bias"]) * np.tanh(B @ p["right"]["kernel"] + p["right"]["bias"])
    np.testing.assert_allclose(y["out"], both @ p["out"]["kernel"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y["with_a"], np.concatenate([A, y["out"]], -1), rtol=1e-6)


def test_one_input_and_one_output_are_arrays():
    model = nn.Graph(("hidden", nn.Dense(4), "x"), ("sum", nn.Join("add"), ("hidden", "x")))
    params, state = model.init(KEY, A)
    y, _ = model.apply(params, state, jnp.asarray(A))
    expected, _ = nn.Residual(nn.Dense(4)).apply({"dense_0": params["hidden"]}, {}, jnp.asarray(A))
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_state_and_keys_reach_their_nodes():
    model = nn.Graph(("norm", nn.BatchNorm(momentum=0.0), "x"), ("drop", nn.Dropout(0.5), "norm"))
    params, state = model.init(KEY, A)
    y, after = model.apply(params, state, jnp.asarray(A), key=KEY, train=True)
    np.testing.assert_allclose(after["norm"]["mean"], A.mean(0), rtol=1e-5, atol=1e-6)
    expected, _ = nn.Dropout(0.5).apply(
        {}, {}, nn.BatchNorm().apply(params["norm"], state["norm"], jnp.asarray(A), train=True)[0],
        key=jax.random.fold_in(KEY, 1), train=True,
    )  # fmt: skip
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_json_repr_and_leaves():
    model = nn.Graph(("drop", nn.Dropout(0.5), "x"), ("out", nn.Dense(2), "drop"))
    assert nn.from_json(nn.to_json(MODEL)) == MODEL
    assert nn.from_json(nn.to_json(model)) == model
    assert jax.tree.leaves(model) == [0.5]
    assert repr(model) == "Graph(('drop', Dropout(rate=0.5), 'x'), ('out', Dense(units=2), 'drop'))"
    traced = jax.jit(lambda m: m.apply({"out": {"kernel": A[:2].T, "bias": B[0]}}, {}, jnp.asarray(A))[0])(model)
    assert traced.shape == (3, 2)


def test_it_trains_in_fit_with_a_dict_of_inputs():
    import optax

    def squared(outputs, targets):
        return (outputs["out"][:, 0] - targets) ** 2

    trial = nn.Trial(MODEL, squared, optax.sgd(0.01))
    state = nn.init(trial, KEY, {"a": A, "b": B})
    after, values = nn.step(trial, state, ({"a": jnp.asarray(A), "b": jnp.asarray(B)}, jnp.ones(3)))
    assert np.isfinite(values["loss"])
    assert not np.array_equal(after.params["left"]["kernel"], state.params["left"]["kernel"])


@pytest.mark.parametrize(
    ("nodes", "outputs", "message"),
    [
        ((("a", nn.Dense(1)),), None, "a node is"),
        ((), None, "as many names"),
        ((("a", nn.Dense(1), "x"), ("a", nn.Dense(1), "x")), None, "name of its own"),
        ((("a", nn.Dense(1), "b"), ("b", nn.Dense(1), "x")), None, "no node before it"),
        ((("a", nn.Dense(1), "a"),), None, "no node before it"),
        ((("a", nn.Dense(1), "x"),), "b", "names no node"),
        ((("a/b", nn.Dense(1), "x"),), None, "name of its own"),
    ],
)
def test_graphs_that_make_no_sense_are_refused(nodes, outputs, message):
    with pytest.raises(ValueError, match=message):
        nn.Graph(*nodes, outputs=outputs)


def test_inputs_that_are_missing_and_nodes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"needs the inputs \['a', 'b'\], got a dict of \['a'\]"):
        MODEL.init(KEY, {"a": A})
    with pytest.raises(ValueError, match=r"got an array \(3, 4\)"):
        MODEL.init(KEY, A)
    with pytest.raises(ValueError, match=r"both: .*\(3, 2\), \(3, 4\)"):
        nn.Graph(("left", nn.Dense(2), "x"), ("both", nn.Join(), ("left", "x"))).init(KEY, A)
    with pytest.raises(TypeError, match="takes layers"):
        nn.Graph(("a", jax.nn.relu, "x"))


SHARED = nn.Dense(5, "tanh")
TWINS = nn.Graph(
    ("left", SHARED, "a"),
    ("right", SHARED, "b"),
    ("own", nn.Dense(5, "tanh"), "b"),
    ("sum", nn.Join(), ("left", "right", "own")),
)


def test_the_same_layer_twice_is_one_set_of_weights():
    x = {"a": A, "b": A[::-1] * 2}
    params, state = TWINS.init(KEY, x)
    assert list(params) == ["left", "own"] and jax.tree.leaves(TWINS) == []

    def ours(p):
        return (TWINS.apply(p, state, x)[0] ** 2).sum()

    def by_hand(p):
        one, two = ({"kernel": p[n]["kernel"], "bias": p[n]["bias"]} for n in ("left", "own"))
        parts = ((one, x["a"]), (one, x["b"]), (two, x["b"]))
        return (sum(jnp.tanh(v @ q["kernel"] + q["bias"][None]) for q, v in parts) ** 2).sum()

    np.testing.assert_allclose(ours(params), by_hand(params), rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        jax.grad(ours)(params),
        jax.grad(by_hand)(params),
    )


def test_sharing_is_said_by_name_too_and_survives_copies():
    named = nn.Graph(
        ("left", nn.Dense(5, "tanh"), "a"),
        ("right", "left", "b"),
        ("own", nn.Dense(5, "tanh"), "b"),
        ("sum", nn.Join(), ("left", "right", "own")),
    )
    assert named == TWINS and named.uses == (0, 0, 1, 2)
    assert eval(repr(TWINS), {**vars(nn)}) == TWINS
    assert nn.from_json(nn.to_json(TWINS)) == TWINS == jax.tree.map(lambda v: v, TWINS)
    apart = nn.Graph(("left", nn.Dense(5), "a"), ("right", nn.Dense(5), "b"), ("sum", nn.Join(), ("left", "right")))
    assert apart.uses == () and list(apart.init(KEY, {"a": A, "b": B})[0]) == ["left", "right"]
    with pytest.raises(TypeError, match="takes layers, and argument 0 is 'right'"):
        nn.Graph(("left", "right", "a"), ("right", nn.Dense(5), "b"))


def test_shared_weights_and_state_train_in_fit_and_in_a_grid():
    """The second use of a shared BatchNorm starts from the statistics that the first one left."""
    norm = nn.BatchNorm(momentum=0.5, use_scale=False, use_bias=False)
    twice = nn.Graph(("one", norm, "a"), ("two", norm, "b"), ("sum", nn.Join(), ("one", "two")))
    x = {"a": A, "b": A + 4}
    _, after = twice.apply(*twice.init(KEY, x), x, train=True)
    np.testing.assert_allclose(after["one"]["mean"], 0.25 * A.mean(0) + 0.5 * (A + 4).mean(0), rtol=1e-5)
    ends = ("y", nn.Join("concat"), ("l", "r")), ("o", nn.Dense(1), "y")
    model = nn.Graph(("l", SHARED, "a"), ("r", "l", "b"), *ends)
    trial = lambda lr: nn.Trial(model, "squared_error", optax.sgd(lr))  # noqa: E731
    data = (x, A[:, 0])
    run = nn.fit(trial(0.1), data, epochs=2, batch_size=3, progress=False)
    runs = nn.grid(trial, data, dict(lr=[0.05, 0.1]), epochs=2, batch_size=3, progress=False)
    assert set(run.params) == {"l", "o"}
    np.testing.assert_allclose(runs[1].history["loss"], run.history["loss"], rtol=1e-5)


def test_a_shared_layer_that_does_not_fit_both_inputs_is_told():
    with pytest.raises(ValueError, match=r"l: Dense holds a kernel \(4, 5\) and got inputs \(3, 2\); write inputs"):
        nn.Graph(("l", SHARED, "a"), ("r", SHARED, "b"), ("y", nn.Join(), ("l", "r"))).init(KEY, {"a": A, "b": B})
