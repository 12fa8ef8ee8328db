"""Parquet files, row group by row group."""

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

import jaxnn as nn
from jaxnn.data.parquet import Parquet
from jaxnn.data.streamed import read

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 2)), np.arange(50) % 3


@pytest.fixture
def folder(tmp_path):
    for k, part in enumerate((slice(0, 30), slice(30, 50))):
        table = pa.table({"a": X[part, 0], "b": X[part, 1], "label": Y[part], "w": np.ones(part.stop - part.start)})
        pyarrow.parquet.write_table(table, tmp_path / f"{k}.parquet", row_group_size=8)
    return tmp_path


def rows(source, **where):
    blocks = source.blocks(10, 2, True, **where)
    blocks.until = 1
    found = [(c.batches.x[c.batches.rows], c.batches.y[c.batches.rows]) for c in iter(blocks, None)]
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def test_a_file_a_folder_and_a_dataset_are_rows_in_order(folder):
    for files, count in [(folder, 50), (str(folder / "0.parquet"), 30), (pyarrow.dataset.dataset(folder), 50)]:
        source = read(nn.stream(files, target="label", weight="w"), shuffle=False)
        x, y = rows(source)
        np.testing.assert_array_equal(x, X[:count].astype(np.float32))
        np.testing.assert_array_equal(y, Y[:count])
        assert source.features == ("a", "b")
        assert source.stepped(10, True) == (10, True, [count // 10])
    assert read((folder, "label")).origin.rows == 50


def test_row_groups_and_their_rows_are_shuffled(folder):
    source = read(nn.stream(folder, target="label"), shuffle_seed=1)
    x, _ = rows(source)
    order = [int(np.flatnonzero(np.isclose(X[:, 0], a))[0]) for a in x[:, 0]]
    assert sorted(order) == list(range(50)) != order
    assert len({k // 8 for k in order[:4]} | {(k - 30) // 8 for k in order[:4]}) < 8  # one group at a time
    np.testing.assert_array_equal(rows(read(nn.stream(folder, target="label"), shuffle_seed=1))[0], x)


def test_columns_of_arrays(tmp_path):
    images = RNG.normal(size=(12, 4)).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(images.reshape(-1), 4)
    pyarrow.parquet.write_table(pa.table({"image": column, "label": Y[:12]}), tmp_path / "a.parquet")
    x, _ = rows(read(nn.stream(tmp_path, target="label"), shuffle=False))
    np.testing.assert_array_equal(x, images)


def test_what_is_missing(tmp_path, folder):
    with pytest.raises(ValueError, match="there is no"):
        Parquet(tmp_path / "none.parquet", None)
    with pytest.raises(ValueError, match=r"target=\"label\""):
        nn.stream(folder)
    with pytest.raises(ValueError, match="no 'lable'; it holds 'a', 'b', 'label', 'w'"):
        read(nn.stream(folder, target="lable"))


def test_text_needs_what_has_learned(tmp_path):
    table = pa.table({"a": ["x", "y"] * 6, "b": X[:12, 0], "label": Y[:12] % 2})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=6)
    wish = nn.stream(tmp_path, target="label")
    with pytest.raises(ValueError, match=r"prepare=nn.data.Preparation\(\).fit\(table\)"):
        read(wish)
    learned = nn.data.Preparation().fit(table.drop_columns(["label"]).to_pandas())
    x, _ = rows(read(wish, prepare=learned, shuffle=False))
    np.testing.assert_allclose(x, learned.transform(table.drop_columns(["label"]).to_pandas()), rtol=1e-6)


def test_a_dataset_that_is_not_its_files_is_refused(tmp_path):
    table = pa.table({"a": np.arange(6.0), "y": np.arange(6), "part": ["u", "v"] * 3})
    pyarrow.parquet.write_table(table, tmp_path / "one.parquet")
    whole = pyarrow.dataset.dataset(tmp_path / "one.parquet")
    with pytest.raises(ValueError, match=r"the dataset is filtered, .* write a function that makes its batches"):
        Parquet(whole.filter(pyarrow.dataset.field("a") > 2), None)
    pyarrow.dataset.write_dataset(
        table, tmp_path / "hive", format="parquet", partitioning=["part"], partitioning_flavor="hive"
    )
    with pytest.raises(ValueError, match="columns that stand in the names of its folders"):
        Parquet(tmp_path / "hive", None)
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad.parquet cannot be read as Parquet files"):
        Parquet(str(tmp_path / "bad.parquet"), None)
