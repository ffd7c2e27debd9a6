"""What the package promises as a whole: light to import, small, documented."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nstkit

PACKAGE = Path(nstkit.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torchvision", "matplotlib", "ipywidgets", "IPython", "tqdm", "safetensors")


def test_importing_it_loads_nothing_heavy_beside_torch() -> None:
    code = f"""import sys, torch
before = set(sys.modules)
import nstkit
print([m for m in {HEAVY} if m in sys.modules and m not in before])"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == "[]"


def test_it_stays_small() -> None:
    # What paints, losses/, the network in vgg/ and the loop in optimize/ as one each. recipes/ is
    # data and what translates it, checks/ and lesson/ are the notebooks' own tools, studio/ is an
    # application.
    counted = [m.stem for m in PACKAGE.glob("*.py") if not m.stem.startswith("__")]
    assert len([*counted, "losses", "optimize", "vgg"]) <= 12
    folders = {"nstkit", "losses", "optimize", "vgg", "recipes", "checks", "lesson", "studio"}
    assert {m.parent.name for m in MODULES} == folders
    assert len(list((PACKAGE / "losses").glob("*.py"))) <= 2
    assert len(list((PACKAGE / "optimize").glob("*.py"))) <= 2
    assert len(list((PACKAGE / "vgg").glob("*.py"))) <= 3
    assert len(list((PACKAGE / "studio").glob("*.py"))) <= 12
    lengths = {m.name: len(m.read_text().splitlines()) for m in MODULES}
    assert {name: n for name, n in lengths.items() if n > 200} == {}


def test_nothing_that_paints_needs_the_studio_or_the_notebooks_tools() -> None:
    texts = {m.name: m.read_text() for m in PACKAGE.glob("*.py")}
    assert {n for n, text in texts.items() if "nstkit.studio" in text} == {"__init__.py"}  # lazily
    assert not any(
        f"nstkit.{folder}" in t for folder in ("checks", "lesson") for t in texts.values()
    )


def test_the_studios_engine_knows_no_widget() -> None:
    for name in ("settings", "run", "engine", "worker"):
        text = (PACKAGE / "studio" / f"{name}.py").read_text()
        assert "ipywidgets" not in text
        assert "IPython" not in text


def code_lines(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = ast.get_docstring(function, clean=False)
    hidden = len(docstring.splitlines()) if docstring else 0
    return function.end_lineno - function.lineno + 1 - hidden


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_functions_are_short_and_public_ones_documented(module: Path) -> None:
    nodes = [n for n in ast.walk(ast.parse(module.read_text())) if hasattr(n, "decorator_list")]
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef)]
    assert {f.name: code_lines(f) for f in functions if code_lines(f) > 40} == {}
    undocumented = [
        n.name for n in nodes if not n.name.startswith("_") and not ast.get_docstring(n)
    ]
    assert undocumented == []


def test_all_names_exist_and_are_few() -> None:
    assert len(nstkit.__all__) <= 23
    assert all(hasattr(nstkit, name) for name in nstkit.__all__)
