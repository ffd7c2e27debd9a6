"""How Sphinx builds the book: `.venv/bin/python -m sphinx -W -n -c docs . build/book`.

The source folder is the whole repository, so that links from a lesson to the README, to a page of
docs/ or to a picture lead to the same places as on GitHub. No notebook is executed: the book shows
the stored outputs. Nothing is fetched, neither while it is built nor while it is read.
"""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "extensions")]

from addresses import repository  # noqa: E402

from nstkit.version import __version__  # noqa: E402

project = "nstkit"
author = "the nstkit authors"
copyright = "the nstkit authors, MIT license"  # noqa: A001
version = release = __version__

# ---------------------------------------------------------------- pages
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CREDITS.md",
    "benchmarks/README.md",
    "docs/**.md",
    "docs/api/*.rst",
    "images/README.md",
    "notebooks/*.ipynb",
    "nstkit/**/README.md",
]
# Folders that are not searched for pages; most of all, environments.
exclude_patterns = [".*", "build", "dist", "venv", "**/.*", "**/_build"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "addresses",
    "lessons",
    "reference",
]

# ---------------------------------------------------------------- text and notebooks
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "image/svg+xml", 5)]
nb_number_source_lines = False
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
myst_url_schemes = ["http", "https", "mailto"]
# MathJax from a package, copied beside the pages: the book has formulas without the net.
mathjax_path = "mathjax/tex-chtml.js"
MATHJAX = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static"

# ---------------------------------------------------------------- the reference
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 140
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, and no second entries
# `name` in a docstring links to what the reference has under this name, and is code otherwise.
default_role = "py:obj"
FOREIGN = r"(torch|numpy|scipy|PIL|matplotlib|ipywidgets|collections|concurrent|os|pathlib)\..*"
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    # Their references are on the net, and the book is built without it.
    ("py:class", FOREIGN),
    ("py:class", "Tensor|csr_array|Figure|Axes"),
    # Fields of public classes that readers do not make themselves, by their bare names.
    ("py:class", "Frame|Run|Scale|Subject"),
]

# ---------------------------------------------------------------- the looks
html_theme = "sphinx_book_theme"
html_title = "nstkit"
html_static_path = ["_static", str(MATHJAX)]
html_css_files = ["book.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_search_scorer = str(HERE / "extensions" / "scorer.js")
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "search_bar_text": "Search, such as: grain",
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "secondary_sidebar_items": ["page-toc"],
}
if repository():
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository()}",
        "use_repository_button": True,
    }
