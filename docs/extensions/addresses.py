"""Where links lead: to pages of the book, to pictures beside them, and to GitHub.

The book keeps the folders of the repository. So a picture that is copied to its own place has the
same relative address in the book, on GitHub and in a notebook.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".gif", ".jpg", ".png", ".svg", ".webp"}
PICTURE_FOLDERS = ("docs", "images", "notebooks", "nstkit/measured")
PAGES = (".md", ".ipynb", ".rst")
# [![text](https://remote)](address), and the same without a link around it.
REMOTE_IMAGE = re.compile(r"!\[([^\]]*)\]\(https?://[^)\s]+\)")
LINKED_REMOTE_IMAGE = re.compile(r"\[!\[([^\]]*)\]\(https?://[^)\s]+\)\]\(([^)\s]+)\)")
ATTRIBUTE = re.compile(r'\b(href|src)="([^"]*)"')
IMAGE_TAG = re.compile(r"<img (?![^>]*\bloading=)")
PLACEHOLDER = "OWNER/" + "NAME"
log = logging.getLogger(__name__)


def repository(root: Path = ROOT) -> str:
    """Return OWNER/NAME of the repository, or "" while pyproject.toml has the placeholder."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^Repository = "https://github\.com/([^"\s]+)"', text, re.MULTILINE)
    return found[1] if found and found[1] != PLACEHOLDER else ""


def without_remote_images(text: str) -> str:
    """Return Markdown with the text of badges in place of their pictures, which come from the net.

    A badge that would lead to the placeholder of the address goes altogether.
    """

    def link(found: re.Match[str]) -> str:
        return "" if PLACEHOLDER in found[2] else f"[{found[1]}]({found[2]})"

    return REMOTE_IMAGE.sub(lambda found: found[1], LINKED_REMOTE_IMAGE.sub(link, text))


def page_of(path: Path) -> str:
    """Return the address of the page that a file becomes, or of the file if it becomes none."""
    return str(path.with_suffix(".html") if path.suffix in PAGES else path)


def in_the_book(html: str, folder: Path) -> tuple[str, list[str]]:
    """Return raw HTML with addresses as they are in the book, and what is wrong with them.

    Links to pages lead to the pages' HTML, and pictures load when they come into sight.

    Args:
        html: Of a page or of an output.
        folder: Where that page lies in the repository.
    """
    wrong = []

    def change(found: re.Match[str]) -> str:
        name, address = found[1], found[2]
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if name == "src" and parts.scheme != "data":
                wrong.append(f"a picture from the net: {address}")
            return found[0]
        if parts.path and not (folder / parts.path).exists():
            wrong.append(f"a link to nothing: {address}")
        page = page_of(Path(parts.path)) if parts.path else ""
        return f'{name}="{parts._replace(path=page).geturl()}"'

    return ATTRIBUTE.sub(change, IMAGE_TAG.sub('<img loading="lazy" ', html)), wrong


def address_of(target: str, path: Path, name: str) -> str | None:
    """Return where a link to a file that is no page leads; None lets it download the file.

    A picture is beside the page. Any other file is on GitHub, if the address is known.

    Args:
        target: The address in the text.
        path: The file that it means.
        name: OWNER/NAME of the repository, or "".
    """
    if path.suffix in PICTURES:
        return target
    if name:
        return f"https://github.com/{name}/blob/HEAD/{path.relative_to(ROOT).as_posix()}"
    return None


class Links(SphinxTransform):
    """Let links to files of the repository work in the book."""

    default_priority = 400

    def apply(self, **_: object) -> None:
        """Change the links of one page."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        for node in list(self.document.findall(addnodes.download_reference)):
            path = Path(os.path.normpath(folder / node["reftarget"]))
            address = address_of(node["reftarget"], path, repository())
            if address and node.get("reftype") == "myst":  # a plain link, no wish to download
                node.replace_self(nodes.reference("", "", *node.children, refuri=address))
        for node in list(self.document.findall(nodes.raw)):
            if node.get("format") == "html":
                html, wrong = in_the_book(node.astext(), folder)
                for text in wrong:
                    log.warning("%s: %s", self.env.docname, text)
                node.replace_self(nodes.raw("", html, format="html"))


def read(app: Sphinx, docname: str, content: list[str]) -> None:
    """Take badges out of a page in Markdown; `lessons` does it for notebooks."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        content[0] = without_remote_images(content[0])


def copy_pictures(app: Sphinx, error: Exception | None) -> None:
    """Put the repository's pictures where raw HTML and links look for them."""
    if error or app.builder.format != "html":
        return
    for folder in PICTURE_FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in PICTURES:
                target = Path(app.outdir) / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def write_start(app: Sphinx, error: Exception | None) -> None:
    """Let the folder's own address show the front page."""
    if not error and app.builder.format == "html":
        address = app.builder.get_target_uri(app.config.root_doc)
        (Path(app.outdir) / "index.html").write_text(
            '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>nstkit</title>\n'
            f'<meta http-equiv="refresh" content="0; url={address}">\n'
            f'<p><a href="{address}">nstkit</a></p>\n</html>\n',
            encoding="utf-8",
        )


def setup(app: Sphinx) -> dict[str, object]:
    """Register what this file does."""
    app.add_transform(Links)
    app.connect("source-read", read)
    app.connect("build-finished", copy_pictures)
    app.connect("build-finished", write_start)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
