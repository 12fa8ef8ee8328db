"""A run: a model with a history, as it reads, predicts and is saved."""

import dataclasses

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = (X[:, 0] > 0).astype(int)


class Named:
    x, y, classes, features = X, Y, ("no", "yes"), ("a", "b", "c")


def net(lr):
    return nn.Trial(nn.mlp((4,), out=2, batch_norm=True), "softmax_cross_entropy", optax.adam(lr))


@pytest.fixture(scope="module")
def run():
    stop = nn.EarlyStopping("val_loss", patience=3)
    return nn.fit(net, Named(), {"lr": 0.1}, epochs=8, batch_size=10, validation=0.3, stop=stop, seed=5,
                  standardise=True, progress=False)  # fmt: skip


def test_it_tells_how_far_it_came(run):
    assert run.epochs == len(run.history["loss"]) == int(run.last.epoch)
    assert run.best_epoch == run.history["val_loss"].argmin()
    assert run.metrics == {name: float(v[run.best_epoch]) for name, v in run.history.items()}
    assert list(run.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    value = f"{run.metrics['loss']:.4g}"
    assert repr(run).startswith(
        f"Run({{'lr': 0.1}}, seed=5, epoch {run.best_epoch + 1} of {run.epochs}: loss={value}, accuracy="
    )
    assert "DIVERGED" not in repr(run) and repr(run).endswith(")")
    sick = dataclasses.replace(run, diverged=0)
    assert repr(sick).endswith("; DIVERGED at step 0, the weights are those before)")
    empty = dataclasses.replace(run, history={"loss": np.zeros(0)}, best_epoch=-1)
    assert empty.epochs == 0 and np.isnan(empty.metrics["loss"]) and "before the first epoch" in repr(empty)
    assert dataclasses.replace(run, history={}).epochs == 0
    assert np.isnan(dataclasses.replace(run, best_epoch=99).metrics["loss"])


def test_it_is_its_model(run):
    assert run.classes == ("no", "yes") and run.features == ("a", "b", "c")
    assert run.params is run.model.params and run.state is run.model.state and run.spec is run.model.spec
    assert run.standardiser is run.model.standardiser
    scaled = jax.numpy.asarray(run.standardiser.transform(X))
    logits = np.asarray(run.spec.apply(run.params, run.state, scaled)[0])
    np.testing.assert_allclose(run.outputs(X), logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(run.predict(X), logits.argmax(1))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(run.predict_proba(X), shares, rtol=1e-5)
    weight = RNG.uniform(1, 2, 30)
    values = run.evaluate((X, Y, weight))
    expected = np.average(-np.log(shares[np.arange(30), Y]), weights=weight)
    np.testing.assert_allclose(values["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(values["accuracy"], np.average(logits.argmax(1) == Y, weights=weight), rtol=1e-6)
    _, held = nn.data.holdout(30, 0.3, seed=0, labels=Y)
    np.testing.assert_allclose(run.evaluate((X[held], Y[held]))["loss"], run.metrics["val_loss"], rtol=1e-4)


def test_saved_and_loaded_it_is_the_same(run, tmp_path):
    run.save(tmp_path / "run.safetensors")
    again = nn.load(tmp_path / "run.safetensors")
    np.testing.assert_array_equal(again.predict_proba(X), run.predict_proba(X))
    assert (again.hparams, again.seed, again.best_epoch) == (run.hparams, run.seed, run.best_epoch)
    assert again.metrics == run.metrics and again.classes == run.classes
