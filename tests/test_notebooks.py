"""Notebooks: the text script and the .ipynb are the same cells, and every cell runs; what they claim they assert."""

from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
FOLDER = Path(__file__).parent.parent / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def test_there_is_a_script_for_every_notebook():
    assert SCRIPTS
    assert {p.stem for p in SCRIPTS} == {p.stem for p in FOLDER.glob("*.ipynb")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_the_notebook_is_in_step_with_its_script(script):
    cells = [(c.cell_type, c.source) for c in jupytext.read(script).cells]
    assert cells == [(c.cell_type, c.source) for c in jupytext.read(script.with_suffix(".ipynb")).cells]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_every_cell_runs(script, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = jupytext.read(script)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert any("image/png" in o.get("data", {}) for o in outputs)
    assert not any(o.output_type == "error" for o in outputs)
