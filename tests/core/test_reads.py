"""What a trial reads: equal keys for equal readings, other keys for others, and digests that name the difference."""

import json
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

import jaxnn as nn
from jaxnn.core.reads import digests, first_difference, key_of, reads

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


FUNCTIONS: dict[str, tuple[str, ...]] = {
    "global": ("WIDTH = ?\ndef trial(lr): return WIDTH", "the global WIDTH of trial"),
    "type of a global": ("A = ?\ndef trial(): return A", "the global A of trial", "1", "True"),
    "float or int": ("A = ?\ndef trial(): return A", "the global A of trial", "1", "1.0"),
    "sign of zero": ("?", "the global A of trial", "A = 0.0\ndef trial(): return A", "A = -0.0\ndef trial(): return A"),
    "missing global": ("?", "the global A of trial", "def trial(): return A", "A = None\ndef trial(): return A"),
    "global in a lambda": ("A = ?\ndef trial(): return (lambda: A)()", "the global A of trial"),
    "global in a comprehension": ("A = ?\ndef trial(): return [x + A for x in range(3)]", "the global A of trial"),
    "global in a class within": ("A = ?\ndef trial():\n  class B:\n    a = A\n  return B.a", "the global A of trial"),
    "global that is also written": ("A = ?\ndef trial():\n  global A\n  A += 1\n  return A", "the global A of trial"),
    "default": ("def trial(width=?): pass", "the default of width in trial"),
    "keyword default": ("def trial(*, a=?): pass", "the default of a in trial"),
    "default made": ("?", "the default of a in trial is new", "def trial(a): pass", "def trial(a=0): pass"),
    "closure": (
        "def make(hidden):\n  def trial(): return hidden\n  return trial\ntrial = make(?)",
        "the closure's hidden in trial",
    ),
    "constant": ("def trial(): return ?", "the code of trial"),
    "constant's type": ("def trial(): return ?", "the code of trial", "1", "True"),
    "constant in a tuple": ("def trial(): return ?, 0", "the code of trial", "1", "1.0"),
    "constant in a set": ("def trial(x): return x in {?, 'a', 'b'}", "the code of trial", "1", "1.0"),
    "constant within": ("def trial(): return lambda: ?", "the code of trial"),
    "docstring that is used": ("def trial():\n  '?'\n  return '?'", "the code of trial", "a", "b"),
    "keyword": ("def trial(): return f(?=1)", "the code of trial", "a", "b"),
    "attribute": ("def trial(x): return x.?", "the code of trial", "a", "b"),
    "operation": ("def trial(x): return x ? x", "the code of trial", "+", "-"),
    "helper's global": (
        "DEPTH = ?\ndef helper(): return DEPTH\ndef trial(): return helper()",
        "the global DEPTH of helper",
    ),
    "helper's code": ("def helper(): return ?\ndef trial(): return helper()", "the code of helper"),
    "another helper": ("def ?(): return 1\ndef trial(): return h()\nh = ?", "the global h of trial", "a", "b"),
    "recursion": (
        "A = ?\ndef f(): return g()\ndef g(): return f(), A\ndef trial(): return f(), trial",
        "the global A of g",
    ),
    "keyword of a partial": (
        "def f(lr, width): pass\ntrial = functools.partial(f, width=?)",
        "the partial's width in f",
    ),
    "argument of a partial": ("def f(lr, width): pass\ntrial = functools.partial(f, ?)", "the partial's 0 in f"),
    "function of a partial": (
        "?",
        "the code of f",
        "def f(lr, width): pass\ntrial = functools.partial(f, 8)",
        "def f(lr, width): return 1\ntrial = functools.partial(f, 8)",
    ),
    "decorated": (
        "def twice(g):\n  @functools.wraps(g)\n  def inner(*a): return g(*a)\n  return inner\n"
        "@twice\ndef trial(): return ?",
        "the code of trial (2)",
    ),
    "cached": ("@functools.lru_cache\ndef f(): return ?\ndef trial(): return f()", "the code of f"),
    "compiled": ("@jax.jit\ndef f(x): return x + ?\ndef trial(): return f(1)", "the code of f"),
    "own derivative": (
        "@jax.custom_jvp\ndef f(x): return x\nf.defjvp(lambda p, t: (p, ?))\ndef trial(): return f(1)",
        "the code of <lambda>",
        "t",
        "2",
    ),
    "attribute of a function": ("def trial(): return trial.width\ntrial.width = ?", "trial.width"),
    "schedule": (
        "s = optax.exponential_decay(0.1, 10, ?)\ndef trial(): return s",
        "the closure's decay_rate in schedule",
        "0.5",
        "0.6",
    ),
    "optimizer": (
        "o = optax.adam(optax.exponential_decay(0.1, ?, 0.5))\ndef trial(): return o",
        "the global o of trial",
    ),
    "model": ("m = nn.mlp((?,), out=2)\ndef trial(): return m", "the global m of trial"),
    "function in a list": ("fs = [lambda: ?]\ndef trial(): return fs", "the global fs of trial"),
    "library function": ("f = jnp.?\ndef trial(): return f", "the global f of trial", "tanh", "sin"),
    "order of a dict": (
        "?",
        "the global d of trial",
        "d = dict(a=1, b=2)\ndef trial(): return d",
        "d = dict(b=2, a=1)\ndef trial(): return d",
    ),
}

