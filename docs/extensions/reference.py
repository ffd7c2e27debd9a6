"""The reference: a directive that lists the public names of a layer of nstkit.

    .. layer:: losses

shows what `nstkit.__all__` has from `nstkit.losses`, then what only the layer has. And
`.. layer:: rest` shows the layers that no page names. So no new name or layer needs an edit.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import nstkit

SECTION = re.compile(r"(Args|Attributes|Examples?|Notes?|Raises|Returns|Yields):")
NAMED = re.compile(r"^(?:\.\. layer::|   :also:) (.+)$", re.MULTILINE)
REST = "rest"
BACK = re.compile(r'<a class="viewcode-back" href="([^"#]*)\.html#([^"]*)">.*?</a>')
MADE = re.compile(r"<(?:factory|function .*? at 0x[0-9a-f]+)>")  # defaults without a literal
LAZY = ("Instant", "Studio")  # nstkit has them too, but `from nstkit import *` does not


@dataclass(frozen=True)
class Name:
    """A public name.

    Attributes:
        address: by which readers import it, such as "nstkit.stylize".
        home: the module that defines it.
        value: what it means.
    """

    address: str
    home: str
    value: Any

    @property
    def kind(self) -> str:
        """Return what autodoc calls it."""
        if inspect.isclass(self.value):
            return "class"
        return "function" if inspect.isfunction(self.value) else "data"

    @property
    def rank(self) -> tuple[bool, int]:
        """Return its place on a page: what `nstkit` itself has first, and constants last."""
        return self.address.count(".") > 1, ["function", "class", "data"].index(self.kind)


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield a module, and all that are inside of it."""
    yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
        yield importlib.import_module(found.name)


