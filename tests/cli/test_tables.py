"""A table as people have it through the command line, and new rows of it in another process."""

import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas
import pytest
from sklearn.metrics import accuracy_score

import jaxnn as nn
from jaxnn.cli import main
from jaxnn.data.split import holdout
from tests.data.messy import messy

QUICK = ["--lr", "1e-3:1e-1:3", "--l2", "0", "--dropout", "0", "--hidden", "8", "--seeds", "1", "--epochs", "10"]


def test_a_messy_table_as_it_is_and_new_rows_in_another_process(tmp_path, capsys):
    frame = messy(600).assign(note=None)
    frame.to_csv("fraud.csv")  # with the index that pandas writes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["grid", "fraud.csv", "--target", "label", *QUICK, "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "column 'id' of the data is left out: it holds 384 different texts in 384 rows" in printed
    assert "column 'note' of the data is left out: all its values are missing" in printed
    winner = nn.load("out/winner.safetensors")
    assert winner.features == ("size", "age", "city", "joined", "member") and winner.classes == ("fine", "fraud")
    codes = (frame.label == "fraud").to_numpy(int)
    rest, test = holdout(600, 0.2, labels=codes)
    seen = rest[holdout(480, 0.2, labels=codes[rest])[0]]
    again = pandas.read_csv("fraud.csv", index_col=0)
    with pytest.warns(UserWarning, match="left out"):
        fitted = nn.data.Preparation().fit(again.iloc[seen].drop(columns="label"))
    assert [c for c in fitted.columns if c.kind != "nothing"] == [
        c for c in winner.prepare.columns if c.kind != "nothing"
    ]
    truth = np.array(winner.classes)[codes[test]]
    accuracy = accuracy_score(truth, np.array(winner.classes)[winner.predict(again.iloc[test])])
    assert f"test score of the winner: accuracy {accuracy:.4f} (120 rows" in printed

    new = messy(50, seed=1)
    new.loc[::7, "city"] = "Oslo"
    new = new[new.columns[::-1]].assign(extra=1)
    new.to_csv("new.csv", index=False)
    line = ["predict", "out", "new.csv", "--target", "label", "--index", "id", "--out", "p.csv"]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-m", "jaxnn", *line], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    table = pandas.read_csv("p.csv")
    assert list(table) == ["id", "prediction", "p_fine", "p_fraud"] and table.id.tolist() == new.id.tolist()
    read = pandas.read_csv("new.csv")
    np.testing.assert_allclose(table[["p_fine", "p_fraud"]], winner.predict_proba(read), rtol=1e-4)
    assert f"accuracy {accuracy_score(new.label, table.prediction):.4f} on 50 rows" in done.stderr
    assert "columns that the model does not use: extra" in done.stderr


def test_columns_left_out_rows_named_and_what_was_the_same_for_all(capsys, houses):
    frame = houses().assign(id=range(1000, 1120), noise=1.0)
    frame.to_csv("houses.csv", index=False)
    line = ["grid", "houses.csv", "--target", "price", "--index", "id", "--drop", "noise", *QUICK, "--split-seed", "3"]
    assert main([*line, "--metric", "mean_absolute_error", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert nn.load("out/winner.safetensors").features == ("size", "age")
    table = pandas.read_csv("out/results.csv")
    same = {"hidden": 8, "activation": "relu", "batch_norm": False, "batch_size": 32, "l2": 0, "l1": 0, "dropout": 0,
            "epochs": 10, "patience": 8, "test": 0.2, "validation": 0.2, "split_seed": 3}  # fmt: skip
    assert {name: table[name].unique().tolist() for name in same} == {name: [value] for name, value in same.items()}
    assert "all of them: seed 0, hidden 8, activation relu, batch_norm False, batch_size 32" in printed
    order = table.sort_values("val_mean_absolute_error").network.tolist()
    assert [int(n) for n in re.findall(r"^ *\d+ +(\d+) ", printed, re.MULTILINE)] == order
    assert f"the winner is network {order[0]}: " in printed
    _, held = holdout(120, 0.2, seed=3)
    predicted = nn.load("out/winner.safetensors").predict(frame[["size", "age"]].iloc[held])
    error = np.abs(predicted - frame.price.to_numpy()[held]).mean()
    assert f"mean absolute error {error:.4f} (24 rows" in printed


@pytest.mark.parametrize("metric", ["loss", "balanced_accuracy"])
def test_another_metric_may_choose(capsys, metric):
    assert main(["grid", "iris", *QUICK, "--metric", metric, "--out", "out"]) == 0
    table = pandas.read_csv("out/results.csv")
    order = table.sort_values([f"val_{metric}", "val_loss"], ascending=[metric == "loss", True]).network.tolist()
    assert f"the winner is network {order[0]}: " in capsys.readouterr().out


def test_one_test_row_has_no_r2(capsys, houses):
    houses()
    line = ["fit", "houses.csv", "--target", "price", "--epochs", "2", "--hidden", "4", "--test", "0.005"]
    assert main(line) == 0
    assert re.search(r"network: mean absolute error [\d.]+ \(1 rows", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit houses.csv --target price --drop sise", "has no column 'sise'; its columns are size, age, price"),
        ("fit houses.csv --target price --index price", "'price' is the target of houses.csv and cannot be left out"),
        ("fit houses.csv --target price --drop size,age", "no column besides the target"),
        ("fit houses.csv --target price --metric accuracy", "accuracy is no metric of a regression: r2, explained"),
        ("fit iris --metric r2", "r2 is no metric of 3 classes; write --metric accuracy"),
        ("fit iris --metric speed", "no metric is named 'speed'; write one of loss, accuracy"),
        ("fit iris --drop a", "--drop is for files and iris is none"),
        ("fit iris --split-seed x", "'x' is no whole number"),
        ("fit names.csv --target who", "holds 120 classes in 120 rows, too few of each to learn from; write another"),
        ("fit names.csv --target number", "write --task regression if it is a number, or another --target"),
    ],
)
def test_words_that_do_not_fit(line, words, refused, houses):
    frame = houses()
    frame.assign(who=[f"n{i}" for i in range(120)], number=[f"{i}" for i in range(120)]).to_csv(
        "names.csv", index=False
    )
    more = ["--task", "classification"] if "number" in line else []
    refused([*line.split(), *more], words)
