"""What only a GPU can show: run these on one with ``pytest tests/gpu``; elsewhere they are skipped."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

pytestmark = pytest.mark.gpu

DRAW = np.random.default_rng(0)
Y = DRAW.integers(0, 3, 96)
X = (DRAW.normal(size=(96, 8)) + Y[:, None]).astype(np.float32)
IDS = DRAW.integers(0, 11, (16, 8)).astype(np.int32)
OPTIONS = dict(epochs=3, batch_size=16, progress=False)


def trial(lr, dropout=0.2):
    model = nn.mlp((16,), out=3, dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(nn.l2(1e-4), optax.adam(lr)), metrics=("accuracy",))


@pytest.mark.parametrize("plan", ["map", "vmap", "auto"])
def test_a_member_is_its_solo_run(plan):
    with jax.default_matmul_precision("highest"):
        runs = nn.grid(trial, (X, Y), dict(lr=[1e-3, 1e-2, 3e-2]), plan=plan, validation=0.25, **OPTIONS)
        solo = nn.fit(trial, (X, Y), dict(lr=1e-2), validation=0.25, **OPTIONS)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(
            runs.history[name][1], solo.history[name], rtol=max(runs.plan[0].plan.tolerance, 1e-6)
        )


def test_a_member_is_the_run_on_the_cpu():
    with jax.default_matmul_precision("highest"):
        here = nn.fit(trial, (X, Y), dict(lr=1e-2), **OPTIONS)
        with jax.default_device(jax.devices("cpu")[0]):
            there = nn.fit(trial, (X, Y), dict(lr=1e-2), **OPTIONS)
    np.testing.assert_allclose(here.history["loss"], there.history["loss"], rtol=1e-4)


def test_dropout_is_reproducible_and_of_its_rate():
    first, again = (nn.fit(trial, (X, Y), dict(lr=1e-2, dropout=0.5), **OPTIONS) for _ in range(2))
    np.testing.assert_array_equal(first.history["loss"], again.history["loss"])
    y, _ = jax.jit(lambda k: nn.Dropout(0.25).apply({}, {}, jnp.ones((64, 512)), key=k, train=True))(jax.random.key(3))
    with jax.default_device(jax.devices("cpu")[0]):
        wanted, _ = nn.Dropout(0.25).apply({}, {}, jnp.ones((64, 512)), key=jax.random.key(3), train=True)
    np.testing.assert_array_equal(np.asarray(y) > 0, np.asarray(wanted) > 0)


def test_the_plan_leaves_room_in_the_device_s_memory():
    stats = jax.devices()[0].memory_stats()
    assert stats and stats["bytes_limit"] > 0
    runs = nn.grid(trial, (X, Y), dict(lr=nn.logspace(1e-4, 1e-1, 300)), **OPTIONS)
    assert 1 <= runs.plan[0].plan.width <= 300 and len(runs) == 300
    assert jax.devices()[0].memory_stats()["peak_bytes_in_use"] < stats["bytes_limit"]


def test_fit_grid_predict_and_generate_run():
    runs = nn.grid(trial, (X, Y), dict(lr=[1e-2, 3e-2]), validation=0.25, **OPTIONS | dict(epochs=20))
    assert runs.best("val_loss").history["accuracy"][-1] > 0.5
    assert runs.best("val_loss").predict(X[:5]).shape == (5,)
    model = nn.gpt(11, 8, 16, 2, 1)
    run = nn.fit(nn.Trial(model, "softmax_cross_entropy", optax.adam(1e-3)), (IDS, IDS), **OPTIONS)
    assert nn.generate(run, IDS[:2, :3], 4, temperature=0).shape[0] == 2


def test_utilisation_knows_the_device_or_asks_for_its_peak():
    kind = jax.devices()[0].device_kind
    try:
        meter = nn.callbacks.utilisation()
    except ValueError as error:
        assert kind in str(error) and "peak=" in str(error)
        return
    nn.fit(trial, (X, Y), dict(lr=1e-2), callbacks=[meter], **OPTIONS)
    assert all(0 < share < 1 for share in meter.table["mfu"])
