"""The commands as a user runs them: exit status, what is printed, what lies in the folder."""

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from matplotlib.image import imread
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import jaxnn as nn
from jaxnn.cli import entry, main, train
from jaxnn.data.split import holdout

SMALL = ["--l2", "0", "--dropout", "0", "--seeds", "1", "--hidden", "8", "--epochs", "4"]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Each test in a folder of its own, and none changes the settings of the process."""
    monkeypatch.setattr(entry, "configure", lambda **settings: None)
    monkeypatch.chdir(tmp_path)


def _content(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def _houses(path="houses.csv", rows=120):
    draw = np.random.default_rng(0)
    size, age = draw.uniform(50, 200, rows), draw.integers(0, 60, rows)
    frame = pandas.DataFrame({"size": size, "age": age, "price": 300_000 + 2_000 * size - 1_000.0 * age})
    frame.to_parquet(path) if path.endswith("parquet") else frame.to_csv(path, index=False)
    return frame


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
    seen = train_rows[holdout(120, 0.2, labels=data.y[train_rows])[0]]
    np.testing.assert_allclose(winner.standardiser.mean, data.x[seen].mean(axis=0), rtol=1e-6)
    assert winner.classes == data.classes

    mean = np.mean([_member(i, table, data).predict_proba(data.x[test_rows]) for i in order[:5]], axis=0)
    accuracy = accuracy_score(data.y[test_rows], mean.argmax(axis=1))
    assert f"test score of the best 5 together: accuracy {accuracy:.4f} " in printed


def _member(i, table, data):
    """Member ``i`` trained alone."""
    from jaxnn.cli.problem import _trial

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
    axes = ["--lr", "0.01,0.1", "--l2", "0,1e-3", "--hidden", "4/none", "--activation", "relu,tanh"]
    assert (
        main(["grid", "xor", "--noise", "0.1", *SMALL, *axes, "--batch-norm", "both", "--out", "out", "--quiet"]) == 0
    )
    table = pandas.read_csv("out/results.csv", keep_default_na=False)
    assert len(table) == 32
    assert set(table.hidden.astype(str)) == {"4", "none"}
    assert "heatmap.png" in os.listdir("out")
    assert main(["grid", "xor", *SMALL, "--lr", "0.1", "--out", "out", "--quiet"]) == 0
    assert sorted(os.listdir("out")) == ["curves.png", "results.csv", "winner.safetensors"]
    assert os.listdir(".") == ["out"]


def test_quiet_prints_nothing(capfd):
    assert main(["fit", "xor", "--epochs", "2", "--hidden", "4", "--batch-norm", "on", "--quiet"]) == 0
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_one_fit_of_a_regression_in_the_units_of_the_target(capsys):
    frame = _houses()
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
    assert f"test score of the network: r2 {score:.4f}, mean absolute error {error:.4f} (24 rows" in printed


def test_a_regression_grid_of_a_linear_model_from_parquet(capsys):
    frame = _houses("houses.parquet")
    axes = ["--lr", "0.03,0.1", "--l2", "0", "--dropout", "0", "--hidden", "none", "--seeds", "1", "--epochs", "80"]
    assert main(["grid", "houses.parquet", "--target", "price", *axes, "--patience", "0"]) == 0
    assert "a regression" in capsys.readouterr().out
    predicted = nn.load("jaxnn-houses/winner.safetensors").predict(frame[["size", "age"]].to_numpy())
    np.testing.assert_allclose(predicted, frame.price, rtol=0.01)


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


def test_predict_of_a_regression(capsys):
    frame = _houses()
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
def test_predict_refuses_in_one_sentence(flowers, capsys, tmp_path, table, options, words):
    if table is not None:
        (tmp_path / "new.csv").write_text(table)
    (tmp_path / "old.csv").write_text("old")
    _refused(capsys, ["predict", flowers[0], "new.csv", "--out", "old.csv", *options], words)
    assert (tmp_path / "old.csv").read_text() == "old"


def test_predict_refuses_what_is_no_model(capsys, tmp_path):
    (tmp_path / "garbage").write_bytes(b"\x00" * 100)
    _refused(capsys, ["predict", "nowhere", "iris"], "there is no file nowhere")
    _refused(capsys, ["predict", "garbage", "iris"], "is damaged or no file of jaxnn")
    _refused(capsys, ["predict", ".", "iris"], "holds no winner.safetensors")


def _refused(capsys, line, words):
    assert main(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.match(r"jaxnn: .+\n\Z", captured.err)
    assert re.search(words, captured.err)


BAD_TABLES = {
    "text": ("x,y\n1,a\nred,b\n3,a\n4,b\n", "holds text \\('red' in row 2\\)"),
    "missing": ("x,y\n1,a\n,b\n3,a\n4,b\n", "has 1 missing value"),
    "infinite": ("x,y\n1,a\ninf,b\n3,a\n4,b\n", "holds inf in row 2"),
    "one class": ("x,y\n1,a\n2,a\n3,a\n4,a\n", "holds one class only"),
    "one value": ("x,y\n1,0.5\n2,0.5\n3,0.5\n4,0.5\n", "nothing to learn"),
    "no column": ("x,z\n1,2\n", "has no column 'y'; its columns are x, z"),
    "no rows": ("x,y\n", "no rows"),
    "empty": ("", "is empty"),
    "few rows": ("x,y\n1,a\n2,b\n", "too few for a test part"),
    "a class of one": ("x,y\n1,a\n2,b\n3,a\n", "has 3 rows, too few"),
    "no features": ("y\na\nb\n", "no column besides the target"),
    "no table": ('x,y\n"1,a\n', "cannot be read as a table"),
}


@pytest.mark.parametrize("command", ["grid", "fit"])
@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_gets_one_sentence_and_leaves_the_folder(capsys, tmp_path, command, name):
    text, words = BAD_TABLES[name]
    (tmp_path / "table.csv").write_text(text)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("old")
    before = _content(tmp_path / "out")
    _refused(capsys, [command, "table.csv", "--target", "y", "--out", "out"], words)
    assert _content(tmp_path / "out") == before
    assert sorted(os.listdir(tmp_path)) == ["out", "table.csv"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("grid nowhere.csv --target y", "there is no file nowhere.csv"),
        ("grid digit", "no data set is named 'digit'; choose one of digits, iris"),
        ("grid digits --target y", "--target is for files and digits is none"),
        ("grid digits --noise 0.1", "--noise is for circle, xor, gauss, spiral"),
        ("grid digits --lr abc", "'abc' is no number"),
        ("grid digits --lr", "expected one argument"),
        ("grid digits --seeds 100000", "make 6400000 networks, more than 100000"),
        ("grid xor --test 0.999", "has 500 rows, too few"),
        ("fit xor --test 0.99 --validation 0.99", "has 500 rows, too few"),
        ("grid xor --lr 1e30 --hidden 4 --epochs 2 --seeds 1 --l2 0 --dropout 0 --quiet", "every network diverged"),
        ("fit xor --lr 1e30 --hidden 4 --epochs 2 --quiet", "the network diverged; write a smaller learning rate"),
    ],
)
def test_bad_words_get_one_sentence_and_leave_the_folder(capsys, tmp_path, line, words):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("old")
    before = _content(tmp_path / "out")
    _refused(capsys, [*line.split(), "--out", "out"], words)
    assert _content(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def test_a_table_without_target_is_told_its_columns(capsys):
    _houses()
    _refused(capsys, ["grid", "houses.csv"], "houses.csv needs --target COLUMN; its columns are size, age, price")


def test_an_interruption_leaves_nothing(capsys, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "grid", interrupted)
    assert main(["grid", "xor", "--quiet"]) == 130
    assert capsys.readouterr().err == "jaxnn: interrupted; nothing was written\n"
    assert os.listdir(tmp_path) == []


def test_a_folder_of_other_things_is_not_touched(capsys, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    _refused(capsys, ["fit", "xor", "--out", "."], "holds 'diary.txt', which is none of our results")
    assert os.listdir(tmp_path) == ["diary.txt"]


def test_without_matplotlib_there_are_no_pictures(capsys, monkeypatch):
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    assert main(["fit", "xor", "--epochs", "2", "--hidden", "4"]) == 0
    assert "no pictures without matplotlib" in capsys.readouterr().out
    assert sorted(os.listdir("jaxnn-xor-fit")) == ["history.csv", "model.safetensors"]


def test_as_a_program(tmp_path):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env.pop("MPLBACKEND", None)
    run = [sys.executable, "-m", "jaxnn"]
    options = {"env": env, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 240}
    line = ["grid", "xor", *SMALL, "--lr", "0.01,0.1,1.0", "--out", "out"]
    done = subprocess.run([*run, *line], check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 networks on xor" in done.stdout
    assert f"{len(os.sched_getaffinity(0))} device(s)" in done.stdout
    assert sorted(os.listdir(tmp_path / "out")) == ["curves.png", "results.csv", "winner.safetensors"]
    assert os.listdir(tmp_path / "cache" / "jaxnn" / "xla")
    bad = subprocess.run([*run, "fit", "nowhere.csv", "--target", "y"], check=False, **options)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "jaxnn: there is no file nowhere.csv; give the path of a .csv or .parquet file\n"
