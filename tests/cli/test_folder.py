"""The output folder appears whole or not at all, and never takes what is not its own."""

import os

import pytest

from jaxnn.cli.axes import Bad
from jaxnn.cli.folder import output

NAMES = ("a.txt", "b.txt")


def _content(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_and_its_parents(tmp_path):
    with output(str(tmp_path / "x" / "y"), NAMES) as folder:
        (folder / "a.txt").write_text("1")
        assert not (tmp_path / "x" / "y").exists()
    assert _content(tmp_path) == {"x/y/a.txt": "1"}


def test_an_old_folder_is_replaced_whole(tmp_path):
    for name, text in (("a.txt", "1"), ("b.txt", "2")):
        with output(str(tmp_path / "out"), NAMES) as folder:
            (folder / name).write_text(text)
    assert _content(tmp_path) == {"out/b.txt": "2"}
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path, error):
    with output(str(tmp_path / "out"), NAMES) as folder:
        (folder / "a.txt").write_text("1")
    before = os.stat(tmp_path / "out").st_ino

    def fail():
        with output(str(tmp_path / "out"), NAMES) as folder:
            (folder / "a.txt").write_text("2")
            raise error

    with pytest.raises(error):
        fail()
    assert _content(tmp_path) == {"out/a.txt": "1"}
    assert os.stat(tmp_path / "out").st_ino == before


def test_a_failure_of_the_last_rename_brings_the_old_folder_back(tmp_path, monkeypatch):
    with output(str(tmp_path / "out"), NAMES) as folder:
        (folder / "a.txt").write_text("1")
    rename = type(tmp_path).rename

    def failing(self, target):
        if self.name.endswith(".tmp"):
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(type(tmp_path), "rename", failing)
    with pytest.raises(OSError, match="no"), output(str(tmp_path / "out"), NAMES) as folder:
        (folder / "a.txt").write_text("2")
    assert _content(tmp_path) == {"out/a.txt": "1"}


def test_a_folder_with_other_things_is_refused_before_and_after(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(Bad, match=r"holds 'diary.txt', which is none of our results; choose another with --out"):
        output(str(tmp_path), NAMES).__enter__()

    def late():
        with output(str(tmp_path / "out"), NAMES):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "diary.txt").write_text("mine")

    with pytest.raises(Bad, match=r"diary.txt"):
        late()
    assert _content(tmp_path) == {"diary.txt": "mine", "out/diary.txt": "mine"}


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(Bad, match="is a file"):
        output(str(tmp_path / "out"), NAMES).__enter__()
    with pytest.raises(Bad, match="cannot be written"):
        output(str(tmp_path / "out" / "below"), NAMES).__enter__()


def test_a_link_keeps_pointing_at_the_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with output(str(tmp_path / "link"), NAMES) as folder:
        (folder / "a.txt").write_text("1")
    assert (tmp_path / "link").is_symlink()
    assert _content(tmp_path / "real") == {"a.txt": "1"}
