"""Networks trained under each precision are those of a policy written by hand, and near those of float32."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(16, 12, 12, 1)).astype(np.float32)
LABELS = (IMAGES.sum((1, 2, 3)) > 0).astype(np.int32)
IDS = np.sort(RNG.integers(0, 7, (16, 9)), 1).astype(np.int32)
MODELS = {
    "mlp": (nn.Sequential(nn.Flatten(), nn.mlp((16,), out=2, batch_norm=True)), (IMAGES, LABELS)),
    "cnn": (nn.lenet(out=2), (IMAGES, LABELS)),
    "lstm": (nn.Sequential(nn.Reshape((12, 12)), nn.LSTM(6), nn.Dense(2)), (IMAGES, LABELS)),
    "gpt": (nn.gpt(vocab=7, context=8, width=8, heads=2, layers=1), (IDS[:, :-1], IDS[:, 1:])),
}
CASES = [("mlp", "float32"), *((name, half) for name in MODELS for half in ("bfloat16", "float16"))]
EPOCHS, SIZE, LR = 3, 8, 1e-2


@functools.cache
def trained(name, precision):
    model, data = MODELS[name]
    trial = nn.Trial(model, "softmax_cross_entropy", optax.adam(LR))
    options = dict(epochs=EPOCHS, batch_size=SIZE, shuffle=False, progress=False)
    return nn.fit(trial, data, precision=precision, **options)


def by_hand(name, dtype, scale):
    """jmp's policy: params in float32, computed and given out in a dtype, the loss in float32, at a fixed scale."""
    model, (x, y) = MODELS[name]
    key = jax.random.split(jax.random.key(0, impl="threefry2x32"))[0]
    params, state = model.init(key, jnp.asarray(x[:1]))
    optimizer = optax.adam(LR)

    def cast(tree, dtype):
        return jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree)

    @jax.jit
    def step(params, state, moments, x, y):
        def loss(params):
            logits, after = model.apply(cast(params, dtype), state, cast(x, dtype), train=True)
            losses = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), y)
            return scale * losses.mean(), after

        (value, after), grads = jax.value_and_grad(loss, has_aux=True)(params)
        grads = jax.tree.map(lambda g: g / scale, grads)
        with jax.numpy_dtype_promotion("standard"):
            updates, moments = optimizer.update(grads, moments, params)
        return optax.apply_updates(params, updates), after, moments, value / scale

    moments, losses = optimizer.init(params), []
    for _ in range(EPOCHS):
        values = []
        for i in range(0, len(x), SIZE):
            rows = jnp.asarray(x[i : i + SIZE]), jnp.asarray(y[i : i + SIZE])
            params, state, moments, value = step(params, state, moments, *rows)
            values.append(float(value))
        losses.append(np.mean(values))
    return params, losses


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_a_training_is_that_of_a_policy_written_by_hand(name, precision):
    run = trained(name, precision)
    params, losses = by_hand(name, precision, 2.0**15 if precision == "float16" else 1.0)
    near = 1e-5 if precision == "float32" else 1e-2
    np.testing.assert_allclose(run.history["loss"], losses, rtol=near)
    far = max(float(np.abs(a - b).max()) for a, b in zip(*map(jax.tree.leaves, (run.params, params)), strict=True))
    assert far <= (1e-5 if precision == "float32" else 2 * LR)  # where a gradient is rounding, Adam takes whole steps
    kept = {str(a.dtype) for a in jax.tree.leaves((run.params, run.state, run.last.opt_state)) if a.dtype.kind != "i"}
    assert kept == {"float32"} and run.history["loss"].dtype == np.float32
    assert str(run.precision) == precision and precision in repr(run)


