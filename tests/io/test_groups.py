"""The members of one group in a file."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files
from jaxnn.io.groups import group_file, read_group, read_into, write


@pytest.fixture(scope="module")
def pop():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    pop = nn.population(trial, (np.ones((4, 2)), np.arange(4.0)), dict(seed=[0, 1, 2]))
    pop.advance(2)
    return pop


def test_a_group_comes_back_as_it_stood(pop, tmp_path):
    write(tmp_path, pop, 0, pop.groups[0], 0)
    path = group_file(tmp_path, 0, 0)
    tree, epoch = read_group(path, 3)
    assert epoch == 2 and tree["history"]["loss"].shape == (3, 2)
    state = pop.state()
    like = {"state": jax.eval_shape(lambda: state), "history": tree["history"]}
    back, told = read_into(path, like, pop.layout)
    assert told["epoch"] == 2
    for a, b in zip(jax.tree.leaves(back["state"]), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("epoch", [-1, "2", None])
def test_what_is_no_group_is_refused(tmp_path, epoch):
    path = tmp_path / "members_000.safetensors"
    files.write(path, {"state": {"a": np.ones(3)}, "history": {"loss": np.ones((3, 2))}}, {"epoch": epoch})
    with pytest.raises(ValueError, match="no file of 3 members"):
        read_group(path, 3)


def test_a_group_of_another_number_of_members_is_refused(pop, tmp_path):
    write(tmp_path, pop, 0, pop.groups[0], 1)
    assert group_file(tmp_path, 0, 1).name == "members_000_1.safetensors"
    with pytest.raises(ValueError, match="no file of 4 members"):
        read_group(group_file(tmp_path, 0, 1), 4)
