"""Values as text, through the functions that read them: equal for equal values alone, here and in every process."""

import dataclasses
import enum
import functools
import math
import operator
import os
import threading
import types
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn.core.layer import hyper, spec
from jaxnn.core.reads import digests, first_difference, key_of


def reader(value):
    """A function that reads a value, and nothing else."""
    return lambda: value


WHERE = "the closure's value in <lambda>"


class Shade(enum.Enum):
    DARK = 1
    LIGHT = 2


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Record:
    a: Any
    b: Any = 1


class Box:
    def __init__(self, **values):
        vars(self).update(values)


class Bag(dict):
    pass


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


@spec
class ReadsShift:
    by: float = hyper()

    def init(self, key, x):
        return {}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x + self.by, state


def loop(value):
    box = Box(value=value)
    box.self, box.all = box, [box, {"box": box}]
    return box


def bag(value, **attributes):
    made = Bag(a=value)
    vars(made).update(attributes)
    return made


def generator(draws):
    made = np.random.default_rng(0)
    made.normal(size=draws)
    return made


VALUES = {
    "none": [lambda: None],
    "numbers": [
        *(functools.partial(complex, real, imag) for real in (0.0, -0.0) for imag in (0.0, -0.0)),
        *(lambda v=v: v for v in (0, 1, 2**80, 0.0, -0.0, 1.0, math.inf, float("nan"), True, False, 10**5000)),
    ],
    "text": [lambda: "a", lambda: b"a", lambda: "\ud800", lambda: "int 1", lambda: "['a', 'b']", lambda: "a list"],
    "holders": [
        *(lambda v=v: v for v in ([1, 2], (1, 2), [2, 1], [[1, 2]], [[1], 2], [1, [2]], [], (), {}, set(), ["1", 2])),
        *(lambda v=v: v for v in ({"a": 1}, {"a": 1.0}, {1: "a"}, {1, 2}, {1, 3}, frozenset({1, 2}), ["int 1", 2])),
    ],
    "enums": [lambda: Shade.DARK, lambda: Shade.LIGHT],
    "records": [
        *(lambda v=v: Pair(*v) for v in ((1, 2), (2, 1))),
        *(lambda v=v: Record(*v) for v in ((1, 2), (1, 1))),
        *(lambda v=v: Box(a=v) for v in (1, 2)),
        *(lambda v=v: Slots(v) for v in (1, 2)),
        *(lambda v=v: bag(v) for v in (1, 2)),
        lambda: bag(1, note=2),
        lambda: Box(),
        *(lambda v=v: ReadsShift(v) for v in (1, 2.0)),
        *(lambda v=v: loop(v) for v in (1, 2)),
    ],
    "arrays": [
        *(lambda t=t: np.arange(4, dtype=t) for t in ("f4", ">f4", "f8", "i4")),
        *(lambda s=s: np.arange(4).reshape(s) for s in ((4,), (2, 2), (4, 1))),
        lambda: np.arange(8)[::2],
        lambda: np.array([0.0]),
        lambda: np.array([-0.0]),
        lambda: np.array(["ab"]),
        lambda: np.array(["ac"]),
        lambda: np.array([[1], "a"], dtype=object),
        lambda: np.array([[2], "a"], dtype=object),
        lambda: np.float32(1),
        lambda: np.float64(1),
        lambda: np.ma.masked_array([1, 2], [True, False]),
        lambda: np.ma.masked_array([1, 2], [False, True]),
        lambda: jnp.arange(4),
        lambda: jnp.arange(4).at[0].set(7),
        lambda: jnp.ones(3, jnp.bfloat16),
        lambda: jnp.ones(3, jnp.float16),
        lambda: jnp.asarray(1.0),
        lambda: jnp.float32(1.0),
        *(lambda s=s: jax.random.key(s, impl="threefry2x32") for s in (0, 1)),
        lambda: jax.random.key_data(jax.random.key(0, impl="threefry2x32")),
        *(lambda n=n: generator(n) for n in (0, 1)),
        *(lambda n=n: np.random.RandomState(n) for n in (0, 1)),
    ],
    "others": [
        *(lambda v=v: v for v in (slice(1, 2), slice(1, 3), range(3), range(4), ..., NotImplemented, Path("a"))),
        *(lambda v=v: np.dtype(v) for v in ("f4", "f8", [("a", "f4")], [("b", "f4")])),
        *(lambda v=v: types.MappingProxyType({"a": v}) for v in (1, 2)),
        *(lambda v=v: operator.itemgetter(v) for v in (1, 2)),
        *(lambda v=v: functools.partial(max, v) for v in (1, 2)),
        *(lambda v=v: v for v in (np, jnp, math, max, min, np.add, np.subtract, jnp.float32, list[int], list[str])),
        *(lambda v=v: optax.adam(v) for v in (0.1, 0.2)),
        *(lambda v=v: v.append for v in ([1], [2])),
        *(lambda v=v: "".join if v else "a".join for v in (0, 1)),
    ],
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_are_equal_to_their_copies_alone(kind):
    first, second = ([reader([make()]) for make in VALUES[kind]] for _ in range(2))
    assert list(map(digests, first)) == list(map(digests, second))
    assert len({digests(trial)[WHERE] for trial in first}) == len(first)
    assert list(map(key_of, first)) == list(map(key_of, second))
    assert len(set(map(key_of, first))) == len(first)


UNLIKE = {
    "generator": lambda: (i for i in range(3)),
    "iterator": lambda: iter([1]),
    "lock": threading.Lock,
    "file": lambda: open(os.devnull),  # noqa: SIM115
    "device": lambda: jax.devices()[0],
    "deep": lambda: functools.reduce(lambda inner, _: [inner], range(500), 1),
    "endless": lambda: functools.reduce(lambda inner, _: [inner], range(5000), 1),
    "many": lambda: [[i] for i in range(20_000)],
}


@pytest.mark.parametrize("make", UNLIKE.values(), ids=UNLIKE)
def test_what_cannot_be_compared(make):
    value = make()
    for held in (value, [value], Box(a=value)):
        assert key_of(reader(held)) != key_of(reader(held))
    trial = reader(value)
    assert key_of(trial) != key_of(trial)
    other = make()
    assert first_difference(digests(trial), digests(reader(other))) is None
    if hasattr(value, "fileno"):
        value.close()
        other.close()


def test_the_word_of_what_cannot_be_compared():
    assert digests(reader(threading.Lock()))[WHERE] == "a lock"


def test_a_tracer_is_never_the_same():
    keys = []
    jax.jit(lambda x: keys.extend(key_of(reader(x)) for _ in range(2)))(1.0)
    assert keys[0] != keys[1]


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers())
HASHABLE = st.recursive(PLAIN, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
    ),
    max_leaves=8,
)


