"""What is read of modules, libraries and trials, before and after training."""

import importlib
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.reads import digests, first_difference, key_of


def trial_of(source):
    """The function ``trial`` that a cell of the user's defines."""
    scope = {"__name__": "users_module", "jax": jax, "nn": nn}
    exec(source, scope)
    return scope["trial"]


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


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("line", ["from .settings import WIDTH", "from . import settings\n  WIDTH = settings.WIDTH"])
def test_a_relative_import_is_of_the_trial_s_own_package(line):
    scope = {"__name__": "reads_users.trials", "__package__": "reads_users"}
    exec(f"def trial():\n  {line}\n  return WIDTH", scope)
    trial, settings = scope["trial"], importlib.import_module("reads_users.settings")
    old, old_digests = key_of(trial), digests(trial)
    settings.WIDTH = 9
    assert key_of(trial) != old
    assert "WIDTH in trial has changed" in (first_difference(old_digests, digests(trial)) or "")


@pytest.mark.parametrize(
    "body", ["self.w + self.v", "self.v + self.w", "self.w + (self.gone if self.w < 0 else 0) + self.v"]
)
def test_every_attribute_that_a_method_reads_counts(body):
    class Settings:
        def __init__(self, w, v):
            self.w, self.v = w, v

    exec(f"def trial(self): return {body}", {}, scope := {})
    Settings.trial = scope["trial"]
    base = Settings(1, 2).trial
    assert key_of(base) == key_of(Settings(1, 2).trial)
    for changed, name in ((Settings(3, 2), "w"), (Settings(1, 3), "v")):
        told = first_difference(digests(base), digests(changed.trial))
        assert key_of(base) != key_of(changed.trial) and told == f"self.{name} in trial has changed"


CASES = {
    "the last default": ("def trial(a, width=?): pass", "the default of width in trial has changed"),
    "the first of two defaults": ("def trial(a, w=?, v=0): pass", "the default of w in trial has changed"),
    "the second of two defaults": ("def trial(a, w=0, v=?): pass", "the default of v in trial has changed"),
    "a default behind keywords": ("def trial(a, w=?, *, k=0): pass", "the default of w in trial has changed"),
    "the second argument of a partial": (
        "import functools\ndef f(a, b): pass\ntrial = functools.partial(f, 0, ?)",
        "the partial's 1 in f has changed",
    ),
    "the second of a closure": (
        "def make(a, b):\n  def trial(): return a, b\n  return trial\ntrial = make(0, ?)",
        "the closure's b in trial has changed",
    ),
    "a method without a name for itself": (
        "class A:\n  def f(*args): return args[0].w\na = A()\na.w = ?\ntrial = a.f",
        "self.w in A.f has changed",
    ),
    "attributes that are made when asked for": (
        "class A:\n  def __init__(self, w): self.held = {'w': w}\n"
        "  def __getattr__(self, name):\n    if name != 'w': raise AttributeError(name)\n    return self.held['w']\n"
        "  def f(self): return self.w\ntrial = A(?).f",
        "self.held in A.f has changed",
    ),
    "a descriptor of one's own": (
        "class Twice:\n  def __get__(self, one, cls): return 2 * vars(one)['n']\n"
        "class A:\n  w = Twice()\n  def f(self): return self.w\na = A()\na.n = ?\ntrial = a.f",
        "self.n in A.f has changed",
    ),
    "a base behind another": (
        "class B:\n  w = ?\nclass C(B): pass\nclass A(C): pass\ndef trial(): return A.w",
        "B.w has changed",
    ),
    "the second base": (
        "class B: pass\nclass C:\n  w = ?\nclass A(B, C): pass\ndef trial(): return A.w",
        "C.w has changed",
    ),
    "the setter of a property": (
        "class A:\n  @property\n  def f(self): return 1\n  @f.setter\n  def f(self, v): self.w = v + ?\n"
        "def trial(): return A()",
        "the code of A.f (2) has changed",
    ),
    "a static method": (
        "class A:\n  @staticmethod\n  def f(): return ?\ndef trial(): return A.f()",
        "the code of A.f has changed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_changed_is_named(case):
    source, told = CASES[case]
    one, same, other = (trial_of(source.replace("?", v)) for v in ("3", "3", "4"))
    assert key_of(one) == key_of(same) != key_of(other)
    assert first_difference(digests(one), digests(same)) is None
    assert first_difference(digests(one), digests(other)) == told


@pytest.mark.usefixtures("package")
def test_of_a_module_that_is_read_whole_all_values_count_but_those_of_python():
    trial = trial_of("from reads_users import settings\ndef trial(): return vars(settings)")
    settings: Any = importlib.import_module("reads_users.settings")
    settings.width, settings._depth, settings.helper = 1, 2, lambda: 0
    before, old = digests(trial), key_of(trial)
    for name, value in (("__doc__", "other"), ("__version__", "2"), ("helper", lambda: 1)):
        setattr(settings, name, value)
        assert key_of(trial) == old and digests(trial) == before, name
    for name in ("width", "_depth", "WIDTH"):
        kept = getattr(settings, name)
        setattr(settings, name, 77)
        assert key_of(trial) != old
        assert first_difference(before, digests(trial)) == f"settings.{name} in trial has changed"
        setattr(settings, name, kept)
    assert key_of(trial) == old
