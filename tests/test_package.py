"""What the package promises as a whole: light to import, in layers, documented, of one mind."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nstkit
from nstkit import DEFAULT, TEXTBOOK, Objective, optimize, stylize
from nstkit.descent import Solver
from nstkit.painting.scales import coarse_to_fine
from nstkit.painting.start import SIZE
from nstkit.studio import Engine, Settings, Studio
from nstkit.translate import for_network

PACKAGE = Path(nstkit.__file__).parent
ROOT = PACKAGE.parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
HEAVY = ("torchvision", "matplotlib", "ipywidgets", "IPython", "tqdm", "safetensors", "joblib")


def python(code: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process that imports what lies in a folder."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


# ------------------------------------------------------------------ imports
@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What a fresh process imports: by `import nstkit`, then by its star, then by drawing."""
    done = python(f"""import json, sys, torch
before = set(sys.modules)
heavy = lambda: [name for name in {HEAVY} if name in sys.modules and name not in before]
import nstkit
plain = heavy()
from nstkit import *
star, names = heavy(), sorted(globals())
show_images(torch.rand(1, 3, 32, 32), ["noise"])
drawing = [name for name in sys.modules if name.startswith("matplotlib")]
print(json.dumps({{"import": plain, "star": star, "names": names, "drawing": drawing}}))""")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_importing_it_loads_nothing_heavy_beside_torch(loaded: dict[str, list[str]]) -> None:
    assert loaded["import"] == []


@pytest.mark.long
def test_a_star_import_loads_nothing_heavy_either(loaded: dict[str, list[str]]) -> None:
    assert loaded["star"] == []
    assert set(nstkit.__all__) <= set(loaded["names"])


def test_drawing_loads_matplotlib_but_never_pyplot(loaded: dict[str, list[str]]) -> None:
    assert "matplotlib.figure" in loaded["drawing"]
    assert "matplotlib.pyplot" not in loaded["drawing"]


def test_the_studio_comes_when_it_is_asked_for() -> None:
    assert nstkit.Studio is Studio
    with pytest.raises(AttributeError, match="no attribute 'Studios'"):
        _ = nstkit.Studios


@pytest.mark.parametrize("name", [n for n, p in MODULES.items() if "__all__" in p.read_text()])
def test_all_names_exist_once(name: str) -> None:
    dotted = ".".join(["nstkit", *Path(name).with_suffix("").parts])
    module = importlib.import_module(dotted.removesuffix(".__init__"))
    assert [n for n in module.__all__ if not hasattr(module, n)] == []
    assert len(set(module.__all__)) == len(module.__all__)


# ------------------------------------------------------------------ layers
def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the contracts of pyproject.toml against the package in a folder."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports({}))"
    return python(code.format("no_cache=True"), folder)


def test_a_module_imports_only_what_is_below_it() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_from_above_would_be_found(tmp_path: Path) -> None:
    for name in ("pyproject.toml", *(f"nstkit/{module}" for module in MODULES)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "nstkit" / "vgg" / "devices.py").open("a") as file:
        file.write("\nfrom nstkit.painting.start import SIZE\n")
    done = lint(tmp_path)
    assert (
        done.returncode == 1
        and "nstkit.vgg is not allowed to import nstkit.painting" in " ".join(done.stdout.split())
    ), done.stdout + done.stderr


ENGINE = (
    "settings",
    "run",
    "reel",
    "engine",
    "worker",
    "moves",
    "jobs",
)  # the studio's files that know no widget


@pytest.mark.parametrize("name", ENGINE)
def test_the_studios_engine_knows_no_widget(name: str) -> None:
    imported = set(imports(MODULES[f"studio/{name}.py"]))
    assert not {module.partition(".")[0] for module in imported} & {"ipywidgets", "IPython"}
    allowed = {f"nstkit.studio.{other}" for other in ENGINE}
    assert {module for module in imported if module.startswith("nstkit.studio")} <= allowed


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0  # relative imports would hide from these tests
            yield node.module


# ------------------------------------------------------------------ docstrings
@pytest.mark.parametrize("name", MODULES)
def test_modules_and_public_names_have_docstrings(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    undocumented = [
        node.name for node in nodes if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert ast.get_docstring(tree) and undocumented == []


# ------------------------------------------------------------------ defaults
SAME = {
    "tile": "auto",
    "recipe": DEFAULT,
    "size": SIZE,
    "optimizer": DEFAULT.optimizer,
    "precision": "auto",
    "seed": 0,
    "learning_rate": None,
}
TAKERS = (
    stylize, optimize, Objective.of, coarse_to_fine, Studio, Settings, Engine, for_network,
)  # fmt: skip


@pytest.mark.parametrize("function", TAKERS, ids=lambda function: function.__qualname__)
def test_an_argument_has_the_same_default_everywhere(function: object) -> None:
    parameters = inspect.signature(function).parameters.values()
    found = {p.name: p.default for p in parameters if p.name in SAME and p.default is not p.empty}
    if function in (stylize, Studio, Settings):  # where None is the quality's, or SIZE
        assert found.pop("size") is None
    if function == Objective.of:  # the loss that the lessons explain, at one size
        assert found.pop("recipe") == TEXTBOOK
    assert found == {name: SAME[name] for name in found}
    assert found or function is Engine


def test_the_default_optimizer_is_the_default_recipes() -> None:
    assert inspect.signature(Solver).parameters["name"].default == DEFAULT.optimizer
    assert SIZE == 256
