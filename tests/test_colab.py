"""Notebooks on a runtime that has JAX fitted to its GPU or TPU: installing jaxnn moves nothing of it.

Wheels without code stand for the packages, so that pip decides as it would and a minute suffices: our own is real.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = {  # as Colab has them: fitted to each other, and older than the newest
    "jax": ("0.12.0", ["jaxlib<=0.12.0,>=0.12.0"]),
    "jaxlib": ("0.12.0", []),
    "jax-cuda12-plugin": ("0.12.0", ["jax-cuda12-pjrt==0.12.0"]),
    "jax-cuda12-pjrt": ("0.12.0", []),
    "nvidia-cublas-cu12": ("12.9.0", []),
    "numpy": ("2.0.2", []),
}
NEWER = {"jax": ("0.13.0", ["jaxlib<=0.13.0,>=0.13.0"]), "jaxlib": ("0.13.0", []), "numpy": ("2.5.0", [])}
GREEDY = {"flax": ("99.0", ["jax>=0.13.0"]), "optax": ("99.0", ["jax>=0.13.0"])}  # want a JAX that is not there


def first_cell(notebook, address):
    cells = json.loads(notebook.read_text())["cells"]
    code = "".join(next(c for c in cells if c["cell_type"] == "code")["source"])
    return code.replace('ADDRESS = ""', f"ADDRESS = {address!r}")


def stand_in(folder, name, version, requires):
    """A wheel of metadata alone."""
    stem = f"{name.replace('-', '_')}-{version}"
    about = "".join(f"Requires-Dist: {r}\n" for r in requires)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{about}",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        for file, text in files.items():
            wheel.writestr(f"{stem}.dist-info/{file}", text)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(f"{stem}.dist-info/{f},,\n" for f in [*files, "RECORD"]))


def run(*words, **options):
    return subprocess.run(
        [str(w) for w in words], check=True, capture_output=True, text=True, timeout=120, **options
    ).stdout


def fresh(folder):
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def packages(python):
    found = json.loads(run(python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    return {p["name"].lower().replace("_", "-"): p["version"] for p in found}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder with our wheel, what it needs, the runtime's packages, and newer ones that pip would like better."""
    pytest.importorskip("setuptools")
    folder, copy = tmp_path_factory.mktemp("index"), tmp_path_factory.mktemp("copy")  # a build leaves files behind
    shutil.copytree(ROOT / "jaxnn", copy / "jaxnn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, copy)
    for words in itertools.chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        name, version = re.match(r"([\w-]+)(?:\[.*\])?(?:>=([\d.]+))?", words).groups()
        if version and name not in RUNTIME:
            stand_in(folder, name, version, ["jax>=0.8"] if name in GREEDY else [])
    for kind in (RUNTIME, NEWER, GREEDY):
        for name, about in kind.items():
            stand_in(folder, name, *about)
    return folder


@pytest.fixture(scope="module")
def runtime(index, tmp_path_factory):
    """An environment with JAX and its plugin for CUDA, as a notebook finds it."""
    python = fresh(tmp_path_factory.mktemp("runtime") / "venv")
    names = [f"{name}=={version}" for name, (version, _) in RUNTIME.items()]
    run(python, "-m", "pip", "install", "-q", "--no-index", "--find-links", index, *names)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS[:1], ids=lambda p: p.stem)
def test_installing_beside_a_plugin_for_cuda_moves_nothing(notebook, index, runtime, tmp_path):
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    wheel = next(index.glob("jaxnn_grid-*.whl")).as_uri()
    # Without constraints pip would take the newest of everything that asks for a newer JAX.
    report = run(
        runtime, "-m", "pip", "install", "-q", "--dry-run", "--report", "-", f"jaxnn-grid[all] @ {wheel}", "-U",
        "--upgrade-strategy", "eager", env=environment,
    )  # fmt: skip
    moved = {p["metadata"]["name"]: p["metadata"]["version"] for p in json.loads(report)["install"]}
    assert moved["jax"] == moved["jaxlib"] == "0.13.0"
    plain = run(
        runtime, "-m", "pip", "install", "-q", "--dry-run", "--report", "-", f"jaxnn-grid[all] @ {wheel}",
        env=environment,
    )  # fmt: skip
    assert {p["metadata"]["name"]: p["metadata"]["version"] for p in json.loads(plain)["install"]}["jax"] == "0.13.0"

    before = packages(runtime)
    run(runtime, "-I", "-c", first_cell(notebook, wheel), cwd=tmp_path, env=environment)
    after = packages(runtime)
    assert {name: after[name] for name in RUNTIME} == {name: before[name] for name in RUNTIME}
    assert {name: version for name, (version, _) in RUNTIME.items()}.items() <= after.items()
    assert after["jaxnn-grid"] and after["flax"] != "99.0" and after["optax"] != "99.0"
    assert "No broken requirements" in run(runtime, "-m", "pip", "check")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
class TestOldRuntimes:
    def cell(self, notebook, folder, version):
        about = folder / f"jax-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: jax\nVersion: {version}\n")
        prelude = f"import subprocess, sys\nsys.path.insert(0, {str(folder)!r})\n"
        prelude += "subprocess.run = lambda words, check: print(open(words[6]).read())\n"
        code = prelude + first_cell(notebook, "somewhere")
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], cwd=folder, capture_output=True, text=True, timeout=60
        )

    @pytest.mark.parametrize("version", ["0.7.2", "0.10.0", "0.4.33.dev20240920+abc"])
    def test_a_jax_that_is_too_old_is_one_sentence(self, notebook, version, tmp_path):
        done = self.cell(notebook, tmp_path, version)
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 1 and not done.stdout
        assert last.startswith(f"RuntimeError: this runtime has jax {version}, and jaxnn needs 0.10.1 or later;")
        assert "%pip install -U 'jax[cuda12]'" in last

    @pytest.mark.parametrize("version", ["0.10.1", "0.12.0.1", "1.0"])
    def test_a_newer_one_is_held(self, notebook, version, tmp_path):
        assert self.cell(notebook, tmp_path, version).stdout.strip() == f"jax=={version}"

    def test_the_oldest_is_the_project_s(self, notebook):
        (oldest,) = re.findall(r'^OLDEST = "([\d.]+)"', first_cell(notebook, ""), re.MULTILINE)
        assert f"jax>={oldest}" in PROJECT["dependencies"]
