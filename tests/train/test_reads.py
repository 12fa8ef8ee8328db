"""What a trial reads: equal keys for equal readings, other keys for others, and digests that name the difference."""

import dataclasses
import enum
import functools
import json
import math
import operator
import os
import subprocess
import sys
import textwrap
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

import jaxnn as nn
from jaxnn.core.layer import hyper, spec
from jaxnn.train.reads import digests, first_difference, key_of, reads

ROOT = Path(nn.__file__).parents[1]
PRELUDE = """
import dataclasses, enum, functools, types
import jax, jax.numpy as jnp, numpy as np, optax
import jaxnn as nn
"""


def run(source, **names):
    """What a notebook cell of this source defines, in a module of the user's."""
    scope = {"__name__": "users_module", **names}
    exec(compile(PRELUDE + textwrap.dedent(source), "<cell>", "exec"), scope)
    return types.SimpleNamespace(**scope)


def trial_of(source, **names):
    return run(source, **names).trial


def difference(old, new):
    """The first difference, after a round through JSON; the keys must say the same."""
    told = first_difference(json.loads(json.dumps(digests(old))), json.loads(json.dumps(digests(new))))
    assert (key_of(old) == key_of(new)) == (told is None)
    assert key_of(old) == key_of(old) and hash(key_of(old)) == hash(key_of(old))
    return told


