"""The first cell of a notebook, run where jaxnn is not installed: it installs this one, or says what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = "git+https://example.org/jaxnn"
# Without site-packages there is no jaxnn, and no pip either: the call is printed instead.
PRELUDE = "import subprocess\nsubprocess.run = lambda words, check: print(*words[2:5], *words[7:])\n"


def first_cell(notebook, address=""):
    cells = json.loads(notebook.read_text())["cells"]
    code = "".join(next(c for c in cells if c["cell_type"] == "code")["source"])
    assert 'ADDRESS = ""' in code
    return PRELUDE + code.replace('ADDRESS = ""', f"ADDRESS = {address!r}")


def run(code, folder, *path):
    lead = "".join(f"import sys; sys.path.insert(0, {str(p)!r})\n" for p in path)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", lead + code], cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
class TestFirstCell:
    def test_inside_a_copy_it_installs_that_copy(self, notebook):
        done = run(first_cell(notebook, ADDRESS), notebook.parent)
        assert done.stdout.strip() == f"pip install -q jaxnn-grid[all] @ {ROOT.as_uri()}", done.stderr

    def test_at_the_root_of_a_copy_without_what_it_needs_too(self, notebook):
        done = run(first_cell(notebook), ROOT, ROOT)
        assert done.stdout.strip() == f"pip install -q jaxnn-grid[all] @ {ROOT.as_uri()}", done.stderr

    def test_outside_it_takes_the_address(self, notebook, tmp_path):
        done = run(first_cell(notebook, ADDRESS), tmp_path)
        assert done.stdout.strip() == f"pip install -q jaxnn-grid[all] @ {ADDRESS}", done.stderr

    def test_another_package_of_the_name_is_not_taken_for_this_one(self, notebook, tmp_path):
        (tmp_path / "jaxnn").mkdir()
        (tmp_path / "jaxnn" / "__init__.py").write_text("theirs = True")
        done = run(first_cell(notebook, ADDRESS) + "\nassert 'jaxnn' not in sys.modules", tmp_path, tmp_path)
        assert done.stdout.strip().endswith(ADDRESS) and done.returncode == 0, done.stderr

    def test_outside_without_an_address_it_says_what_to_write(self, notebook, tmp_path):
        done = run(first_cell(notebook), tmp_path)
        assert done.returncode == 1 and not done.stdout
        assert "write the address of one in ADDRESS above" in done.stderr.splitlines()[-1]
        assert "During handling" not in done.stderr


def test_no_file_names_the_package_of_another():
    """``jaxnn`` on the package index is somebody else's; ours is installed as ``jaxnn-grid``."""
    files = [p for ending in ("py", "ipynb", "md", "toml") for p in ROOT.rglob(f"*.{ending}") if ".venv" not in p.parts]
    assert not [str(p) for p in files if p != Path(__file__) and "jaxnn[" in p.read_text()]
