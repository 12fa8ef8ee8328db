"""The rows of folds: preparation and names of tables fold by fold, groups by column, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GroupKFold, KFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import jaxnn as nn
from jaxnn.data.folded import read_parts
from jaxnn.data.source import read

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "age": np.where(np.arange(24) % 5 == 0, np.nan, RNG.normal(40, 9, 24)),
        "city": np.tile(["Ulm", "Bern", "Graz"], 8),
        "clinic": np.repeat(["a", "b", "c", "d"], 6),
    }
)
TABLE["y"] = RNG.integers(0, 2, 24)


def fold_of(source, part):
    """Rows and targets that a part trains on and holds out."""
    return [(source.data.x[rows], source.data.y[rows]) for rows in (source.parts[part], source.tests[part])]


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("kind", ["ours", "theirs"])
def test_a_table_is_prepared_by_each_folds_training_rows(kind, scale):
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["city"]))
    table = TABLE[["age", "city", "y"]] if kind == "ours" else TABLE[["age", "city", "y"]].fillna(30.0)
    prepare = None if kind == "ours" else columns
    source = read_parts((table, "y"), KFold(3), prepare=prepare, scale=scale)
    for part, (train, test) in enumerate(KFold(3).split(table)):
        own, held = table.iloc[train], table.iloc[test]
        solo = read((own, "y"), (held, "y"), prepare=prepare, scale=scale)
        (x, y), (held_x, held_y) = fold_of(source, part)
        np.testing.assert_array_equal(x, solo.data.x)
        np.testing.assert_array_equal(y, solo.data.y)
        np.testing.assert_array_equal(held_x, solo.held[0].x)
        np.testing.assert_array_equal(held_y, solo.held[0].y)
        if kind == "ours":
            assert source.preparation(part) == solo.prepare
        assert (source.scaler(part) is None) == (solo.standardiser is None)
    assert source.features == solo.features and source.by_index.scaling is None


def test_what_has_learned_before_is_shared():
    table = TABLE.drop(columns="clinic")
    learned = nn.data.Preparation().fit(table.drop(columns="y"))
    source = read_parts((table, "y"), 3, prepare=learned)
    assert len(source.data.y) == 24 and source.preparation(2) is learned
    np.testing.assert_allclose(source.data.x, learned.transform(table.drop(columns="y")), rtol=1e-6)


def test_folds_whose_tables_have_other_widths_are_refused():
    table = TABLE.drop(columns="clinic").assign(city=["Rome", *TABLE.city[1:]])
    with pytest.raises(
        ValueError, match=r"become rows of shape \(\d,\) and those of part \d of shape \(\d,\), as a cat"
    ):
        read_parts((table, "y"), KFold(3))


def test_groups_stand_on_one_side_of_each_fold():
    splits = nn.folds(4, groups="clinic", stratified=False)
    source = read_parts((TABLE, "y"), splits)
    assert "clinic" not in source.features
    groups = TABLE.clinic.to_numpy().astype(str)
    peer = GroupKFold(4, shuffle=True, random_state=0).split(TABLE, groups=groups)
    for train, test, (a, b) in zip(source.parts, source.tests, peer, strict=True):
        np.testing.assert_array_equal(train % 24, a)
        np.testing.assert_array_equal(test % 24, b)
    x = np.arange(24.0)[:, None]
    by_array = read_parts((x, x[:, 0]), 4, groups=groups)
    assert all(len(np.unique(groups[test])) == 1 for test in by_array.tests)


def test_the_digest_tells_folds_apart():
    data = np.arange(24.0)[:, None], np.arange(24.0)
    one, two = (read_parts(data, [(range(12), range(12, end))]).fingerprint() for end in (24, 20))
    assert one["the parts"] == two["the parts"] and one["the folds"] != two["the folds"]
    assert "the folds" not in read(data).fingerprint()


def test_parts_without_weight_are_refused():
    x = np.arange(6.0)[:, None]
    for weight, what in (([0, 0, 0, 1, 1, 1], "train on"), ([1, 1, 1, 0, 0, 0], "hold out")):
        with pytest.raises(ValueError, match=f"the rows that part 0 is to {what} are all 0"):
            read_parts((x, x[:, 0], weight), [(range(3), range(3, 6))])
