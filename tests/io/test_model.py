"""A model out of a file is the model that was saved; anything else is one clear error."""

import json

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files
from jaxnn.io.model import load


def _trial(lr, hidden):
    return nn.Trial(nn.mlp(hidden, out=3, batch_norm=True), "softmax_cross_entropy", optax.sgd(lr))


@pytest.fixture(scope="module")
def run():
    data = nn.data.load("iris")
    hparams = {"lr": 0.1, "hidden": (4,)}
    stop = nn.EarlyStopping("val_loss", patience=2)
    return nn.fit(_trial, data, hparams, epochs=4, validation=0.2, standardise=True, stop=stop, progress=False)


@pytest.fixture
def path(run, tmp_path):
    run.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_model_comes_back_to_the_bit(run, path):
    x = nn.data.load("iris").x
    back = load(path)
    assert np.array_equal(back.predict_proba(x), run.predict_proba(x))
    assert np.array_equal(back.predict(x), run.predict(x))
    assert back.spec == run.spec
    assert back.hparams == run.hparams
    assert (back.classes, back.features, back.seed) == (run.classes, run.features, run.seed)
    assert (back.epochs, back.best_epoch, back.metrics) == (run.epochs, run.best_epoch, run.metrics)
    assert back.evaluate(nn.data.load("iris")) == run.evaluate(nn.data.load("iris"))


def test_a_loaded_model_can_be_saved_again(path, tmp_path):
    load(path).save(tmp_path / "again")
    assert files.read(tmp_path / "again")[1] == files.read(path)[1]


def _change(path, change):
    tree, meta = files.read(path)
    change(tree, meta)
    files.write(path, tree, meta)


CHANGES = {
    "another format": lambda tree, meta: meta.update(format="else"),
    "no weights": lambda tree, meta: tree.pop("params"),
    "no loss": lambda tree, meta: meta.pop("loss"),
    "unknown loss": lambda tree, meta: meta.update(loss="os.system"),
    "loss of another type": lambda tree, meta: meta.update(loss=["squared_error"]),
    "unknown layer": lambda tree, meta: meta.update(model=json.dumps({"spec": "Popen", "args": "true"})),
    "model is no text": lambda tree, meta: meta.update(model=7),
    "unknown metric": lambda tree, meta: meta.update(metrics=["speed"]),
    "weights of another shape": lambda tree, meta: tree["params"]["dense_0"].update(kernel=np.zeros((4, 5))),
    "a weight too many": lambda tree, meta: tree["params"].update(dense_9={"kernel": np.zeros((4, 5))}),
    "a weight too few": lambda tree, meta: tree["params"].pop("dense_0"),
    "a standardiser without scale": lambda tree, meta: tree["standardiser"].pop("scale"),
    "history of another type": lambda tree, meta: meta.update(history=[1]),
    "history of text": lambda tree, meta: meta.update(history={"loss": ["x"]}),
    "seed of text": lambda tree, meta: meta.update(seed="x"),
    "an unknown dtype": lambda tree, meta: meta.update(compute_dtype="float7"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_tampered_with_is_refused(path, name):
    _change(path, CHANGES[name])
    with pytest.raises(ValueError, match=r"holds no model"):
        load(path)


def test_a_file_of_other_arrays_is_refused(tmp_path):
    files.write(tmp_path / "a", {"x": np.ones(2)})
    with pytest.raises(ValueError, match=r"holds no model; write run.save\(path\)"):
        load(tmp_path / "a")


PREPARED = {
    "another number of columns": lambda tree, meta: meta["prepare"]["columns"].pop(),
    "a column of no kind": lambda tree, meta: meta["prepare"]["columns"][0].update(kind="thought"),
    "no columns": lambda tree, meta: meta["prepare"].pop("columns"),
    "a text for it": lambda tree, meta: meta.update(prepare="median"),
    "a class that is a list": lambda tree, meta: meta.update(classes=[["no"], ["yes"]]),
}


@pytest.mark.parametrize("name", PREPARED)
def test_a_preparation_that_was_tampered_with_is_refused(tmp_path, name):
    table, trial = [[1.0, "a"], [None, "b"]], nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.1))
    data = np.array(table, dtype=object), ["no", "yes"]
    run = nn.fit(trial, data, epochs=1, prepare=nn.data.Preparation(), progress=False)
    run.save(tmp_path / "m")
    assert load(tmp_path / "m").prepare == run.prepare
    _change(tmp_path / "m", PREPARED[name])
    with pytest.raises(ValueError, match=r"holds no model"):
        load(tmp_path / "m")
