"""Reduction on a plateau: a plain Python reference, Optax's rule, and where it may stand."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.optim.plateau import PlateauState, caught_up, observe, shrinkage

RNG = np.random.default_rng(0)
EPOCHS, SEQUENCES = 40, 200
PARAMS = {"kernel": jnp.ones(2), "bias": jnp.ones(1)}


def sequence(kind):
    steps = RNG.normal(size=EPOCHS) * RNG.choice([0.0, 0.2, 1.0])
    values = {
        "falling": 3 - 0.13 * np.arange(EPOCHS) + steps,
        "rising": 0.07 * np.arange(EPOCHS) + steps,
        "negative": -5 - 0.13 * np.arange(EPOCHS) + steps,
        "still": np.repeat(RNG.normal(size=EPOCHS // 8), 8),
        "tiny": 1 + 1e-5 * steps,
        "sick": np.where(RNG.random(EPOCHS) < 0.3, RNG.choice([np.nan, np.inf, -np.inf], EPOCHS), steps),
    }[kind]
    return values.astype(np.float32)


KINDS = ["falling", "rising", "negative", "still", "tiny", "sick"]
VALUES = np.stack([sequence(KINDS[i % len(KINDS)]) for i in range(SEQUENCES)])
SETTINGS = [
    dict(
        factor=float(RNG.choice([0.5, 0.25])),
        patience=int(RNG.integers(0, 6)),
        cooldown=int(RNG.integers(0, 4)),
        rtol=float(RNG.choice([0.0, 1e-4, 0.1])),
        atol=float(RNG.choice([0.0, 0.05])),
        min_scale=float(RNG.choice([0.0, 0.1])),
    )
    for _ in range(SEQUENCES)
]


def reference(values, factor, patience, cooldown, rtol, atol, min_scale, mode):
    """The scale after each epoch, in plain Python."""
    scale, best, wait, rest, scales = 1.0, None, 0, 0, []
    for value in values:
        value = float(value)
        signed = value if mode == "min" else -value
        if math.isnan(signed) or signed == math.inf:
            better = False
        elif best is None:
            better = True
        elif best == -math.inf:
            better = False
        else:
            better = signed < best - (rtol * abs(best) + atol)
        if better:
            best = signed
        if rest > 0:
            rest, wait = rest - 1, 0
        elif better:
            wait = 0
        else:
            wait += 1
            if wait >= patience:
                scale, wait, rest = max(scale * factor, min(min_scale, scale)), 0, cooldown
        scales.append(scale)
    return scales


def scales_of(values, settings, mode):
    start = nn.plateau(**settings, mode=mode).init(PARAMS)

    def epoch(state, value):
        state = observe(state, {"val_loss": value})
        return state, state.scale

    return jax.lax.scan(epoch, start, values)[1]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_two_hundred_sequences_equal_the_reference(mode):
    stacked = {name: jnp.array([s[name] for s in SETTINGS]) for name in SETTINGS[0]}
    together = jax.jit(jax.vmap(lambda v, s: scales_of(v, s, mode)))(VALUES, stacked)
    expected = [reference(v, **s, mode=mode) for v, s in zip(VALUES, SETTINGS, strict=True)]
    np.testing.assert_allclose(together, expected, rtol=1e-6)
    assert len(np.unique(expected)) > 5
    solo = jax.jit(lambda v, s: scales_of(v, s, mode))
    for i in range(0, SEQUENCES, 7):
        np.testing.assert_array_equal(solo(VALUES[i], {k: v[i] for k, v in stacked.items()}), together[i])


@pytest.mark.parametrize("i", [0, 12, 24])
def test_on_positive_metrics_it_is_the_rule_of_optax(i):
    values, settings = np.abs(VALUES[i]) + 0.1, SETTINGS[i] | dict(rtol=1e-2, patience=1 + i // 12)
    theirs = optax.contrib.reduce_on_plateau(**settings)

    def epoch(state, value):
        with jax.numpy_dtype_promotion("standard"):
            _, state = theirs.update(PARAMS, state, value=value)
        return state, state.scale

    expected = jax.lax.scan(epoch, theirs.init(PARAMS), values)[1]
    np.testing.assert_allclose(scales_of(values, settings, "min"), expected, rtol=1e-6)
    assert float(expected[-1]) < 1


def test_a_metric_shifted_below_zero_is_treated_alike():
    falling = np.float32([5, 4, 3, 3, 3, 3, 2, 2, 2, 2])
    settings = dict(factor=0.5, patience=2, rtol=0.0, atol=0.1)
    np.testing.assert_array_equal(scales_of(falling, settings, "min"), scales_of(falling - 100, settings, "min"))
    np.testing.assert_array_equal(scales_of(falling, settings, "min"), scales_of(-falling, settings, "max"))
    assert float(scales_of(-falling - 10, settings, "min")[-1]) < 1


NESTINGS = {
    "chain": lambda t: optax.chain(optax.clip(1.0), optax.chain(optax.adam(0.1), t)),
    "masked": lambda t: optax.masked(t, {"kernel": True, "bias": False}),
    "accumulated": lambda t: optax.MultiSteps(optax.chain(optax.sgd(0.1), t), 2).gradient_transformation(),
    "partition": lambda t: optax.partition({"a": t, "b": optax.sgd(0.1)}, {"kernel": "a", "bias": "b"}),
    "injected": lambda t: optax.inject_hyperparams(lambda rate: optax.chain(optax.sgd(rate), t))(rate=0.1),
}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_it_is_found_wherever_it_stands(nesting):
    optimizer = NESTINGS[nesting](nn.plateau(0.5, patience=1))
    start = before = after = optimizer.init(PARAMS)
    row = {"val_loss": jnp.float32(1.0), "loss": jnp.float32(0.0)}
    with jax.numpy_dtype_promotion("standard"):
        for epoch in range(1, 4):
            for _ in range(2):
                full, before = optimizer.update(PARAMS, before, PARAMS)
                quarter, after = optimizer.update(PARAMS, after, PARAMS, metrics=row, epoch=epoch)
    assert jax.tree.structure(start) == jax.tree.structure(after)
    chex.assert_trees_all_equal_shapes_and_dtypes(start, after)
    assert float(shrinkage(opt_state=after)) == 0.25
    assert float(jnp.abs(full["kernel"]).max()) > 0
    np.testing.assert_allclose(quarter["kernel"], 0.25 * full["kernel"], rtol=1e-6)


def test_several_plateaus_look_at_their_own_metric():
    optimizer = optax.chain(
        nn.plateau(0.5, patience=1, metric="loss"), nn.plateau(0.1, patience=1, metric="val_accuracy")
    )
    state = optimizer.init(PARAMS)
    for epoch, accuracy in enumerate((0.5, 0.6, 0.7), 1):
        row = {"loss": 1.0, "val_accuracy": accuracy}
        updates, state = optimizer.update(PARAMS, state, metrics=row, epoch=epoch)
    assert float(shrinkage(opt_state=state)) == float(updates["kernel"][0]) == 0.25
    updates, state = optimizer.update(PARAMS, state, metrics={"loss": 0.1, "val_accuracy": 0.7}, epoch=4)
    assert float(shrinkage(opt_state=state)) == pytest.approx(0.025)
    assert float(updates["kernel"][0]) == pytest.approx(0.025)
    assert float(shrinkage(opt_state=optax.adam(0.1).init(PARAMS))) == 1


def test_it_looks_at_a_row_once_in_the_first_step_after_it():
    slower = nn.plateau(0.5, patience=1, metric="loss")
    state, seen = slower.init(PARAMS), []
    steps = [(0, 7.0), (0, 7.0), (1, 3.0), (1, 3.0), (2, 3.0), (2, 3.0), (3, 1.0), (3, 1.0), (4, 1.0)]
    for epoch, loss in steps:
        before = state
        updates, state = slower.update(PARAMS, state, metrics={"loss": loss}, epoch=epoch)
        told = dict(opt_state=before, metrics={"loss": loss}, epoch=epoch)
        assert float(shrinkage(**told)) == float(state.scale) == float(updates["bias"][0])
        seen.append((float(state.best), float(state.scale)))
    inf = float("inf")  # the row of epoch 0 is of no epoch
    assert seen == [(inf, 1)] * 2 + [(3, 1)] * 2 + [(3, 0.5)] * 2 + [(1, 0.5)] * 2 + [(1, 0.25)]


@pytest.mark.parametrize("extra", [{}, dict(metrics=None, epoch=3), dict(metrics={}, epoch=3), dict(value=1.0)])
def test_in_a_loop_that_tells_no_metrics_it_stays_as_it_is(extra):
    state = observe(nn.plateau(0.5, patience=0).init(PARAMS), {"val_loss": jnp.nan})
    chex.assert_trees_all_equal(caught_up(state, **extra), state)
    updates, after = nn.plateau(0.5, patience=0).update(PARAMS, state, PARAMS, **extra)
    chex.assert_trees_all_equal(after, state)
    np.testing.assert_array_equal(updates["kernel"], 0.5 * PARAMS["kernel"])


@pytest.mark.parametrize(("metric", "mode"), [("val_accuracy", "max"), ("val_loss", "min"), ("top_3", "max")])
def test_the_direction_is_read_off_the_name_unless_it_is_told(metric, mode):
    def scales(values, given):
        state = nn.plateau(0.5, patience=2, metric=metric, mode=given).init(PARAMS)
        return [float((state := observe(state, {metric: value})).scale) for value in values]

    rising, falling = [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]
    better, worse = (rising, falling) if mode == "max" else (falling, rising)
    assert scales(better, None) == scales(better, mode) == [1, 1, 1, 1]
    assert scales(worse, None) == scales(worse, mode) == [1, 1, 0.5, 0.5]
    assert scales(better, "min" if mode == "max" else "max") == [1, 1, 0.5, 0.5]


def test_proximal_steps_shrink_with_it():
    optimizer = optax.chain(optax.sgd(1.0), nn.plateau(0.5, patience=1), nn.proximal_l1(1.0, 1.0))
    state, params = optimizer.init(PARAMS), {"kernel": jnp.array([5.0, 5.0]), "bias": jnp.ones(1)}
    for epoch, after in ((1, 5 - 5 - 0), (2, 5 - 0.5 * 5 - 0.5)):
        told = dict(metrics={"val_loss": 1.0}, epoch=epoch, opt_state=state)
        updates, state = optimizer.update(params, state, params, **told)
        np.testing.assert_allclose(params["kernel"] + updates["kernel"], after)


def test_proximal_adam_holds_its_own():
    params = {"kernel": jnp.array([5.0, 0.001])}
    optimizer = nn.proximal_adam(1.0, 1.0, plateau=nn.plateau(0.5, patience=1))
    state = optimizer.init(params)
    full, _ = optimizer.update(params, state, params)
    for epoch in (1, 2):
        state = state._replace(plateau=caught_up(state.plateau, metrics={"val_loss": 1.0}, epoch=epoch))
    half, state = optimizer.update(params, state, params)
    np.testing.assert_allclose(half["kernel"][0], 0.5 * full["kernel"][0], rtol=1e-5)
    assert float(params["kernel"][1] + half["kernel"][1]) == 0
    assert float(shrinkage(opt_state=(state,))) == 0.5


def test_the_state_is_arrays_and_its_structure_is_the_same_for_every_number():
    first, second = nn.plateau(0.5, 3).init(PARAMS), nn.plateau(jnp.float32(0.1), jnp.int32(7)).init(PARAMS)
    chex.assert_trees_all_equal_shapes_and_dtypes(first, second)
    assert jax.tree.structure(first) == jax.tree.structure(second)
    assert jax.tree.structure(first) != jax.tree.structure(nn.plateau(metric="loss").init(PARAMS))
    assert all(isinstance(leaf, jax.Array) and not leaf.weak_type for leaf in jax.tree.leaves(first))
    assert isinstance(first, PlateauState)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_updates_keep_their_dtype(dtype):
    updates = {"kernel": jnp.ones(2, dtype)}
    slower = nn.plateau()
    assert slower.update(updates, slower.init(updates))[0]["kernel"].dtype == dtype


def test_the_gradient_reaches_the_factor():
    values = jnp.array([1.0, 1.0, 1.0])

    def last(factor):
        return scales_of(values, dict(factor=factor, patience=1), "min")[-1]

    assert float(jax.grad(last)(0.5)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.plateau(factor=1.0), r"factor must lie in \(0, 1\), got 1\.0; write nn\.plateau"),
        (lambda: nn.plateau(patience=-1), "patience must be 0 or more"),
        (lambda: nn.plateau(rtol=-1.0), "rtol must be 0 or more"),
        (lambda: nn.plateau(mode="down"), 'mode must be "min", "max" or None, got \'down\''),
        (lambda: observe(nn.plateau().init(PARAMS), {"loss": 1.0}), "looks at 'val_loss', and the history has loss"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