def canonical(value):
    """A value as nested tuples of texts: an oracle that knows types, signs of zero, NaN and order."""
    if isinstance(value, (set, frozenset)):
        return type(value), tuple(sorted(map(repr, map(canonical, value))))
    if isinstance(value, dict):
        return dict, tuple((canonical(k), canonical(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(canonical, value))
    return type(value), repr(value)


def copied(value):
    """An equal value of other objects, its sets filled the other way round."""
    if isinstance(value, (set, frozenset)):
        return type(value)(copied(v) for v in reversed(list(value)))
    if isinstance(value, dict):
        return {copied(k): copied(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(copied, value))
    return value


@settings(max_examples=200, deadline=None)
@given(NESTED, NESTED)
def test_nested_values(a, b):
    assert digests(reader(a)) == digests(reader(copied(a))) and key_of(reader(a)) == key_of(reader(copied(a)))
    same = canonical(a) == canonical(b)
    assert (digests(reader(a)) == digests(reader(b))) == same == (key_of(reader(a)) == key_of(reader(b)))


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ({"a": 1}, lambda v: v.update(a=2)),
        ([1, [2]], lambda v: v[1].append(3)),
        (np.zeros(3), lambda v: v.__setitem__(0, 1)),
        (Box(a=1), lambda v: setattr(v, "a", 2)),
        (Record(1), lambda v: setattr(v, "b", 2)),
    ],
)
def test_values_are_taken_as_they_are(value, change):
    trial = reader(value)
    old, old_digests = key_of(trial), digests(trial)
    assert key_of(trial) == old
    change(value)
    assert key_of(trial) != old
    assert first_difference(old_digests, digests(trial)) == f"{WHERE} has changed"


def test_a_set_of_functions_has_no_order():
    makers = [lambda a: lambda: a, lambda a: lambda: -a]
    sets = [{makers[0](1), makers[1](1), makers[0](2), makers[1](3)} for _ in range(20)]
    assert len({key_of(reader(fs)) for fs in sets}) == 1


def test_a_loop_is_the_same_text_at_any_depth_shared_or_copied():
    one = loop(1)
    told = {digests(reader(value))[WHERE] for value in ([one, [one]], [one, [loop(1)]], [loop(1), [loop(1)]])}
    assert len(told) == 1
    assert digests(reader([loop(1), [loop(2)]]))[WHERE] not in told