PAIRS = {
    "global": (
        "WIDTH = 8\ndef trial(lr): return WIDTH",
        "WIDTH = 16\ndef trial(lr): return WIDTH",
        "the global WIDTH of trial has changed",
    ),
    "type of a global": ("A = 1\ndef trial(): return A", "A = True\ndef trial(): return A", "the global A of trial"),
    "float or int": ("A = 1\ndef trial(): return A", "A = 1.0\ndef trial(): return A", "the global A of trial"),
    "sign of zero": ("A = 0.0\ndef trial(): return A", "A = -0.0\ndef trial(): return A", "the global A of trial"),
    "missing global": ("def trial(): return A", "A = None\ndef trial(): return A", "the global A of trial has changed"),
    "global in a lambda": (
        "A = 1\ndef trial(): return (lambda: A)()",
        "A = 2\ndef trial(): return (lambda: A)()",
        "the global A of trial has changed",
    ),
    "global in a comprehension": (
        "A = 1\ndef trial(): return [x + A for x in range(3)]",
        "A = 2\ndef trial(): return [x + A for x in range(3)]",
        "the global A of trial has changed",
    ),
    "global in a class within": (
        "A = 1\ndef trial():\n  class B:\n    a = A\n  return B.a",
        "A = 2\ndef trial():\n  class B:\n    a = A\n  return B.a",
        "the global A of trial has changed",
    ),
    "global that is also written": (
        "A = 1\ndef trial():\n  global A\n  A += 1\n  return A",
        "A = 2\ndef trial():\n  global A\n  A += 1\n  return A",
        "the global A of trial has changed",
    ),
    "default": ("def trial(width=8): pass", "def trial(width=9): pass", "the default of width in trial has changed"),
    "keyword default": ("def trial(*, a=8): pass", "def trial(*, a=9): pass", "the default of a in trial has changed"),
    "default made": ("def trial(a): pass", "def trial(a=0): pass", "the default of a in trial is new"),
    "closure": (
        "def make(hidden):\n  def trial(): return hidden\n  return trial\ntrial = make(8)",
        "def make(hidden):\n  def trial(): return hidden\n  return trial\ntrial = make(9)",
        "the closure's hidden in trial has changed",
    ),
    "constant": ("def trial(): return 1", "def trial(): return 2", "the code of trial has changed"),
    "constant's type": ("def trial(): return 1", "def trial(): return True", "the code of trial has changed"),
    "constant in a tuple": ("def trial(): return 1, 0", "def trial(): return 1.0, 0", "the code of trial has changed"),
    "constant in a set": (
        "def trial(x): return x in {1, 'a', 'b'}",
        "def trial(x): return x in {1.0, 'a', 'b'}",
        "the code of trial has changed",
    ),
    "constant within": (
        "def trial(): return lambda: 1",
        "def trial(): return lambda: 2",
        "the code of trial has changed",
    ),
    "docstring that is used": (
        "def trial():\n  'a'\n  return 'a'",
        "def trial():\n  'b'\n  return 'b'",
        "the code of trial has changed",
    ),
    "keyword": ("def trial(): return f(a=1)", "def trial(): return f(b=1)", "the code of trial has changed"),
    "attribute": ("def trial(x): return x.a", "def trial(x): return x.b", "the code of trial has changed"),
    "operation": ("def trial(x): return x + x", "def trial(x): return x - x", "the code of trial has changed"),
    "helper's global": (
        "DEPTH = 1\ndef helper(): return DEPTH\ndef trial(): return helper()",
        "DEPTH = 2\ndef helper(): return DEPTH\ndef trial(): return helper()",
        "the global DEPTH of helper has changed",
    ),
    "helper's code": (
        "def helper(): return 1\ndef trial(): return helper()",
        "def helper(): return 2\ndef trial(): return helper()",
        "the code of helper has changed",
    ),
    "another helper": (
        "def a(): return 1\ndef trial(): return h()\nh = a",
        "def b(): return 1\ndef trial(): return h()\nh = b",
        "the global h of trial has changed",
    ),
    "recursion": (
        "A = 1\ndef f(): return g()\ndef g(): return f(), A\ndef trial(): return f(), trial",
        "A = 2\ndef f(): return g()\ndef g(): return f(), A\ndef trial(): return f(), trial",
        "the global A of g has changed",
    ),
    "class attribute": (
        "class Config:\n  width = 8\ndef trial(): return Config.width",
        "class Config:\n  width = 9\ndef trial(): return Config.width",
        "Config.width has changed",
    ),
    "attribute of a base": (
        "class Base:\n  width = 8\nclass Config(Base): pass\ndef trial(): return Config.width",
        "class Base:\n  width = 9\nclass Config(Base): pass\ndef trial(): return Config.width",
        "Base.width has changed",
    ),
    "method of a class": (
        "class A:\n  def f(self): return 1\ndef trial(): return A().f()",
        "class A:\n  def f(self): return 2\ndef trial(): return A().f()",
        "the code of A.f has changed",
    ),
    "property of a class": (
        "class A:\n  @property\n  def f(self): return 1\ndef trial(): return A().f",
        "class A:\n  @property\n  def f(self): return 2\ndef trial(): return A().f",
        "the code of A.f has changed",
    ),
    "default of a data class": (
        "@dataclasses.dataclass\nclass A:\n  w: int = 8\ndef trial(): return A()",
        "@dataclasses.dataclass\nclass A:\n  w: int = 9\ndef trial(): return A()",
        "A.w has changed",
    ),
    "enum class": (
        "class A(enum.Enum):\n  SMALL = 8\ndef trial(): return A.SMALL",
        "class A(enum.Enum):\n  SMALL = 9\ndef trial(): return A.SMALL",
        "A.SMALL has changed",
    ),
    "global object": (
        "class A: pass\na = A()\na.width = 8\ndef trial(): return a.width",
        "class A: pass\na = A()\na.width = 9\ndef trial(): return a.width",
        "the global a of trial has changed",
    ),
    "method that reads self": (
        "class A:\n  def __init__(self, w): self.w = w\n  def trial(self): return self.w\ntrial = A(8).trial",
        "class A:\n  def __init__(self, w): self.w = w\n  def trial(self): return self.w\ntrial = A(9).trial",
        "self.w in A.trial has changed",
    ),
    "method that reads self in a lambda": (
        "class A:\n  def trial(self): return (lambda: self.w)()\na = A()\na.w = 8\ntrial = a.trial",
        "class A:\n  def trial(self): return (lambda: self.w)()\na = A()\na.w = 9\ntrial = a.trial",
        "self.w in A.trial has changed",
    ),
    "method that passes self on": (
        "class A:\n  def trial(self): return vars(self)\na = A()\na.w = 8\ntrial = a.trial",
        "class A:\n  def trial(self): return vars(self)\na = A()\na.w = 9\ntrial = a.trial",
        "self.w in A.trial has changed",
    ),
    "method of a method": (
        "class A:\n  def trial(self): return self.f()\n  def f(self): return self.w\na = A()\na.w = 8\ntrial = a.trial",
        "class A:\n  def trial(self): return self.f()\n  def f(self): return self.w\na = A()\na.w = 9\ntrial = a.trial",
        "self.w in A.trial has changed",
    ),
    "method through super": (
        "class B:\n  def f(self): return self.w\nclass A(B):\n  def f(self): return super().f()\n"
        "a = A()\na.w = 8\ntrial = a.f",
        "class B:\n  def f(self): return self.w\nclass A(B):\n  def f(self): return super().f()\n"
        "a = A()\na.w = 9\ntrial = a.f",
        "self.w in A.f has changed",
    ),
    "property of self": (
        "class A:\n  @functools.cached_property\n  def p(self): return self.w\n  def f(self): return self.p\n"
        "a = A()\na.w = 8\ntrial = a.f",
        "class A:\n  @functools.cached_property\n  def p(self): return self.w\n  def f(self): return self.p\n"
        "a = A()\na.w = 9\na.p\ntrial = a.f",
        "self.w in A.f has changed",
    ),
    "slots of self": (
        "class A:\n  __slots__ = ('w',)\n  def f(self): return self.w\na = A()\na.w = 8\ntrial = a.f",
        "class A:\n  __slots__ = ('w',)\n  def f(self): return self.w\na = A()\na.w = 9\ntrial = a.f",
        "self.w in A.f has changed",
    ),
    "self is a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n  w: int\n  def f(self): return self.w\ntrial = A(8).f",
        "from typing import NamedTuple\nclass A(NamedTuple):\n  w: int\n  def f(self): return self.w\ntrial = A(9).f",
        "has changed",
    ),
    "class method": (
        "class A:\n  w = 8\n  @classmethod\n  def f(cls): return cls.w\ntrial = A.f",
        "class A:\n  w = 9\n  @classmethod\n  def f(cls): return cls.w\ntrial = A.f",
        "A.w has changed",
    ),
    "callable object": (
        "@dataclasses.dataclass\nclass A:\n  w: int\n  def __call__(self, lr): return self.w\ntrial = A(8)",
        "@dataclasses.dataclass\nclass A:\n  w: int\n  def __call__(self, lr): return self.w\ntrial = A(9)",
        "self.w in A.__call__ has changed",
    ),
    "class as a trial": (
        "class trial:\n  def __init__(self): self.a = 1",
        "class trial:\n  def __init__(self): self.a = 2",
        "the code of trial.__init__ has changed",
    ),
    "keyword of a partial": (
        "def f(lr, width): pass\ntrial = functools.partial(f, width=8)",
        "def f(lr, width): pass\ntrial = functools.partial(f, width=9)",
        "the partial's width in f has changed",
    ),
    "argument of a partial": (
        "def f(lr, width): pass\ntrial = functools.partial(f, 8)",
        "def f(lr, width): pass\ntrial = functools.partial(f, 9)",
        "the partial's 0 in f has changed",
    ),
    "function of a partial": (
        "def f(lr, width): pass\ntrial = functools.partial(f, 8)",
        "def f(lr, width): return 1\ntrial = functools.partial(f, 8)",
        "the code of f has changed",
    ),
    "decorated": (
        "def twice(g):\n  @functools.wraps(g)\n  def inner(*a): return g(*a)\n  return inner\n"
        "@twice\ndef trial(): return 1",
        "def twice(g):\n  @functools.wraps(g)\n  def inner(*a): return g(*a)\n  return inner\n"
        "@twice\ndef trial(): return 2",
        "the code of trial (2) has changed",
    ),
    "cached": (
        "@functools.lru_cache\ndef f(): return 1\ndef trial(): return f()",
        "@functools.lru_cache\ndef f(): return 2\ndef trial(): return f()",
        "the code of f has changed",
    ),
    "compiled": (
        "@jax.jit\ndef f(x): return x + 1\ndef trial(): return f(1)",
        "@jax.jit\ndef f(x): return x + 2\ndef trial(): return f(1)",
        "the code of f has changed",
    ),
    "own derivative": (
        "@jax.custom_jvp\ndef f(x): return x\nf.defjvp(lambda p, t: (p, t))\ndef trial(): return f(1)",
        "@jax.custom_jvp\ndef f(x): return x\nf.defjvp(lambda p, t: (p, 2))\ndef trial(): return f(1)",
        "the code of <lambda> has changed",
    ),
    "attribute of a function": (
        "def trial(): return trial.width\ntrial.width = 8",
        "def trial(): return trial.width\ntrial.width = 9",
        "trial.width has changed",
    ),
    "schedule": (
        "s = optax.exponential_decay(0.1, 10, 0.5)\ndef trial(): return s",
        "s = optax.exponential_decay(0.1, 10, 0.6)\ndef trial(): return s",
        "the closure's decay_rate in schedule has changed",
    ),
    "optimizer": (
        "o = optax.adam(optax.exponential_decay(0.1, 10, 0.5))\ndef trial(): return o",
        "o = optax.adam(optax.exponential_decay(0.1, 20, 0.5))\ndef trial(): return o",
        "the global o of trial has changed",
    ),
    "model": (
        "m = nn.mlp((8,), out=2)\ndef trial(): return m",
        "m = nn.mlp((9,), out=2)\ndef trial(): return m",
        "the global m of trial has changed",
    ),
    "function in a list": (
        "fs = [lambda: 1]\ndef trial(): return fs",
        "fs = [lambda: 2]\ndef trial(): return fs",
        "the global fs of trial has changed",
    ),
    "library function": (
        "f = jnp.tanh\ndef trial(): return f",
        "f = jnp.sin\ndef trial(): return f",
        "the global f of trial has changed",
    ),
    "order of a dict": (
        "d = dict(a=1, b=2)\ndef trial(): return d",
        "d = dict(b=2, a=1)\ndef trial(): return d",
        "the global d of trial has changed",
    ),
}


