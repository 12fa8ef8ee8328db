"""The project as a package: its name and version, what is shipped with it, and the linters of pre-commit."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import jaxnn as nn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def installed():
    """The distribution, where it is installed as a user would have it."""
    try:
        found = importlib.metadata.distribution(PROJECT["project"]["name"])
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the distribution is not installed")
    if not any(str(f) == "jaxnn/__init__.py" for f in found.files or ()):
        pytest.skip("the distribution is installed as editable")
    return found


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", nn.__version__)
    assert PROJECT["project"]["dynamic"] == ["version"]
    module, _, name = PROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    assert (module, name) == ("jaxnn.core.version", "__version__")
    assert f"\n## {nn.__version__}" in (ROOT / "jaxnn" / "CHANGELOG.md").read_text()


def test_what_is_installed_is_this_version():
    assert installed().version == nn.__version__


@pytest.mark.parametrize("name", ["py.typed", "CHANGELOG.md", "core/version.py"])
def test_the_distribution_ships(name):
    assert f"jaxnn/{name}" in {str(f) for f in installed().files or ()}


def test_the_distribution_ships_the_licence():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
    own = next(f for f in installed().files or () if f.name == "LICENSE")
    assert own.read_text() == text


def test_an_extra_that_names_another_names_one_that_is_there():
    extras, name = PROJECT["project"]["optional-dependencies"], PROJECT["project"]["name"]
    ours = [words for extra in extras.values() for words in extra if re.match(r"jaxnn\b", words)]
    assert ours
    for words in ours:
        own, parts = re.fullmatch(r"([\w-]+)\[([\w,]+)\]", words).groups()
        assert own == name and set(parts.split(",")) <= set(extras)


def test_pre_commit_runs_the_linters_that_the_tests_run():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    ran = re.findall(r"entry: python -m (.*)", hooks)
    tested = re.search(
        r'"command", \["(.*?)", "(.*?)", pytest.param\("(.*?)"', (ROOT / "tests/test_style.py").read_text()
    )
    plain = lambda words: re.sub(r" (--\w+|\.)", "", words)  # noqa: E731
    assert [plain(words) for words in ran] == [plain(words) for words in tested.groups()]
