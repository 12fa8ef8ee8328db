"""Every public name: a docstring of one line and more, and for whatever can be called an example that runs."""

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

import jaxnn


def public_names():
    """Everything reached from ``jaxnn`` by names without an underscore: ``{"losses.huber": function}``."""
    found = {}
    for name, value in vars(jaxnn).items():
        if name.startswith("_"):
            continue
        if not inspect.ismodule(value):
            found[name] = value
        elif is_door(value):
            found[name] = value
            found |= {f"{name}.{n}": v for n, v in vars(value).items() if not n.startswith("_") and is_ours(value, v)}
    return found


def is_door(module):
    """Whether a module is one that ``jaxnn/__init__.py`` re-exports, not one that importing its parts left there."""
    return module.__name__ in DOORS


def is_ours(module, value):
    """Whether a module of the package defines a function or class, or, being a package, re-exports it."""
    if not (inspect.isfunction(value) or inspect.isclass(value) or isinstance(value, (jaxnn.Loss, jaxnn.Metric))):
        return False
    return value.__module__ == module.__name__ or (
        hasattr(module, "__path__") and value.__module__.startswith(f"{module.__name__}.")
    )


def doors():
    """The modules that ``jaxnn/__init__.py`` names in ``from jaxnn import ...`` and ``from jaxnn.x import y``."""
    import ast

    tree = ast.parse(inspect.getsource(jaxnn))
    names = [(node.module, a.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names]
    return {f"{module}.{name}" for module, name in names if inspect.ismodule(getattr(jaxnn, name))}


DOORS = doors()
PUBLIC = public_names()
CALLABLE = sorted(name for name, value in PUBLIC.items() if callable(value))
MODULES = [
    "jaxnn",
    *(m.name for m in pkgutil.walk_packages(jaxnn.__path__, "jaxnn.") if not m.name.endswith("__main__")),
]


def test_the_walk_finds_what_is_there():
    assert {"Dense", "losses.huber", "metrics.r2", "data.load", "fit", "grid"} <= set(PUBLIC)


@pytest.mark.parametrize("name", CALLABLE)
def test_has_a_docstring_with_an_example(name):
    text = inspect.getdoc(PUBLIC[name]) or ""
    first = text.split("\n\n")[0]
    assert text, f"{name} has no docstring"
    assert "\n" not in first, f"the docstring of {name} does not start with one line of its own"
    assert len(first) <= 116, f"the first line of {name} is too long"
    assert first.endswith("."), f"the first line of {name} is no sentence"
    assert ">>> " in text, f"the docstring of {name} has no Example"


@pytest.mark.parametrize("name", CALLABLE)
def test_names_its_arguments(name):
    value = getattr(PUBLIC[name], "rows", PUBLIC[name])
    text = inspect.getdoc(value) or ""
    if inspect.isfunction(value):
        wanted = [p.name for p in inspect.signature(value).parameters.values()]
    elif dataclasses.is_dataclass(value):
        wanted = [f.name for f in dataclasses.fields(value) if f.init]
    else:
        wanted = []
    if len(wanted) > 2:
        missing = [w for w in wanted if w not in text]
        assert not missing, f"the docstring of {name} does not say what {', '.join(missing)} is"


@pytest.mark.parametrize("name", [n for n in CALLABLE if inspect.isclass(PUBLIC[n])])
def test_public_methods_have_docstrings(name):
    for method, value in vars(PUBLIC[name]).items():
        if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{method} has no docstring"


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name):
    assert (importlib.import_module(name).__doc__ or "").strip(), f"{name} has no docstring"