@pytest.mark.parametrize(("old", "new", "phrase"), PAIRS.values(), ids=PAIRS)
def test_a_change_is_told_and_none_is_not(old, new, phrase):
    assert phrase in (difference(trial_of(old), trial_of(new)) or "")
    assert difference(trial_of(old), trial_of("\n\n# moved\n\n" + old)) is None
    assert difference(trial_of(new), trial_of(new)) is None


EQUAL = {
    "docstring": ("def trial():\n  'a'\n  return 1", "def trial():\n  '''b\n  c'''\n  return 1"),
    "docstring made": ("def trial(): return 1", "def trial():\n  'a'\n  return 1"),
    "docstring within": (
        "def trial():\n  class A:\n    'a'\n    def f(self):\n      'b'\n  return A",
        "def trial():\n  class A:\n    'c'\n    def f(self):\n      'd'\n  return A",
    ),
    "line of a class within": (
        "def trial():\n  class A:\n    def f(self): self.a = self.b = 1\n  return A",
        "\n\ndef trial():\n\n  class A:\n\n    def f(self): self.a = self.b = 1\n  return A",
    ),
    "comment": ("def trial():\n  return 1", "def trial():\n  # why\n  return 1"),
    "annotation": ("def trial(a): pass", "def trial(a: int): pass"),
    "a global that is not read": ("A = 1\ndef trial(x): return x.A", "A = 2\ndef trial(x): return x.A"),
    "a global that is only written": (
        "A = 1\ndef trial():\n  global A\n  A = 3",
        "A = 2\ndef trial():\n  global A\n  A = 3",
    ),
    "an attribute that is not read": (
        "class A:\n  def f(self): return self.w\na = A()\na.w, a.log = 8, [1]\ntrial = a.f",
        "class A:\n  def f(self): return self.w\na = A()\na.w, a.log = 8, [2]\ntrial = a.f",
    ),
    "an attribute that is only written": (
        "class A:\n  def f(self): self.seen = self.w\na = A()\na.w, a.seen = 8, 1\ntrial = a.f",
        "class A:\n  def f(self): self.seen = self.w\na = A()\na.w, a.seen = 8, 2\ntrial = a.f",
    ),
    "a place in a factory": (
        "def make():\n  def trial(): return 1\n  return trial\ntrial = make()",
        "def other():\n  def trial(): return 1\n  return trial\ntrial = other()",
    ),
}


