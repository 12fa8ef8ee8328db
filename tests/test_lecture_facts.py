"""The worked numbers that need no training, each from its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.names import activation
from jaxnn.core.tree import count

DRAW = np.random.default_rng(0)


def test_a_neuron_and_two_layers_in_matrices(key):
    model = nn.Sequential(nn.Dense(4, "sigmoid", bias_init="normal"), nn.Dense(2, "tanh", bias_init="normal"))
    x = DRAW.normal(size=(5, 3)).astype(np.float32)
    params, state = model.init(key, x)
    (b1, a1), (b2, a2) = ((p["kernel"], p["bias"]) for p in params.values())
    h1 = 1 / (1 + np.exp(-(np.asarray(a1) + x @ np.asarray(b1))))
    h2 = np.tanh(np.asarray(a2) + h1 @ np.asarray(b2))
    np.testing.assert_allclose(model.apply(params, state, x)[0], h2, rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_any_depth_of_linear_layers_is_one_affine_map(widths, seed):
    deep = nn.Sequential(*(nn.Dense(w, bias_init="normal") for w in widths))
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(4, 3)).astype(np.float32)
    shapes, state = jax.eval_shape(deep.init, jax.random.key(0), x)
    params = jax.tree.map(lambda p: draw.normal(scale=0.5, size=p.shape).astype(np.float32), shapes)
    kernel, bias = np.eye(3), np.zeros(3)
    for layer in params.values():
        kernel, bias = (
            kernel @ np.asarray(layer["kernel"]),
            bias @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]),
        )
    one = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    wanted, _ = jax.jit(nn.Dense(widths[-1]).apply)(one, {}, x)
    np.testing.assert_allclose(jax.jit(deep.apply)(params, state, x)[0], wanted, rtol=1e-4, atol=1e-4)


def test_the_boundary_of_a_perceptron():
    params = {"kernel": jnp.array([[1.0], [1.0]]), "bias": jnp.array([-5.0])}  # x1 + x2 - 5 = 0
    points = jnp.array([[4.0, 4.0], [3.0, 2.5], [1.0, 1.0], [0.0, 4.9]])
    scores, _ = nn.perceptron().apply(params, {}, points)
    assert (scores[:, 0] > 0).tolist() == [True, True, False, False]


@pytest.mark.parametrize("at", [-30.0, -2.0, -0.5, 0.5, 2.0, 30.0])
def test_derivatives_of_the_activations(at):
    with jax.enable_x64(True):
        at = jnp.float64(at)
        sigmoid, tanh = activation("sigmoid"), activation("tanh")
        g = 1 / (1 + np.exp(-at))
        assert float(sigmoid(at)) == pytest.approx(g, rel=1e-12)
        assert float(jax.grad(sigmoid)(at)) == pytest.approx(g * (1 - g), rel=1e-6, abs=1e-15)
        assert float(jax.grad(tanh)(at)) == pytest.approx(1 - np.tanh(at) ** 2, rel=1e-6, abs=1e-15)
        assert float(jax.grad(activation("relu"))(at)) == (1 if at > 0 else 0)


def test_relu_at_zero_has_the_derivative_zero():
    assert float(jax.grad(activation("relu"))(0.0)) == 0


def test_softmax_is_its_formula_and_stable_for_large_logits():
    o = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(activation("softmax")(o), np.exp(o) / np.exp(o).sum(), rtol=1e-6)
    np.testing.assert_allclose(activation("softmax")(o + 10_000), np.exp(o) / np.exp(o).sum(), rtol=1e-5)
    assert activation("softmax")(jnp.array([1e30, 0.0])).tolist() == [1.0, 0.0]


def test_the_losses_by_their_formulas():
    y, o = np.array([[0.0, 1.0, 0.0]]), np.array([[0.5, 2.0, -1.0]])
    q = np.exp(o) / np.exp(o).sum()
    assert float(nn.losses.softmax_cross_entropy(jnp.asarray(o, jnp.float32), jnp.array([1]))[0]) == pytest.approx(
        -(y * np.log(q)).sum(), rel=1e-6
    )
    outputs, targets = jnp.array([[1.0, 2.0, 4.0]]), jnp.array([[0.0, 4.0, 4.0]])
    assert nn.losses.half_squared_error(outputs, targets).tolist() == [2.5]  # (1 + 4 + 0) / 2
    p = 1 / (1 + np.exp(-0.7))
    for label, wanted in ((1, -np.log(p)), (0, -np.log(1 - p))):
        assert float(nn.losses.sigmoid_cross_entropy(jnp.array([0.7]), jnp.array([label]))[0]) == pytest.approx(wanted)


def sum_of_a_and_x():
    """``y_hat = a + x`` as a layer: a kernel fixed at 1 and a bias ``a``; the data are ``x = 1, y = 6``."""
    return nn.linear_regression(), {"kernel": jnp.ones((1, 1)), "bias": jnp.array([2.0])}


def test_one_step_of_gradient_descent_by_hand():
    model, params = sum_of_a_and_x()
    x, y = jnp.array([[1.0]]), jnp.array([6.0])

    def loss(bias):
        return nn.losses.squared_error(model.apply({**params, "bias": bias}, {}, x)[0], y).mean()

    a = params["bias"]
    assert float(loss(a)) == 9  # the error is 3
    assert jax.grad(loss)(a).tolist() == [-6]
    assert (a - 1.0 * jax.grad(loss)(a)).tolist() == [8]
    assert (a - 0.1 * jax.grad(loss)(a)).tolist() == [pytest.approx(2.6)]


@pytest.mark.parametrize(("rate", "first", "last"), [(1.0, 8.0, 2.0), (0.1, 2.6, 5.0)])
def test_steps_of_the_library_overshoot_or_converge(rate, first, last):
    """With the kernel held at 1, a rate of 1 jumps between 8 and 2 for ever, one of 0.1 reaches 5."""
    only_bias = optax.masked(optax.set_to_zero(), {"kernel": True, "bias": False})
    model, params = sum_of_a_and_x()
    trial = nn.Trial(model, "squared_error", optax.chain(optax.sgd(rate), only_bias))
    batch = nn.Batch(jnp.array([[1.0]]), jnp.array([6.0]), jnp.ones(1))
    state = nn.init(trial, jax.random.key(0), batch.x)._replace(params=params)
    go = jax.jit(lambda state: nn.step(trial, state, batch)[0])
    state = go(state)
    assert state.params["bias"].tolist() == [pytest.approx(first)]
    for _ in range(99):
        state = go(state)
    assert state.params["bias"].tolist() == [pytest.approx(last, abs=1e-5)]
    assert state.params["kernel"].tolist() == [[1.0]]


@pytest.mark.parametrize("names", [("tanh", "sigmoid"), ("sigmoid", "linear"), ("relu", "tanh")])
def test_backpropagation_is_the_chain_of_its_formula(names):
    """Of ``(y - h2)^2`` by the second weight of the first hidden neuron, for one example and one output."""
    with jax.enable_x64(True):
        f1, f2 = map(activation, names)
        d1, d2 = jax.grad(f1), jax.grad(f2)
        x, y = jnp.array([[0.4, -1.2, 0.7]]), jnp.array([-1.0])
        a1, b1 = jnp.array([0.1, -0.2]), jnp.array([[0.5, 1.0], [-0.3, 0.7], [0.2, -0.4]])
        a2, b2 = jnp.array([0.3]), jnp.array([[0.8], [-0.6]])
        model = nn.Sequential(nn.Dense(2, names[0]), nn.Dense(1, names[1]))
        params, state = {"dense_0": {"bias": a1, "kernel": b1}, "dense_1": {"bias": a2, "kernel": b2}}, {}

        def loss(params):
            return nn.losses.squared_error(model.apply(params, state, x)[0], y)[0]

        z1 = a1 + x[0] @ b1
        z2 = (a2 + f1(z1) @ b2)[0]
        formula = -2 * (y[0] - f2(z2)) * d2(z2) * b2[0, 0] * d1(z1[0]) * x[0, 1]
        assert abs(float(formula)) > 0.1
        ours = jax.grad(loss)(params)["dense_0"]["kernel"][1, 0]
        assert float(ours) == pytest.approx(float(formula), rel=1e-10)

        def moved(by):
            kernel = params["dense_0"]["kernel"].at[1, 0].add(by)
            return float(loss({**params, "dense_0": {**params["dense_0"], "kernel": kernel}}))

        assert (moved(1e-6) - moved(-1e-6)) / 2e-6 == pytest.approx(float(formula), rel=1e-6)


def test_the_mean_gradient_of_examples_is_that_of_the_batch(key):
    model = nn.mlp((4,), out=1, activation="tanh")
    x, y = DRAW.normal(size=(6, 3)).astype(np.float32), DRAW.normal(size=6).astype(np.float32)
    params, state = jax.jit(model.init)(key, x)

    @jax.jit
    @jax.grad
    def slope(params, x, y):
        return nn.losses.squared_error(model.apply(params, state, x)[0], y).mean()

    one_by_one = [slope(params, x[i : i + 1], y[i : i + 1]) for i in range(6)]
    mean = jax.tree.map(lambda *g: np.mean(g, axis=0), *one_by_one)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), slope(params, x, y), mean)


TABLE = [
    ((3, 0.25, 0.5), 3.75, 9.31),
    ((5, -2, -1), 8, 30),
    ((10 / 3, 0, 0), 3.33, 11.11),
    ((30 / 14, 20 / 14, 10 / 14), 4.29, 7.14),
]


@pytest.mark.parametrize(("w", "l1", "l2"), TABLE)
def test_the_penalties_of_four_exact_solutions(w, l1, l2):
    x, w = np.array([3, 2, 1]), np.array(w)
    assert x @ w == pytest.approx(10)
    assert np.abs(w).sum() == pytest.approx(l1, abs=0.005)
    assert (w**2).sum() == pytest.approx(l2, abs=0.005)
    params = {"dense_0": {"kernel": jnp.asarray(w, jnp.float32)[:, None], "bias": jnp.array([7.0])}}
    zero = jax.tree.map(jnp.zeros_like, params)
    strength = 0.1  # the gradients of C sum |w| and C sum w^2, on the kernel alone
    for penalty, slope in ((nn.l1(strength), np.sign(w)), (nn.l2(strength), 2 * w)):
        added, _ = penalty.update(zero, penalty.init(params), params)
        np.testing.assert_allclose(added["dense_0"]["kernel"][:, 0], strength * slope, rtol=1e-6)
        assert added["dense_0"]["bias"].tolist() == [0.0]


def test_the_table_s_last_rows_are_the_least_l1_and_l2_of_all_solutions():
    from scipy.optimize import linprog

    x = np.array([3.0, 2.0, 1.0])
    least = linprog(np.ones(6), A_eq=[np.concatenate([x, -x])], b_eq=[10])  # w = plus - minus, both at least 0
    np.testing.assert_allclose(least.x[:3] - least.x[3:], TABLE[2][0], atol=1e-8)
    np.testing.assert_allclose(np.linalg.pinv(x[None]) @ [10.0], TABLE[3][0], rtol=1e-12)


def test_dropout_leaves_the_mean_unchanged_and_shares_its_mask_over_time(key):
    x = jnp.full((4, 8, 512), 3.0)
    y, _ = nn.Dropout(0.25).apply({}, {}, x, key=key, train=True)
    assert {float(v) for v in np.unique(y)} == {0.0, 4.0}  # 3 / (1 - 0.25)
    error = 3 * np.sqrt(0.25 / 0.75 / y.size)
    assert float(y.mean()) == pytest.approx(3, abs=4.5 * error)
    shared, _ = nn.Dropout(0.25, noise_shape=(4, 1, 512)).apply({}, {}, x, key=key, train=True)
    assert (shared == shared[:, :1]).all()
    again, _ = nn.Dropout(0.25).apply({}, {}, x, key=key, train=True)
    np.testing.assert_array_equal(y, again)
    assert nn.Dropout(0.25).apply({}, {}, x)[0] is x


def test_the_mean_over_many_masks_is_the_model_without_for_a_linear_model(key):
    model = nn.Sequential(nn.Dropout(0.5), nn.Dense(1))
    x = jnp.ones((1, 6))
    params, state = model.init(key, x)
    keys = jax.random.split(key, 20_000)
    many = jax.jit(jax.vmap(lambda k: model.apply(params, state, x, key=k, train=True)[0]))(keys)
    wanted = float(model.apply(params, state, x)[0][0, 0])
    assert float(many.mean()) == pytest.approx(wanted, abs=4.5 * float(many.std()) / np.sqrt(len(keys)))


def test_batch_norm_uses_the_batch_in_training_and_running_statistics_in_use(key):
    x = jnp.asarray(5 + 2 * DRAW.normal(size=(64, 3)), jnp.float32)
    layer = nn.BatchNorm(momentum=0.9)
    params, state = layer.init(key, x)
    y, after = layer.apply(params, state, x, train=True)
    np.testing.assert_allclose(y.mean(0), np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(y.var(0), np.ones(3), rtol=1e-3)
    np.testing.assert_allclose(after["mean"], 0.1 * np.asarray(x).mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.apply(params, state, x)[0], x / np.sqrt(1 + 1e-3), rtol=1e-5)


def test_the_reference_classifier_has_22501_parameters():
    shapes, _ = jax.eval_shape(
        nn.mlp((100, 100, 100), out=1).init, jax.random.key(0), jax.ShapeDtypeStruct((1, 21), jnp.float32)
    )
    assert count(shapes) == (21 + 1) * 100 + 2 * (100 + 1) * 100 + (100 + 1) == 22_501
