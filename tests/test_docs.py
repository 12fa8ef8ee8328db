"""The pages of the documentation, made from the front door; CI builds the site and checks its references."""

import importlib.util
import re
import types
from pathlib import Path

import pytest

import jaxnn as nn

DOCS = Path(__file__).parent.parent / "docs"


def part(name):
    """A file of the site's configuration, as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages():
    return part("pages")


@pytest.fixture(scope="module")
def entries(pages, tmp_path_factory):
    """Every documented name and the page that it stands on."""
    folder = tmp_path_factory.mktemp("docs") / "rooms"
    pages.write(folder)
    found = {}
    for page in folder.glob("*.rst"):
        text, module = page.read_text(), ""
        for kind, name in re.findall(r"^\.\. (currentmodule|auto\w+|py:\w+):: ([^\s(]+)", text, re.MULTILINE):
            if kind in ("currentmodule", "automodule"):
                module = name
                continue
            name = f"{module}.{name}" if kind.startswith("py:") else name
            assert name not in found, f"{name} stands on {found[name]} and on {page.stem}"
            found[name] = page.stem
    return found


def test_every_public_name_stands_on_the_page_of_its_room(pages, entries):
    for module, name in pages.exported():
        if not isinstance(getattr(nn, name), types.ModuleType):
            assert entries[f"jaxnn.{name}"] == module.split(".")[1]


@pytest.mark.parametrize(
    ("name", "room"),
    [("jaxnn.losses.huber", "losses"), ("jaxnn.data.load", "data"), ("jaxnn.optim.schedules.piecewise", "optim"),
     ("jaxnn.grid.space.product", "grid"), ("jaxnn.callbacks.utilisation", "callbacks"),
     ("jaxnn.testing.check_layer", "testing"), ("jaxnn.metrics.accuracy", "metrics"),
     ("jaxnn.losses.squared_error", "losses")],
)  # fmt: skip
def test_what_a_module_holds_does_too(entries, name, room):
    assert entries[name] == room


def test_a_name_of_a_room_without_a_page_is_an_error(pages, tmp_path, monkeypatch):
    monkeypatch.delitem(pages.ROOMS, "layers")
    with pytest.raises(KeyError, match="layers"):
        pages.write(tmp_path / "rooms")


def test_every_page_of_the_site_is_in_a_table_of_contents():
    listed = re.findall(r"^(\S+)$", (DOCS / "index.md").read_text(), re.MULTILINE)
    written = {p.stem for p in DOCS.iterdir() if p.suffix in {".md", ".rst"} and p.stem != "index"}
    assert written | {"rooms/index"} | {f"notebooks/{p.stem}" for p in DOCS.parent.glob("notebooks/*.ipynb")} <= set(
        listed
    )


def test_links_that_lead_nowhere_are_found(tmp_path):
    good = '<a href="b/c.html#here"></a><a href="#top"></a><a href="https://example.org/x.html#y"></a><p id="top"></p>'
    bad = '<a name="here"></a><a href="../a.html#gone"></a><img src="no.png"><a href="../a.html"></a><a href="%C3%A4">'
    (tmp_path / "b").mkdir()
    (tmp_path / "a.html").write_text(good)
    (tmp_path / "b" / "c.html").write_text(bad)
    assert part("links").broken(tmp_path) == [("b/c.html", link) for link in ("%C3%A4", "../a.html#gone", "no.png")]
