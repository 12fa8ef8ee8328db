"""The words of ``jaxnn serve``; that it answers is tested in ``tests/serve``."""

import sys

import pytest

from jaxnn.cli import entry, main
from jaxnn.cli.arguments import parse


def test_its_words():
    words = parse(["serve", "model.safetensors", "--port", "0", "--host", "::1"])
    assert (words.model, words.port, words.host) == ("model.safetensors", 0, "::1")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.setattr(entry, "configure", lambda **settings: None)


def test_a_file_that_is_none_is_told(tmp_path, capsys):
    assert main(["serve", str(tmp_path)]) == 2
    assert "holds no winner.safetensors" in capsys.readouterr().err


def test_without_the_library_it_says_what_to_install(monkeypatch, capsys, tmp_path):
    for name in [name for name in sys.modules if name.split(".")[0] == "uvicorn" or name.startswith("jaxnn.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(tmp_path)]) == 2
    assert "write pip install 'jaxnn-grid[serve]'" in capsys.readouterr().err
