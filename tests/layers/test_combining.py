"""Join, Parallel, Reshape and Lambda against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("how", "numpy"),
    [
        ("add", lambda v: np.sum(v, 0)),
        ("multiply", lambda v: np.prod(v, 0)),
        ("average", lambda v: np.mean(v, 0)),
        ("maximum", lambda v: np.max(v, 0)),
        ("concat", lambda v: np.concatenate(v, -1)),
    ],
)
def test_joins_equal_numpy(how, numpy):
    arrays = (X, 2 * X + 1, -X)
    np.testing.assert_allclose(nn.Join(how).apply({}, {}, arrays)[0], numpy(arrays), rtol=1e-6)
    np.testing.assert_allclose(
        nn.Join(how).apply({}, {}, dict(zip("abc", arrays, strict=True)))[0], numpy(arrays), rtol=1e-6
    )
    layers = tuple(nn.Dense(4, use_bias=False) for _ in arrays)
    model = nn.Parallel(*layers, join=how)
    params, state = model.init(KEY, X)
    expected = numpy([X @ np.asarray(params[f"dense_{i}"]["kernel"]) for i in range(3)])
    np.testing.assert_allclose(model.apply(params, state, jnp.asarray(X))[0], expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(params["dense_0"]["kernel"], params["dense_1"]["kernel"])


def test_parallel_with_the_identity_is_residual():
    layer = nn.Dense(4, "tanh")
    ours, theirs = nn.Parallel(layer, nn.Sequential(), join="add"), nn.Residual(layer)
    params, _ = theirs.init(KEY, X)
    np.testing.assert_allclose(
        ours.apply(params, {}, jnp.asarray(X))[0], theirs.apply(params, {}, jnp.asarray(X))[0], rtol=1e-6
    )


def test_parallel_carries_the_state_of_each_branch():
    model = nn.Parallel(nn.BatchNorm(momentum=0.5), nn.Dense(4), nn.BatchNorm(momentum=0.0), join="add")
    params, state = model.init(KEY, X)
    _, after = model.apply(params, state, jnp.asarray(X), train=True)
    assert set(after) == {"batch_norm_0", "batch_norm_1"}
    np.testing.assert_allclose(after["batch_norm_0"]["mean"], X.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(after["batch_norm_1"]["mean"], X.mean(0), rtol=1e-5)


def test_outputs_that_do_not_fit_are_told_with_their_shapes():
    with pytest.raises(ValueError, match=r"\(3, 2\), \(3, 5\)"):
        nn.Parallel(nn.Dense(2), nn.Dense(5), join="add").init(KEY, X)
    with pytest.raises(ValueError, match="no join is named 'sum'"):
        nn.Parallel(nn.Dense(2), join="sum")
    with pytest.raises(ValueError, match="needs a layer"):
        nn.Parallel()
    with pytest.raises(TypeError, match="takes layers"):
        nn.Parallel(jax.nn.relu)


def test_reshape():
    assert nn.Reshape((2, -1)).apply({}, {}, jnp.asarray(X))[0].tolist() == X.reshape(3, 2, 2).tolist()
    assert nn.Reshape((-1,)).apply({}, {}, jnp.ones((0, 2, 3)))[0].shape == (0, 6)
    for shape in ((3, -1), (2, 3), (5,)):
        with pytest.raises(ValueError, match=r"\(3, 4\)"):
            nn.Reshape(shape).init(KEY, X)
    for shape in ((-1, -1), (0,), 4):
        with pytest.raises(ValueError, match="Reshape"):
            nn.Reshape(shape)


def test_a_foreign_function_runs_trains_and_is_refused_by_json_with_its_path():
    def doubled(x):
        return 2 * x

    model = nn.Sequential(nn.Dense(2), nn.Lambda(doubled))
    params, state = model.init(KEY, X)
    gradient = jax.jit(jax.grad(lambda p: model.apply(p, state, jnp.asarray(X))[0].sum()))(params)
    np.testing.assert_allclose(gradient["dense_0"]["bias"], [6, 6], rtol=1e-6)
    with pytest.raises(ValueError, match=r"layers\[1\].*doubled"):
        nn.to_json(model)
    named = nn.Lambda("tanh")
    assert nn.from_json(nn.to_json(named)) == named
    with pytest.raises(ValueError, match="no activation is named"):
        nn.Lambda("tahn")
