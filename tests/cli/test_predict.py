"""Predictions for new rows, against those of the model itself."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import jaxnn as nn
from jaxnn.cli import entry, main


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A model of the irises from a table with text classes, and the table."""
    folder = tmp_path_factory.mktemp("flowers")
    data = nn.data.load("iris")
    frame = pandas.DataFrame(data.x, columns=list("abcd")).assign(kind=np.array(data.classes)[data.y])
    frame.to_csv(folder / "flowers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "configure", lambda **settings: None)
        line = ["--target", "kind", "--lr", "0.03", "--epochs", "10", "--hidden", "8", "--quiet"]
        assert main(["fit", str(folder / "flowers.csv"), *line, "--out", str(folder / "model")]) == 0
    return str(folder / "model"), frame


def _table(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


def test_predict_names_classes_and_gives_probabilities(flowers, capsys):
    model, frame = flowers
    frame.drop(columns="kind").to_csv("new.csv", index=False)
    assert main(["predict", model, "new.csv"]) == 0
    captured = capsys.readouterr()
    head, rows = _table(captured.out)
    assert head == ["prediction", "p_setosa", "p_versicolor", "p_virginica"]
    run = nn.load(f"{model}/model.safetensors")
    chances = run.predict_proba(frame[list("abcd")].to_numpy())
    np.testing.assert_allclose([[float(p) for p in row[1:]] for row in rows], chances, rtol=1e-5)
    assert [row[0] for row in rows] == [run.classes[i] for i in chances.argmax(axis=1)]
    assert captured.err == ""


def test_predict_takes_columns_in_any_order_and_scores_a_target(flowers, capsys):
    model, frame = flowers
    frame.drop(columns="kind").to_csv("new.csv", index=False)
    main(["predict", model, "new.csv"])
    plain = capsys.readouterr().out
    frame.assign(extra="x")[["extra", "d", "kind", "b", "c", "a"]].to_csv("mixed.csv", index=False)
    assert main(["predict", f"{model}/model.safetensors", "mixed.csv", "--target", "kind", "--out", "p.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert Path("p.csv").read_text() == plain
    accuracy = accuracy_score(frame.kind, [row[0] for row in _table(plain)[1]])
    assert captured.err.splitlines() == [
        "columns that the model does not use: extra",
        "150 predictions written to p.csv",
        f"accuracy {accuracy:.4f} on 150 rows",
    ]
    assert main(["predict", model, "mixed.csv"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (plain, "columns that the model does not use: extra, kind\n")


def test_predict_of_a_regression(capsys, houses):
    frame = houses()
    assert main(["fit", "houses.csv", "--target", "price", "--epochs", "5", "--hidden", "4", "--quiet"]) == 0
    assert main(["predict", "jaxnn-houses-fit", "houses.csv", "--target", "price"]) == 0
    captured = capsys.readouterr()
    head, rows = _table(captured.out)
    values = [float(row[0]) for row in rows]
    assert head == ["prediction"]
    expected = nn.load("jaxnn-houses-fit/model.safetensors").predict(frame[["size", "age"]].to_numpy())
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    error = mean_absolute_error(frame.price, values)
    assert captured.err == f"r2 {r2_score(frame.price, values):.4f}, mean absolute error {error:.6g} on 120 rows\n"


def test_predict_of_a_named_set(capsys):
    assert main(["fit", "iris", "--epochs", "3", "--hidden", "4", "--quiet", "--out", "m"]) == 0
    assert main(["predict", "m", "iris"]) == 0
    captured = capsys.readouterr()
    names = np.array(nn.data.load("iris").classes)[nn.data.load("iris").y]
    accuracy = accuracy_score(names, [row[0] for row in _table(captured.out)[1]])
    assert captured.err.startswith(f"accuracy {accuracy:.4f} on 150 rows")
    assert main(["predict", "m", "wine"]) == 2
    assert "which wine lacks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        ("a,b,c\n1,2,3\n", [], r"lacks 1 of the 4 columns that the model was trained on \(d\); it has a, b, c"),
        ("a,b,c,d\n1,2,3,x\n", [], "column 'd' of new.csv holds text"),
        ("a,b,c,d\n1,2,3,\n", [], "column 'd' of new.csv has 1 missing value"),
        ("a,b,c,d\n", [], "no rows"),
        (None, [], "there is no file new.csv"),
        ("a,b,c,d\n1,2,3,4\n", ["--target", "kind"], "has no column 'kind'"),
        ("a,b,c,d,kind\n1,2,3,4,rose\n", ["--target", "kind"], "'rose' in row 1, which is none of the classes setosa"),
        ("a,b,c,d\n1,2,3,4\n", ["--out", "."], "is a folder"),
    ],
)
def test_predict_refuses_in_one_sentence(flowers, tmp_path, table, options, words, refused):
    if table is not None:
        (tmp_path / "new.csv").write_text(table)
    (tmp_path / "old.csv").write_text("old")
    refused(["predict", flowers[0], "new.csv", "--out", "old.csv", *options], words)
    assert (tmp_path / "old.csv").read_text() == "old"


def test_predict_refuses_what_is_no_model(tmp_path, refused):
    (tmp_path / "garbage").write_bytes(b"\x00" * 100)
    refused(["predict", "nowhere", "iris"], "there is no file nowhere")
    refused(["predict", "garbage", "iris"], "is damaged or no file of jaxnn")
    refused(["predict", ".", "iris"], "holds no winner.safetensors")


def test_an_ensemble_is_refused_in_a_sentence(flowers, capsys):
    model, _ = flowers
    nn.Ensemble((nn.load(f"{model}/model.safetensors"),)).save("both.safetensors")
    assert main(["predict", "both.safetensors", "iris"]) != 0
    assert "both.safetensors holds an ensemble; write nn.load(path).predict(x)" in capsys.readouterr().err
