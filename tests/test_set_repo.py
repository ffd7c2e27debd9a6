"""tools/set_repo.py and the workflow that runs it, on copies of small trees and the real one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
    told = f"the address is ada/art.kit; changed: README.md, {name.as_posix()}, pyproject.toml\n"
    assert done.stdout == told


def test_a_second_run_changes_nothing_and_says_so(tree):
    run(tree, "ada/art")
    once = contents(tree)
    times = {path: (tree / path).stat().st_mtime_ns for path in once}
    done = run(tree, "ada/art")
    assert (done.returncode, done.stdout) == (0, "the address is ada/art; changed: nothing\n")
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
    done = run(tree, "ada/art")
    assert done.stdout == "the address is ada/art; changed: notebooks/01_late.ipynb\n"
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
        "a" * 40 + "/art",
        "ada/" + "a" * 101,
        "ada/.",
        "ada/..",
        "ada/art.git",
        "ada/a rt",
        "ada/art\n",
        'ada/art"',
        "ada/ärt",
    ],
)
def test_an_address_that_github_would_refuse_is_refused_in_one_line(tree, argument):
    before = contents(tree)
    done = run(tree, argument)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert repr(argument) in done.stderr
    assert "expected one OWNER/NAME" in done.stderr
    assert contents(tree) == before


# Accounts of companies have "_"; old accounts may have "--" and "-" at the end.
@pytest.mark.parametrize(
    "argument",
    ["a/b", "a" * 39 + "/" + "b" * 100, "a-b-1/_.x-", "A1/.github", "ada_corp/x", "a--da-/x"],
)
def test_the_limits_of_the_rules_are_accepted(tree, argument):
    assert run(tree, argument).returncode == 0
    assert f'Repository = "https://github.com/{argument}"' in (tree / "pyproject.toml").read_text()


@pytest.mark.parametrize("arguments", [[], ["ada/art", "bob/art"]])
def test_a_wrong_number_of_arguments_is_refused_in_one_line(tree, arguments):
    done = run(tree, *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("text", ["", '[project.urls]\nRepository = "https://example.org/a/b"\n'])
def test_a_pyproject_without_an_address_is_refused_in_one_line(tree, text):
    (tree / "pyproject.toml").write_text(text)
    before = contents(tree)
    done = run(tree, "ada/art")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert 'Repository = "https://github.com/OWNER/NAME"' in done.stderr
    assert contents(tree) == before


def test_a_missing_pyproject_is_refused_in_one_line(tree):
    (tree / "pyproject.toml").unlink()
    done = run(tree, "ada/art")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "pyproject.toml" in done.stderr


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(tree):
    (tree / ".pyproject.toml.tmp").mkdir()  # the last of the temporary files finds its name taken
    before = contents(tree)
    done = run(tree, "ada/art")
    assert (done.returncode, done.stdout) == (1, "")
    assert contents(tree) == before


def copy_of_the_project(target, outputs=True):
    """Copy what the tool reads and writes, the notebooks with or without their outputs."""
    for folder in ("tools", "notebooks"):
        (target / folder).mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "tools/set_repo.py"):
        shutil.copy(ROOT / name, target / name)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        if not outputs:
            for cell in notebook["cells"]:
                cell.pop("outputs", None)
        (target / "notebooks" / path.name).write_text(json.dumps(notebook, indent=1))


@pytest.mark.long
def test_the_real_project_holds_its_address_only_where_the_tool_finds_it(tmp_path):
    copy_of_the_project(tmp_path)
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


# ---------------------------------------------------------------- the workflow
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "address.yml").read_text())


def test_the_workflow_runs_on_pushes_to_the_default_branch_and_never_for_a_pull_request():
    assert WORKFLOW[True] == ["push", "workflow_dispatch"]  # YAML 1.1 reads the key `on` as true
    assert WORKFLOW["permissions"] == {"contents": "write"}
    (job,) = WORKFLOW["jobs"].values()
    default = "format('refs/heads/{0}', github.event.repository.default_branch)"
    assert job["if"] == f"github.ref == {default}"
    assert [step.get("uses") for step in job["steps"]] == ["actions/checkout@v4", None]


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs commands as GitHub does, with no settings of this machine."""
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}

    def run_commands(commands, where, **variables):
        done = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=where,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_commands


def test_the_first_push_sets_the_address_and_the_next_one_commits_nothing(tmp_path, shell):
    me = "git -c user.name=me -c user.email=me@example.org"
    project = tmp_path / "project"
    copy_of_the_project(project, outputs=False)  # git would pack megabytes of pictures
    shell("python3 tools/set_repo.py OWNER/NAME; git init -q -b main; git add .", project)
    shell(f"{me} commit -qm first; git clone -q --bare . ../origin.git", project)
    (job,) = WORKFLOW["jobs"].values()

    def push(address):
        """Play GitHub: check out, run the steps, return the subjects of all commits at origin."""
        shell("rm -rf checkout; git clone -q origin.git checkout", tmp_path)
        for step in job["steps"]:
            shell(step.get("run", ""), tmp_path / "checkout", GITHUB_REPOSITORY=address)
        assert shell("git status --porcelain", tmp_path / "checkout") == ""
        return shell("git log --format=%s main", tmp_path / "origin.git").splitlines()

    once = ["The repository's address is ada/art-kit", "first"]
    assert push("ada/art-kit") == once
    names = shell("git diff --name-only HEAD~1", tmp_path / "checkout").splitlines()
    notebooks = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(names) == ["README.md", *notebooks, "pyproject.toml"]
    assert "github.com/ada/art-kit/" in (tmp_path / "checkout" / "README.md").read_text()
    assert push("ada/art-kit") == once
    assert push("bob/art") == ["The repository's address is bob/art", *once]
