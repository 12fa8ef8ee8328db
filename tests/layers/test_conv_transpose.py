"""The transposed convolution against PyTorch and Flax linen, forward and gradient."""

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


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 5, 2), {"kernel_size": (4,), "strides": 2, "padding": "same"}),
        ((2, 5, 2), {"kernel_size": (2,), "strides": 3, "padding": "valid"}),
        ((2, 4, 3, 2), {"kernel_size": (3, 3), "strides": (2, 1), "padding": "same"}),
        ((2, 4, 3, 2), {"kernel_size": (2, 3), "strides": (2, 3), "padding": "valid", "use_bias": False}),
        ((2, 4, 3, 1), {"kernel_size": (3, 3), "strides": 1, "dilation": 2, "padding": "valid"}),
    ],
    ids=str,
)
def test_equals_linen_with_the_same_parameters(shape, options):
    x, layer = normal(*shape), nn.ConvTranspose(3, **options)
    n = len(shape) - 2
    theirs = {"kernel_dilation": options.pop("dilation")} if "dilation" in options else {}
    strides = options["strides"] if isinstance(options["strides"], tuple) else (options["strides"],) * n
    module = linen.ConvTranspose(3, **{**options, **theirs, "strides": strides, "padding": options["padding"].upper()})
    params = jax.tree.map(lambda a: normal(*a.shape), dict(jax.eval_shape(module.init, KEY, x)["params"]))
    assert jax.tree.map(jnp.shape, jax.eval_shape(layer.init, KEY, x)[0]) == jax.tree.map(jnp.shape, params)
    ours = value_and_grads(lambda p, v: layer.apply(p, {}, v)[0], params, x)
    expected = value_and_grads(lambda p, v: module.apply({"params": p}, v), params, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ours, expected)


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "pad", "dilation"),
    [
        ((2, 5, 3), (4,), 2, 1, 1),
        ((2, 4, 5, 3), (3, 2), 3, 0, 1),
        ((2, 4, 5, 3), (3, 3), 2, 1, 2),
        ((1, 3, 4, 2, 2), (3, 2, 2), 2, 1, 1),
    ],
)
def test_equals_torch_with_the_kernel_mirrored(shape, kernel, stride, pad, dilation):
    torch = pytest.importorskip("torch")
    n = len(kernel)
    pads = tuple((k - 1) * dilation - pad for k in kernel)
    layer = nn.ConvTranspose(4, kernel, stride, dilation, padding=pads)
    params = jax.tree.map(lambda a: normal(*a.shape), jax.eval_shape(layer.init, KEY, normal(*shape))[0])
    module = getattr(torch.nn, f"ConvTranspose{n}d")(shape[-1], 4, kernel, stride, pad, dilation=dilation)
    mirrored = np.flip(params["kernel"], tuple(range(n))).transpose(n, n + 1, *range(n)).copy()
    with torch.no_grad():
        module.weight.copy_(torch.tensor(mirrored))
        module.bias.copy_(torch.tensor(params["bias"]))
    x = torch.tensor(np.moveaxis(normal(*shape), -1, 1).copy(), requires_grad=True)
    out = module(x)
    y, (dx,) = value_and_grads(lambda v: layer.apply(params, {}, v)[0], normal(*shape))
    np.testing.assert_allclose(y, np.moveaxis(out.detach().numpy(), 1, -1), rtol=1e-5, atol=1e-5)
    (out * torch.tensor(np.moveaxis(normal(*y.shape), -1, 1).copy())).sum().backward()
    np.testing.assert_allclose(dx, np.moveaxis(x.grad.numpy(), 1, -1), rtol=1e-5, atol=1e-5)


def test_sizes_and_errors():
    x = jnp.asarray(normal(2, 5, 6, 1))
    for padding, size in (("same", (10, 18)), ("valid", (11, 18))):
        layer = nn.ConvTranspose(2, (3, 2), strides=(2, 3), padding=padding)
        params, _ = layer.init(KEY, x)
        assert layer.apply(params, {}, x)[0].shape == (2, *size, 2)
    with pytest.raises(ValueError, match="'same' or 'valid'"):
        nn.ConvTranspose(2, 3, padding="causal")
    with pytest.raises(ValueError, match=r"\(2, 5, 6, 2\)"):
        layer.apply(params, {}, jnp.ones((2, 5, 6, 2)))
