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