@pytest.mark.parametrize(("old", "new"), EQUAL.values(), ids=EQUAL)
def test_what_does_not_count(old, new):
    assert difference(trial_of(old), trial_of(new)) is None


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

    def apply(self, params, state, x, *, key=None, train=False):
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
    first, second = ([trial_of("def trial(): return A", A=[make()]) for make in VALUES[kind]] for _ in range(2))
    assert list(map(digests, first)) == list(map(digests, second))
    assert len({digests(trial)["the global A of trial"] for trial in first}) == len(first)
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
        assert key_of(lambda held=held: held) != key_of(lambda held=held: held)
    trial = trial_of("def trial(): return A", A=value)
    assert key_of(trial) != key_of(trial)
    other = make()
    assert first_difference(digests(trial), digests(trial_of("def trial(): return A", A=other))) is None
    if hasattr(value, "fileno"):
        value.close()
        other.close()


def test_the_word_of_what_cannot_be_compared():
    assert digests(trial_of("def trial(): return A", A=threading.Lock()))["the global A of trial"] == "a lock"


def test_a_tracer_is_never_the_same():
    keys = []
    jax.jit(lambda x: keys.extend(key_of(lambda x=x: x) for _ in range(2)))(1.0)
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
    def make(value):
        return lambda: value

    assert digests(make(a)) == digests(make(copied(a))) and key_of(make(a)) == key_of(make(copied(a)))
    same = canonical(a) == canonical(b)
    assert (digests(make(a)) == digests(make(b))) == same == (key_of(make(a)) == key_of(make(b)))


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
    trial = trial_of("def trial(): return A", A=value)
    old, old_digests = key_of(trial), digests(trial)
    assert key_of(trial) == old
    change(value)
    assert key_of(trial) != old
    assert first_difference(old_digests, digests(trial)) == "the global A of trial has changed"


