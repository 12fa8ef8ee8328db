"""Files of tables: columns, indices and targets."""

import numpy as np
import pandas
import pytest

from jaxnn.data import load, tables, take, train_test
from tests.data.messy import messy


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_of_pandas_is_no_feature(tmp_path, suffix):
    frame = pandas.DataFrame({"a": [1.0, 2.0], "y": ["u", "v"]}, index=["first", "second"])
    path = str(tmp_path / f"t{suffix}")
    frame.to_csv(path) if suffix == ".csv" else frame.to_parquet(path)
    assert load(path, "y").features == ("a",)
    again = tables.read(path)
    if suffix == ".csv":
        again.assign(**{"Unnamed: 0": [0, 1]})[["Unnamed: 0", *again.columns]].to_csv(path, index=False)
        assert load(path, "y").features == ("a",)


def test_columns_may_be_left_out(tmp_path):
    path = str(tmp_path / "t.csv")
    pandas.DataFrame({"id": [7, 8], "a": [1.0, 2.0], "b": [0.0, 1.0], "y": ["u", "v"]}).to_csv(path, index=False)
    assert load(path, "y", drop=["id"]).features == ("a", "b") == load(path, "y", drop="id").features
    assert load(path, "y", drop=["id", "b"]).x.tolist() == [[1.0], [2.0]]
    for drop, words in (
        ("z", "has no column 'z'"),
        ("y", "'y' is the target of"),
        (["id", "a", "b"], "no column besides"),
    ):
        with pytest.raises(ValueError, match=words):
            load(path, "y", drop=drop)
    with pytest.raises(ValueError, match="without target, task and drop"):
        load("iris", drop=["a"])


def test_a_table_of_more_than_numbers_stays_a_table(tmp_path):
    path = str(tmp_path / "t.csv")
    messy(60).to_csv(path, index=False)
    data = load(path, "label", drop=["id"])
    assert data.features == ("size", "age", "city", "joined", "member") == tuple(data.x.columns)
    assert data.classes == ("fine", "fraud") and data.y.tolist() == (messy(60).label == "fraud").tolist()
    part = take(data, [5, 3])
    assert part.x.city.tolist() == data.x.city.iloc[[5, 3]].tolist() and part.y.tolist() == data.y[[5, 3]].tolist()
    train, test = train_test(data, 0.25, seed=2)
    assert len(train.x) == 45 and np.array_equal(np.sort([*train.x.index, *test.x.index]), np.arange(60))


@pytest.mark.parametrize("kinds", [2, 20, 21])
def test_whole_numbers_of_at_most_twenty_values_are_classes(tmp_path, kinds):
    path = str(tmp_path / "t.csv")
    values = np.arange(60) % kinds * 5
    pandas.DataFrame({"a": np.arange(60.0), "y": values}).to_csv(path, index=False)
    data = load(path, "y")
    assert data.y.tolist() == ((values // 5) if kinds <= 20 else values).tolist()
    assert data.classes == (tuple(str(5 * i) for i in range(kinds)) if kinds <= 20 else None)


@pytest.mark.parametrize("most", [np.finfo(np.float32).max, -np.finfo(np.float32).max])
def test_the_largest_float32_is_still_a_number_and_the_next_is_told_with_its_place(most):
    frame = pandas.DataFrame({"a": [0.0, 1.0, 2.0], "b": [5.0, float(most), 6.0]})
    assert tables.numbers(frame, "t.csv").tolist() == frame.to_numpy().tolist()
    frame.loc[2, "b"] = 1.001 * float(most)
    with pytest.raises(
        ValueError, match=r"column 'b' of t.csv holds -?3.4.*e\+38 in row 3, which is no finite float32"
    ):
        tables.numbers(frame, "t.csv")
    frame.loc[1, "a"] = np.inf * np.sign(most)
    with pytest.raises(ValueError, match=r"column 'a' of t.csv holds -?inf in row 2, which"):
        tables.numbers(frame, "t.csv")


@pytest.mark.parametrize(
    ("holes", "words"),
    [([1], "1 missing value, the first in row 2; drop"), ([2, 3], "2 missing values, the first in row 3; drop")],
)
def test_missing_values_are_counted(holes, words):
    column = pandas.Series([1.0, 2.0, 3.0, 4.0], name="a")
    tables.missing(column, "t.csv")
    column[holes] = np.nan
    with pytest.raises(ValueError, match=f"column 'a' of t.csv has {words}"):
        tables.missing(column, "t.csv")


def test_text_among_numbers_is_told_with_its_row():
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": np.array(["1", 2.5, "soon"], object)})
    with pytest.raises(ValueError, match=r"column 'b' of t.csv holds text \('soon' in row 3\); turn it into numbers"):
        tables.numbers(frame, "t.csv")
    with pytest.raises(ValueError, match=r"holds text \('u' in row 1\)"):
        tables.numbers(pandas.DataFrame({"c": ["u", "v"]}), "t.csv")


@pytest.mark.parametrize(
    ("name", "table"),
    [("t.csv", True), ("T.CSV", True), ("a/b.csv.gz", True), ("t.parquet", True), ("csv", False), ("t.csv.zip", False)],
)
def test_tables_are_known_by_their_names(name, table):
    assert tables.is_table(name) is table
