"""Convolution against the worked example, Flax linen and PyTorch, forward and gradient."""

import functools

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")


def normal(*shape):
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def value_and_grads(f, *args):
    """The output, and the gradients of its sum under drawn weights."""
    y, back = jax.vjp(f, *args)
    return y, back(jnp.asarray(normal(*y.shape)))


def test_the_worked_example():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    kernel = np.arange(4, dtype=np.float32).reshape(2, 2, 1, 1)
    layer = nn.Conv(1, (2, 2), padding="valid")
    y, _ = layer.apply({"kernel": kernel, "bias": np.zeros(1, np.float32)}, {}, jnp.asarray(x))
    np.testing.assert_array_equal(y[0, :, :, 0], [[19, 25], [37, 43]])
    shifted, _ = layer.apply({"kernel": kernel, "bias": np.full(1, 2, np.float32)}, {}, jnp.asarray(x))
    np.testing.assert_array_equal(shifted - y, np.full((1, 2, 2, 1), 2))


def test_a_shift_of_the_input_shifts_the_output():
    x = np.zeros((1, 7, 7, 1), np.float32)
    x[:, 2:4, 2:4] = normal(1, 2, 2, 1)
    layer = nn.Conv(3, (3, 3))
    params, _ = layer.init(KEY, x)
    y, _ = layer.apply(params, {}, jnp.asarray(x))
    moved, _ = layer.apply(params, {}, jnp.roll(jnp.asarray(x), (1, 2), (1, 2)))
    np.testing.assert_allclose(moved, jnp.roll(y, (1, 2), (1, 2)), atol=1e-6)


LINEN = [
    ((2, 9, 2), 3, {"kernel_size": (4,), "strides": 2}),
    ((2, 9, 2), 3, {"kernel_size": (3,), "dilation": 2, "padding": "causal"}),
    ((2, 7, 6, 1), 2, {"kernel_size": (5, 5)}),
    ((2, 7, 6, 3), 4, {"kernel_size": (3, 2), "strides": (2, 1), "padding": "valid"}),
    ((2, 7, 6, 4), 6, {"kernel_size": (3, 3), "groups": 2, "dilation": (1, 2)}),
    ((2, 6, 5, 2), 20, {"kernel_size": (3, 3), "strides": 2}),
    ((2, 6, 5, 2), 20, {"kernel_size": (1, 1), "use_bias": False}),
    ((2, 6, 5, 2), 3, {"kernel_size": (3, 3), "padding": ((0, 2), (1, 1))}),
    ((2, 4, 5, 3, 2), 3, {"kernel_size": (3, 2, 2), "strides": (1, 2, 1)}),
]


@pytest.mark.parametrize(("shape", "filters", "options"), LINEN, ids=str)
def test_equals_linen_with_the_same_parameters(shape, filters, options):
    x, layer = normal(*shape), nn.Conv(filters, **options)
    renamed = {"dilation": "kernel_dilation", "groups": "feature_group_count"}
    theirs = {renamed.get(name, name): value for name, value in options.items()}
    if isinstance(theirs.get("padding"), str):
        theirs["padding"] = theirs["padding"].upper()
    module = linen.Conv(filters, **theirs)
    params = jax.eval_shape(module.init, KEY, x)["params"]
    ours, _ = jax.eval_shape(layer.init, KEY, x)
    assert jax.tree.map(jnp.shape, ours) == jax.tree.map(jnp.shape, dict(params))
    params = jax.tree.map(lambda a: normal(*a.shape), dict(params))
    y, grads = value_and_grads(lambda p, v: layer.apply(p, {}, v)[0], params, x)
    expected, theirs = value_and_grads(lambda p, v: module.apply({"params": p}, v), params, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), grads, theirs)


TORCH = [
    ((2, 8, 7, 4), {"kernel_size": (3, 3), "strides": 2, "dilation": 2, "groups": 2, "padding": 2}, 6),
    ((2, 8, 7, 3), {"kernel_size": (2, 3), "strides": (2, 1), "groups": 3, "padding": (0, 1)}, 3),
    ((2, 11, 4), {"kernel_size": (3,), "strides": 2, "dilation": 3, "groups": 4, "padding": 1}, 8),
    ((1, 5, 6, 4, 2), {"kernel_size": (3, 3, 2), "dilation": (2, 1, 1), "groups": 2, "padding": 1}, 4),
]