def test_a_set_of_functions_has_no_order():
    makers = [lambda a: lambda: a, lambda a: lambda: -a]
    sets = [{makers[0](1), makers[1](1), makers[0](2), makers[1](3)} for _ in range(20)]
    assert len({key_of(lambda fs=fs: fs) for fs in sets}) == 1


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user's with the module ``settings``."""
    folder = tmp_path / "reads_users"
    folder.mkdir()
    (folder / "__init__.py").write_text("NAME = 'a'\n")
    (folder / "settings.py").write_text("WIDTH, DEPTH = 8, 1\ndef f(): return WIDTH\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.startswith("reads_users")]:
        del sys.modules[name]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("from reads_users import settings\ndef trial(): return settings.WIDTH", "settings.WIDTH in trial"),
        ("from reads_users import settings as s\ndef trial():\n  t = s\n  return t.WIDTH", "s.WIDTH in trial"),
        ("from reads_users import settings as s\ndef trial(): return vars(s)", "s.WIDTH in trial"),
        (
            "import reads_users.settings\ndef trial(): return reads_users.settings.WIDTH",
            "reads_users.settings.WIDTH in trial",
        ),
        (
            "def trial():\n  from reads_users.settings import WIDTH\n  return WIDTH",
            "reads_users.settings.WIDTH in trial",
        ),
        ("def trial():\n  import reads_users.settings as s\n  return s.WIDTH", "reads_users.settings.WIDTH in trial"),
        ("from reads_users import settings\ndef trial(): return settings.f()", "the global WIDTH of f"),
    ],
)
def test_attributes_of_a_module_of_the_user(source, named):
    trial = trial_of(source)
    old, old_digests = key_of(trial), digests(trial)
    settings_module: Any = sys.modules["reads_users.settings"]
    settings_module.DEPTH = 1
    assert key_of(trial) == old
    settings_module.WIDTH = 16
    assert key_of(trial) != old
    assert first_difference(old_digests, digests(trial)) == f"{named} has changed"


def test_a_patched_library_is_another_one_here_and_the_same_name_elsewhere(monkeypatch):
    trial = trial_of("def trial(x): return jax.nn.relu(x), nn.mlp")
    old, old_digests = key_of(trial), digests(trial)
    monkeypatch.setattr(jax.nn, "relu", jnp.tanh)
    assert key_of(trial) != old and digests(trial) == old_digests


