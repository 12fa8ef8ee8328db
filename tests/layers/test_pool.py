"""Pooling against Flax linen, PyTorch and NumPy."""

import functools

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn


def normal(*shape):
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def value_and_grads(f, *args):
    """The output, and the gradients of its sum under drawn weights."""
    y, back = jax.vjp(f, *args)
    return y, back(jnp.asarray(normal(*y.shape)))


CASES = [
    ((2, 8, 6, 3), (2, 2), None, "valid"),
    ((2, 7, 5, 3), (2, 3), None, "valid"),
    ((2, 7, 5, 3), (2, 2), None, "same"),
    ((2, 7, 5, 3), (3, 3), (2, 1), "same"),
    ((2, 9, 3), (3,), (2,), "valid"),
    ((2, 9, 3), (2,), (3,), "same"),
    ((2, 4, 5, 6, 2), (2, 2, 3), (1, 2, 2), "same"),
]


@pytest.mark.parametrize(("shape", "window", "strides", "padding"), CASES)
@pytest.mark.parametrize(("layer", "theirs"), [(nn.MaxPool, linen.max_pool), (nn.AvgPool, linen.avg_pool)])
def test_equals_linen_forward_and_gradient(layer, theirs, shape, window, strides, padding):
    x = normal(*shape)
    options = {"count_include_pad": False} if theirs is linen.avg_pool else {}
    expected, back = value_and_grads(lambda v: theirs(v, window, strides or window, padding.upper(), **options), x)
    y, ours = value_and_grads(lambda v: layer(window, strides, padding).apply({}, {}, v)[0], x)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours[0], back[0], rtol=1e-5, atol=1e-6)


def test_padding_in_numbers_equals_torch():
    torch = pytest.importorskip("torch")
    x = normal(2, 7, 6, 2)
    tensor = torch.tensor(np.moveaxis(x, -1, 1).copy())
    for layer, module in (
        (nn.MaxPool((3, 3), 2, padding=1), torch.nn.MaxPool2d(3, 2, 1)),
        (nn.AvgPool((3, 3), 2, padding=1), torch.nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    ):
        y, _ = layer.apply({}, {}, jnp.asarray(x))
        np.testing.assert_allclose(y, np.moveaxis(module(tensor).numpy(), 1, -1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1, (1, 0), ((2, 0), (0, 1)), ((0, 2), 1)])
@pytest.mark.parametrize("strides", [None, 1, (2, 3)])
def test_padding_at_either_end_equals_numpys(padding, strides):
    x, window = normal(2, 7, 8, 2), (3, 3)
    ends = [(p, p) if isinstance(p, int) else p for p in (padding if isinstance(padding, tuple) else (padding,) * 2)]
    steps = window if strides is None else (strides,) * 2 if isinstance(strides, int) else strides
    nan = np.pad(x, ((0, 0), *ends, (0, 0)), constant_values=np.nan)
    cut = np.lib.stride_tricks.sliding_window_view(nan, window, (1, 2))[:, :: steps[0], :: steps[1]]
    for layer, numpy in ((nn.MaxPool, np.nanmax), (nn.AvgPool, np.nanmean)):
        y, state = layer(window, strides, padding).apply({}, {}, jnp.asarray(x))
        np.testing.assert_allclose(y, numpy(cut, (-2, -1)), rtol=1e-6, atol=1e-6)
        assert state == {} and layer(window, strides, padding).init(None, x) == ({}, {})


def test_of_equal_entries_the_first_takes_the_gradient_as_in_torch():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 2, (2, 6, 6, 2)).astype(np.float32)
    for layer in (nn.MaxPool(2, 2), nn.MaxPool(3, 1)):
        tensor = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
        torch.nn.functional.max_pool2d(tensor, layer.window, layer.strides).sum().backward()
        grad = jax.vjp(lambda v, pool=layer: pool.apply({}, {}, v)[0].sum(), jnp.asarray(x))[1](jnp.float32(1))[0]
        np.testing.assert_array_equal(grad, np.moveaxis(tensor.grad.numpy(), 1, -1))


