"""Class weights in training: scikit-learn's optimum, Keras's steps and loss, names, heads and hyperparameters."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LogisticRegression

import jaxnn as nn

RNG = np.random.default_rng(0)
ROWS = 120
X = RNG.normal(size=(ROWS, 3)).astype(np.float32)
SCORE = X @ [1.0, -1.0, 0.5] + RNG.logistic(size=ROWS)
BINARY = (SCORE > 1.8).astype(int)  # about one in ten
THREE = (SCORE > 0.5).astype(int) + (SCORE > 2.0)
WEIGHT = RNG.uniform(0.2, 2, ROWS)


def newton(loss, classes, class_weight):
    model = nn.logistic_regression() if loss == "sigmoid_cross_entropy" else nn.softmax_regression(classes)
    return nn.Trial(model, loss, nn.lbfgs(), class_weight=class_weight)


@pytest.mark.parametrize(("class_weight", "weighted"), [("balanced", True), ({0: 0.5, 1: 7.0}, False)])
@pytest.mark.parametrize(("loss", "y"), [("sigmoid_cross_entropy", BINARY), ("softmax_cross_entropy", THREE)])
def test_the_optimum_is_that_of_scikit_learn(loss, y, class_weight, weighted):
    weight = WEIGHT if weighted else None
    data = (X, y, weight) if weighted else (X, y)
    run = nn.fit(newton(loss, 3, class_weight), data, epochs=60, batch_size=None, progress=False)
    known = LogisticRegression(C=np.inf, class_weight=class_weight, tol=1e-9, max_iter=10_000)
    known.fit(X.astype(float), y, sample_weight=weight)
    np.testing.assert_allclose(run.predict_proba(X), known.predict_proba(X), atol=1e-3)
    plain = LogisticRegression(C=np.inf).fit(X, y, sample_weight=weight)
    assert np.abs(plain.predict_proba(X) - known.predict_proba(X)).max() > 0.05


def test_steps_and_reported_losses_are_those_of_keras():
    keras = pytest.importorskip("keras")

    class_weight, size = {0: 1.0, 1: 9.0}, 24
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="zeros")])
        model.compile(
            keras.optimizers.SGD(0.5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        history = model.fit(X, BINARY, size, 3, verbose=0, shuffle=False, class_weight=class_weight,
                            validation_data=(X[:50], BINARY[:50])).history  # fmt: skip
        kernel = np.asarray(model.layers[0].kernel)
    trial = nn.Trial(
        nn.Dense(2, kernel_init="zeros"), "softmax_cross_entropy", optax.sgd(0.5), class_weight=class_weight
    )
    run = nn.fit(trial, (X, BINARY), epochs=3, batch_size=size, shuffle=False, progress=False,
                 validation=(X[:50], BINARY[:50]))  # fmt: skip
    np.testing.assert_allclose(run.params["kernel"], kernel, rtol=1e-4, atol=1e-6)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):  # of these only the first is weighed
        np.testing.assert_allclose(run.history[name], history[name], rtol=1e-5, err_msg=name)


def weighed(w):
    return nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.5), class_weight={1: w})


def test_a_class_weight_is_a_hyperparameter_and_a_member_its_solo_run():
    options = dict(epochs=2, batch_size=24, progress=False)
    runs = nn.grid(weighed, (X, BINARY), dict(w=[1.0, 4.0, 9.0]), plan="map", **options)
    assert nn.grid(weighed, (X, BINARY), dict(w=[2.0, 3.0, 5.0]), plan="map", **options).n_compiles == 0
    for run in runs:
        solo = nn.fit(weighed, (X, BINARY), run.hparams, **options)
        np.testing.assert_array_equal(run.params["kernel"], solo.params["kernel"])
        by_rows = nn.fit(weighed, (X, BINARY, np.where(BINARY, run.hparams["w"], 1)), dict(w=1.0), **options)
        np.testing.assert_allclose(run.params["kernel"], by_rows.params["kernel"], rtol=1e-5, atol=1e-6)

    def last(w):
        _, history = nn.run(weighed, dict(w=w), jax.random.key(0), (X, BINARY), epochs=1, batch_size=24)
        return history["accuracy"][-1] * 0 + history["loss"][-1]

    slope = jax.grad(last)(4.0)
    np.testing.assert_allclose(slope, (last(4.1) - last(3.9)) / 0.2, rtol=1e-2)


class Named:
    """Data with class names."""

    x, y, classes = X, BINARY, ("no", "yes")


def test_classes_go_by_name_where_they_have_one():
    options = dict(epochs=1, batch_size=24, progress=False)

    def trial(class_weight):
        return nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.5), class_weight=class_weight)

    named = nn.fit(trial({"yes": 4.0}), Named, **options)
    numbered = nn.fit(trial({1: 4.0}), Named, **options)
    np.testing.assert_array_equal(named.params["kernel"], numbered.params["kernel"])
    with pytest.raises(ValueError, match="names the class 'maybe'; there are 'no', 'yes'"):
        nn.fit(trial({"maybe": 4.0}), Named, **options)
    with pytest.raises(ValueError, match="names the class 2, and the classes are 0 to 1"):
        nn.fit(trial({2: 4.0}), Named, **options)


def test_balanced_counts_the_training_part_and_goes_through_run_and_grid():
    trial = nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.5), class_weight="balanced")
    options = dict(epochs=2, batch_size=24, validation=0.25)
    run = nn.fit(trial, (X, BINARY), progress=False, **options)
    from jaxnn.data.source import read

    rows = read((X, BINARY), 0.25).parts[0]
    counts = np.bincount(BINARY[rows])
    share = len(rows) / (2 * counts)
    by_hand = nn.fit(
        nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.5), class_weight=dict(enumerate(share.tolist()))),
        (X, BINARY), progress=False, **options,
    )  # fmt: skip
    np.testing.assert_allclose(run.params["kernel"], by_hand.params["kernel"], rtol=1e-5)
    state, _ = nn.run(trial, {}, jax.random.key(0), (X, BINARY), **options)
    np.testing.assert_allclose(state.params["kernel"], run.params["kernel"], rtol=1e-5)
    (member,) = nn.grid(trial, (X, BINARY), dict(seed=[0]), progress=False, **options)
    np.testing.assert_allclose(member.params["kernel"], run.params["kernel"], rtol=1e-5)
    with pytest.raises(ValueError, match="which only fit and grid see"):
        nn.step(trial, nn.init(trial, jax.random.key(0), X), (X, BINARY))


def test_heads_have_class_weights_of_their_own():
    heads = nn.Graph(("a", nn.Dense(2), "x"), ("b", nn.Dense(3), "x"), outputs=("a", "b"))
    loss = {"a": "softmax_cross_entropy", "b": "softmax_cross_entropy"}

    def trial(class_weight):
        return nn.Trial(heads, loss, optax.sgd(0.5), class_weight=class_weight)

    options = dict(epochs=1, batch_size=24, progress=False)
    both = nn.fit(trial({"a": "balanced"}), (X, {"a": BINARY, "b": THREE}), **options)
    by_rows = len(BINARY) / (2 * np.bincount(BINARY))[BINARY]
    rows = nn.fit(trial(None), (X, {"a": BINARY, "b": THREE}, {"a": by_rows, "b": np.ones(ROWS)}), **options)
    for name in ("a", "b"):
        np.testing.assert_allclose(both.params[name]["kernel"], rows.params[name]["kernel"], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="class_weight goes by output, of which there are 'a', 'b', got 'balanced'"):
        trial("balanced")


def test_steps_of_sequences_have_class_weights_too():
    x, y = X[:, None] * np.ones((1, 4, 1), np.float32), np.stack([THREE, BINARY, THREE, BINARY], 1)
    mask = RNG.uniform(size=y.shape) < 0.6
    mask[0] = True
    trial = nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.5), class_weight={0: 0.5, 2: 3.0})
    plain = nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.5))
    options = dict(epochs=1, batch_size=24, progress=False)
    run = nn.fit(trial, (x, y, mask), **options)
    by_steps = nn.fit(plain, (x, y, mask * np.array([0.5, 1.0, 3.0])[y]), **options)
    np.testing.assert_allclose(run.params["kernel"], by_steps.params["kernel"], rtol=1e-5, atol=1e-6)
    assert jnp.isfinite(run.history["loss"]).all()
