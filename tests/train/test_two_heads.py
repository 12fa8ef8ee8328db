"""A model with two outputs, in `fit` and in a grid of three, each equal to a hand-written Optax loop."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.batches import epoch_orders

RNG = np.random.default_rng(0)
ROWS, SIZE, EPOCHS = 22, 8, 3
X = RNG.normal(size=(ROWS, 4)).astype(np.float32)
CLS = (X[:, 0] > 0).astype(np.int32) + (X[:, 1] > 0.5)
REG = (X[:, 2] - X[:, 3]).astype(np.float32)
Y = {"cls": CLS, "reg": REG}
HELD = X[:7] + 0.1, {"cls": CLS[:7], "reg": REG[:7]}
WEIGHT = {"cls": np.arange(ROWS) % 3 * 1.0, "reg": RNG.uniform(0, 2, ROWS)}
MODEL = nn.Sequential(
    nn.Dense(6, "tanh"),
    nn.Graph(("cls", nn.Dense(3), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg")),
)


def two_heads(lr, share):
    return nn.Trial(
        MODEL, {"cls": "softmax_cross_entropy", "reg": "squared_error"}, optax.adam(lr),
        metrics={"reg": ("mean_absolute_error",)}, loss_weights={"reg": share},
    )  # fmt: skip


def forward(p, x):
    hidden = jnp.tanh(x @ p["dense_0"]["kernel"] + p["dense_0"]["bias"][None])
    return {n: hidden @ p["graph_0"][n]["kernel"] + p["graph_0"][n]["bias"][None] for n in ("cls", "reg")}


def losses_of(p, x, y):
    out = forward(p, x)
    cls = optax.losses.softmax_cross_entropy_with_integer_labels(out["cls"], y["cls"])
    return {"cls": cls, "reg": (out["reg"][:, 0] - y["reg"]) ** 2}


@cache
def by_hand(lr, share, seed, weighted):
    """The loop that one would write: params, and the rows of the history."""
    weight = WEIGHT if weighted else {name: np.ones(ROWS) for name in Y}
    weight = {name: w.astype(np.float32) for name, w in weight.items()}
    key = jax.random.split(jax.random.key(seed, impl="threefry2x32"))[0]
    params, _ = MODEL.init(key, X[:1])
    optimizer = optax.adam(lr)
    state = optimizer.init(params)

    def objective(p, x, y, w):
        each = losses_of(p, x, y)
        return (w["cls"] * each["cls"]).mean() + np.float32(share) * (w["reg"] * each["reg"]).mean(), each

    step = jax.jit(jax.value_and_grad(objective, has_aux=True))
    history = []
    for epoch in range(EPOCHS):
        order, seen = epoch_orders(0, epoch, 1, ROWS)[0], {"cls": [], "reg": []}
        for first in range(0, ROWS, SIZE):
            rows = order[first : first + SIZE]
            own = [jax.tree.map(lambda a, rows=rows: a[rows], tree) for tree in (Y, weight)]
            (_, each), grads = step(params, X[rows], *own)
            with jax.numpy_dtype_promotion("standard"):
                updates, state = optimizer.update(grads, state, params)
            params = optax.apply_updates(params, updates)
            for name, values in each.items():
                seen[name].append(np.asarray(values))
        order_weight = {name: w[order] for name, w in weight.items()}
        row = {f"{n}_loss": np.average(np.concatenate(v), weights=order_weight[n]) for n, v in seen.items()}
        held = {f"val_{n}_loss": np.asarray(v).mean() for n, v in losses_of(params, *HELD).items()}
        out = forward(params, HELD[0])
        row |= held | {"loss": row["cls_loss"] + share * row["reg_loss"]}
        row["val_loss"] = held["val_cls_loss"] + share * held["val_reg_loss"]
        row["val_cls_accuracy"] = (np.argmax(out["cls"], 1) == HELD[1]["cls"]).mean()
        row["val_reg_mean_absolute_error"] = np.abs(out["reg"][:, 0] - HELD[1]["reg"]).mean()
        history.append(row)
    return params, history


def check(run, lr, share, seed, weighted):
    params, history = by_hand(lr, share, seed, weighted)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6), run.params, params)
    for name in history[0]:
        np.testing.assert_allclose(run.history[name], [row[name] for row in history], rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_fit_equals_the_loop(weighted):
    data = (X, Y, WEIGHT) if weighted else (X, Y)
    run = nn.fit(two_heads, data, dict(lr=0.05, share=0.3), epochs=EPOCHS, batch_size=SIZE, validation=HELD, seed=2,
                 progress=False)  # fmt: skip
    check(run, 0.05, 0.3, 2, weighted)
    assert list(run.history)[:3] == ["loss", "cls_loss", "reg_loss"]
    assert set(run.history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in ("loss", "cls_loss", "reg_loss", "cls_accuracy", "reg_mean_absolute_error")
    }


@pytest.mark.parametrize("plan", ["map", "vmap"])
def test_a_grid_of_three_equals_three_loops_and_compiles_once(plan):
    space = dict(share=[0.0, 0.3, 2.0], lr=[0.05])
    options = dict(epochs=EPOCHS, batch_size=SIZE, validation=HELD, progress=False, plan=plan)
    runs = nn.grid(two_heads, (X, Y, WEIGHT), space, **options)
    for run in runs:
        check(run, 0.05, run.hparams["share"], 0, True)
    assert not np.allclose(runs[0].params["dense_0"]["kernel"], runs[2].params["dense_0"]["kernel"])
    again = nn.grid(two_heads, (X, Y, WEIGHT), dict(share=[0.7, 0.8, 0.9], lr=[0.01]), **options)
    assert again.n_compiles == 0
    assert runs.best("val_cls_accuracy").history["val_cls_accuracy"][-1] == max(runs.history["val_cls_accuracy"][:, -1])


def test_the_weights_of_losses_may_be_a_tree_of_hyperparameters():
    def trial(shares):
        return nn.Trial(MODEL, {"cls": "softmax_cross_entropy", "reg": "squared_error"}, optax.sgd(0.1),
                        loss_weights=shares)  # fmt: skip

    points = [{"shares": {"cls": 1.0, "reg": r}} for r in (0.1, 1.0)]
    runs = nn.grid(trial, (X, Y), points, epochs=1, progress=False)
    for run, share in zip(runs, (0.1, 1.0), strict=True):
        np.testing.assert_allclose(run.history["loss"], run.history["cls_loss"] + share * run.history["reg_loss"])
    assert runs.n_compiles <= 2


def test_a_gradient_goes_through_the_training_to_the_weights_of_losses():
    def last(share):
        _, history = nn.run(two_heads, dict(lr=0.05, share=share), jax.random.key(0), (X, Y), epochs=2, batch_size=SIZE)
        return history["reg_loss"][-1]

    slope = jax.jit(jax.grad(last))(0.3)
    np.testing.assert_allclose(slope, (last(0.31) - last(0.29)) / 0.02, rtol=2e-2)
    assert slope < 0  # more weight on the head makes its loss smaller


def test_a_bare_function_over_the_whole_tree_still_works():
    def both(outputs, y):
        cls = optax.losses.softmax_cross_entropy_with_integer_labels(outputs["cls"], y["cls"])
        return cls + 0.3 * (outputs["reg"][:, 0] - y["reg"]) ** 2

    options = dict(epochs=EPOCHS, batch_size=SIZE, seed=2, progress=False)
    run = nn.fit(nn.Trial(MODEL, both, optax.adam(0.05)), (X, Y), **options)
    tree = nn.fit(two_heads, (X, Y), dict(lr=0.05, share=0.3), **options)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), run.params, tree.params)
    np.testing.assert_allclose(run.history["loss"], tree.history["loss"], rtol=1e-5)
    assert run.predict(X)["reg"].shape == (ROWS,)


def test_predictions_have_the_tree_of_the_outputs_ensembles_too():
    runs = nn.grid(two_heads, (X, Y), dict(lr=[0.05], share=[0.3, 1.0]), epochs=2, progress=False)
    run, ensemble = runs[0], runs.top(2, "loss").ensemble() if hasattr(runs.top(2, "loss"), "ensemble") else None
    out = forward(run.params, X)
    found = run.predict(X)
    np.testing.assert_array_equal(found["cls"], np.argmax(out["cls"], 1))
    np.testing.assert_allclose(found["reg"], out["reg"][:, 0], rtol=1e-5, atol=1e-6)
    chances = run.predict_proba(X)
    np.testing.assert_allclose(chances["cls"], jax.nn.softmax(out["cls"]), rtol=1e-4)
    assert chances["reg"] is None
    np.testing.assert_allclose(np.exp(run.predict_log_proba(X)["cls"]), chances["cls"], rtol=1e-6)
    assert ensemble is not None
    each = [r.predict_proba(X)["cls"] for r in runs]
    np.testing.assert_allclose(ensemble.predict_proba(X)["cls"], np.mean(each, 0), rtol=1e-5)
    np.testing.assert_array_equal(ensemble.predict(X)["cls"], np.mean(each, 0).argmax(1))
    np.testing.assert_allclose(ensemble.predict(X)["reg"], np.mean([r.predict(X)["reg"] for r in runs], 0), rtol=1e-5)
    values = ensemble.evaluate((X, Y, WEIGHT))
    mean = np.log(np.mean(each, 0))[np.arange(ROWS), CLS]
    np.testing.assert_allclose(values["cls_loss"], -np.average(mean, weights=WEIGHT["cls"]), rtol=1e-5)
    assert values["loss"] == pytest.approx(values["cls_loss"] + 0.3 * values["reg_loss"], rel=1e-6)


def test_evaluate_and_files_keep_the_tree(tmp_path):
    run = nn.fit(two_heads, (X, Y), dict(lr=0.05, share=0.3), epochs=2, validation=HELD, progress=False)
    values = run.evaluate(HELD)
    assert values == pytest.approx(
        {name.removeprefix("val_"): v[-1] for name, v in run.history.items() if name.startswith("val_")}, rel=1e-5
    )
    run.save(tmp_path / "two.safetensors")
    loaded = nn.load(tmp_path / "two.safetensors")
    assert loaded.evaluate(HELD) == values and loaded.model.loss == run.model.loss
    np.testing.assert_array_equal(loaded.predict(X)["cls"], run.predict(X)["cls"])
    folder = tmp_path / "grid"
    nn.grid(two_heads, (X, Y), dict(lr=[0.05], share=[0.3]), epochs=2, progress=False, folder=folder)
    (stored,) = nn.load_runs(folder)
    np.testing.assert_array_equal(stored.predict(X)["cls"], run.predict(X)["cls"])
    assert stored.evaluate(HELD) == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "more", "words"),
    [
        ({"cls": "softmax_cross_entropy"}, {}, r"the losses are {cls: softmax_cross.* and the model gives outputs"),
        ("squared_error", {}, r"write a loss for each, as in Trial\(model, {\"cls\":"),
        (two_heads(0.1, 1.0).loss, dict(metrics="accuracy"), r"metrics goes by output"),
        (two_heads(0.1, 1.0).loss, dict(loss_weights={"rag": 1.0}), r"names 'rag', which is no output; there are"),
        (two_heads(0.1, 1.0).loss, dict(loss_weights={"reg": "much"}), r"must be numbers"),
        ("squared_error", dict(loss_weights=2.0), r"loss_weights goes by output, and there is one loss"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_the_door(loss, more, words):
    with pytest.raises(ValueError, match=words):
        nn.fit(nn.Trial(MODEL, loss, optax.sgd(0.1), **more), (X, Y), epochs=1, progress=False)


def test_weights_of_outputs_that_do_not_fit_are_told_at_the_door():
    trial = two_heads(0.1, 1.0)
    for weight, words in [
        ({"cla": WEIGHT["reg"]}, r"weights of the data names 'cla', which is no output"),
        ({"cls": np.ones((ROWS, 1))}, r"weights of the data have shape \(22, 1\); write one per row, shape \(22,\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            nn.fit(trial, (X, Y, weight), epochs=1, progress=False)
    single = nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.1))
    with pytest.raises(ValueError, match=r"weights by output, and the trial has one loss; write fit"):
        nn.fit(single, (X, CLS, {"cls": WEIGHT["reg"]}), epochs=1, progress=False)
