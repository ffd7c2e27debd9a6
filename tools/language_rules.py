"""How the course is written: short, with one meaning for each symbol and one name for each thing.

Each rule is a function of a notebook and its path that yields one message for each finding, as in
lint_notebooks.py. The symbols stand in docs/notation.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

from nbformat import NotebookNode
from notebook_cells import ROOT, Rule, collector, has_picture, markdown, text_after

LANGUAGE_RULES: list[Rule] = []
of_all = collector(LANGUAGE_RULES)
MAX_WORDS = 2500  # a lesson is read in one sitting
MAX_POINTS = 3  # of what to notice in a figure

DISPLAYED, INLINE = re.compile(r"\$\$(.+?)\$\$", re.DOTALL), re.compile(r"\$([^$\n]+)\$")
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>", re.IGNORECASE)
ADDRESS = re.compile(r"(?<=\])\([^)\s]*\)")
GREEK = re.compile(
    r"\\(alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho"
    r"|sigma|tau|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)\b"
)
SYMBOLS = {  # what had two forms or two meanings, and what to write
    r"\\epsilon\b": r"write \varepsilon",
    r"[FPSGA]\^\{?\\?l\b": "layers are subscripts: F_l",
    r"(?<!\\mathcal\{)\bL_(?:\{|\\text)": r"losses are \mathcal{L}",
    r"\\mathcal\{L\}_(?:\{(?!\\text)\w{2,}|\w{2,})": r"write \mathcal{L}_\text{...}",
}
LAMBDA_IN = "10_photographs"  # there it weighs the photorealism term; a learning rate is \eta
WORDS = {  # what no native speaker would write here, and home-made names of known things
    r"\banew\b": "again",
    r"\bfor want of\b": "with no ..., without",
    r"\bst(?:ands?|ood) in for\b": "replaces",
    r"\bslopes?\b": "gradient",
    r"\bwalkers?\b": "optimizer",
    r"\bstrangers?\b": "another photograph",
    r"\bfamil(?:y|ies) [AB]\b|\bfamilies of weights\b": "by positions, by elements",
    r"\bminds? the\b": "is sensitive to",
    r"\bthe style picture\b": "the artwork",
    r"\bthe content picture\b": "the photograph",
    r"\bnotebooks? \[?\d\d\b": "lesson",
}


def count_words(nb: NotebookNode) -> int:
    """Return the number of words in all Markdown; a formula is one, a picture or address none."""
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    for pattern, instead in ((PICTURE, ""), (DISPLAYED, " x "), (INLINE, "x"), (ADDRESS, "")):
        text = pattern.sub(instead, text)
    return len(text.split())


def formulas(text: str) -> list[str]:
    """Return what stands between dollar signs."""
    return [*DISPLAYED.findall(text), *INLINE.findall(DISPLAYED.sub("", text))]


@cache
def listed_greek() -> set[str]:
    """Return the Greek letters of docs/notation.md."""
    return set(GREEK.findall((ROOT / "docs/notation.md").read_text(encoding="utf-8")))


@of_all
def it_is_short(nb: NotebookNode, path: Path) -> Iterator[str]:
    """People finish what they can read in one sitting."""
    if (words := count_words(nb)) > MAX_WORDS:
        yield f"{words} words, at most {MAX_WORDS} are allowed"


@of_all
def few_things_to_notice(nb: NotebookNode, path: Path) -> Iterator[str]:
    """What to notice is a short list, and its first point begins with the lesson in bold."""
    for index, cell in enumerate(nb.cells):
        text = text_after(nb, index)
        if not has_picture(cell) or "**What to notice" not in text:
            continue
        after = text.partition("**What to notice")[2].partition("\n")[2].strip().splitlines()
        listed = takewhile(lambda line: not line or line.startswith(("- ", "* ", "  ")), after)
        points = [line for line in listed if line.startswith(("- ", "* "))]
        if not 1 <= len(points) <= MAX_POINTS:
            yield f"cell {index + 1}: {len(points)} bullets after What to notice, expected 1 to 3"
        elif not points[0][2:].startswith("**"):
            yield f"cell {index + 1}: the first bullet does not begin with the lesson in bold"


@of_all
def symbols_have_one_meaning(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Formulas are written as docs/notation.md says."""
    known = listed_greek()
    for index, text in markdown(nb):
        for formula in formulas(text):
            for pattern, advice in SYMBOLS.items():
                if re.search(pattern, formula):
                    yield f"cell {index}: {advice}, got {formula!r}"
            if r"\lambda" in formula and path.stem != LAMBDA_IN:
                yield rf"cell {index}: \lambda weighs photorealism, a learning rate is \eta"
            if new := set(GREEK.findall(formula)) - known - {"epsilon"}:
                yield f"cell {index}: {sorted(new)} is not in docs/notation.md"


def odd_words(text: str) -> Iterator[str]:
    """Yield what is said oddly in a text, and what to say."""
    for pattern, better in WORDS.items():
        for found in re.findall(pattern, text, re.IGNORECASE):
            yield f"{found!r}: write {better}"


@of_all
def words_are_plain(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The course uses the standard terms, and no words of another language's grammar."""
    for index, text in markdown(nb):
        yield from (f"cell {index}: {finding}" for finding in odd_words(text))