def test_nan_and_whole_numbers_pass_through_the_maximum():
    x = np.arange(8.0, dtype=np.float32).reshape(1, 8, 1)
    for place in (2, 3):
        sick = x.copy()
        sick[0, place] = np.nan
        y = nn.MaxPool(2).apply({}, {}, jnp.asarray(sick))[0].ravel()
        np.testing.assert_array_equal(y, [1, np.nan, 5, 7])
    whole = jnp.arange(-8, 0).reshape(1, 8, 1)
    assert nn.MaxPool(3, padding="same").apply({}, {}, whole)[0].ravel().tolist() == [-6, -3, -1]
    assert nn.AvgPool(2).apply({}, {}, whole)[0].ravel().tolist() == [-7.5, -5.5, -3.5, -1.5]


@pytest.mark.parametrize(("layer", "numpy"), [(nn.GlobalMaxPool(), np.max), (nn.GlobalAvgPool(), np.mean)])
def test_global_pools_equal_numpy(layer, numpy):
    for shape in ((2, 5, 3), (2, 4, 5, 3), (2, 2, 3, 2, 3)):
        y, _ = layer.apply({}, {}, jnp.asarray(normal(*shape)))
        np.testing.assert_allclose(y, numpy(normal(*shape), tuple(range(1, len(shape) - 1))), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        layer.init(None, normal(2, 3))


@pytest.mark.parametrize("kind", [bool, np.int32, np.float32])
@pytest.mark.parametrize(("layer", "numpy"), [(nn.GlobalMaxPool(), np.max), (nn.GlobalAvgPool(), np.mean)])
def test_global_pools_see_the_real_steps_alone(layer, numpy, kind):
    mask = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]])
    for shape in ((3, 5, 2), (3, 5, 4, 2)):
        x = normal(*shape) - 3  # below 0, so that a masked step of zeros would be the largest
        x[mask == 0] = np.nan
        y, state = layer.apply({}, {}, (jnp.asarray(x), mask.astype(kind)))
        rows = [row[real == 1].reshape(-1, 2) for row, real in zip(x, mask, strict=True)]
        wanted = [numpy(row, 0) if len(row) else np.zeros(2) for row in rows]
        np.testing.assert_allclose(y, wanted, rtol=1e-5)
        assert state == {} and layer.init(None, (x, mask)) == ({}, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window"),
        ({"window": (2, 2), "strides": (1,)}, "one entry per axis"),
        ({"window": 2, "padding": "causal"}, "'valid' or 'same'"),
        ({"window": (2, 3), "padding": (2, 1)}, "hold nothing else"),
        ({"window": 3, "padding": (0, 3)}, "hold nothing else"),
        ({"window": 3, "padding": ((3, 0), 0)}, "hold nothing else"),
        ({"window": 1, "padding": 1}, "hold nothing else"),
        ({"window": 2, "strides": 0}, "strides must be"),
        ({"window": 2, "padding": -1}, "a count from 0 or a pair"),
        ({"window": 2, "padding": ((1, 0, 0),)}, "a count from 0 or a pair"),
        ({"window": 2, "padding": True}, "a count from 0 or a pair"),
        ({"window": 2, "padding": "full"}, "'valid' or 'same' or numbers, got 'full'"),
        ({"window": (2, 2), "padding": (1, 1, 1)}, "one entry per axis everywhere, got window 2, padding 3"),
        ({"window": (2, 2, 2, 2)}, "one to three entries"),
        ({"window": ()}, "one to three entries"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    for layer in (nn.MaxPool, nn.AvgPool):
        with pytest.raises(ValueError, match=message):
            layer(**arguments)


def test_windows_larger_than_the_input_are_told():
    with pytest.raises(ValueError, match="too small"):
        nn.MaxPool((4, 4)).init(None, normal(2, 3, 8, 1))