OBJECTS: dict[str, tuple[str, ...]] = {
    "class attribute": ("class Config:\n  width = ?\ndef trial(): return Config.width", "Config.width"),
    "attribute of a base": (
        "class Base:\n  width = ?\nclass Config(Base): pass\ndef trial(): return Config.width",
        "Base.width",
    ),
    "method of a class": ("class A:\n  def f(self): return ?\ndef trial(): return A().f()", "the code of A.f"),
    "property of a class": (
        "class A:\n  @property\n  def f(self): return ?\ndef trial(): return A().f",
        "the code of A.f",
    ),
    "default of a data class": ("@dataclasses.dataclass\nclass A:\n  w: int = ?\ndef trial(): return A()", "A.w"),
    "enum class": ("class A(enum.Enum):\n  SMALL = ?\ndef trial(): return A.SMALL", "A.SMALL"),
    "global object": ("class A: pass\na = A()\na.width = ?\ndef trial(): return a.width", "the global a of trial"),
    "method that reads self": (
        "class A:\n  def __init__(self, w): self.w = w\n  def trial(self): return self.w\ntrial = A(?).trial",
        "self.w in A.trial",
    ),
    "method that reads self in a lambda": (
        "class A:\n  def trial(self): return (lambda: self.w)()\na = A()\na.w = ?\ntrial = a.trial",
        "self.w in A.trial",
    ),
    "method that passes self on": (
        "class A:\n  def trial(self): return vars(self)\na = A()\na.w = ?\ntrial = a.trial",
        "self.w in A.trial",
    ),
    "method of a method": (
        "class A:\n  def trial(self): return self.f()\n  def f(self): return self.w\na = A()\na.w = ?\ntrial = a.trial",
        "self.w in A.trial",
    ),
    "method through super": (
        "class B:\n  def f(self): return self.w\nclass A(B):\n  def f(self): return super().f()\n"
        "a = A()\na.w = ?\ntrial = a.f",
        "self.w in A.f",
    ),
    "property of self": (
        "class A:\n  @functools.cached_property\n  def p(self): return self.w\n  def f(self): return self.p\n"
        "a = A()\na.w = ?\ntrial = a.f",
        "self.w in A.f",
        "1\na.p",
        "2",
    ),
    "slots of self": (
        "class A:\n  __slots__ = ('w',)\n  def f(self): return self.w\na = A()\na.w = ?\ntrial = a.f",
        "self.w in A.f",
    ),
    "self is a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n  w: int\n  def f(self): return self.w\ntrial = A(?).f",
        "self in A.f",
    ),
    "class method": ("class A:\n  w = ?\n  @classmethod\n  def f(cls): return cls.w\ntrial = A.f", "A.w"),
    "callable object": (
        "@dataclasses.dataclass\nclass A:\n  w: int\n  def __call__(self, lr): return self.w\ntrial = A(?)",
        "self.w in A.__call__",
    ),
    "class as a trial": ("class trial:\n  def __init__(self): self.a = ?", "the code of trial.__init__"),
}

"""Sources, what changes when 1 stands for the question mark and then 2, or the two texts that follow."""


def both(source, phrase, old="1", new="2"):
    return source.replace("?", old), source.replace("?", new), phrase


@pytest.mark.parametrize("name", [*FUNCTIONS, *OBJECTS])
def test_a_change_is_told_and_none_is_not(name):
    old, new, phrase = both(*(FUNCTIONS | OBJECTS)[name])
    assert (difference(trial_of(old), trial_of(new)) or "").startswith(phrase)
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
    sources = [PRELUDE + both(*case)[0] for case in (FUNCTIONS | OBJECTS).values()]
    program = (
        "import json, sys\nfrom jaxnn.core.reads import digests\n"
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
            input=json.dumps(sources),
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
    here = [digests(trial_of(source)) for source in sources]
    assert [first_difference(a, b) for a, b in zip(others, here, strict=True)] == [None] * len(sources)