@pytest.mark.parametrize(("shape", "options", "filters"), TORCH, ids=str)
def test_groups_with_dilation_equal_torch(shape, options, filters):
    torch = pytest.importorskip("torch")
    n, layer = len(shape) - 2, nn.Conv(filters, **options)
    params = jax.tree.map(lambda a: normal(*a.shape), jax.eval_shape(layer.init, KEY, normal(*shape))[0])
    module = getattr(torch.nn, f"Conv{n}d")(
        shape[-1],
        filters,
        options["kernel_size"],
        options.get("strides", 1),
        options["padding"],
        options.get("dilation", 1),
        options["groups"],
    )
    with torch.no_grad():
        module.weight.copy_(torch.tensor(params["kernel"].transpose(n + 1, n, *range(n))))
        module.bias.copy_(torch.tensor(params["bias"]))
    x = torch.tensor(np.moveaxis(normal(*shape), -1, 1).copy(), requires_grad=True)
    out = module(x)
    weight = normal(*np.moveaxis(out.detach().numpy(), 1, -1).shape)
    (out * torch.tensor(np.moveaxis(weight, -1, 1).copy())).sum().backward()
    y, (grads, dx) = value_and_grads(lambda p, v: layer.apply(p, {}, v)[0], params, normal(*shape))
    np.testing.assert_allclose(y, np.moveaxis(out.detach().numpy(), 1, -1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dx, np.moveaxis(x.grad.numpy(), 1, -1), rtol=1e-5, atol=1e-5)
    kernel = module.weight.grad.numpy().transpose(*range(2, n + 2), 1, 0)
    np.testing.assert_allclose(grads["kernel"], kernel, rtol=1e-5, atol=1e-4)


def test_a_number_is_the_size_along_each_axis():
    for shape in ((2, 5, 1), (2, 5, 4, 1), (2, 4, 4, 4, 1)):
        params, _ = jax.eval_shape(nn.Conv(2, 3).init, KEY, normal(*shape))
        assert params["kernel"].shape == (3,) * (len(shape) - 2) + (1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "filters"),
        ({"kernel_size": (3, 3, 3, 3)}, "kernel_size"),
        ({"kernel_size": (3, 0)}, "kernel_size"),
        ({"strides": (1, 2, 1)}, "one entry per axis"),
        ({"groups": 3}, "3 groups"),
        ({"padding": "full"}, "'same' or 'valid'"),
        ({"padding": -1}, "padding"),
        ({"activation": "rleu"}, "rleu"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.Conv(**{"filters": 4, "kernel_size": (3, 3), **arguments})


def test_inputs_that_do_not_fit_are_told():
    model = nn.Sequential(nn.Conv(4, (3, 3)))
    with pytest.raises(ValueError, match=r"conv_0: .*\(batch, height, width, channels\).*\(2, 8, 8\)"):
        model.init(KEY, normal(2, 8, 8))
    with pytest.raises(ValueError, match=r"too small"):
        nn.Conv(4, (3, 3), padding="valid").apply({"kernel": normal(3, 3, 1, 4)}, {}, jnp.asarray(normal(2, 2, 2, 1)))
    with pytest.raises(ValueError, match="causal"):
        nn.Conv(4, 3, padding="causal").apply({"kernel": normal(3, 3, 1, 4)}, {}, jnp.asarray(normal(2, 4, 4, 1)))
    with pytest.raises(ValueError, match="3 groups do not divide"):
        nn.Conv(3, (3,), groups=3).init(KEY, normal(2, 8, 4))


def test_bfloat16_keeps_float32_parameters():
    x = jnp.asarray(normal(2, 6, 6, 1), jnp.bfloat16)
    params, _ = nn.Conv(2, (3, 3)).init(KEY, x)
    assert {a.dtype for a in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert nn.Conv(2, (3, 3)).apply(params, {}, x)[0].dtype == jnp.bfloat16
