"""Named sets against scikit-learn's own loaders; files against what pandas wrote."""

import subprocess
import sys

import numpy as np
import pandas
import pytest
import sklearn.datasets

from jaxnn.data import named
from jaxnn.data.datasets import load, take, train_test

NAMES = ["digits", "iris", "wine", "breast_cancer", "diabetes"]


def _equals_scikit_learn(data, name):
    theirs = getattr(sklearn.datasets, f"load_{name}")()
    assert np.array_equal(data.x, theirs.data)
    assert np.array_equal(data.y, theirs.target)
    assert data.y.dtype == (np.float64 if name == "diabetes" else np.int32)
    assert data.features == tuple(theirs.feature_names)
    assert data.classes == (tuple(map(str, theirs.target_names)) if name != "diabetes" else None)
    assert data.name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_named_set_is_scikit_learns(name):
    _equals_scikit_learn(load(name), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_named_set_whose_file_moved_is_imported(name, monkeypatch):
    def moved(folder):
        raise FileNotFoundError

    monkeypatch.setitem(named.SETS, name, moved)
    _equals_scikit_learn(load(name), name)


def test_the_digits_come_without_importing_scikit_learn():
    code = (
        "import sys; from jaxnn.data.datasets import load; load('digits'); "
        "print(*({'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(named, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'jaxnn-grid\[data\]'"):
        load("digits")


def test_train_test_of_the_digits():
    train, test = train_test(load("digits"), 0.2)
    assert (len(train.y), len(test.y)) == (1437, 360)
    assert np.bincount(test.y).min() >= 34
    assert np.array_equal(np.sort(np.concatenate([train.x, test.x]).sum(1)), np.sort(load("digits").x.sum(1)))


def test_take_keeps_rows_together():
    data = load("iris")
    part = take(data, [149, 0])
    assert part.y.tolist() == [2, 0]
    assert np.array_equal(part.x, data.x[[149, 0]])


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_file_with_text_classes(tmp_path, suffix):
    frame = pandas.DataFrame({"b": [1.5, 2.0, -3.0], "kind": ["no", "yes", "no"], "a": [True, False, True]})
    path = str(tmp_path / f"table{suffix}")
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    data = load(path, "kind")
    assert data.x.tolist() == [[1.5, 1.0], [2.0, 0.0], [-3.0, 1.0]]
    assert data.y.tolist() == [0, 1, 0]
    assert data.classes == ("no", "yes")
    assert data.features == ("b", "a")


@pytest.mark.parametrize(
    ("column", "task", "classes", "y"),
    [
        ([3, 10, 3], None, ("3", "10"), [0, 1, 0]),
        ([3.0, 10.0, 3.0], None, None, [3.0, 10.0, 3.0]),
        ([3, 10, 3], "regression", None, [3.0, 10.0, 3.0]),
        ([3.5, 10.0, 3.5], "classification", ("10.0", "3.5"), [1, 0, 1]),
        ([True, False, True], None, ("False", "True"), [1, 0, 1]),
        (list(range(30)), None, None, [float(i) for i in range(30)]),
    ],
)
def test_what_a_target_is(tmp_path, column, task, classes, y):
    path = tmp_path / "table.csv"
    pandas.DataFrame({"x": np.arange(len(column)), "y": column}).to_csv(path, index=False)
    data = load(str(path), "y", task=task)
    assert (data.classes, data.y.tolist()) == (classes, y)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        (None, "y", "there is no file"),
        ("", "y", "is empty"),
        ("x,y\n", "y", "no rows"),
        ("x,y\n1,2\n", None, r"needs a target column; its columns are x, y; write load\(.*target='y'"),
        ("x,y\n1,2\n", "z", "has no column 'z'; its columns are x, y"),
        ("y\n1\n2\n", "y", "no column besides the target 'y'"),
        ("x,y\n1,a\n2,a\n", "y", r"one class only \(a\)"),
        ("x,y\n1,2.5\n2,2.5\n", "y", "in each row: nothing to learn"),
        ("x,y\n1,a\n2,\n", "y", "column 'y' of .* has 1 missing value"),
        ("x,y\n1,a\ninf,b\n", "y", "holds inf in row 2"),
        ("x,y\n1,a\n1e300,b\n", "y", r"holds 1e\+300 in row 2"),
        ("x,y\n1,a,3\n2,b,4\n", "y", "cannot be read as a table"),
        ('x,y\n"1,a\n', "y", "cannot be read as a table"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, text, target, words):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=words) as caught:
        load(str(path), target)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "table.csv.gz"])
def test_garbage_gets_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(range(256)) * 4)
    with pytest.raises(ValueError, match=r"cannot be read as a table|has no column 'y'"):
        load(str(tmp_path / name), "y")


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("digit",), {}, "no data set is named 'digit'; choose one of digits, iris"),
        (("digit", "y"), {}, "no data set is named 'digit'"),
        (("digits", "y"), {}, "has its own target"),
        (("digits",), {"noise": 0.1}, "noise belongs to circle"),
        (("xor",), {"n": 1}, "at least 2"),
        (("a.csv", "y"), {"task": "guess"}, "no task is named 'guess'"),
    ],
)
def test_load_refuses(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        load(*arguments, **options)