def test_a_trial_itself():
    def make(model=8, lr=0.1, loss="squared_error", metrics=()):
        return nn.Trial(nn.mlp((model,), out=1), loss, optax.chain(nn.l2(0.1), optax.adam(lr)), metrics)

    old = make()
    assert key_of(old) == key_of(old) != key_of(make())
    assert digests(old) == digests(make())
    for change, part in (
        ({"model": 9}, "the model of the trial"),
        ({"lr": 0.2}, "the optimizer of the trial"),
        ({"lr": optax.cosine_decay_schedule(0.1, 10)}, "the optimizer of the trial"),
        ({"loss": "absolute_error"}, "the loss of the trial"),
        ({"loss": lambda outputs, targets: outputs[:, 0]}, "the loss of the trial"),
        ({"metrics": ("r2",)}, "the metrics of the trial"),
    ):
        assert first_difference(digests(old), digests(make(**change))) == f"{part} has changed"


def test_a_schedule_that_has_run_is_the_same():
    schedule = optax.cosine_decay_schedule(0.1, 10)
    old, old_digests = key_of(lambda: schedule), digests(lambda: schedule)
    schedule(3)
    assert key_of(lambda: schedule) == old
    assert first_difference(old_digests, digests(lambda: schedule)) is None


def test_a_trial_that_has_been_trained_is_the_same():
    def trial(lr, width=2):
        return nn.Trial(nn.mlp((width,), out=1), loss, optax.chain(nn.l2(0.1), optax.adam(rate(lr))))

    def rate(lr):
        return optax.exponential_decay(lr, 10, 0.5)

    @jax.jit
    def loss(outputs, targets):
        return (outputs[:, 0] - targets) ** 2

    x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
    for one, hparams in ((trial, {"lr": 0.1}), (trial(0.1), {})):
        old, old_digests = key_of(one), digests(one)
        nn.fit(one, (x, x[:, 0]), hparams, epochs=1, progress=False)
        assert key_of(one) == old and digests(one) == old_digests


def test_a_key_holds_what_it_knows_by_address():
    keys = {key_of(nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))) for _ in range(50)}
    assert len(keys) == 50


def test_reads_are_values_by_name():
    trial = trial_of("WIDTH = 8\ndef f(): return WIDTH\ndef trial(lr, depth=2): return nn.mlp, f(), MORE")
    found = reads(trial)
    code = {name: found.pop(name).co_name for name in ("the code of trial", "the code of f")}
    assert code == {"the code of trial": "trial", "the code of f": "f"}
    assert found.pop("the global MORE of trial").name == "missing"
    assert found == {"the default of depth in trial": 2, "the global f of trial": "f", "the global WIDTH of f": 8}


def test_first_difference_of_names():
    assert first_difference({}, {}) is None
    assert first_difference({"a": "1", "b": "1"}, {"a": "1", "b": "2"}) == "b has changed"
    assert first_difference({"a": "1"}, {}) == "a has gone"
    assert first_difference({}, {"a": "1"}) == "a is new"


def test_digests_are_the_same_in_every_process():
    names = [name for name in PAIRS if name != "own derivative"]
    program = (
        "import json, sys\nfrom jaxnn.train.reads import digests\n"
        "def trial(source):\n"
        "    scope = {'__name__': 'users_module'}\n"
        "    exec(compile(source, '<cell>', 'exec'), scope)\n"
        "    return digests(scope['trial'])\n"
        "extra = trial('''S = {'a', 'b', (1, 'c'), frozenset('xyz')}; F = {max, min, sum}\n"
        "def trial(x, y=(1, 2)): return x in {'p', 'q', 'r'}, S, F, {n: y for n in S}''')\n"
        "print(json.dumps([extra, *map(trial, json.loads(sys.stdin.read()))]))\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps([PRELUDE + PAIRS[name][0] for name in names]),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT / "tests",
        ).stdout
        for seed in ("0", "1", "2")
    ]
    assert told[0] == told[1] == told[2]
    first, *others = json.loads(told[0])
    assert len(first) == 4
    here = [digests(trial_of(PAIRS[name][0])) for name in names]
    assert [first_difference(a, b) for a, b in zip(others, here, strict=True)] == [None] * len(names)
