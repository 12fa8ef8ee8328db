"""A page for each room, made from the front door: a name that is added there stands on its room's page."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jaxnn

ROOMS = {  # room -> its title, in the order of the site
    "train": "Training",
    "grid": "Grids",
    "search": "Searches",
    "layers": "Layers",
    "models": "Models",
    "losses": "Losses",
    "metrics": "Metrics",
    "optim": "Parts of optimizers",
    "data": "Data",
    "inspect": "Inspection",
    "plot": "Pictures",
    "callbacks": "Callbacks",
    "io": "Files",
    "export": "Other runtimes",
    "sampling": "Sampling",
    "interop": "Other libraries",
    "testing": "The exam for layers",
    "core": "Specs and types",
    "settings": "Settings",
}


def write(folder: Path, as_rst: Callable[[str], str] = str) -> None:
    """Write ``ROOM.rst`` for every room, and ``index.rst`` that lists them.

    Args:
        as_rst: makes reStructuredText of a docstring, for the values that autodoc would print with all they hold.

    Raises:
        KeyError: for a public name whose room has no title above.
    """
    folder.mkdir()
    rooms: dict[str, list[str]] = {room: [] for room in ROOMS}
    for module, name in exported():
        rooms[module.split(".")[1] if "." in module else name].append(name)
    for room, names in rooms.items():
        (folder / f"{room}.rst").write_text(_page(room, names, as_rst))
    listed = "\n".join(f"   {room}" for room in ROOMS)
    (folder / "index.rst").write_text(f"{_title('The rooms')}.. toctree::\n   :maxdepth: 1\n\n{listed}\n")


def exported() -> list[tuple[str, str]]:
    """What the front door imports, in its order: (module, name)."""
    lines = [node for node in ast.parse(inspect.getsource(jaxnn)).body if isinstance(node, ast.ImportFrom)]
    names = [(str(line.module), alias.name) for line in lines for alias in line.names]
    return [(module, name) for module, name in names if not name.startswith("_")]


def _page(room: str, names: list[str], as_rst: Callable[[str], str]) -> str:
    names = sorted(names, key=lambda n: isinstance(v := getattr(jaxnn, n), type) and issubclass(v, BaseException))
    modules = [n for n in names if isinstance(getattr(jaxnn, n), ModuleType)]
    about = f".. automodule:: jaxnn.{room}\n   :no-members:\n   :no-index:\n"
    parts = [_title(ROOMS[room]), about, ".. currentmodule:: jaxnn\n"]
    parts += [_entry("jaxnn", n, getattr(jaxnn, n), as_rst) for n in names if n not in modules]
    for name in modules:
        module = getattr(jaxnn, name)
        if name != room:
            parts += [_title(f"nn.{name}", "-"), about.replace(f"jaxnn.{room}", module.__name__)]
        parts.append(f".. currentmodule:: {module.__name__}\n")
        own = {n: v for n, v in vars(module).items() if not n.startswith("_") and _is_own(module, v)}
        parts += [_entry(module.__name__, n, v, as_rst) for n, v in own.items()]
    return "\n".join(parts)


def _entry(module: str, name: str, value: Any, as_rst: Callable[[str], str]) -> str:
    if inspect.isclass(value) or inspect.isfunction(value):
        return f".. auto{'class' if inspect.isclass(value) else 'function'}:: {module}.{name}\n"
    text = as_rst(inspect.cleandoc(value.__doc__ or ""))  # of a record, or a table
    lines = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    call = "(outputs, targets)" if isinstance(value, (jaxnn.Loss, jaxnn.Metric)) else ""
    kind = "function" if call else "data"
    return f".. py:{kind}:: {name}{call}\n\n{lines}\n"


def _is_own(module: ModuleType, value: object) -> bool:
    """Whether a function, class or record is a module's: defined there, or, for a package, in one of its files."""
    if isinstance(value, (jaxnn.Loss, jaxnn.Metric)):
        value = value.rows
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return False
    return value.__module__ == module.__name__ or (
        hasattr(module, "__path__") and value.__module__.startswith(f"{module.__name__}.")
    )


def _title(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}\n\n"


def skipped(app, what, name, value, skip, options):
    """Fields of a named tuple say nothing of their own: their meaning stands under its arguments."""
    return True if (getattr(value, "__doc__", "") or "").startswith("Alias for field number") else None
