"""The set-up files agree with each other and with what is in the tree, and the wheel is whole."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it to Python 3.10

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PICTURES = sorted((ROOT / "images").glob("*/*"))
LISTS = ("pyproject.toml", "requirements.txt", "requirements-dev.txt", "environment.yml")


# ---------------------------------------------------------------- the lists of packages
def floors(lines):
    """Return {package: specifier} of requirement lines."""
    return {r.name: str(r.specifier) for r in map(Requirement, lines)}


def lines_of(name):
    """Return the lines of a pip requirements file without comments."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [line for line in lines if line]


def conda_lines():
    """Return environment.yml's packages and its pip section."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, last = environment["dependencies"]
    return packages, last["pip"]


def test_requirements_are_the_dependencies_and_jupyterlab_and_this_folder():
    *packages, last = lines_of("requirements.txt")
    assert last == "-e ."
    listed = floors(packages)
    assert listed.pop("jupyterlab") == ">=4.2"
    assert listed == floors(PYPROJECT["project"]["dependencies"])


def test_dev_requirements_are_the_extra_dev():
    first, *packages = lines_of("requirements-dev.txt")
    assert first == "-r requirements.txt"
    assert floors(packages) == floors(PYPROJECT["project"]["optional-dependencies"]["dev"])


def test_the_conda_environment_has_the_same_packages_and_floors():
    packages, pip = conda_lines()
    assert pip == ["-e ."]
    listed = floors(packages)
    assert listed.pop("python") == PYPROJECT["project"]["requires-python"]
    assert listed.pop("pip") == ""
    listed["torch"] = listed.pop("pytorch")  # conda-forge's name
    assert listed == floors(lines_of("requirements.txt")[:-1])


def test_the_conda_environment_takes_nothing_from_other_channels():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_torch_is_bounded_below_only():
    assert floors(PYPROJECT["project"]["dependencies"])["torch"] == ">=2.6"
    assert all(
        specifier.startswith(">=") and "," not in specifier
        for specifier in floors(PYPROJECT["project"]["dependencies"]).values()
    )


def unexplained_caps(text):
    """Return the lines that cap or pin a version with no comment on them or right above."""
    above, found = "", []
    for line in text.splitlines():
        quoted = r"[\"'\s-]*[A-Za-z][\w.-]*\s*(?:>=?[^,<#]*,\s*)?(?:<|==|~=|=\d)"
        if re.match(quoted, line) and "#" not in line and not above.lstrip().startswith("#"):
            found.append(line)
        above = line
    return found


@pytest.mark.parametrize("line", ["torch<3", '    "torch>=2.6,<3",', "  - pytorch=2.6", "a ~= 1.0"])
def test_a_cap_needs_a_reason(line):
    assert unexplained_caps(f"numpy>=1\n{line}") == [line]
    assert unexplained_caps(f"# 3 breaks the loop\n{line}") == []
    assert unexplained_caps(f"{line}  # 3 breaks the loop") == []


@pytest.mark.parametrize("name", LISTS)
def test_no_list_caps_a_version_without_saying_why(name):
    assert unexplained_caps((ROOT / name).read_text()) == []


def test_every_dependency_has_its_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    named = [i for i, line in enumerate(lines) if re.fullmatch(r'    "[\w.-]+>=[\w.]+",', line)]
    extra = PYPROJECT["project"]["optional-dependencies"]["dev"]
    assert len(named) == len(PYPROJECT["project"]["dependencies"]) + len(extra)
    assert [lines[i] for i in named if not lines[i - 1].startswith("    # ")] == []

    entries = re.findall(r"^  - (?!pip:).*$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    assert len(entries) == len(conda_lines()[0]) + 2  # and two channels
    assert [entry for entry in entries if "  # " not in entry] == []


# ---------------------------------------------------------------- the wheel
def build(kind, source, target):
    """Build with the backend that pyproject.toml names, without a network."""
    command = {
        "wheel": ["pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", target],
        "sdist": ["hatchling", "build", "-t", "sdist", "-d", target],
    }[kind]
    where = source if kind == "sdist" else None
    command = [sys.executable, "-m", *map(str, command), *([] if where else [str(source)])]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What packaging needs, in a folder that is no clone, as in a downloaded archive."""
    tree = tmp_path_factory.mktemp("archive") / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "CREDITS.md"):
        shutil.copy(ROOT / name, tree)
    for name in ("nstkit", "images"):
        shutil.copytree(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="module")
