"""The documentation site: ``python -m sphinx -W docs build/site``.

Sphinx, because the docstrings are written for it (single backticks are references, which it resolves and checks), and
because JAX, Optax and Flax are documented with it.
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import links
import pages
import references
from sphinx.ext.napoleon import Config, GoogleDocstring

import jaxnn

project = "jaxnn"
author = "the authors of jaxnn"
release = version = jaxnn.__version__
html_title = f"jaxnn {release}"
html_theme = "furo"
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_nb"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["notebooks/*.py"]
default_role = "py:obj"  # a word in single backticks is a reference
add_module_names = False

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "none"  # the docstrings tell shapes and dtypes
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = ["Shapes"]

myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True


def _as_rst(text: str) -> str:
    return str(GoogleDocstring(text, Config(napoleon_use_rtype=False)))


GENERATED = {
    "rooms": lambda folder: pages.write(folder, _as_rst),
    "notebooks": lambda folder: shutil.copytree(HERE.parent / "notebooks", folder),
}


def setup(app):
    """Write the pages that are made, and check every reference in a docstring and every link."""
    for name, make in GENERATED.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        make(HERE / name)
    app.connect("autodoc-skip-member", pages.skipped)
    app.connect("doctree-read", references.anchored)
    app.connect("missing-reference", references.found_elsewhere)
    app.connect("build-finished", links.check)
