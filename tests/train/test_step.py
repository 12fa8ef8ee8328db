"""One step against NumPy, and evaluation against averages."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.precision import DEFAULT, NAMED
from jaxnn.train.evaluation import forward
from jaxnn.train.step import steps_key

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)).astype(np.float32), RNG.normal(size=6).astype(np.float32)
W = np.array([50, 1, 1, 0, 2, 1], np.float32)
LINE = nn.linear_regression()
SGD = nn.Trial(LINE, "squared_error", optax.sgd(0.1))


KEY = jax.random.key(0, impl="threefry2x32")


def begun(trial, given=None):
    return jax.jit(lambda key: nn.init(trial, key, jnp.asarray(X), given))(KEY)


def stepped(trial, state, batch, **options):
    return jax.jit(lambda s, b: nn.step(trial, s, b, **options))(state, batch)


def gradient(params, x, y, w, n):
    """Of ``sum w (x k + b - y)^2 / n``."""
    residual = x @ np.asarray(params["kernel"])[:, 0] + np.asarray(params["bias"])[0] - y
    return (2 * w * residual) @ x / n, (2 * w * residual).sum() / n


def test_the_loss_is_divided_by_the_rows_and_not_by_their_weights():
    state = begun(SGD)
    after, values = stepped(SGD, state, (X, Y, W))
    kernel, bias = gradient(state.params, X, Y, W, 6)
    np.testing.assert_allclose(after.params["kernel"][:, 0], state.params["kernel"][:, 0] - 0.1 * kernel, rtol=1e-4)
    np.testing.assert_allclose(after.params["bias"][0], state.params["bias"][0] - 0.1 * bias, rtol=1e-4)
    residual = X @ np.asarray(state.params["kernel"])[:, 0] + np.asarray(state.params["bias"])[0] - Y
    np.testing.assert_allclose(values["loss"], np.average(residual**2, weights=W), rtol=1e-5)
    assert (int(after.step), int(after.epoch)) == (1, 0)


def test_padding_is_not_there_whatever_its_weight():
    state = begun(SGD)
    rows = np.array([True] * 4 + [False] * 2)
    padded, values = stepped(SGD, state, nn.Batch(X, Y, W, rows))
    short, expected = stepped(SGD, state, (X[:4], Y[:4], W[:4]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), (padded.params, values),
                 (short.params, expected))  # fmt: skip
    bare, _ = stepped(SGD, state, nn.Batch(X, Y, None, rows))
    kernel, _ = gradient(state.params, X[:4], Y[:4], np.ones(4), 4)
    np.testing.assert_allclose(bare.params["kernel"][:, 0], state.params["kernel"][:, 0] - 0.1 * kernel, rtol=1e-4)


@pytest.mark.parametrize("sick", [np.nan, np.inf])
def test_a_row_of_weight_zero_that_holds_nan_harms_nothing(sick):
    wild, targets = X.copy(), Y.copy()
    wild[3], targets[3] = sick, sick
    state = begun(SGD)
    after, values = stepped(SGD, state, (wild, targets, W))
    well, expected = stepped(SGD, state, (X, Y, W))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), (after.params, values),
                 (well.params, expected))  # fmt: skip


def test_a_row_of_weight_zero_counts_in_running_statistics_as_in_a_fit():
    trial = nn.Trial(nn.mlp((4,), out=1, batch_norm=True), "squared_error", optax.sgd(0.1))
    fitted = nn.fit(trial, (X, Y, W), epochs=1, batch_size=6, shuffle=False, progress=False)
    after, _ = stepped(trial, begun(trial), (X, Y, W))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), after.model_state, fitted.state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), after.params, fitted.params)


def test_dropout_draws_from_the_key_and_the_number_of_the_step():
    class Spy:
        keys = []

    @nn.spec
    class Drawing:
        def init(self, key, x):
            return {"kernel": jnp.ones(1)}, {"key": jax.random.key_data(key)}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            Spy.keys.append((None if key is None else jax.random.key_data(key).tolist(), train, rows is not None))
            return x[:, 0] * params["kernel"].reshape(1, 1)[0], state

    trial = nn.Trial(Drawing(), "squared_error", optax.sgd(0.1))
    key = jax.random.key(5, impl="threefry2x32")
    state = nn.init(trial, key, jnp.asarray(X))
    half = jax.random.split(key)
    np.testing.assert_array_equal(state.model_state["key"], jax.random.key_data(half[0]))
    np.testing.assert_array_equal(jax.random.key_data(steps_key(key)), jax.random.key_data(half[1]))
    with jax.disable_jit():
        for number in (0, 1, 7):
            nn.step(trial, state._replace(step=jnp.int32(number)), (X, Y), key=key)
    stepped(trial, state, nn.Batch(X, Y, None, np.ones(6, bool)))
    expected = [jax.random.key_data(jax.random.fold_in(half[1], i)).tolist() for i in (0, 1, 7)]
    assert [k for k, _, _ in Spy.keys] == [*expected, None]
    assert [(t, r) for _, t, r in Spy.keys] == [(True, False)] * 3 + [(True, True)]


def test_the_update_sees_value_gradient_metrics_and_epoch():
    seen = {}

    def update(updates, state, params=None, **extra):
        seen.update(extra)
        return jax.tree.map(lambda u: -0.5 * u, updates), state + 1

    watched = optax.GradientTransformationExtraArgs(lambda params: jnp.int32(0), update)
    trial = nn.Trial(LINE, "squared_error", watched)
    state = begun(trial)._replace(metrics={"loss": jnp.float32(3)}, epoch=jnp.int32(4))
    after, _ = nn.step(trial, state, (X, Y, W))
    kernel, _ = gradient(state.params, X, Y, W, 6)
    residual = X @ np.asarray(state.params["kernel"])[:, 0] + np.asarray(state.params["bias"])[0] - Y
    np.testing.assert_allclose(seen["value"], (W * residual**2).sum() / 6, rtol=1e-5)
    np.testing.assert_allclose(seen["value_fn"](state.params), seen["value"], rtol=1e-6)
    np.testing.assert_allclose(seen["grad"]["kernel"][:, 0], kernel, rtol=1e-4)
    assert float(seen["metrics"]["loss"]) == 3 and int(seen["epoch"]) == 4
    assert seen["opt_state"] is state.opt_state and int(after.opt_state) == 1
    np.testing.assert_allclose(after.params["kernel"][:, 0], state.params["kernel"][:, 0] - 0.5 * kernel, rtol=1e-4)
    assert float(after.metrics["loss"]) == 3 and int(after.epoch) == 4


def test_optimizers_that_keep_two_sets_of_weights_are_refused_by_name():
    fast = _on_both(optax.lookahead(optax.sgd(0.1), 2, 0.5))
    with pytest.raises(ValueError, match="Lookahead keeps two sets of weights, of which a step sees one"):
        begun(nn.Trial(LINE, "squared_error", fast))
    with pytest.raises(ValueError, match="SAM keeps two sets of weights, of which a step sees one; write another"):
        begun(nn.Trial(LINE, "squared_error", optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1))))


def _on_both(transformation):
    def init(params):
        return transformation.init(optax.LookaheadParams.init_synced(params))

    return optax.GradientTransformation(init, transformation.update)


def test_given_weights_take_the_place_of_those_drawn():
    trial = nn.Trial(nn.mlp((4,), out=1), "squared_error", optax.sgd(0.1), stop=nn.EarlyStopping("loss"))
    drawn = begun(trial)
    path = "dense_0/kernel"
    state = begun(trial, {path: jnp.full((3, 4), 7.0)})
    assert (state.params["dense_0"]["kernel"] == 7).all() and (state.best.params["dense_0"]["kernel"] == 7).all()
    np.testing.assert_array_equal(state.params["dense_1"]["kernel"], drawn.params["dense_1"]["kernel"])


def test_the_forward_pass_casts_going_in_and_coming_out():
    trial = nn.Trial(nn.mlp((4,), out=1, batch_norm=True), "squared_error", optax.sgd(0.1))
    state, batch = begun(trial), nn.Batch(jnp.asarray(X), jnp.asarray(Y), jnp.asarray(W))
    half, after = forward(
        trial, state.params, state.model_state, batch, key=None, train=True, precision=NAMED["bfloat16"]
    )
    full, used = forward(trial, state.params, state.model_state, batch, key=None, train=False, precision=DEFAULT)
    assert half.dtype == jnp.float32 and np.array_equal(half, half.astype(jnp.bfloat16).astype(jnp.float32))
    assert used is state.model_state and after is not state.model_state
    assert {str(a.dtype) for a in jax.tree.leaves(after)} == {"float32"}
    out, _ = stepped(trial, state, (X, Y), precision="bfloat16")
    assert {str(a.dtype) for a in jax.tree.leaves(out.params)} == {"float32"}
    other, _ = stepped(trial, state, (X, Y))
    assert not np.array_equal(out.params["dense_0"]["kernel"], other.params["dense_0"]["kernel"])
    assert full.dtype == jnp.float32
