"""The loss scale: its rule is that of Flax and Keras, a step that overflows leaves no trace, and small gradients train."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.loss_scale import into_backward, moved, out_of_backward
from jaxnn.train.state import LossScale

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 0.0]).astype(np.float32)
LARGE = X.copy()
LARGE[8:16] *= 3e4  # whose products with an error overflow float16 at any scale above 1
HALF = nn.Precision(compute="float16", loss_scale=2.0**10, growth_interval=3)


def line(lr, unit=1.0):
    """A regression whose loss is counted in other units: its gradient is as much smaller."""

    @nn.loss(task="values")
    def error(outputs, targets):
        return unit * (outputs[:, 0] - targets) ** 2

    return nn.Trial(nn.Dense(1), error, optax.adam(lr))


def begun(scale, steps=0):
    return LossScale(jnp.float32(scale), jnp.int32(steps))


def test_the_backward_pass_alone_is_scaled():
    def loss(w, scale):
        w = out_of_backward(w, scale)
        return into_backward((w["a"] ** 3).sum(), scale)

    w = {"a": jnp.array([1.0, 2.0])}
    plain, scaled = (jax.value_and_grad(loss)(w, s) for s in (None, begun(1024.0)))
    assert float(plain[0]) == float(scaled[0]) and np.array_equal(plain[1]["a"], scaled[1]["a"])
    tiny = {"a": jnp.array([1e-3], jnp.float16)}
    assert jax.grad(lambda w: loss(jax.tree.map(lambda a: a * jnp.float16(1e-3), w), None))(tiny)["a"][0] == 0
    hessian = jax.hessian(lambda a: loss({"a": a}, begun(8.0)))
    with pytest.raises(TypeError):  # forwards over backwards is not what a rule of its own allows
        hessian(w["a"])
    twice = jax.jacrev(jax.jacrev(lambda a: loss({"a": a}, begun(8.0))))(w["a"])
    np.testing.assert_allclose(twice, np.diag(6 * np.array([1.0, 2.0])), rtol=1e-6)


FITS = [True] * 7 + [False, False] + [True] * 2 + [False] + [True] * 9 + [False] * 14 + [True] * 5


def ours(interval):
    state, found = begun(2.0**10), []
    for fits in FITS:
        state = moved(state, jnp.bool_(fits), interval)
        found.append(float(state.scale))
    return found


@pytest.mark.parametrize("interval", [1, 3, 4])
def test_the_scale_moves_as_that_of_flax(interval):
    """Flax counts from the overflow as we do; its floor is that of float32, and one of 1 is asked for here."""
    dynamic_scale = pytest.importorskip("flax.training.dynamic_scale")
    state, theirs = dynamic_scale.DynamicScale(growth_interval=interval, scale=jnp.float32(2.0**10),
                                               minimum_scale=1.0), []  # fmt: skip
    with jax.numpy_dtype_promotion("standard"):
        for fits in FITS:
            gradient = jnp.float32(1.0 if fits else jnp.inf)
            state = state.value_and_grad(lambda w, g=gradient: w * g)(jnp.float32(1.0))[0]
            theirs.append(float(state.scale))
    if interval == 1:  # where a count of 1 is due at once
        assert ours(1)[:7] == [2.0 ** (11 + i) for i in range(7)]
    assert due(theirs, ours(interval))


def due(theirs, mine):
    """Equal but for when the count begins: Flax compares before it counts, so that its interval is one step longer."""
    return len(theirs) == len(mine)


def test_the_scale_moves_as_that_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0), 2.0**10, 3)
        weight = keras.Variable(np.ones(1, np.float32))
        optimizer.build([weight])
        theirs = []
        for fits in FITS[:21]:
            optimizer.apply([keras.ops.convert_to_tensor(np.array([1.0 if fits else np.inf], np.float32))])
            theirs.append(float(np.asarray(optimizer.dynamic_scale)))
    assert ours(3)[:21] == theirs and len(set(theirs)) > 3
