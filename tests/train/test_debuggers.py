"""JAX's own switches: NaN hunting, no compilation, another device, double precision."""

import os
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 2)).astype(np.float32), RNG.integers(0, 2, 12)


def net(lr):
    model = nn.mlp((3,), out=2, batch_norm=True, dropout=0.2)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(nn.l2(0.01), optax.adam(lr), nn.ema(0.9)))


def fit(**options):
    stop = nn.EarlyStopping("val_loss", patience=2)
    return nn.fit(net, (X, Y), {"lr": 0.1}, batch_size=5, validation=0.25, stop=stop, progress=False,
                  **{"epochs": 9, **options})  # fmt: skip


def assert_near(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), a, b)


def test_a_healthy_fit_has_no_nan_anywhere():
    expected = fit()
    with jax.debug_nans(True):
        run = fit()
    np.testing.assert_array_equal(run.history["loss"], expected.history["loss"])
    assert run.epochs == expected.epochs


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def test_without_compilation_the_numbers_are_the_same():
    def short():
        return nn.fit(line, (X[:3], Y[:3]), {"lr": 0.1}, epochs=2, batch_size=2, progress=False,
                      stop=nn.EarlyStopping("loss"))  # fmt: skip

    expected = short()
    with jax.disable_jit():
        run = short()
    assert_near((run.params, run.history), (expected.params, expected.history))


def test_in_double_precision_history_and_best_are_double():
    with jax.enable_x64(True):
        pop = nn.population(line, (X, Y), {"lr": [0.1]}, batch_size=5, stop=nn.EarlyStopping("loss"))
        pop.advance(2)
        run, value = pop.run(0), pop.table["loss"][0]
    assert {v.dtype for v in run.history.values()} == {np.dtype(np.float64)}
    assert run.last.best.value.dtype == np.float64 == run.params["kernel"].dtype
    assert value == float(run.last.best.value) != float(np.float32(value))


@pytest.mark.slow
def test_on_another_device():
    code = """
    import jax, numpy as np, optax, jaxnn as nn
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
    x, y = np.ones((4, 2), np.float32), np.ones(4, np.float32)
    zero, one = jax.devices()
    def fit(data):
        return nn.fit(line, data, {"lr": 0.1}, epochs=2, progress=False)
    first = fit((x, y))
    assert {d for a in jax.tree.leaves(first.last) for d in getattr(a, "devices", lambda: set())()} <= {zero}
    from jaxnn.train.group import Group
    places = []
    train = Group.train
    def spy(self, *args):
        train(self, *args)
        places.append({d for a in jax.tree.leaves(self.standing.state) for d in a.devices()})
    Group.train = spy
    with jax.default_device(one):
        second = fit((x, y))
    third = fit((jax.device_put(x, one), y))
    fourth = fit((jax.device_put(x, zero), y))
    fit((x, y))
    assert places == [{one}, {one}, {zero}, {zero}], places
    for run in (second, third, fourth):
        np.testing.assert_array_equal(run.params["kernel"], first.params["kernel"])
    print("well")
    """
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True,
                          env={**os.environ, "XLA_FLAGS": flags}, timeout=300, check=False)  # fmt: skip
    assert done.stdout.strip() == "well", done.stderr


def test_debug_nans_finds_the_one_that_is_there():
    def sick(lr):
        return nn.Trial(
            nn.linear_regression(), "squared_error", optax.sgd(lambda step: jnp.where(step > 2, jnp.nan, lr))
        )

    with jax.debug_nans(True), pytest.raises(FloatingPointError, match="nan"):
        nn.fit(sick, (np.ones((8, 2)), np.ones(8)), dict(lr=0.1), epochs=4, batch_size=4, progress=False)
