"""tools/set_repo.py on copies of small trees and of the real one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PYPROJECT = """[project]
name = "nstkit"

[project.urls]
Repository = "https://github.com/OWNER/NAME"
"""
README = (
    "[![CI](https://github.com/OWNER/NAME/actions/workflows/ci.yml/badge.svg)]"
    "(https://github.com/OWNER/NAME)\r\n"
    "Clone `git@github.com:OWNER/NAME.git`. Then run `tools/set_repo.py OWNER/NAME`.\r\n"
    "See https://github.com/OWNER/NAME. Not https://github.com/OWNER/NAME-old, "
    "https://github.com/OWNER/NAME.old, or https://github.com/OTHER/OWNER/NAME.\r\n"
)
BADGE = "https://colab.research.google.com/github/OWNER/NAME/blob/main/notebooks/00_first.ipynb"
SETUP = 'REPOSITORY = "OWNER/NAME"\nif REPOSITORY == "OWNER/NAME":\n    print("not set")\n'


@pytest.fixture
def tree(tmp_path):
    """A small project with the tool inside, and a notebook in an unusual JSON layout."""
    for folder in ("tools", "notebooks"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "tools" / "set_repo.py", tmp_path / "tools")
    (tmp_path / "pyproject.toml").write_bytes(PYPROJECT.encode())
    (tmp_path / "README.md").write_bytes(README.encode())
    cells = [{"source": [f"[Colab]({BADGE}) café"]}, {"source": SETUP.splitlines(True)}]
    notebook = json.dumps({"cells": cells, "odd": 1.0}, indent=3, ensure_ascii=False)
    (tmp_path / "notebooks" / "00_first.ipynb").write_bytes(notebook.encode() + b"\n\n")
    return tmp_path


def run(tree, *arguments):
    """Run the copy of the tool that lies in the tree, from another folder."""
    command = [sys.executable, str(tree / "tools" / "set_repo.py"), *arguments]
    return subprocess.run(command, cwd=tree.parent, capture_output=True, text=True, timeout=60)


def contents(tree):
    return {p.relative_to(tree): p.read_bytes() for p in tree.rglob("*") if p.is_file()}


def test_links_badges_and_setup_cells_change_and_nothing_else(tree):
    before = contents(tree)
    done = run(tree, "ada/art.kit")
    assert (done.returncode, done.stderr) == (0, "")
    after = contents(tree)
    assert set(after) == set(before)  # no temporary file is left

    readme = (
        README.replace(
            "[![CI](https://github.com/OWNER/NAME", "[![CI](https://github.com/ada/art.kit"
        )
        .replace("(https://github.com/OWNER/NAME)", "(https://github.com/ada/art.kit)")
        .replace("git@github.com:OWNER/NAME.git", "git@github.com:ada/art.kit.git")
        .replace("See https://github.com/OWNER/NAME.", "See https://github.com/ada/art.kit.")
    )
    assert after[Path("README.md")].decode() == readme
    assert after[Path("pyproject.toml")].decode() == PYPROJECT.replace("OWNER/NAME", "ada/art.kit")
    name = Path("notebooks/00_first.ipynb")
    expected = before[name].replace(b"github/OWNER/NAME", b"github/ada/art.kit")
    expected = expected.replace(b'REPOSITORY = \\"OWNER/NAME', b'REPOSITORY = \\"ada/art.kit')
    assert after[name] == expected
    assert b'if REPOSITORY == \\"OWNER/NAME\\"' in after[name]
    assert done.stdout.splitlines() == [
        "README.md: 4 changed",
        f"{name}: 2 changed",
        "pyproject.toml: 1 changed",
    ]


def test_a_second_run_changes_nothing_and_says_so(tree):
    run(tree, "ada/art")
    once = contents(tree)
    times = {path: (tree / path).stat().st_mtime_ns for path in once}
    done = run(tree, "ada/art")
    assert (done.returncode, done.stdout) == (0, "nothing to change: the address is ada/art\n")
    assert contents(tree) == once
    assert {path: (tree / path).stat().st_mtime_ns for path in once} == times


def test_a_set_address_can_be_changed_and_set_back_to_the_placeholder(tree):
    before = contents(tree)
    run(tree, "ada/art")
    run(tree, "ada/art-school")  # begins with the old address
    assert b"ada/art-school-school" not in b"".join(contents(tree).values())
    done = run(tree, "OWNER/NAME")
    assert done.returncode == 0
    assert contents(tree) == before


def test_a_notebook_added_later_with_the_placeholder_is_found(tree):
    run(tree, "ada/art")
    late = tree / "notebooks" / "01_late.ipynb"
    late.write_text(json.dumps({"cells": [{"source": SETUP}]}))
    assert run(tree, "ada/art").stdout == f"{late.relative_to(tree)}: 1 changed\n"
    assert json.loads(late.read_text())["cells"][0]["source"].startswith('REPOSITORY = "ada/art"\n')


def test_mode_bits_survive(tree):
    (tree / "README.md").chmod(0o640)
    run(tree, "ada/art")
    assert (tree / "README.md").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "ada",
        "ada/",
        "/art",
        "ada/art/extra",
        "https://github.com/ada/art",
        "-ada/art",
        "ada-/art",
        "a--da/art",
        "a" * 40 + "/art",
        "ada/" + "a" * 101,
        "ada/.",
        "ada/..",
        "ada/art.git",
        "ada/a rt",
        "ada/art\n",
        'ada/art"',
        "ada/ärt",
        "ad_a/art",
    ],
)
def test_an_address_that_github_would_refuse_is_refused_in_one_line(tree, argument):
    before = contents(tree)
    done = run(tree, "--", argument)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert repr(argument) in done.stderr
    assert "expected OWNER/NAME" in done.stderr
    assert contents(tree) == before


@pytest.mark.parametrize(
    "argument", ["a/b", "a" * 39 + "/" + "b" * 100, "a-b-1/_.x-", "A1/.github"]
)
def test_the_limits_of_the_rules_are_accepted(tree, argument):
    assert run(tree, argument).returncode == 0
    assert f'Repository = "https://github.com/{argument}"' in (tree / "pyproject.toml").read_text()


@pytest.mark.parametrize("arguments", [[], ["ada/art", "bob/art"]])
def test_a_wrong_number_of_arguments_is_refused_in_one_line(tree, arguments):
    done = run(tree, *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("text", ["", '[project.urls]\nRepository = "https://example.org/a/b"\n'])
def test_a_pyproject_without_an_address_is_refused_in_one_line(tree, text):
    (tree / "pyproject.toml").write_text(text)
    before = contents(tree)
    done = run(tree, "ada/art")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert 'Repository = "https://github.com/OWNER/NAME"' in done.stderr
    assert contents(tree) == before


def test_a_missing_pyproject_is_refused_in_one_line(tree):
    (tree / "pyproject.toml").unlink()
    done = run(tree, "ada/art")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "pyproject.toml" in done.stderr


def test_the_real_project_holds_its_address_only_where_the_tool_finds_it(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "README.md", "tools/set_repo.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    assert run(tmp_path, "ada/zz-unheard-of").returncode == 0

    notebooks = sorted((tmp_path / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        source = "".join("".join(c["source"]) + "\n" for c in json.loads(path.read_text())["cells"])
        colab = f"https://colab.research.google.com/github/ada/zz-unheard-of/blob/main/notebooks/{path.name}"
        assert colab in source
        assert 'REPOSITORY = "ada/zz-unheard-of"' in source.splitlines()
    for path in (*notebooks, tmp_path / "README.md"):
        assert "github.com/OWNER" not in path.read_text()
        assert "/github/OWNER" not in path.read_text()
