"""Early stopping: a plain Python reference on sequences of every kind, solo and for many members at once."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
EPOCHS, SEQUENCES = 40, 200


def sequence(kind):
    """Numbers in 64ths, so that differences are exact in float32 and in Python alike."""
    steps = RNG.normal(size=EPOCHS) * RNG.choice([0.0, 0.2, 1.0])
    values = {
        "falling": 3 - 0.13 * np.arange(EPOCHS) + steps,
        "rising": 0.07 * np.arange(EPOCHS) + steps,
        "negative": -5 - 0.13 * np.arange(EPOCHS) + steps,
        "still": np.repeat(RNG.normal(size=EPOCHS // 8), 8),
        "sick": np.where(RNG.random(EPOCHS) < 0.3, RNG.choice([np.nan, np.inf, -np.inf], EPOCHS), steps),
        "lost": np.where(RNG.random(EPOCHS) < 0.9, np.nan, steps),
    }[kind]
    return (np.round(64 * values) / 64).astype(np.float32)


KINDS = ["falling", "rising", "negative", "still", "sick", "lost"]
VALUES = np.stack([sequence(KINDS[i % len(KINDS)]) for i in range(SEQUENCES)])
SETTINGS = {
    "patience": RNG.integers(0, 12, SEQUENCES).astype(np.float32),
    "min_delta": RNG.choice([0.0, 1 / 64, 0.25, 1.0], SEQUENCES).astype(np.float32),
    "target": RNG.choice([-math.inf, math.inf, -3.0, 0.0, 2.0], SEQUENCES).astype(np.float32),
}


def reference(values, patience, min_delta, target, mode):
    """The best epoch, its value, and the epochs done, in plain Python."""
    best, best_epoch, wait = (math.inf if mode == "min" else -math.inf), -1, 0
    for epoch, value in enumerate(map(float, values)):
        better = value < best - min_delta if mode == "min" else value > best + min_delta
        if better:
            best, best_epoch, wait = value, epoch, 0
        else:
            wait += 1
        reached = target is not None and (value <= target if mode == "min" else value >= target)
        if reached or (patience is not None and not better and wait >= patience):
            return best_epoch, best, epoch + 1
    return best_epoch, best, len(values)


def watched(values, settings, mode):
    """What the rule of the package makes of the sequence; epoch ``i`` has the weight ``i``."""
    stop = nn.EarlyStopping(**settings, mode=mode)
    start = {"kernel": jnp.full(1, -1.0)}
    zero, no = jnp.int32(0), jnp.bool_(False)
    state = nn.TrainState(zero, zero, start, {}, (), {}, stop.start(start, {}), zero, no, jnp.int32(-1))

    def epoch(state, value):
        after = stop.observe(state, {"kernel": jnp.full(1, state.epoch, jnp.float32)}, {"val_loss": value})
        after = after._replace(epoch=state.epoch + 1)
        return jax.tree.map(lambda new, old: jnp.where(state.stopped, old, new), after, state), None

    state, _ = jax.lax.scan(epoch, state, values)
    return state.best.epoch, state.best.value, state.epoch, state.best.params["kernel"][0]


def expected(mode, names=("patience", "min_delta", "target")):
    chosen = [{n: (float(v[i]) if n in names else None) for n, v in SETTINGS.items()} for i in range(SEQUENCES)]
    return zip(*(reference(v, **s, mode=mode) for v, s in zip(VALUES, chosen, strict=True)), strict=True)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_two_hundred_sequences_equal_the_reference(mode):
    epochs, values, done, kept = jax.jit(jax.vmap(lambda v, s: watched(v, s, mode)))(VALUES, SETTINGS)
    best_epoch, best, stopped = expected(mode)
    np.testing.assert_array_equal(epochs, best_epoch)
    np.testing.assert_array_equal(values, np.float32(best))
    np.testing.assert_array_equal(done, stopped)
    np.testing.assert_array_equal(kept, best_epoch)
    assert len(set(stopped)) > 10 and len(set(best_epoch)) > 10 and -1 in best_epoch
    solo = jax.jit(lambda v, s: watched(v, s, mode))
    for i in range(SEQUENCES):
        alone = solo(VALUES[i], {name: v[i] for name, v in SETTINGS.items()})
        np.testing.assert_array_equal(alone, [epochs[i], values[i], done[i], kept[i]])


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("names", [("min_delta",), ("min_delta", "target"), ("patience", "min_delta")])
def test_without_patience_or_target_the_rest_of_the_rule_holds(names, mode):
    given = {n: SETTINGS[n] for n in names}
    absent = {n: None for n in ("patience", "target") if n not in names}
    epochs, _, done, _ = jax.jit(jax.vmap(lambda v, s: watched(v, s | absent, mode)))(VALUES, given)
    best_epoch, _, stopped = expected(mode, names)
    np.testing.assert_array_equal(epochs, best_epoch)
    np.testing.assert_array_equal(done, stopped)
    if names == ("min_delta",):
        assert set(stopped) == {EPOCHS}


def test_the_mode_is_read_off_the_name():
    assert nn.EarlyStopping("val_accuracy").rises is True
    assert nn.EarlyStopping("val_accuracy", mode="min").rises is False


@pytest.mark.parametrize("epochs", [3, 30])
def test_a_fit_stops_where_its_own_curve_says(epochs):
    x = RNG.normal(size=(30, 4)).astype(np.float32)
    y = RNG.normal(size=30).astype(np.float32)
    stop = nn.EarlyStopping(patience=4, min_delta=1e-3)
    trial = nn.Trial(nn.mlp((16,), out=1), "squared_error", optax.adam(0.05))
    run = nn.fit(trial, (x, y), epochs=epochs, batch_size=10, validation=0.4, stop=stop, progress=False)
    best_epoch, best, done = reference(run.history["val_loss"], 4, float(np.float32(1e-3)), None, "min")
    assert (run.best_epoch, run.epochs, len(run.history["val_loss"])) == (best_epoch, done, done)
    assert float(run.last.best.value) == best
    assert done == (3 if epochs == 3 else best_epoch + 1 + 4)
    x_held, y_held = (a[nn.data.holdout(30, 0.4, seed=0)[1]] for a in (x, y))
    assert run.evaluate((x_held, y_held))["loss"] == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.EarlyStopping(patience=-1), "patience must be 0 or more"),
        (lambda: nn.EarlyStopping(mode="down"), 'mode must be "min", "max" or None, got \'down\''),
        (lambda: watched(VALUES[0], {"metric": "val_accuracy"}, "max"), "looks at 'val_accuracy', and the history has"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
