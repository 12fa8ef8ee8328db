"""The leaves that a transformation acts on, kept in its state without being an array."""

import jax
import pytest

from jaxnn.optim.chosen import Chosen, choose, params_needed

PARAMS = {"dense_0": {"kernel": 1.0, "bias": 2.0}, "dense_1": {"kernel": 3.0, "bias": 4.0}, "norm_0": {"scale": 5.0}}


@pytest.mark.parametrize(
    ("where", "values"),
    [
        (("kernel",), [1.0, 3.0]),
        (("bias", "scale"), [2.0, 4.0, 5.0]),
        ("dense_1/*", [4.0, 3.0]),  # in the order of the tree, which sorts names
        (lambda path: path.startswith("norm"), [5.0]),
    ],
)
def test_leaves_are_chosen_by_name_pattern_or_function(where, values):
    assert choose("l1", PARAMS, where).of(PARAMS) == values


def test_it_maps_the_chosen_and_leaves_the_others():
    doubled = choose("l1", PARAMS, ("kernel",)).map(lambda a, b: a + b, PARAMS, PARAMS)
    assert jax.tree.leaves(doubled) == [2.0, 2.0, 4.0, 6.0, 5.0]


def test_what_is_not_there_is_told():
    with pytest.raises(ValueError, match=r"l1 finds no leaf for where=\('weight',\) among dense_0/bias, dense_0/k"):
        choose("l1", PARAMS, ("weight",))
    with pytest.raises(ValueError, match=r"initialised with a leaf 'dense_0/kernel'.*have only norm_0/scale; write"):
        choose("l1", PARAMS, ("kernel",)).of({"norm_0": {"scale": 1.0}})
    with pytest.raises(ValueError, match="l1 reads the parameters and got none"):
        params_needed("l1", None)


def test_they_are_structure_and_no_data():
    traces = []

    @jax.jit
    def step(state):
        traces.append(state)
        return state

    for paths in (("a",), ("a",), ("b",)):
        assert step({"leaves": Chosen(paths), "count": 0})["leaves"] == Chosen(paths)
    assert len(traces) == 2, "an equal one traces nothing, another one does"
    assert jax.tree.leaves(Chosen(("a",))) == []
