"""The prepared matrix against scikit-learn's, and what new rows may bring."""

import json

import numpy as np
import pandas
import polars
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jaxnn.data.preparation import Preparation, Prepared
from tests.data.messy import messy

FEATURES = ["size", "age", "city", "joined", "member"]
FRAME = messy()[FEATURES]
FITTED = Preparation().fit(FRAME)


def as_scikit_learn_does(train, new, impute="median"):
    """The same by a ColumnTransformer, by name: numbers and gaps, then a column for each category."""

    def numbers(frame):
        days = (frame.joined - pandas.Timestamp(0)) / pandas.Timedelta(days=1)
        truth = frame.member.astype(float)
        return frame.assign(joined=days, member=truth, city=frame.city.where(frame.city.notna(), None))

    columns = ["size", "age", "joined", "member"]
    pipe = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy=impute), StandardScaler()), columns),
        ("gaps", SimpleImputer(strategy=impute, add_indicator=True), columns),
        ("city", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
    ])  # fmt: skip
    pipe.fit(numbers(train))
    found = pipe.transform(numbers(new))
    names = [*columns, *(f"raw {c}" for c in columns), *(f"{c} missing" for c in columns)]
    cities = pipe.named_transformers_["city"].categories_[0]
    names += [f"city={'missing' if c is None or c != c else c}" for c in cities]
    return dict(zip(names, found.T, strict=True))


@pytest.mark.parametrize("impute", ["median", "mean"])
def test_the_matrix_is_that_of_a_column_transformer(impute):
    fitted = Preparation(impute=impute).fit(FRAME)
    new = messy(100, seed=1)[FEATURES]
    new.loc[3, "city"] = "Oslo"
    for rows in (FRAME, new):
        expected = as_scikit_learn_does(FRAME, rows, impute)
        found = dict(zip(fitted.names, fitted.transform(rows).T, strict=True))
        assert set(found) == {name for name in expected if not name.startswith("raw ")}
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-12, err_msg=name)
    unseen = dict(zip(fitted.names, fitted.transform(new.iloc[[3]])[0], strict=True))
    assert [unseen[name] for name in unseen if name.startswith("city=")] == [0.0] * 5


def test_only_the_rows_it_was_fitted_on_count():
    once = Preparation().fit(FRAME.iloc[:50])
    assert once.columns != FITTED.columns
    assert once == Preparation().fit(FRAME.iloc[:50])
    np.testing.assert_allclose(once.transform(FRAME.iloc[:50])[:, 0].mean(), 0, atol=1e-12)


def test_columns_are_found_by_name_and_others_left_out():
    whole = FITTED.transform(FRAME)
    shuffled = FRAME[FEATURES[::-1]].assign(extra="anything")
    np.testing.assert_array_equal(FITTED.transform(shuffled), whole)
    np.testing.assert_array_equal(FITTED.transform(FRAME.to_numpy(dtype=object)), whole)
    with pytest.raises(
        ValueError, match=r"lack 1 of the 5 columns .* \(city\); the columns are size, age, joined, member"
    ):
        FITTED.transform(FRAME.drop(columns="city"))


def test_a_frame_of_polars_is_prepared_alike():
    frame = polars.from_pandas(FRAME.astype({"member": "boolean"}))
    assert frame.schema["member"] == polars.Boolean and frame.schema["joined"].is_temporal()
    fitted = Preparation().fit(frame)
    assert fitted == FITTED
    np.testing.assert_array_equal(fitted.transform(frame[FEATURES[::-1]]), FITTED.transform(FRAME))


@pytest.mark.parametrize("dtype", ["category", "string", "string[pyarrow]"])
def test_text_of_any_dtype_is_the_same_text(dtype):
    frame = FRAME.astype({"city": dtype, "age": "Int64", "member": "boolean"})
    assert Preparation().fit(frame) == FITTED
    np.testing.assert_array_equal(FITTED.transform(frame), FITTED.transform(FRAME))


def test_dates_as_text_and_whole_numbers_as_categories():
    text = FRAME.assign(joined=FRAME.joined.dt.strftime("%Y-%m-%d"))
    assert Preparation().fit(text) == FITTED
    codes = pandas.DataFrame({"zip": pandas.Categorical([8001, 3000, 8001])})
    fitted = Preparation().fit(codes)
    assert fitted.names == ("zip=3000", "zip=8001")
    for new in ([8001.0], ["8001"], [8001]):
        assert fitted.transform(pandas.DataFrame({"zip": new})).tolist() == [[0.0, 1.0]]


def test_masked_values_and_none_are_missing():
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 60.0]])
    masked = np.ma.masked_array(x, mask=[[0, 0], [0, 0], [0, 1]])
    fitted = Preparation(scale=False, indicators=False).fit(masked)
    assert fitted.transform(masked).tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 3.0]]
    assert fitted.transform([[None, float("nan")]]).tolist() == [[3.0, 3.0]]


