import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY, child, hyper, is_spec, spec


@pytest.fixture
def knob():
    """A spec class of one hyperparameter and one size, taken out of the registry afterwards."""

    @spec
    class Knob:
        size: int
        turn: float = hyper(1.0)

    yield Knob
    del REGISTRY["Knob"]


def test_hyper_fields_are_leaves_and_all_else_is_treedef(knob):
    leaves, tree = jax.tree.flatten(knob(3, 0.5))
    assert leaves == [0.5]
    assert tree == jax.tree.structure(knob(3, 9.0))
    assert tree != jax.tree.structure(knob(4, 0.5))


def test_leaves_of_children_are_leaves():
    model = nn.Sequential(nn.Dropout(0.1), nn.Residual(nn.Sequential(nn.BatchNorm(0.9, 1e-3))))
    assert jax.tree.leaves(model) == [0.1, 0.9, 1e-3]
    halved = jax.tree.map(lambda v: v / 2, model)
    assert halved == nn.Sequential(nn.Dropout(0.05), nn.Residual(nn.Sequential(nn.BatchNorm(0.45, 5e-4))))


def test_leaves_have_readable_paths():
    model = nn.Sequential(nn.Dense(2), nn.Dropout(0.1))
    ((path, _),) = jax.tree_util.tree_flatten_with_path(model)[0]
    assert jax.tree_util.keystr(path) == ".layers[1].rate"


def test_a_spec_is_frozen(knob):
    with pytest.raises(dataclasses.FrozenInstanceError):
        knob(3).turn = 2.0


def test_the_printed_form_leaves_defaults_out(knob):
    assert repr(knob(3)) == "Knob(size=3)"
    assert repr(knob(3, 2.0)) == "Knob(size=3, turn=2.0)"
    assert repr(knob(3, 1)) == "Knob(size=3, turn=1)"


def test_equality_is_by_value_and_by_kind(knob):
    assert knob(3, 0.5) == knob(3, 0.5)
    assert knob(3, 0.5) == knob(3, jnp.float32(0.5)) == knob(3, np.float64(0.5))
    assert knob(3, 0.5) != knob(3, 0.25)
    assert knob(3, 0.5) != knob(4, 0.5)
    assert knob(3, jnp.array([0.5, 0.5])) != knob(3, 0.5)
    assert knob(3) != 3
    assert nn.Dropout(0.5) != nn.Activation("relu")


def test_equal_specs_of_plain_numbers_have_one_hash(knob):
    assert len({knob(3, 0.5), knob(3, 0.5), knob(3, 0.25)}) == 2
    assert hash(nn.Sequential(nn.Dense(3), nn.Dropout(0.5))) == hash(nn.Sequential(nn.Dense(3), nn.Dropout(0.5)))


def test_equal_specs_have_one_hash_whatever_holds_the_number(knob):
    assert hash(knob(3, 0.5)) == hash(knob(3, np.float64(0.5))) == hash(knob(3, jnp.float32(0.5)))


def test_tracers_are_equal_only_to_themselves(knob):
    def inside(a, b):
        assert knob(3, a) == knob(3, a)
        assert knob(3, a) != knob(3, b)
        assert knob(3, a) != knob(3, 1.0)
        return a

    jax.jit(inside)(1.0, 1.0)


def test_a_spec_passes_through_jit_grad_and_vmap(knob):
    assert float(jax.grad(lambda k: k.turn**2)(knob(3, 2.0)).turn) == 4.0
    many = jax.vmap(lambda k: k.turn * k.size)(knob(3, jnp.arange(2.0)))
    assert many.tolist() == [0.0, 3.0]


def test_a_static_spec_of_plain_numbers_is_a_jit_argument(knob):
    double = jax.jit(lambda k, x: x * k.turn, static_argnums=0)
    assert float(double(knob(3, 2.0), 3.0)) == 6.0


def test_names_are_taken_once(knob):
    with pytest.raises(TypeError, match=r"a spec named Knob exists in .*; give the new class another name"):

        @spec
        class Knob:
            pass

    assert REGISTRY["Knob"] is knob


def test_redefining_the_same_class_replaces_it():
    def define():
        @spec
        class Twice:
            by: float = hyper(1.0)

        return Twice

    first, second = define(), define()
    assert REGISTRY["Twice"] is second
    assert is_spec(second())
    assert is_spec(first())  # whose models are used and saved on
    del REGISTRY["Twice"]


def test_child_fields_are_leaves_and_may_hold_tuples_and_dicts():
    @spec
    class Both:
        parts: tuple = child()
        named: dict = child(None)

    both = Both((nn.Dropout(0.1),), {"a": nn.Dropout(0.2)})
    assert jax.tree.leaves(both) == [0.1, 0.2]
    assert nn.from_json(nn.to_json(both)) == both
    del REGISTRY["Both"]


def nothing(self, key, x):
    return {}, {}


def same(self, params, state, x, *, key=None, train=False, rows=None):
    return x, state


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({"init": nothing}, r"has no apply; a layer has init and apply: write def apply\(self, params, state, x, \*,"),
        ({"apply": same}, r"has no init.*write def init\(self, key, x\)"),
        ({"init": lambda self, key: None, "apply": same}, r"too many positional.*write def init\(self, key, x\)"),
        (
            {"init": nothing, "apply": lambda self, params, state, x, *, key=None, train=False: (x, state)},
            r"unexpected keyword argument 'rows'; write def apply",
        ),
        ({"init": nothing, "apply": lambda self, params, x, **options: x}, "too many positional"),
    ],
)
def test_a_layer_is_told_how_it_is_called(methods, words):
    with pytest.raises(TypeError, match=words):
        spec(type("Wrong", (), methods))
    assert "Wrong" not in REGISTRY


def test_a_layer_may_take_all_keywords_at_once():
    spec(type("Open", (), {"init": nothing, "apply": lambda self, params, state, x, **options: (x, state)}))
    del REGISTRY["Open"]


def test_structure_must_be_hashable():
    @spec
    class Table:
        rows: tuple

    assert Table((1, 2)) == Table((1, 2))
    for rows in ([1, 2], np.ones(2), jnp.ones(2)):
        with pytest.raises(TypeError, match=r"Table.rows is structure, which must be hashable.*nn.hyper\(\)"):
            Table(rows)
    del REGISTRY["Table"]
