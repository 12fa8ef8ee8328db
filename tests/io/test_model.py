"""A model out of a file is the model that was saved; anything else is one clear error."""

import json

import jax
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
    "unknown metric": lambda tree, meta: meta.update(metrics={"tuple": ["speed"]}),
    "weights of another shape": lambda tree, meta: tree["params"]["dense_0"].update(kernel=np.zeros((4, 5))),
    "a weight too many": lambda tree, meta: tree["params"].update(dense_9={"kernel": np.zeros((4, 5))}),
    "a weight too few": lambda tree, meta: tree["params"].pop("dense_0"),
    "a standardiser without scale": lambda tree, meta: tree["standardiser"].pop("scale"),
    "history of another type": lambda tree, meta: meta.update(history=[1]),
    "history of text": lambda tree, meta: meta.update(history=[["loss", ["x"]]]),
    "history of objects": lambda tree, meta: meta["history"][0][1].update(dtype="object"),
    "history of much memory": lambda tree, meta: meta["history"][0][1].update(dtype="S2000000000"),
    "history of another size": lambda tree, meta: meta["history"][0][1].update(shape=[-3]),
    "seed of text": lambda tree, meta: meta.update(seed="x"),
    "a seed of 400 digits": lambda tree, meta: meta.update(seed=10**400),
    "a best epoch of 70 bits": lambda tree, meta: meta.update(best_epoch=2**70),
    "an unknown dtype": lambda tree, meta: meta.update(precision="float7"),
    "a dtype that computes nothing": lambda tree, meta: meta.update(precision={"compute": "int8"}),
    "units of 70 bits": lambda tree, meta: meta.update(model=meta["model"].replace('"units": 3', f'"units": {2**70}')),
    "units of 400 digits": lambda tree, meta: meta.update(model=meta["model"].replace(": 3", f": {10**400}")),
    "weights of another dtype": lambda tree, meta: tree["params"]["dense_0"].update(bias=np.zeros(4, np.int8)),
    "state that is missing": lambda tree, meta: tree["state"].clear(),
    "rows of another shape": lambda tree, meta: meta["row"].update(shape=[1, 5]),
    "rows of no shape": lambda tree, meta: meta["row"].update(shape=[1, -4]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_tampered_with_is_refused(path, name):
    _change(path, CHANGES[name])
    with pytest.raises(ValueError, match=r"holds no model") as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 700


def test_the_first_weight_that_differs_is_told_without_a_standardiser_too(tmp_path):
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    nn.fit(trial, (np.ones((4, 3)), np.ones(4)), epochs=1, progress=False).save(tmp_path / "line")
    _change(tmp_path / "line", lambda tree, meta: tree["params"].update(kernel=np.zeros((9, 1), np.float32)))
    with pytest.raises(ValueError, match=r"params/kernel is float32 \(9, 1\) and the model needs float32 \(3, 1\)"):
        load(tmp_path / "line")


def test_functions_of_the_package_keep_their_names(tmp_path):
    metrics = (nn.metrics.r2, nn.metrics.mean_absolute_error)
    trial = nn.Trial(nn.linear_regression(), nn.losses.squared_error, optax.sgd(0.1), metrics=metrics)
    data = np.arange(12.0).reshape(4, 3) / 12, np.arange(4.0)
    run = nn.fit(trial, data, epochs=1, progress=False)
    run.save(tmp_path / "line")
    assert load(tmp_path / "line").evaluate(data) == run.evaluate(data)
    assert load(tmp_path / "line").model.metrics == ("r2", "mean_absolute_error")
    assert list(load(tmp_path / "line").metrics) == list(run.metrics)


def test_a_run_that_diverged_comes_back_as_one(tmp_path):
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(1e30))
    data = np.arange(12.0).reshape(4, 3), np.arange(4.0)
    with pytest.warns(nn.DivergedWarning):
        run = nn.fit(trial, data, epochs=3, progress=False)
    run.save(tmp_path / "sick")
    back = load(tmp_path / "sick")
    assert back.diverged == run.diverged is not None and repr(back) == repr(run)
    np.testing.assert_array_equal(back.predict(data[0]), run.predict(data[0]))