def test_the_most_frequent_categories_have_columns():
    frame = pandas.DataFrame({"c": ["b"] * 3 + ["a"] * 3 + ["d"] * 2 + ["e"]})
    fitted = Preparation(most=2).fit(frame)
    assert fitted.names == ("c=a", "c=b")
    assert fitted.transform(frame).sum(1).tolist() == [1.0] * 6 + [0.0] * 3


def test_what_says_nothing_is_left_out_and_told():
    frame = messy()[["id", *FEATURES]].assign(note=None, almost=[str(i) for i in range(399)] + ["n/a"])
    with pytest.warns(UserWarning, match="is left out") as told:
        fitted = Preparation().fit(frame)
    words = [str(w.message) for w in told]
    assert "column 'id' of the data is left out: it holds 400 different texts in 400 rows" in words[0]
    assert "'note'" in words[1] and "all its values are missing" in words[1]
    assert "'almost'" in words[2] and "all but 1 are numbers; leave 'n/a' empty" in words[2]
    assert fitted.left_out == ("id", "note", "almost") and list(fitted.features) == FEATURES
    np.testing.assert_array_equal(fitted.transform(FRAME), FITTED.transform(FRAME))
    for rows in (frame, frame[FEATURES]):  # with the columns that are left out, and without them
        np.testing.assert_array_equal(fitted.transform(rows.to_numpy(object)), FITTED.transform(FRAME))
        np.testing.assert_array_equal(fitted.transform(rows.to_numpy(object).tolist()), FITTED.transform(FRAME))
    with pytest.warns(UserWarning, match="note"), pytest.raises(ValueError, match="holds anything to learn from"):
        Preparation().fit(frame[["note"]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age": "old"}, r"column 'age' of the new rows held numbers in training and holds text here \('old'\)"),
        ({"joined": "yesterday"}, "held dates in training and holds text"),
        ({"age": float("inf")}, r"column 'age' of the new rows holds inf in row 1"),
        ({"age": [[1, 2]] * 3}, "column 'age' of the new rows holds list values"),
    ],
)
def test_new_rows_of_another_kind_are_told(change, words):
    with pytest.raises(ValueError, match=words):
        FITTED.transform(FRAME.iloc[:3].assign(**change))


def test_a_column_that_is_empty_in_the_new_rows_is_filled():
    new = FRAME.iloc[:2].assign(age=None, city=None, joined=pandas.NaT, member=None)
    found = dict(zip(FITTED.names, FITTED.transform(new)[0], strict=True))
    assert found["city=missing"] == found["age missing"] == found["joined missing"] == 1
    assert found["member"] == FITTED.transform(FRAME[FRAME.member.isna()])[0][FITTED.names.index("member")]


def test_as_plain_data_and_back():
    again = Preparation.from_plain(json.loads(json.dumps(FITTED.plain())))
    assert again == FITTED and hash(again) == hash(FITTED)
    np.testing.assert_array_equal(again.transform(FRAME), FITTED.transform(FRAME))


@pytest.mark.parametrize(
    "damage",
    [
        None, [], {}, {"impute": "mode"}, {"columns": [{"name": "a"}]}, {"columns": 3}, {"most": 0},
        {"columns": [{"name": "a", "kind": "thought"}]}, {"columns": [{"name": "a", "kind": "number", "scale": 0}]},
        {"columns": [{"name": "a", "kind": "number", "fill": float("nan")}]},
        {"columns": [{"name": 3, "kind": "number"}]}, {"columns": [{"name": "a", "kind": "number", "mean": 10**400}]},
        {"columns": [{"name": "a", "kind": "number", "sql": "drop"}]},
    ],
)  # fmt: skip
def test_damaged_data_are_refused(damage):
    known = FITTED.plain() | damage if isinstance(damage, dict) and damage else damage
    with pytest.raises(ValueError, match=r"no Preparation|no column of a Preparation|impute must|most must"):
        Preparation.from_plain(known)


def test_its_words():
    assert repr(FITTED) == "Preparation(2 numbers, 1 truth, 1 date, 1 text -> 13 features)"
    assert repr(Preparation(impute="mean", most=3)) == "Preparation(impute='mean', most=3)"
    assert Prepared("a", "number", gaps=True).names == ("a", "a missing")
    for options, words in (({"impute": "mode"}, 'write impute="median"'), ({"most": 0}, "write most=100")):
        with pytest.raises(ValueError, match=words):
            Preparation(**options)
    with pytest.raises(ValueError, match="has learned nothing"):
        Preparation().transform(FRAME)
    with pytest.raises(ValueError, match="x of the new rows is no table"):
        FITTED.transform(np.ones(5))
    with pytest.raises(ValueError, match=r"shape \(3, 2\) and the model was trained on the 5 columns size, age"):
        FITTED.transform(np.ones((3, 2)))