def wheel(archive, tmp_path_factory):
    return build("wheel", archive, tmp_path_factory.mktemp("wheel"))


def expected_in_wheel():
    """Return the names of the package's files, the pictures under their installed names."""
    files = (path for path in (ROOT / "nstkit").rglob("*") if path.is_file())
    package = {p.relative_to(ROOT).as_posix() for p in files if p.parent.name != "__pycache__"}
    pictures = {f"nstkit/samples/{p.relative_to(ROOT / 'images').as_posix()}" for p in PICTURES}
    return package | pictures


def test_the_wheel_holds_the_modules_the_weights_and_every_picture_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        licenses = {Path(n).name for n in file.namelist() if ".dist-info/licenses/" in n}
        weights = file.getinfo("nstkit/weights/vgg19_normalised.safetensors").file_size
    assert names == expected_in_wheel()
    assert {
        "nstkit/images.py",
        "nstkit/weights/README.md",
        "nstkit/samples/style/scream.jpg",
    } <= names
    assert licenses == {"LICENSE", "CREDITS.md"}
    assert weights > 40_000_000  # 20 million parameters in fp16


def test_the_source_archive_holds_all_that_the_wheel_is_made_of(archive, wheel, tmp_path):
    sdist = build("sdist", archive, tmp_path)
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    again = build("wheel", tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path)
    assert again.read_bytes() == wheel.read_bytes()


# Runs isolated (-I): neither the folder nor PYTHONPATH lend a hand. The unpacked wheel goes first
# on the path, before a clone that is installed there with `pip install -e .`.
USE_INSTALLED = """
import sys
sys.path.insert(0, sys.argv[1])
import nstkit
from nstkit.images import sample
from nstkit.vgg import VGG
VGG()
print(nstkit.__file__, sample("cat"), sample("great_wave"), sep="\\n")
"""


def test_the_installed_package_finds_its_pictures_and_weights(wheel, tmp_path):
    target = (tmp_path / "target").resolve()
    with zipfile.ZipFile(wheel) as file:
        file.extractall(target)
    command = [sys.executable, "-I", "-c", USE_INSTALLED, str(target)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    package, cat, wave = map(Path, done.stdout.splitlines())
    assert package == target / "nstkit" / "__init__.py"
    assert cat.resolve() == target / "nstkit" / "samples" / "content" / "cat.jpg"
    assert wave.resolve() == target / "nstkit" / "samples" / "style" / "great_wave.jpg"
    for path in (cat, wave):
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            assert picture.format == "JPEG"


# ---------------------------------------------------------------- credits, CI
def credit_rows():
    """Return {"content/cat.jpg": size} for the tables of CREDITS.md."""
    rows, folder = {}, None
    for line in (ROOT / "CREDITS.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            folder = line.partition("images/")[2] or None
        row = re.match(r"\| (\S+\.\w+) \| (\d+) x (\d+) \|(.+)\|$", line)
        if folder and row:
            assert all(cell.strip() for cell in row[4].split("|")), line
            assert f"{folder}/{row[1]}" not in rows, line
            rows[f"{folder}/{row[1]}"] = (int(row[2]), int(row[3]))
    return rows


def test_every_picture_is_credited_with_its_true_size_and_every_credit_has_its_picture():
    sizes = {}
    for path in PICTURES:
        with Image.open(path) as picture:
            sizes[path.relative_to(ROOT / "images").as_posix()] = picture.size
    assert len(sizes) >= 14
    assert credit_rows() == sizes


def test_ci_can_run_and_the_workflow_calls_it():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert "bash .ci/run" in [step.get("run") for step in job["steps"]]
    assert workflow["permissions"] == {"contents": "read"}