def test_hyperparameters_of_all_kinds_come_back(tmp_path):
    def shaped(lr, hidden, scale, decay, layer):
        model = nn.Sequential(nn.Dense(hidden[0], "tanh"), layer, nn.Dense(1))
        return nn.Trial(model, "squared_error", optax.sgd(lr * scale["a"] * decay[1]))

    hparams = dict(
        lr=np.float32(0.1), hidden=(3, 2), scale={"a": 0.5}, decay=np.array([0.5, 1.0]), layer=nn.Dropout(0.1)
    )
    run = nn.fit(shaped, (np.ones((4, 3)), np.ones(4)), hparams, epochs=1, progress=False)
    run.save(tmp_path / "run")
    back = load(tmp_path / "run").hparams
    assert list(back) == list(hparams) and back["lr"] == np.float32(0.1)
    assert (back["hidden"], back["scale"], back["layer"]) == ((3, 2), {"a": 0.5}, nn.Dropout(0.1))
    assert back["decay"].tolist() == [0.5, 1.0]


def test_float64_stays_float64_or_is_told(tmp_path):
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    x = np.arange(12.0).reshape(4, 3) / 7
    folder = tmp_path / "folder"
    with jax.enable_x64(True):
        start = {"kernel": np.full((3, 1), 1 / 3), "bias": np.zeros(1)}
        model = nn.Model(nn.Dense(1), start, {}, "squared_error", row=jax.ShapeDtypeStruct((1, 3), np.dtype("float64")))
        model.save(tmp_path / "model")
        back = load(tmp_path / "model")
        assert {str(a.dtype) for a in jax.tree.leaves(back.params)} == {"float64"}
        wide = back.predict(x)
        np.testing.assert_allclose(wide, x.sum(1) / 3, rtol=1e-15)
        run = nn.fit(line, (x, x[:, 0]), dict(lr=0.1), epochs=2, folder=folder, progress=False)
        run.save(tmp_path / "run")
        again = load(tmp_path / "run")
        assert again.metrics == run.metrics and again.history["loss"].dtype == run.history["loss"].dtype
        assert again.evaluate((x, x[:, 0])) == run.evaluate((x, x[:, 0]))
    told = r'model holds float64 and JAX computes in float32 here; write jax\.config\.update\("jax_enable_x64", True\)'
    with pytest.warns(UserWarning, match=told) as warned:
        back = load(tmp_path / "model")
    assert len(warned) == 1
    np.testing.assert_allclose(back.predict(x), wide, rtol=1e-6)
    back.save(tmp_path / "again")
    with jax.enable_x64(True):
        np.testing.assert_array_equal(load(tmp_path / "again").predict(x), wide)


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


def test_a_model_made_by_hand_is_checked_by_its_row(tmp_path):
    weights = {"kernel": np.ones((3, 1), np.float32), "bias": np.zeros(1, np.float32)}
    x = np.ones((4, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"the model knows no row of its inputs, .*; write nn.Model\(..., row=x\[:1\]\)"
    ):
        nn.Model(nn.Dense(1), weights, {}, "squared_error").save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"params/kernel is float32 \(3, 1\) and the model needs float32 \(2, 1\)"):
        nn.Model(nn.Dense(1), weights, {}, "squared_error", row=x[:, :2]).save(tmp_path / "model")
    nn.Model(nn.Dense(1), weights, {}, "squared_error", row=x).save(tmp_path / "model")
    assert nn.load(tmp_path / "model").predict(x).tolist() == [3.0] * 4
    tree, meta = files.read(tmp_path / "model")
    files.write(tmp_path / "model", tree, {**meta, "row": None})
    with pytest.raises(ValueError, match="the model knows no row of its inputs"):
        nn.load(tmp_path / "model")
