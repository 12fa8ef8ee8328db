"""Every link of the built site that stays in it leads to a page that is there, and to a place on it."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The places and the links of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.places, self.links = {""}, set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links |= {given[name] for name in ("href", "src") if given.get(name)}


def broken(site: Path) -> list[tuple[str, str]]:
    """The links that lead nowhere: (page, link)."""
    site = site.resolve()
    pages = {path: Page(path) for path in site.rglob("*.html")}
    found = []
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            goal = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not goal.exists() or (goal in pages and unquote(url.fragment) not in pages[goal].places):
                found.append((str(path.relative_to(site)), link))
    return found


def check(app, error):
    """Warn of each link that leads nowhere, which fails a build with ``-W``."""
    from sphinx.util import logging

    if error is None and app.builder.name == "html":
        for page, link in broken(Path(app.outdir)):
            logging.getLogger(__name__).warning("%s links to %s, which is not there", page, link)