@pytest.mark.parametrize("name", ["mlp", "gpt"])
def test_low_precision_stays_near_float32_and_is_not_it(name):
    """The loss of the first epoch within a few spacings of the format; and another number, or nothing was rounded."""
    full = trained(name, None).history["loss"][0]
    for precision, spacing in (("bfloat16", 2.0**-7), ("float16", 2.0**-10)):
        off = abs(trained(name, precision).history["loss"][0] / full - 1)
        assert 0 < off < 4 * spacing


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_dense_layer_is_flaxs_in_its_dtype(dtype):
    """Flax's ``dtype`` and ``param_dtype`` are compute and param."""
    linen = pytest.importorskip("flax.linen")
    params = {"kernel": RNG.normal(size=(8, 3)).astype(np.float32), "bias": np.ones(3, np.float32)}
    x = RNG.normal(size=(16, 8)).astype(np.float32)
    with jax.numpy_dtype_promotion("standard"):
        theirs = linen.Dense(3, dtype=jnp.dtype(dtype)).apply({"params": params}, x)
    ours = nn.Model(nn.Dense(3), params, {}, "squared_error", precision=dtype).outputs(x)
    assert str(theirs.dtype) == dtype and ours.dtype == np.float32
    spacing = 2.0**-7 if dtype == "bfloat16" else 2.0**-10
    np.testing.assert_allclose(ours, np.asarray(theirs, np.float32), rtol=spacing, atol=spacing)


def lines(precision):
    trial = nn.Trial(MODELS["gpt"][0], "softmax_cross_entropy", optax.adam(LR))
    x, y = MODELS["gpt"][1]
    key = jax.random.key(0, impl="threefry2x32")
    args = nn.init(trial, key, x[:1], precision=precision), (x, y)
    return jax.jit(lambda s, b: nn.step(trial, s, b, key=key, precision=precision)).lower(*args).as_text().splitlines()


def test_what_must_stay_float32_does_and_products_do_not():
    half = {name: lines(name) for name in (None, "bfloat16", "float32")}
    dots = {name: [line for line in text if "dot_general" in line] for name, text in half.items()}
    wide = [line for line in dots["bfloat16"] if "bf16" not in line.split("->")[0]]
    assert len(dots["bfloat16"]) > 10 and len(wide) == 2  # of attention's logits, whose gradient is float32 as they are
    exps = [line for line in half["bfloat16"] if "stablehlo.exponential" in line or "stablehlo.log " in line]
    assert exps and all("bf16" not in line for line in exps)  # softmax and log-sum-exp
    assert all(line.count("HIGHEST") == 2 for line in dots["float32"])
    assert not any("HIGHEST" in line for line in dots[None]) and len(dots[None]) == len(dots["float32"])


def test_weights_kept_in_bfloat16_have_moments_of_float32():
    run = trained("mlp", nn.Precision(param="bfloat16", compute="bfloat16"))
    assert {str(a.dtype) for a in jax.tree.leaves(run.last.params)} == {"bfloat16"}
    assert {str(a.dtype) for a in jax.tree.leaves(run.last.opt_state) if a.dtype.kind != "i"} == {"float32"}
    full = trained("mlp", None)
    np.testing.assert_allclose(run.history["loss"], full.history["loss"], rtol=0.05)


def test_what_losses_see_can_be_asked_for():
    seen = []

    @nn.loss(task="values")
    def told(outputs, targets):
        seen.append(str(outputs.dtype))
        return ((outputs[:, 0] - targets) ** 2).astype(outputs.dtype)

    trial = nn.Trial(nn.Dense(1), told, optax.sgd(0.1))
    x, y = jnp.ones((4, 2)), jnp.ones(4)
    for output, expected in ((None, "float32"), ("bfloat16", "bfloat16")):
        precision = nn.Precision(compute="bfloat16", output=output)
        state = nn.init(trial, jax.random.key(0), x, precision=precision)
        with jax.numpy_dtype_promotion("standard"):
            _, values = nn.step(trial, state, (x, y), precision=precision)
        assert seen.pop() == expected and values["loss"].dtype == jnp.float32
