"""Classes of libraries and of one's own: what of their defaults counts."""

import dataclasses
import importlib
import sys

from jaxnn.core.reads import digests

WHERE = "the closure's value in <lambda>"


def _reader(value):
    """A function that reads a value, and nothing else."""
    return lambda: value


LIBRARY = """
import dataclasses
@dataclasses.dataclass
class Options:
    width: int = 1
    depth: int = 2{more}
"""


def test_what_a_library_s_next_version_adds_changes_nothing_and_what_is_told_to_it_does(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    (tmp_path / "site-packages").mkdir()

    def options(name, more, **told):
        (tmp_path / "site-packages" / "reads_library.py").write_text(LIBRARY.format(more=more))
        importlib.invalidate_caches()
        sys.modules.pop("reads_library", None)
        return digests(_reader(importlib.import_module("reads_library").Options(**told)))[WHERE]

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    plain = options("old", "")
    assert options("new", "\n    mode: str = 'fast'") == plain == options("old", "", width=1)
    texts = [plain, options("old", "", width=3), options("old", "", depth=3), options("old", "", width=True),
             options("new", "\n    mode: str = 'fast'", mode="slow")]  # fmt: skip
    assert len(set(texts)) == 5
    sys.modules.pop("reads_library")


def test_a_default_of_one_s_own_class_counts_when_it_is_changed():
    def made(default):
        scope = {"dataclasses": dataclasses, "__name__": "users_module"}
        exec(f"@dataclasses.dataclass\nclass A:\n  w: int = {default}\n  v: int = 0", scope)
        return digests(_reader(scope["A"](1)))[WHERE]

    assert made(1) == made(1) != made(2)
