"""What a user gave: tables by column, data sets, weights beside them, and transformers of scikit-learn."""

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from jaxnn.data import Dataset, Preparation, load
from jaxnn.data.given import fitted, given, inputs, needed

FRAME = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"], "w": [1.0, 2.0, 0.5], "y": ["no", "yes", "no"]})


@pytest.mark.parametrize("frame", [FRAME, polars.from_pandas(FRAME)])
def test_columns_by_name(frame):
    found = given((frame, "y", "w"), groups="b")
    assert found.features == ("a",) and list(found.x.columns) == ["a"]
    assert found.y.tolist() == [0, 1, 0] and found.classes == ("no", "yes") and found.named
    assert list(found.weight) == [1.0, 2.0, 0.5] and list(found.groups) == ["x", "y", "x"]
    with pytest.raises(ValueError, match="the data has no column 'z'; its columns are a, b, w, y"):
        given((frame, "z"))
    with pytest.raises(ValueError, match=r"the data is one table; write \(table, 'y'\)"):
        given(frame)


def test_data_sets_alone_and_with_weights():
    data = load("iris")
    for form in (data, (data, np.ones(150))):
        found = given(form, task="classes")
        assert found.features == data.features and found.classes == data.classes and not found.named
        assert found.x is data.x and np.array_equal(found.y, data.y)
    assert given((data, np.ones(150))).weight.shape == (150,)
    assert given((data.x, data.y)).classes is None
    frame = FRAME.rename(columns={"a": "x"})  # a table whose columns are called x and y is no data set
    assert given((frame, frame["y"])).features == ("x", "b", "w", "y")
    table = Dataset(FRAME[["a", "b"]], [0, 1, 0], ("a", "b"), ("no", "yes"), "t")
    assert given(table).features == ("a", "b") and given(table).classes == ("no", "yes")


def test_a_preparation_is_needed_where_a_table_holds_more_than_numbers():
    plain = pandas.DataFrame({"a": [1.0, 2.0], "b": [True, False]})
    assert needed(plain, None) is None and needed(np.ones((2, 2)), None) is None
    for change in ({"a": ["x", "y"]}, {"a": [1.0, None]}, {"a": pandas.to_datetime(["2024-01-01"] * 2)}):
        assert needed(plain.assign(**change), None) == Preparation()
    scaler = StandardScaler()
    assert needed(plain, scaler) is scaler
    for odd in (StandardScaler, "median", 3):
        with pytest.raises(
            ValueError, match=r"prepare must have fit and transform, .* write prepare=nn.data.Preparation"
        ):
            needed(plain, odd)


def test_transformers_of_scikit_learn_learn_from_the_training_rows_alone():
    rows = np.array([0, 2])
    pipe = ColumnTransformer([("n", StandardScaler(), ["a"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["b"])])
    learned, x = fitted(pipe, FRAME, np.zeros(3), rows)
    np.testing.assert_allclose(x, [[-1, 1], [0, 0], [1, 1]])
    assert not hasattr(pipe, "transformers_")
    np.testing.assert_allclose(inputs(FRAME[["w", "b", "a"]], ("a", "b"), learned), x)


def test_target_encoding_sees_no_row_twice():
    draw = np.random.default_rng(0)
    frame = pandas.DataFrame({"c": draw.choice(list("abc"), 60)})
    y, rows = draw.normal(size=60), np.arange(40)
    _, x = fitted(TargetEncoder(cv=KFold(4)), frame, y, rows)
    theirs = TargetEncoder(cv=KFold(4))
    np.testing.assert_allclose(x[:40], theirs.fit_transform(frame.iloc[:40], y[:40]))
    np.testing.assert_allclose(x[40:], theirs.transform(frame.iloc[40:]))


def test_new_rows_by_name_by_place_and_dense():
    plain = pandas.DataFrame({"a": [1.0], "b": [2.0]})
    assert inputs(plain[["b", "a"]], ("a", "b"), None).tolist() == [[1.0, 2.0]]
    assert inputs(plain.to_numpy(), ("a", "b"), None).tolist() == [[1.0, 2.0]]
    assert inputs(plain[["b", "a"]], None, None).tolist() == [[2.0, 1.0]]
    assert inputs(scipy.sparse.csr_array([[0, 3]]), None, None).tolist() == [[0.0, 3.0]]
    tree = {"a": np.ones(2)}
    assert inputs(tree, None, None) is tree
