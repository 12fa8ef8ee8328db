"""The doors between the rooms of the package, what may stand in a file, and what ``import jaxnn`` may not do."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import jaxnn

PACKAGE = Path(jaxnn.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in FILES]

DOORS = {  # room -> the rooms it may import, and theirs
    "core": (),
    "settings": (),
    "testing": ("core",),
    "sampling": ("core",),
    "layers": ("core",),
    "models": ("layers",),
    "losses": ("core",),
    "metrics": ("core", "losses"),
    "data": ("core",),
    "optim": ("core",),
    "train": ("core", "losses", "metrics", "data", "optim"),
    "grid": ("train",),
    "search": ("grid",),
    "inspect": ("core", "train"),
    "io": ("core", "train"),
    "export": ("train", "io", "models"),
    "callbacks": ("inspect",),
    "plot": ("core", "train"),
    "interop": ("layers",),
    "sklearn": ("train", "grid", "search", "models"),
    "serve": ("core",),
    "cli": ("train", "grid", "search", "models", "io", "plot", "export", "serve", "settings"),
    "__main__": ("cli",),
}
LAZY = {  # what may be imported against the doors, inside a function, when it is used
    "train": ("io", "plot"),
    "grid": ("io", "plot"),
    "search": ("io",),
    "io": ("grid", "interop"),
}
LIGHT = set(sys.stdlib_module_names) | {"jax", "numpy", "optax", "tqdm", "jaxnn"}
HEAVY_ROOMS = {
    "sklearn": {"sklearn"},
    "interop": {"flax"},
    "serve": {"starlette", "uvicorn"},
}  # rooms that `import jaxnn` leaves alone


@cache
def tree(path):
    return ast.parse(path.read_text(), str(path))


def imports(path):
    """Every import of a file: (dotted name, whether it runs when the file is imported)."""
    found = []

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, not inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path} imports relatively"
                found.extend((f"{child.module}.{alias.name}", not inside) for alias in child.names)
            walk(child, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    walk(tree(path), False)
    return found


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def reach(room):
    """A room, the rooms it may import, and the rooms that those may."""
    found = {room}
    for other in DOORS[room]:
        found |= reach(other)
    return found


def test_every_room_is_on_the_map():
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms <= set(DOORS), f"{sorted(rooms - set(DOORS))} have no doors"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_go_through_the_doors(path):
    room = room_of(path)
    if room == "__init__":
        return
    for name, at_once in imports(path):
        if name.split(".")[0] != "jaxnn":
            continue
        other = [*name.split("."), ""][1]
        if other not in DOORS:
            assert room in ("cli", "sklearn"), f"{path} imports the front door: {name}; import the file that holds it"
            continue
        allowed = reach(room) | (set() if at_once else {r for lazy in LAZY.get(room, ()) for r in reach(lazy)})
        assert other in allowed, f"{path} imports {name}: there is no door from {room} to {other}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_heavy_packages_are_imported_when_they_are_used(path):
    for name, at_once in imports(path):
        package = name.split(".")[0]
        if at_once and package not in HEAVY_ROOMS.get(room_of(path), ()):
            assert package in LIGHT, f"{path} imports {package} at once; import it inside the function that needs it"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_private_jax_and_nothing_that_runs_what_it_reads(path):
    for name, _ in imports(path):
        assert not name.startswith("jax._src"), f"{path} imports {name}"
        assert name.split(".")[0] not in {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr != "_src", f"{path} reaches into _src"
        if isinstance(node, ast.keyword):
            assert node.arg != "allow_pickle" or ast.unparse(node.value) == "False", f"{path} allows pickles"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and path.name != "testing.py":
            assert node.func.id not in {"eval", "exec", "compile"}, f"{path} calls {node.func.id}"


def test_no_file_is_longer_than_300_lines():
    files = [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > 300}
    assert not long, f"these hold two ideas: {long}"


def test_the_front_door_only_imports():
    body = tree(PACKAGE / "__init__.py").body
    assert isinstance(body[0], ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in body[1:])


SILENT = """
import os, random, sys, warnings
import jax, numpy, optax
before = dict(jax.config.values), dict(os.environ), numpy.geterr(), list(warnings.filters)
drawn = random.getstate(), str(numpy.random.get_state())
modules = set(sys.modules)
import jaxnn
assert before == (dict(jax.config.values), dict(os.environ), numpy.geterr(), list(warnings.filters)), "settings"
assert drawn == (random.getstate(), str(numpy.random.get_state())), "random state"
heavy = {"sklearn", "pandas", "matplotlib", "flax", "orbax", "torch", "keras", "pyarrow", "optuna", "scipy.stats"}
assert not heavy & (set(sys.modules) - modules), heavy & set(sys.modules)
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 3)  # raises if a device has been touched
assert jax.device_count() == 3
"""


def test_import_touches_no_device_and_changes_no_setting():
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
