"""Checkpoints of Orbax: what is read is what was written, the newest whole one counts, what does not fit is told.

What several devices share is written and read in `tests/grid/spread_8.py`.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnn.io import orbax

TREE = {
    "state": (optax.ScaleByAdamState(np.zeros((1,), np.int32), {"kernel": jnp.ones((1, 3), jnp.bfloat16)}, {}),),
    "key": jax.random.key(3, impl="threefry2x32"),
    "epoch": np.int32(7),
}
LIKE = jax.eval_shape(lambda: TREE)


@pytest.fixture
def place(tmp_path):
    """A place with one checkpoint."""
    found = tmp_path / "members_000.orbax"
    orbax.write(found, TREE)
    return found


def test_what_is_read_is_what_was_written(place):
    found = orbax.read(place, LIKE)
    assert jax.tree.structure(found) == jax.tree.structure(TREE)
    assert found["state"][0].mu["kernel"].dtype == jnp.bfloat16 and found["epoch"] == 7
    np.testing.assert_array_equal(jax.random.key_data(found["key"]), jax.random.key_data(TREE["key"]))
    plain = orbax.read(place)
    assert plain["state"]["0"]["mu"]["kernel"].tolist() == [[1, 1, 1]] and isinstance(plain["epoch"], np.ndarray)


def test_a_leaf_is_read_as_it_is_to_lie(place):
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    like = {**LIKE, "epoch": jax.ShapeDtypeStruct((), np.int32, sharding=here)}
    assert isinstance(orbax.read(place, like)["epoch"], jax.Array)


def test_the_newest_whole_one_counts(place):
    orbax.write(place, TREE | {"epoch": np.int32(8)})
    assert os.listdir(place) == ["1"] and orbax.read(place)["epoch"] == 8
    (place / "2.orbax-checkpoint-tmp").mkdir()  # as a kill leaves it
    assert orbax.read(place)["epoch"] == 8
    orbax.swept(place)
    assert os.listdir(place) == ["1"]


def test_the_later_form_counts(tmp_path, place):
    file = tmp_path / "members_000.safetensors"
    assert orbax.written(file) == place
    file.write_bytes(b"later")
    os.utime(orbax.newest(place), (1, 1))
    assert orbax.written(file) == file
    for path in (file, place, tmp_path / "nothing"):
        orbax.remove(path)
    assert orbax.written(file) is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epoch": jax.ShapeDtypeStruct((2,), np.int32)}, r"epoch: .* holds int32 \(\), the target int32 \(2,\)"),
        ({"epoch": jax.ShapeDtypeStruct((), np.float32)}, "the target float32"),
        ({"more": jax.ShapeDtypeStruct((), np.float32)}, "has no leaf 'more'"),
        ({"epoch": {}}, "has a leaf that the target lacks, 'epoch'"),
    ],
)
def test_another_tree_is_refused(place, changed, message):
    with pytest.raises(ValueError, match=message):
        orbax.read(place, {**LIKE, **changed})


def test_damage_is_told(tmp_path, place):
    with pytest.raises(ValueError, match="there is no checkpoint in"):
        orbax.read(tmp_path / "nowhere")
    (metadata,) = orbax.newest(place).rglob("_METADATA")
    metadata.write_text("{}")
    with pytest.raises(ValueError, match="is damaged or no checkpoint of jaxnn"):
        orbax.read(place, LIKE)
