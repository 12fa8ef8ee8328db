"""Tables as numbers: what goes in, and that it becomes what the preparation makes of the table."""

import datetime

import jax
import numpy as np
import pandas
import pytest

from jaxnn.data import Preparation
from jaxnn.export.columns import encode, numbers, plain, used
from tests.export.cases import close

TABLE = pandas.DataFrame({
    "age": [30.0, None, 50.0, 41.0], "kind": ["a", None, "b", "a"], "id": ["x", "x", "x", None],
    "when": pandas.to_datetime(["2020-01-01", None, "2021-06-01", "2022-02-02"]), "flag": [True, False, None, True],
})  # fmt: skip


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("new", ["same", "other", "array"])
def test_numbers_are_those_of_the_preparation(new, scale):
    fitted = Preparation(scale=scale).fit(TABLE)
    table = {
        "same": TABLE,
        "other": TABLE[["when", "flag", "kind", "id", "age"]].assign(kind=["c", "b", None, "a"]),
        "array": TABLE.to_numpy(object),
    }[new]
    wanted = fitted.transform(table)
    close(jax.jit(lambda x: numbers(used(fitted), x))(encode(fitted, table)), wanted.astype(np.float32))


def test_a_date_is_days_and_a_text_its_place():
    fitted = Preparation().fit(TABLE)
    codes = dict(zip(fitted.features, encode(fitted, TABLE)[2].tolist(), strict=True))
    assert codes["when"] == (datetime.date(2021, 6, 1) - datetime.date(1970, 1, 1)).days
    told = {c["name"]: c for c in plain(used(fitted))}
    assert told["kind"]["categories"][int(codes["kind"])] == "b" and codes["age"] == 50


def test_a_column_of_another_kind_is_refused():
    fitted = Preparation().fit(TABLE)
    with pytest.raises(ValueError, match="held numbers in training and holds text here"):
        encode(fitted, TABLE.assign(age=["old", "young", "x", "y"]))
