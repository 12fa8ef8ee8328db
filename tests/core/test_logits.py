"""Logits in parts against logits at once: the same training, in less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.logits import Logits, judged_in_parts

KEY = jax.random.key(0, impl="threefry2x32")
IDS = np.random.default_rng(0).integers(0, 11, (5, 7)).astype(np.int32)
X, Y = IDS[:, :-1], IDS[:, 1:]
LENGTHS = (np.arange(6)[None] < np.array([6, 3, 1, 0, 4])[:, None]).astype(np.int32)


def gpt(parts, **more):
    return nn.gpt(11, 6, 8, 2, 1, head_parts=parts, **more)


def after_a_step(model, x=X, y=Y, loss="softmax_cross_entropy", weight=None, **more):
    trial = nn.Trial(model, loss, optax.sgd(1.0), metrics=("accuracy", "top_5"), **more)
    state = nn.init(trial, KEY, x)
    batch = (x, y) if weight is None else (x, y, weight)
    state, values = jax.jit(lambda s: nn.step(trial, s, batch))(state)
    return state.params, values


CASES = {
    "plain": {},
    "weights of rows": {"weight": np.array([1.0, 0, 2, 1, 1], np.float32)},
    "weights of steps": {"weight": LENGTHS.astype(np.float32)},
    "a mask": {"x": (X, LENGTHS)},
    "class weights": {"class_weight": {i: 1.0 + i for i in range(11)}, "weight": LENGTHS.astype(np.float32)},
}


@pytest.mark.parametrize(("case", "tied"), [*((case, True) for case in CASES), ("plain", False)])
def test_a_step_is_that_of_all_logits_at_once(case, tied):
    whole, parts = (after_a_step(gpt(n, tied=tied), **CASES[case]) for n in (1, 3))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6), parts, whole)


def test_bfloat16_is_multiplied_in_bfloat16_and_judged_in_float32():
    found = {}
    for n in (1, 3):
        trial = nn.Trial(gpt(n, dtype="bfloat16"), "softmax_cross_entropy", optax.sgd(1.0))
        state = nn.init(trial, KEY, X)
        found[n] = jax.jit(lambda s, t=trial: nn.step(t, s, (X, Y)))(state)[1]
        text = str(jax.make_jaxpr(lambda s, t=trial: nn.step(t, s, (X, Y)))(state))
    assert "bf16[2,6,11]" in text and "f32[5,6,11]" not in text and "bf16[5,6,11]" not in text
    np.testing.assert_allclose(found[3]["loss"], found[1]["loss"], rtol=1e-3)


def test_use_gives_arrays_and_training_gives_what_multiplies_out_to_them():
    params, _ = gpt(4).init(KEY, X)
    whole, _ = gpt(4).apply(params, {}, X)
    lazy, _ = gpt(4).apply(params, {}, X, key=KEY, train=True)
    assert isinstance(lazy, Logits) and lazy.shape == whole.shape == (5, 6, 11)
    np.testing.assert_allclose(lazy.whole(), whole, rtol=1e-6)


def test_more_parts_than_rows_are_as_many_as_rows():
    logits = Logits(jnp.ones((2, 3)), jnp.ones((3, 4)), 7, "float32")
    assert judged_in_parts(lambda a, y: a[:, 0] + y, logits, jnp.arange(2.0)).tolist() == [3.0, 4.0]


def test_members_side_by_side_train_as_alone():
    def trial(lr):
        return nn.Trial(gpt(2), "softmax_cross_entropy", optax.sgd(lr))

    runs = nn.grid(trial, (X, Y), {"lr": [0.1, 1.0]}, epochs=2, batch_size=3, plan="vmap", progress=False)
    for run, lr in zip(runs, (0.1, 1.0), strict=True):
        one = nn.fit(trial(lr), (X, Y), epochs=2, batch_size=3, progress=False)
        np.testing.assert_allclose(run.history["loss"], one.history["loss"], rtol=1e-5)


def test_a_number_of_parts_that_is_none_is_told():
    with pytest.raises(ValueError, match="head_parts"):
        gpt(0)