def defined(module: ModuleType) -> list[str]:
    """Return the public functions and classes that a module defines itself, in their order."""
    return [
        name
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def home_of(module: ModuleType, name: str) -> str:
    """Return the module that defines a name which `module` has."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__module__
    assigned = re.compile(rf"^{re.escape(name)}\b.*=", re.MULTILINE)
    inside = (m.__name__ for m in modules(module) if assigned.search(inspect.getsource(m)))
    return next(inside, module.__name__)


def top_names() -> dict[str, Name]:
    """Return what `nstkit` itself offers, by where it comes from: {"home.name": name}."""
    names = {}
    for name in [*nstkit.__all__, *LAZY]:
        home = home_of(nstkit, name)
        names[f"{home}.{name}"] = Name(f"nstkit.{name}", home, getattr(nstkit, name))
    return names


def own_names(layer: str) -> list[Name]:
    """Return the public names of one layer, each by its shortest address.

    A package without `__all__` offers all that its modules define.
    """
    package = importlib.import_module(f"nstkit.{layer}")
    if hasattr(package, "__all__"):
        pairs = [(package, name) for name in package.__all__]
    else:
        pairs = [(module, name) for module in modules(package) for name in defined(module)]
    top, names = top_names(), {}
    for module, name in pairs:
        home = home_of(module, name)
        longest = Name(f"{module.__name__}.{name}", home, getattr(module, name))
        names[f"{home}.{name}"] = top.get(f"{home}.{name}", longest)
    prefix = f"nstkit.{layer}"
    for key, name in top.items():
        if name.home == prefix or name.home.startswith(prefix + "."):
            names.setdefault(key, name)
    return sorted(names.values(), key=lambda name: name.rank)


def layers_on(page: Path) -> list[str]:
    """Return the layers that a page of the reference names."""
    lines = NAMED.findall(page.read_text(encoding="utf-8"))
    return [layer for line in lines for layer in line.split() if layer != REST]


def rest(pages: Path) -> list[str]:
    """Return the layers of nstkit that no page of a folder names; a program is no layer."""
    named = {layer for page in pages.glob("*.rst") for layer in layers_on(page)}
    found = {module.name for module in pkgutil.iter_modules(nstkit.__path__)}
    return sorted(found - named - {"__main__"})


def comment_on(name: Name) -> str:
    """Return the comment above or behind the line that assigns a constant."""
    lines = inspect.getsource(importlib.import_module(name.home)).splitlines()
    short = name.address.rpartition(".")[2]
    assigned = re.compile(rf"{re.escape(short)}\b[^=]*=")
    index = next((i for i, line in enumerate(lines) if assigned.match(line)), 0)
    if "  # " in lines[index]:
        return lines[index].partition("  # ")[2]
    first = index
    while first and lines[first - 1].startswith("# "):
        first -= 1
    return " ".join(line[2:] for line in lines[first:index])


def entry(name: Name) -> list[str]:
    """Return the lines of reStructuredText that document a name."""
    if name.kind == "data":
        lines = [f".. py:data:: {name.address}", "", f"   {comment_on(name)}"]
    else:
        lines = [f".. auto{name.kind}:: {name.address}"]
        lines += ["   :members:"] if name.kind == "class" else []
    return [*lines, ""]


def as_restructured(lines: list[str]) -> list[str]:
    """Return a docstring's text in the form that Sphinx reads as it was meant.

    An indented block after an empty line is code, except in a list or under the name of a section.
    And a bar is a bar: docstrings write norms as |x|, where reStructuredText sees a substitution.
    """
    result: list[str] = []
    code: int | None = None  # how deep the lines of a code block at least are
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        before = next((text for text in reversed(lines[:number]) if text.strip()), "")
        if line.strip() and code is not None and depth < code:
            code = None
        if is_code(line, before, after_empty=number > 0 and not lines[number - 1].strip()):
            code = depth
            result += [" " * (depth - 4) + "::", ""]
        result.append(line if code is not None else escaped(line))
    return result


def is_code(line: str, before: str, *, after_empty: bool) -> bool:
    """Return whether a code block begins with this line, from the last line with text before it."""
    depth, outer = (len(text) - len(text.lstrip()) for text in (line, before))
    listed = before.lstrip().startswith(("* ", "- ")) or SECTION.fullmatch(before.strip())
    return bool(line.strip() and before and after_empty and depth == outer + 4 and not listed)


def escaped(line: str) -> str:
    """Return a line whose bars, outside of code, are not those of substitutions."""
    parts = re.split(r"(`+[^`]*`+)", line)
    return "".join(part if i % 2 else part.replace("|", r"\|") for i, part in enumerate(parts))


def without_types(lines: list[str], *, is_property: bool) -> list[str]:
    """Return a docstring whose results have no type: annotations tell types.

    Napoleon takes what stands before a colon for one, unless a colon comes first.
    """
    result = [f": {lines[0]}", *lines[1:]] if is_property and lines else list(lines)
    for number, line in enumerate(lines[:-1]):
        if line.strip() in ("Returns:", "Yields:"):
            text = lines[number + 1]
            result[number + 1] = f"{text[: len(text) - len(text.lstrip())]}: {text.lstrip()}"
    return result


def process(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Prepare a docstring for Napoleon, which comes next."""
    kind = what in ("attribute", "data", "property")
    lines[:] = without_types(as_restructured(lines), is_property=kind)


def about(layer: str) -> list[str]:
    """Return what a layer says of itself."""
    text = inspect.getdoc(importlib.import_module(f"nstkit.{layer}")) or ""
    return [*as_restructured(text.splitlines()), ""]


def readable(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, result: str
) -> tuple[str, str] | None:
    """Return a signature that can be parsed: a default that is no literal is written as `...`."""
    if signature and MADE.search(signature):
        return MADE.sub("...", signature), result
    return None


class Layer(SphinxDirective):
    """List the public names of a layer, and of further modules named in `also`.

    What the layer's own docstring says comes first.
    """

    required_arguments = 1
    option_spec: ClassVar = {"also": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the entries."""
        (layer,) = self.arguments
        also = self.options.get("also", "").split()
        pages = Path(self.env.doc2path(self.env.docname)).parent
        lines = []
        for name in rest(pages) if layer == REST else [layer, *also]:
            lines += [] if name in also else about(name)
            lines += [line for found in own_names(name) for line in entry(found)]
            for module in modules(importlib.import_module(f"nstkit.{name}")):
                self.env.note_dependency(inspect.getfile(module))  # a new name makes the page old
        return self.parse_text_to_nodes("\n".join(lines))


def exists(address: str) -> bool:
    """Return whether a name of nstkit, such as a type variable, is there, listed or not."""
    module, _, name = address.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except (ImportError, ValueError):
        return False


def unlisted(
    app: Sphinx, env: object, node: nodes.Element, shown: nodes.Element
) -> nodes.Element | None:
    """Return a type as plain text where it exists and no page lists it; None warns."""
    address = node.get("reftarget", "")
    return shown if address.startswith("nstkit.") and exists(address) else None


def without_dead_backs(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Take links back to the reference out of a source page where they would lead to no entry.

    Sphinx guesses one address for all of a module. Ours have several: `nstkit.Gram` and
    `nstkit.losses.statistics.Extent` come from the same file.
    """
    if pagename.startswith("_modules/"):
        entries = app.env.get_domain("py").objects

        def kept(found: re.Match[str]) -> str:
            page = entries[found[2]].docname if found[2] in entries else None
            return found[0] if page and found[1].endswith(f"/{page}") else ""

        context["body"] = BACK.sub(kept, context["body"])


def setup(app: Sphinx) -> dict[str, object]:
    """Register what this file does."""
    app.add_directive("layer", Layer)
    app.connect("autodoc-process-docstring", process, priority=100)  # Napoleon has 500
    app.connect("autodoc-process-signature", readable)
    app.connect("missing-reference", unlisted)
    app.connect("html-page-context", without_dead_backs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
