"""Class names in a tree of targets: each output has its own, and predictions give them back."""

import numpy as np
import optax
import pandas
import pytest

import jaxnn as nn

RNG = np.random.default_rng(2)
X = RNG.normal(size=(60, 3))
KIND = np.where(X[:, 0] > 0.3, "owl", np.where(X[:, 0] > -0.3, "ant", "bee"))
FLIES = X[:, 1] > 0
SIZE = X[:, 2]
NAMES = {"kind": ("ant", "bee", "owl"), "flies": (False, True), "size": None}
Y = {"kind": KIND, "flies": FLIES, "size": SIZE}
LOSS = {"kind": "softmax_cross_entropy", "flies": "sigmoid_cross_entropy", "size": "squared_error"}


def trial(lr, weight=1.0):
    nodes = [(name, nn.Dense(units), "x") for name, units in {"kind": 3, "flies": 1, "size": 1}.items()]
    return nn.Trial(nn.Graph(*nodes, outputs=tuple(LOSS)), LOSS, optax.adam(lr), class_weight={"kind": {"bee": weight}})


def by_number(lr, weight=1.0):
    made = trial(lr)
    return nn.Trial(made.model, made.loss, made.optimizer, class_weight={"kind": {1: weight}})


@pytest.fixture(scope="module")
def run():
    return nn.fit(trial, (X, Y), {"lr": 0.1, "weight": 3.0}, epochs=20, validation=0.2, progress=False)


def test_it_is_the_training_on_numbers(run):
    numbers = {"kind": np.searchsorted(NAMES["kind"], KIND), "flies": FLIES.astype(int), "size": SIZE}
    options = dict(epochs=20, validation=0.2, progress=False)
    same = nn.fit(by_number, (X, numbers), {"lr": 0.1, "weight": 3.0}, **options)
    assert list(same.history) == list(run.history)
    for name, values in run.history.items():
        np.testing.assert_array_equal(values, same.history[name])
    assert same.predict(X)["kind"].dtype.kind == "i"


def test_predictions_are_names_again(run):
    assert run.classes == NAMES
    found = run.predict(X)
    assert found["kind"].dtype.kind == "U"
    assert (found["kind"] == KIND).mean() > 0.8
    assert found["flies"].dtype == bool
    assert (found["flies"] == FLIES).mean() > 0.8
    assert found["size"].dtype == np.float32
    assert run.evaluate((X, Y))["kind_accuracy"] == pytest.approx((found["kind"] == KIND).mean())


def test_files_hold_the_names_of_each_output(run, tmp_path):
    run.save(tmp_path / "run.safetensors")
    again = nn.load(tmp_path / "run.safetensors")
    assert again.classes == NAMES
    np.testing.assert_array_equal(again.predict(X)["kind"], run.predict(X)["kind"])
    runs = nn.grid(trial, (X, Y), {"lr": [0.1, 0.01]}, epochs=2, folder=tmp_path / "grid", progress=False)
    stored = nn.load_runs(tmp_path / "grid")
    assert stored[0].classes == NAMES
    np.testing.assert_array_equal(stored[1].predict(X)["kind"], runs[1].predict(X)["kind"])
    assert set(runs.top(2).ensemble().predict(X)["kind"]) <= set(NAMES["kind"])


def test_outputs_in_a_tuple_and_columns_of_a_table():
    def pair(lr):
        heads = nn.Graph(("a", nn.Dense(3), "x"), ("b", nn.Dense(1), "x"), outputs=("a", "b"))
        both = nn.Sequential(heads, nn.Lambda(as_tuple))
        return nn.Trial(both, ("softmax_cross_entropy", "squared_error"), optax.adam(lr))

    y = (pandas.Series(KIND, dtype="category"), pandas.Series(SIZE))
    run = nn.fit(pair, (X, y), {"lr": 0.1}, epochs=2, validation=(X, y), progress=False)
    assert run.classes == {0: NAMES["kind"], 1: None}
    assert set(run.predict(X)[0]) <= set(NAMES["kind"])


def as_tuple(outputs):
    return outputs["a"], outputs["b"]


def test_names_that_do_not_fit_are_told_by_output(run):
    with pytest.raises(
        ValueError, match="y of 'kind' of the data holds 'cow' in row 1, which is none of the classes ant"
    ):
        run.evaluate((X[:1], {"kind": ["cow"], "flies": [True], "size": [1.0]}))
    with pytest.raises(ValueError, match="y of 'size' of the data holds 'ant' and the loss takes numbers"):
        nn.fit(trial, (X, {**Y, "size": KIND}), {"lr": 0.1}, epochs=1, progress=False)
    with pytest.raises(ValueError, match="class_weight names the class 'bee', and the data have no class names"):
        nn.fit(trial, (X, {**Y, "kind": np.zeros(60, int)}), {"lr": 0.1}, epochs=1, progress=False)
