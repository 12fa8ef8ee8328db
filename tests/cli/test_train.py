"""Grids and fits: what is printed and written, against numbers computed again from the data."""

import os
import re

import numpy as np
import pandas
from matplotlib.image import imread
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import jaxnn as nn
from jaxnn.cli import main, telling
from jaxnn.cli.problem import _trial
from jaxnn.data.split import holdout

SMALL = ["--l2", "0", "--dropout", "0", "--seeds", "1", "--hidden", "8", "--epochs", "4"]


def test_a_grid_of_iris_end_to_end(tmp_path, capsys):
    axes = ["--lr", "0.003:0.03:2", "--l2", "0,1e-3", "--dropout", "0", "--seeds", "2", "--hidden", "8"]
    assert main(["grid", "iris", *axes, "--epochs", "12", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert set(os.listdir("out")) == {"results.csv", "curves.png", "heatmap.png", "winner.safetensors"}
    for name in ("curves.png", "heatmap.png"):
        picture = imread(tmp_path / "out" / name)
        assert min(picture.shape[:2]) > 200
        assert picture.std() > 0.05
    table = pandas.read_csv("out/results.csv")
    assert table.network.tolist() == list(range(8))
    points = table[["seed", "l2", "lr"]].itertuples(index=False, name=None)
    assert list(points) == [(s, l2, lr) for s in range(2) for l2 in (0.0, 1e-3) for lr in (0.003, 0.03)]
    order = table.sort_values(["val_accuracy", "val_loss"], ascending=[False, True]).network.tolist()
    ranks = re.findall(r"^ *\d+ +(\d+) ", printed, re.MULTILINE)
    assert [int(network) for network in ranks] == order
    assert f"the winner is network {order[0]}: " in printed

    data = nn.data.load("iris")
    train_rows, test_rows = holdout(150, 0.2, labels=data.y)
    winner = nn.load("out/winner.safetensors")
    accuracy = accuracy_score(data.y[test_rows], winner.predict(data.x[test_rows]))
    assert f"test score of the winner: accuracy {accuracy:.4f} (30 rows that no network saw)" in printed
    dummy = DummyClassifier().fit(data.x[train_rows], data.y[train_rows]).score(data.x[test_rows], data.y[test_rows])
    assert re.search(rf"baseline, always '\w+': accuracy {dummy:.4f}\n", printed)
    seen = train_rows[holdout(120, 0.2, labels=data.y[train_rows])[0]]
    np.testing.assert_allclose(winner.standardiser.mean, data.x[seen].mean(axis=0), rtol=1e-6)
    assert winner.classes == data.classes

    mean = np.mean([_member(i, table, data).predict_proba(data.x[test_rows]) for i in order[:5]], axis=0)
    accuracy = accuracy_score(data.y[test_rows], mean.argmax(axis=1))
    assert f"test score of the best 5 together: accuracy {accuracy:.4f} " in printed


def _member(i, table, data):
    """Member ``i`` trained alone."""
    train_rows, _ = holdout(150, 0.2, labels=data.y)
    point = dict(table.loc[i, ["lr", "l2"]].astype(float), hidden=(8,), activation="relu", batch_norm=False)
    stop = nn.EarlyStopping("val_loss", patience=8.0)
    rest = nn.data.take(data, train_rows)
    rows, held = holdout(120, 0.2, labels=rest.y)
    part, held = nn.data.take(rest, rows), nn.data.take(rest, held)
    options = {"epochs": 12, "validation": (held.x, held.y), "stop": stop, "standardise": True, "progress": False}
    return nn.fit(_trial(3), part, point, seed=int(table.seed[i]), **options)


def test_the_digits_keep_1437_rows_and_are_learned(capsys):
    axes = ["--lr", "3e-3,1e-2", "--l2", "1e-4", "--dropout", "0", "--seeds", "1", "--hidden", "32", "--epochs", "8"]
    assert main(["grid", "digits", *axes]) == 0
    printed = capsys.readouterr().out
    assert (
        "2 networks on digits: 64 features, 10 classes, 1149 rows to train, 288 to validate and 360 to test" in printed
    )
    assert float(re.search(r"score of the winner: accuracy ([\d.]+) \(360 rows", printed)[1]) > 0.9
    assert sorted(os.listdir("jaxnn-digits")) == ["curves.png", "results.csv", "winner.safetensors"]


def test_structures_noise_and_a_later_smaller_grid_replaces_the_folder():
    axes = ["--lr", "0.01,0.1", "--l2", "0,1e-3", "--hidden", "4/none", "--batch-norm", "both"]
    assert main(["grid", "xor", "--noise", "0.1", *SMALL, *axes, "--out", "out", "--quiet"]) == 0
    table = pandas.read_csv("out/results.csv", keep_default_na=False)
    assert len(table) == 16
    assert set(table.hidden.astype(str)) == {"4", "none"}
    assert "heatmap.png" in os.listdir("out")
    axes = ["--lr", "0.1", "--hidden", "4", "--activation", "relu,tanh"]
    assert main(["grid", "xor", *SMALL, *axes, "--out", "out", "--quiet"]) == 0
    assert pandas.read_csv("out/results.csv").activation.tolist() == ["relu", "tanh"]
    assert sorted(os.listdir("out")) == ["curves.png", "results.csv", "winner.safetensors"]
    assert os.listdir(".") == ["out"]


def test_one_fit_of_a_regression_in_the_units_of_the_target(capsys, houses):
    frame = houses()
    line = ["fit", "houses.csv", "--target", "price", "--hidden", "16", "--lr", "0.03", "--l2", "0", "--epochs", "60"]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert sorted(os.listdir("jaxnn-houses-fit")) == ["curves.png", "history.csv", "model.safetensors"]
    run = nn.load("jaxnn-houses-fit/model.safetensors")
    history = pandas.read_csv("jaxnn-houses-fit/history.csv")
    assert history.epoch.tolist() == list(range(1, run.epochs + 1))
    assert f"best after epoch {run.best_epoch + 1} of {run.epochs}" in printed
    _, rows = holdout(120, 0.2)
    truth = frame.price.to_numpy()[rows]
    predicted = run.predict(frame[["size", "age"]].to_numpy()[rows])
    score, error = r2_score(truth, predicted), mean_absolute_error(truth, predicted)
    assert score > 0.95
    told = re.search(r"baseline, always the mean ([\d.e+]+): r2 (\S+), mean absolute error (\S+)\n", printed)
    mean, *scores = map(float, told.groups())
    constant = np.full(len(truth), mean)
    np.testing.assert_allclose(scores, [r2_score(truth, constant), mean_absolute_error(truth, constant)], rtol=1e-2,
                               atol=1e-3)  # fmt: skip
    assert f"test score of the network: r2 {score:.4f}, mean absolute error {error:.4f} (24 rows" in printed


def test_a_regression_grid_of_a_linear_model_from_parquet(capsys, houses):
    frame = houses("houses.parquet")
    axes = ["--lr", "0.03,0.1", "--l2", "0", "--dropout", "0", "--hidden", "none", "--seeds", "1", "--epochs", "80"]
    assert main(["grid", "houses.parquet", "--target", "price", *axes, "--patience", "0"]) == 0
    assert "a regression" in capsys.readouterr().out
    predicted = nn.load("jaxnn-houses/winner.safetensors").predict(frame[["size", "age"]].to_numpy())
    np.testing.assert_allclose(predicted, frame.price, rtol=0.01)


def test_without_matplotlib_there_are_no_pictures(capsys, monkeypatch):
    monkeypatch.setattr(telling, "find_spec", lambda name: None)
    assert main(["fit", "xor", "--epochs", "2", "--hidden", "4"]) == 0
    assert "no pictures without matplotlib" in capsys.readouterr().out
    assert sorted(os.listdir("jaxnn-xor-fit")) == ["history.csv", "model.safetensors"]


def test_a_precision_by_name(capsys):
    line = ["fit", "xor", "--epochs", "2", "--hidden", "4", "--precision"]
    assert main([*line, "bfloat16"]) == 0
    assert str(nn.load("jaxnn-xor-fit/model.safetensors").precision) == "bfloat16"
    assert main([*line, "int8"]) != 0
    assert "'int8' is none of float32, bfloat16, float16" in capsys.readouterr().err
