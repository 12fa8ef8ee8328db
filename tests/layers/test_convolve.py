"""Whatever way is chosen against XLA's own convolution."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.core.platforms import written_for
from jaxnn.layers.convolve import by_xla, convolve


@pytest.mark.parametrize(
    ("size", "taps", "into", "filters", "strides", "dilation", "groups"),
    [
        ((6, 7), (1, 1), 3, 20, (2, 3), (1, 1), 1),
        ((6, 7), (1, 3), 3, 20, (2, 3), (1, 1), 1),
        ((5, 6), (2, 3), 3, 6, (2, 1), (1, 2), 3),
        ((9,), (3,), 4, 4, (2,), (2,), 4),
        ((4, 4, 3), (2, 2, 2), 2, 4, (1, 2, 1), (1, 1, 1), 2),
        ((3, 3), (5, 5), 2, 20, (1, 1), (1, 1), 1),
    ],
)
def test_whatever_way_is_chosen_equals_xla(size, taps, into, filters, strides, dilation, groups):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = (jnp.asarray(rng.normal(size=s)) for s in ((2, *size, into), (*taps, into // groups, filters)))
        pads = tuple(((t - 1) // 2 * d, t // 2 * d) for t, d in zip(taps, dilation, strict=True))
        weight = jnp.cos(jnp.arange(filters, dtype=x.dtype)).reshape((1,) * (x.ndim - 1) + (filters,))
        rest = (strides, pads, dilation, groups)

        @partial(jax.jit, static_argnums=0)
        def value_and_gradient(f):
            return f(x, kernel), jax.grad(lambda *args: ((f(*args) * weight) ** 2).sum(), (0, 1))(x, kernel)

        ours = value_and_gradient(lambda a, b: convolve(a, b, *rest))
        theirs = value_and_gradient(lambda a, b: by_xla(a, b, *rest, (1,) * len(size)))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), ours, theirs)


@pytest.mark.parametrize("pads", [((0, 0), (1, 1)), ((2, 1), (0, 0)), ((1, 0), (0, 2)), ((0, 0), (0, 0))])
@pytest.mark.parametrize("taps", [(1, 1), (1, 3)])
def test_a_single_tap_that_steps_over_inputs_sees_its_padding(taps, pads):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(*taps, 3, 4))
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps, (1, 2))[:, ::2, ::3]
    with jax.enable_x64(True):
        ours = convolve(jnp.asarray(x), jnp.asarray(kernel), (2, 3), pads, (1, 1))
    np.testing.assert_allclose(ours, np.einsum("bhwcij,ijcf->bhwf", windows, kernel), atol=1e-12)


def test_mapped_over_members_it_holds_no_convolution_and_equals_the_loop():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(3, 2, 8, 8, 1)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 1, 4)), jnp.float32)
    one = partial(convolve, strides=(1, 1), pads=((1, 1), (1, 1)), dilation=(1, 1))
    many = jax.jit(jax.vmap(one))
    assert "convolution" not in many.trace(x, kernel).lower(lowering_platforms=("cpu",)).as_text()
    for i in range(3):
        np.testing.assert_allclose(many(x, kernel)[i], one(x[i], kernel[i]), atol=1e-5)


def test_a_size_known_only_when_it_runs_takes_xlas_convolution():
    (batch, size) = jax.export.symbolic_shape("b, n")
    x = jax.ShapeDtypeStruct((batch, size, size, 1), jnp.float32)
    kernel = jnp.ones((3, 3, 1, 2))
    exported = jax.export.export(jax.jit(lambda x: convolve(x, kernel, (1, 1), ((1, 1), (1, 1)), (1, 1))))(x)
    assert exported.call(jnp.ones((2, 5, 5, 1))).shape == (2, 5, 5, 2)
    fixed = jax.ShapeDtypeStruct((batch, 5, 5, 1), jnp.float32)
    exported = jax.export.export(jax.jit(lambda x: convolve(x, kernel, (1, 1), ((1, 1), (1, 1)), (1, 1))))(fixed)
    assert float(exported.call(jnp.ones((2, 5, 5, 1)))[0, 2, 2, 0]) == 9


def test_a_step_beyond_the_image_takes_no_memory():
    x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 2))
    y = convolve(x, kernel, (10**9, 10**9), ((1, 1), (1, 1)), (1, 1))
    np.testing.assert_allclose(y, np.full((1, 1, 1, 2), 8.0))


WAYS = {  # size, taps, into, filters, groups, stretch, strides -> what does the work on a CPU
    "few channels": ((9, 9), (3, 3), 8, 16, 1, 1, 1, "product"),
    "many filters": ((9, 9), (3, 3), 1, 17, 1, 1, 1, "xla"),
    "many channels": ((9, 9), (3, 3), 9, 16, 1, 1, 1, "xla"),
    "few filters of many channels": ((9, 9), (3, 3), 129, 1, 1, 1, 1, "xla"),
    "many channels along one axis": ((9,), (3,), 32, 32, 1, 1, 1, "xla"),
    "over three axes": ((5, 5, 5), (3, 3, 3), 32, 32, 1, 1, 1, "product"),
    "a point": ((9, 9), (1, 1), 32, 32, 1, 1, 1, "product"),
    "a row": ((9, 9), (1, 3), 32, 32, 1, 1, 1, "xla"),
    "larger than the image": ((9, 2), (3, 3), 32, 32, 1, 1, 1, "product"),
    "as large as the image": ((9, 3), (3, 3), 32, 32, 1, 1, 1, "xla"),
    "in groups": ((9, 9), (3, 3), 32, 32, 2, 1, 1, "product"),
    "each channel apart": ((9, 9), (3, 3), 32, 64, 32, 1, 1, "shifts"),
    "one channel": ((9, 9), (3, 3), 1, 2, 1, 1, 1, "product"),
    "transposed": ((9, 9), (3, 3), 32, 32, 1, 2, 1, "product"),
    "each channel apart, transposed": ((9, 9), (3, 3), 4, 4, 4, 2, 1, "product"),
    "a long step": ((9, 9), (3, 3), 2, 2, 1, 1, 8192, "product"),
    "too long a step": ((9, 9), (3, 3), 2, 2, 1, 1, 8193, "xla"),
    "no image at all": ((9, 0), (3, 3), 2, 2, 1, 1, 1, "xla"),
}


@pytest.mark.parametrize("case", WAYS)
def test_on_a_cpu_xla_does_what_it_does_well_and_nothing_else(case):
    size, taps, into, filters, groups, stretch, stride, way = WAYS[case]
    n = len(size)
    x = jax.ShapeDtypeStruct((2, *size, into), jnp.float32)
    kernel = jax.ShapeDtypeStruct((*taps, into // groups, filters), jnp.float32)
    rest = ((stride,) * n, ((1, 1),) * n if sum(taps) > n else ((0, 0),) * n, (1,) * n, groups, (stretch,) * n)
    with written_for("cpu"):
        text = str(jax.make_jaxpr(lambda x, kernel: convolve(x, kernel, *rest))(x, kernel))
    found = "xla" if "conv_general_dilated" in text else "product" if "dot_general" in text else "shifts"
    assert found == way


def test_only_a_lone_tap_without_padding_may_leave_inputs_out():
    x, kernel = jnp.ones((1, 6, 7, 2)), jnp.ones((1, 1, 2, 3))
    with written_for("cpu"):
        text = str(jax.make_jaxpr(lambda x: convolve(x, kernel, (2, 3), ((0, 0), (0, 0)), (1, 1)))(x))
    assert "f32[1,3,3,2]" in text  # the product is of the 9 places that are read
