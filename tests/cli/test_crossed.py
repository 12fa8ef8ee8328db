"""``jaxnn grid --folds`` and ``--search halving``: folds are scikit-learn's, the winner is a fit on all these rows."""

import re

import numpy as np
import pandas
import pytest
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import StratifiedKFold

import jaxnn as nn
from jaxnn.cli import main
from jaxnn.cli.problem import _trial
from jaxnn.data.split import holdout

SMALL = ["--l2", "0", "--dropout", "0", "--seeds", "1", "--hidden", "8", "--epochs", "6"]


@pytest.fixture(scope="module")
def iris():
    data = nn.data.load("iris")
    rows, test = holdout(150, 0.2, labels=data.y)
    return nn.data.take(data, rows), nn.data.take(data, test)


def test_folds_choose_a_point_and_the_winner_is_trained_on_all_their_rows(capsys, iris):
    assert main(["grid", "iris", *SMALL, "--lr", "0.003:0.03:2", "--folds", "3", "--out", "out"]) == 0
    printed, (rest, test) = capsys.readouterr().out, iris
    assert printed.startswith(
        "2 points in 3 folds: 6 networks on iris: 4 features, 3 classes, 120 rows to train and 30"
    )
    table = pandas.read_csv("out/results.csv")
    assert table[["lr", "fold"]].values.tolist() == [[lr, k] for lr in (0.003, 0.03) for k in range(3)]

    means = table.groupby("lr").val_accuracy.agg(["mean", "sem"]).sort_values("mean", ascending=False)
    rows = re.findall(r"^ *\d +(\S+) +(\S+) +(\S+) +3 +\d+$", printed, re.MULTILINE)
    assert [float(lr) for lr, _, _ in rows] == means.index.tolist()
    np.testing.assert_allclose([[float(m), float(e)] for _, m, e in rows], means.values, atol=5.1e-5)

    best = table[table.lr == means.index[0]]
    epochs = round(float((best.best_epoch + 1).mean()))
    point = dict(lr=float(best.lr.iloc[0]), hidden=(8,), activation="relu", batch_norm=False)
    run = nn.fit(_trial(3, "accuracy"), rest, point, epochs=epochs, standardise=True)
    winner = nn.load("out/winner.safetensors")
    np.testing.assert_allclose(winner.predict_proba(test.x), run.predict_proba(test.x), rtol=1e-6)
    score = accuracy_score(test.y, run.predict(test.x))
    assert f"winner, trained on all rows but these for {epochs} epochs: accuracy {score:.4f} (30 rows" in printed


def test_the_rows_of_a_fold_are_those_of_scikit_learn(iris):
    """The first network, trained again on a copy of the rows of the first fold, has the score of the table."""
    assert main(["grid", "iris", *SMALL, "--lr", "0.03", "--folds", "3", "--out", "out", "--quiet"]) == 0
    rest, _ = iris
    mine, held = next(StratifiedKFold(3, shuffle=True, random_state=0).split(rest.x, rest.y))
    parts = (rest.x[mine], rest.y[mine]), (rest.x[held], rest.y[held])
    point = dict(lr=0.03, hidden=(8,), activation="relu", batch_norm=False)
    stop = nn.EarlyStopping("val_loss", patience=8.0)
    run = nn.fit(_trial(3, "accuracy"), parts[0], point, epochs=6, standardise=True, validation=parts[1], stop=stop)
    first = pandas.read_csv("out/results.csv").iloc[0]
    np.testing.assert_allclose([first.val_loss, first.val_accuracy],
                               [run.metrics["val_loss"], run.metrics["val_accuracy"]], rtol=2e-4)  # fmt: skip


def test_a_regression_in_folds_predicts_in_the_units_of_the_target(capsys, houses):
    frame = houses()
    words = [
        "houses.csv",
        "--target",
        "price",
        *SMALL,
        "--lr",
        "0.03",
        "--epochs",
        "40",
        "--folds",
        "3",
        "--out",
        "out",
    ]
    assert main(["grid", *words]) == 0
    test = holdout(len(frame), 0.2)[1]
    prices = nn.load("out/winner.safetensors").predict(frame.iloc[test].drop(columns="price"))
    share = r2_score(frame.price.iloc[test], prices)
    assert share > 0.8 and f"for {_epochs('out')} epochs: r2 {share:.4f}" in capsys.readouterr().out


def _epochs(out):
    return round(float((pandas.read_csv(f"{out}/results.csv").best_epoch + 1).mean()))


def test_halving_trains_a_third_on_and_folds_of_a_point_go_on_together(capsys):
    axes = ["--lr", "1e-4:1e-1:9", "--folds", "2", "--search", "halving", "--epochs", "9"]
    assert main(["grid", "iris", *SMALL, *axes, "--out", "out"]) == 0
    printed, table = capsys.readouterr().out, pandas.read_csv("out/results.csv")
    assert [f"{n} networks came to epoch {b}\n" in printed for n, b in ((18, 1), (6, 3), (2, 9))] == [True] * 3
    assert sorted(table.rung.tolist()) == [0] * 12 + [1] * 4 + [2] * 2
    assert (table.groupby("lr").rung.nunique() == 1).all()
    last = table[table.rung == 2].lr.iloc[0]
    assert f"the winner over 2 folds: lr {last:.2g}".replace("e-0", "e-") in printed


def test_halving_alone_ranks_the_last_rung_first(capsys):
    axes = ["--lr", "1e-4:1e-1:9", "--search", "halving", "--epochs", "9"]
    assert main(["grid", "iris", *SMALL, *axes, "--out", "out"]) == 0
    table = pandas.read_csv("out/results.csv")
    winner = table[table.rung == 2].network.iloc[0]
    assert f"the winner is network {winner}: lr" in capsys.readouterr().out


def test_words_that_do_not_fit(refused):
    refused(["grid", "iris", "--folds", "1"], "--folds")
    refused(["grid", "iris", "--folds", "100000"], "folds")
    refused(["grid", "iris", "--search", "hyperband"], "--search")
