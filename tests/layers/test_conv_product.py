"""The product of blocks against XLA's own convolution: every stride, dilation, stretch, padding and group."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn.layers.conv_product import BLOCKS, Axis, _product, block, by_product, choose, selection
from jaxnn.layers.convolve import by_xla

ONE = st.tuples(
    st.integers(2, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 1, 2, 3]),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)  # fmt: skip


def gather(axis, x, kernel):
    """The definition along one axis, by NumPy: ``x (size,)``, ``kernel (taps,)``."""
    wide = np.zeros((axis.size - 1) * axis.stretch + 1)
    wide[:: axis.stretch] = x
    wide = np.pad(wide, axis.pad)
    return [
        sum(wide[o * axis.stride + t * axis.dilation] * kernel[t] for t in range(axis.taps)) for o in range(axis.out)
    ]


@settings(max_examples=300, deadline=None)
@given(ONE, st.sampled_from([1, 2, 3, 4, 8]))
def test_the_band_of_one_axis_equals_the_definition(numbers, width):
    axis = Axis(*numbers)
    if axis.out < 1:
        return
    width *= axis.stretch // np.gcd(axis.stride, axis.stretch)
    cut = block(axis, int(width))
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=axis.size), rng.normal(size=axis.taps)
    band = selection(axis, cut) @ kernel  # (patch, width)
    reach = np.concatenate([np.zeros(-cut.first), x, np.zeros((cut.count + cut.steps) * cut.step)])
    y = [reach[b * cut.step :][: cut.steps * cut.step] @ band for b in range(cut.count)]
    np.testing.assert_allclose(np.concatenate(y)[: axis.out], gather(axis, x, kernel), atol=1e-12)


CASES = [
    ([(9, 3, 2, 1, 1, (1, 0))], 2, 3, 1),
    ([(9, 3, 2, 2, 3, (1, 4))], 2, 4, 2),
    ([(9, 5, 1, 1, 1, (2, 2)), (7, 3, 2, 1, 1, (0, 1))], 2, 3, 1),
    ([(5, 3, 1, 2, 2, (2, 3)), (4, 2, 1, 1, 3, (1, 2))], 4, 2, 2),
    ([(4, 3, 1, 1, 1, (1, 1)), (5, 2, 2, 1, 1, (0, 0)), (3, 2, 1, 1, 2, (1, 1))], 2, 2, 1),
]


@pytest.mark.parametrize(("numbers", "into", "filters", "groups"), CASES)
def test_equals_xla_in_value_and_in_first_and_second_derivatives(numbers, into, filters, groups):
    axes = tuple(Axis(*n) for n in numbers)
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = jnp.asarray(rng.normal(size=(2, *(a.size for a in axes), into)))
        kernel = jnp.asarray(rng.normal(size=(*(a.taps for a in axes), into // groups, filters)))
        per = {name: tuple(getattr(a, name) for a in axes) for name in Axis._fields}
        rest = (per["stride"], per["pad"], per["dilation"], groups, per["stretch"])
        ways = (jnp.asarray(rng.normal(size=x.shape)), jnp.asarray(rng.normal(size=kernel.shape)))

        @partial(jax.jit, static_argnums=0)
        def value_gradient_and_curvature(f):
            y = f(x, kernel)
            gradient = jax.grad(lambda *args: jnp.sin(f(*args)).sum(), (0, 1))
            return y, jax.jvp(gradient, (x, kernel), ways)

        ours = value_gradient_and_curvature(lambda x, k: by_product(x, k, axes, groups))
        theirs = value_gradient_and_curvature(lambda x, k: by_xla(x, k, *rest))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), ours, theirs)


def test_blocks_make_fewer_patches_than_im2col():
    axes = (Axis(28, 5, 1, 1, 1, (2, 2)),) * 2
    blocks = choose(axes, 64, 1, 6)
    patches = np.prod([b.count * b.steps * b.step for b in blocks])
    assert patches < 28 * 28 * 25 / 2


SHAPES = [
    ([(28, 5, 1, 1, 1, (2, 2))] * 2, 64, 1, 6),
    ([(28, 3, 2, 1, 1, (0, 1))] * 2, 32, 16, 32),
    ([(14, 5, 1, 1, 1, (0, 0)), (9, 2, 3, 2, 1, (1, 1))], 8, 6, 16),
    ([(200, 3, 1, 1, 1, (1, 1))], 16, 2, 5),
    ([(7, 4, 1, 1, 2, (1, 2))] * 2, 16, 8, 4),
    ([(3, 2, 1, 1, 1, (0, 0))], 1, 40, 3),
]


@pytest.mark.parametrize(("numbers", "batch", "into", "filters"), SHAPES)
def test_no_other_blocks_take_less_of_everything(numbers, batch, into, filters):
    """Counted in the program itself: multiply-adds in vectors of 16, patches, outputs, and the banded kernel."""
    axes = tuple(Axis(*n) for n in numbers)
    x = jax.ShapeDtypeStruct((batch, *(a.size for a in axes), into), np.float32)
    kernel = jax.ShapeDtypeStruct((*(a.taps for a in axes), into, filters), np.float32)

    def work(blocks):
        jaxpr = jax.make_jaxpr(lambda x, kernel: _product(x, kernel, axes, blocks))(x, kernel)
        (last,) = [e for e in jaxpr.eqns if e.primitive.name == "dot_general"][-1:]
        (*rows, deep), (same, wide) = (v.aval.shape for v in last.invars)
        assert deep == same
        rows = int(np.prod(rows))
        return np.array([rows * deep * -(-wide // 16), rows * deep, rows * wide, deep * wide])

    def options(axis):
        least = axis.stretch // np.gcd(axis.stride, axis.stretch)
        return [block(axis, int(w * least)) for w in BLOCKS if w == 1 or (w - 1) * least < axis.out]

    chosen = choose(axes, batch, into, filters)
    others = list(itertools.product(*map(options, axes)))
    assert chosen in others
    ours = work(chosen)
    for blocks in others:
        theirs = work(blocks)
        assert not ((theirs <= ours).all() and (theirs < ours).any()), (chosen, blocks)


def test_a_stride_of_many_and_a_row_that_is_one_output_keep_their_blocks_small():
    (one,) = choose((Axis(5, 5, 1, 1, 1, (0, 0)),), 32, 3, 4)
    assert (one.width, one.count, one.steps * one.step >= 5) == (1, 1, True)
    for out in (1, 2, 3, 5, 9):
        (cut,) = choose((Axis(out + 2, 3, 1, 1, 1, (0, 0)),), 32, 3, 4)
        assert cut.width < 2 * out and cut.count * cut.width >= out > (cut.count - 1) * cut.width
