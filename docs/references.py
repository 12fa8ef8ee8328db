"""Names and their places: what a word in single backticks stands for where Sphinx does not find it."""

import pkgutil
import sys
from functools import cache
from importlib import import_module

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

import jaxnn

LOG = logging.getLogger(__name__)


def found_elsewhere(app, env, node, contnode):
    """A link for a room and a name that is written shorter, code for others that exist, a warning for the rest."""
    if node.get("reftype") != "obj":
        return None
    target = node["reftarget"]
    objects = env.domains["py"].objects
    ends = [name for name in objects if name == f"jaxnn.{target}" or name.endswith(f".{target}")]
    room = "rooms/" + "".join(target.split(".")[1:2])
    if ends:
        found = objects[min(ends, key=lambda name: (name.count("."), len(name)))]
        return _link(app, node, contnode, found.docname, f"#{found.node_id}")
    if target.startswith("jaxnn.") and target in sys.modules and room in env.found_docs:
        return _link(app, node, contnode, room)
    if target.rpartition(".")[2] not in _words() and not _importable(target):
        LOG.warning("`%s` names nothing that exists; write ``%s`` for code", target, target, location=node)
    return contnode


def _link(app, node, text, page, place=""):
    uri = app.builder.get_relative_uri(node["refdoc"], page) + place
    return nodes.reference("", "", text, internal=True, refuri=uri)


def anchored(app, doctree):
    """Places under both names of an object, by the front door and by its file: the pages of the sources use either."""
    for node in doctree.findall(addnodes.desc_signature):
        name = node.get("fullname")
        if name is None or "module" not in node:  # of another domain, as in scikit-learn's own texts
            continue
        owner = getattr(import_module(node["module"]), name.split(".")[0])
        file = getattr(owner, "__module__", node["module"])
        for other in (f"jaxnn.{name}", f"{file}.{name}"):
            if other not in doctree.ids:
                doctree.ids[other] = node
                node["ids"].append(other)


@cache
def _words() -> set[str]:
    """Every name in the package: of modules, of what they hold, of what their classes hold."""
    found = set()
    for info in pkgutil.walk_packages(jaxnn.__path__, "jaxnn."):
        if not info.name.endswith("__main__"):
            module = import_module(info.name)
            found.update(info.name.split("."), vars(module))
            for value in vars(module).values():
                found.update(vars(value) if isinstance(value, type) else ())
    return found


def _importable(target: str) -> bool:
    """Whether a dotted name of another package leads to something."""
    parts = target.split(".")
    for i in range(len(parts) - 1, 0, -1):
        try:
            value = import_module(".".join(parts[:i]))
        except ImportError:
            continue
        for part in parts[i:]:
            value = getattr(value, part, None)
        return value is not None
    return hasattr(__import__("builtins"), target)
