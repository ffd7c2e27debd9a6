"""Lessons as pages: numbered titles, folded set-up, and alt text on every stored picture."""

from __future__ import annotations

import hashlib
import html
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

from addresses import without_remote_images
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ALTS = "nstkit_alts"  # alt text of this page's stored pictures, by the hash of their bytes
FOLD = "hide-input"  # myst-nb folds the code of a cell with this tag
NO_CODE = "remove-input"  # and leaves the code of such a cell out
ONLY_DRAWN = re.compile(r'(?:from nstkit import lesson\s+)?lesson\.(?:diagram|still)\("\w+"\)')
WEBP = "image/webp"  # myst-nb knows no such picture
BINARY = ("image/gif", "image/jpeg", "image/png", WEBP)


def as_page(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a notebook as the book shows it.

    Args:
        notebook: As its file holds it.
        name: Of its file, such as "07_in_control".
    """
    cells = [
        {**cell, "source": without_remote_images("".join(cell["source"]))}
        if cell["cell_type"] == "markdown"
        else {**cell, "outputs": [shown(output) for output in cell.get("outputs", [])]}
        for cell in notebook["cells"]
    ]
    number, title = name.partition("_")[0], cells[0]["source"]
    if title.startswith("# ") and not title.startswith(f"# {number}"):
        title = f"# {number} {title[2:]}"
    head, _, rest = title.partition("\n")
    download = f"{{download}}`Download the notebook <{name}.ipynb>`"
    cells[0] = {**cells[0], "source": f"{head}\n\n{download}\n{rest}"}
    code = [i for i, cell in enumerate(cells) if cell["cell_type"] == "code"]
    for i in code:
        if ONLY_DRAWN.fullmatch("".join(cells[i]["source"]).strip()):
            cells[i] = tagged(cells[i], NO_CODE)
    cells[code[0]] = tagged(cells[code[0]], FOLD)
    return {**notebook, "cells": cells}


def tagged(cell: dict[str, Any], tag: str) -> dict[str, Any]:
    """Return a cell with one more tag."""
    tags = [*cell["metadata"].get("tags", []), tag]
    return {**cell, "metadata": {**cell["metadata"], "tags": tags}}


def shown(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output with HTML instead of a WebP picture."""
    if WEBP not in output.get("data", {}):
        return output
    facts = {"alt": "", **output.get("metadata", {}).get(WEBP, {})}
    pixels = "".join("".join(output["data"][WEBP]).split())
    named = " ".join(f'{name}="{html.escape(str(fact))}"' for name, fact in facts.items())
    return {**output, "data": {"text/html": f'<img {named} src="data:{WEBP};base64,{pixels}">'}}


def alts_of(notebook: dict[str, Any]) -> dict[str, str]:
    """Return {hash of a stored picture, by which myst-nb names its file: its alt text}."""
    alts = {}
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", []))
    for output in outputs:
        for mime, data in output.get("data", {}).items():
            if alt := output.get("metadata", {}).get(mime, {}).get("alt"):
                text = "".join(data)
                content = b64decode(text) if mime in BINARY else text_bytes(text)
                alts[hashlib.sha256(content).hexdigest()] = alt
    return alts


def text_bytes(text: str) -> bytes:
    """Return a drawing as the file that myst-nb writes of it."""
    return "\n".join(text.splitlines()).encode("utf-8")


def read(app: Sphinx, docname: str, content: list[str]) -> None:
    """Read a notebook as a page."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".ipynb":
        notebook = json.loads(content[0])
        app.env.temp_data[ALTS] = alts_of(notebook)
        content[0] = json.dumps(as_page(notebook, path.stem))


class AltTexts(SphinxTransform):
    """Give the pictures of outputs the alt text that is stored with them."""

    default_priority = 300

    def apply(self, **_: object) -> None:
        """Write the alt texts of one page."""
        alts = self.env.temp_data.get(ALTS, {})
        for node in self.document.findall(nodes.image):
            if alt := alts.get(Path(node["uri"]).stem):
                node["alt"] = alt


def setup(app: Sphinx) -> dict[str, object]:
    """Register what this file does."""
    app.connect("source-read", read)
    app.add_transform(AltTexts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
