"""The set-up files and cells agree with each other and with the tree, and the wheel is whole."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    """Build without a network, and return the file.

    By pip, with the backend that pyproject.toml names; or, which is sooner, by hatchling itself.
    """
    command = {
        "pip": [
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "-w",
            target,
            ".",
        ],
        "wheel": ["hatchling", "build", "-t", "wheel", "-d", target],
        "sdist": ["hatchling", "build", "-t", "sdist", "-d", target],
    }[kind]
    command = [sys.executable, "-m", *map(str, command)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


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


@pytest.mark.long
def test_the_source_archive_holds_all_that_the_wheel_is_made_of(archive, tmp_path):
    small = shutil.copytree(archive, tmp_path / "small")
    for weights in small.rglob("*.safetensors"):  # packing them takes seconds
        weights.write_bytes(b"weights")
    wheel = build("wheel", small, tmp_path)
    sdist = build("sdist", small, tmp_path)
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    again = build("pip", tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "again")
    assert again.read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def wheel(archive, tmp_path_factory):
    return build("pip", archive, tmp_path_factory.mktemp("wheel"))


def expected_in_wheel():
    """Return the names of the package's files, the pictures under their installed names."""
    files = (path for path in (ROOT / "nstkit").rglob("*") if path.is_file())
    package = {p.relative_to(ROOT).as_posix() for p in files if p.parent.name != "__pycache__"}
    pictures = {f"nstkit/samples/{p.relative_to(ROOT / 'images').as_posix()}" for p in PICTURES}
    return package | pictures


@pytest.mark.long
def test_the_wheel_holds_the_modules_the_weights_and_every_picture_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        licenses = {Path(n).name for n in file.namelist() if ".dist-info/licenses/" in n}
        weights = file.getinfo("nstkit/weights/vgg19_normalised.safetensors").file_size
    assert names == expected_in_wheel()
    assert {
        "nstkit/pictures/images.py",
        "nstkit/weights/README.md",
        "nstkit/samples/style/scream.jpg",
    } <= names
    assert licenses == {"LICENSE", "CREDITS.md"}
    assert weights > 40_000_000  # 20 million parameters in fp16


# Runs isolated (-I): neither the folder nor PYTHONPATH lend a hand. The unpacked wheel goes first
# on the path, before a clone that is installed there with `pip install -e .`.
USE_INSTALLED = """
import sys
sys.path.insert(0, sys.argv[1])
import nstkit
from nstkit.pictures.images import sample_path
from nstkit.vgg import VGG
VGG()
print(nstkit.__file__, sample_path("cat"), sample_path("great_wave"), sep="\\n")
"""


@pytest.mark.long
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


# ---------------------------------------------------------------- the notebooks' first code cell
def setup_cells():
    """Return the first code cell of every notebook."""
    notebooks = (json.loads(path.read_text()) for path in (ROOT / "notebooks").glob("*.ipynb"))
    code = ([c for c in nb["cells"] if c["cell_type"] == "code"] for nb in notebooks)
    return ["".join(cells[0]["source"]) for cells in code]


def test_all_notebooks_have_the_same_setup_cell():
    (cell,) = set(setup_cells())
    lines = cell.splitlines()
    assert lines[0].startswith("# Set-up: run it, there is no need to read it.")
    assert lines[-1] == "import nstkit"
    assert [line for line in lines if re.fullmatch(r'REPOSITORY = "[\w.-]+/[\w.-]+"', line)]


# Runs a cell in IPython, with a %pip that fetches nothing: it prints what it was asked for, and
# "installs" an empty package. Where nstkit is installed, that folder leaves the path.
RUN_CELL = """
import sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

sys.path[:] = ["", *(p for p in sys.path if not (Path(p) / "nstkit" / "__init__.py").is_file())]
shell = InteractiveShell.instance()
shell.history_manager.enabled = False

def pip(line):
    print("PIP", line)
    package = Path("installed/nstkit/__init__.py")
    package.parent.mkdir(parents=True)
    package.touch()
    sys.path.append("installed")

shell.register_magic_function(pip, "line", "pip")
shell.run_cell(sys.stdin.read()).raise_error()
shell.run_cell("print('FOUND', Path(nstkit.__file__).resolve(), began > 0)").raise_error()
"""
PLACEHOLDER = "OWNER/" + "NAME"
ZIP = "PIP install -q --no-deps safetensors https://github.com/{}/archive/refs/heads/{}.zip"


class Colab:
    """Plays Colab's Jupyter server, and runs the set-up cell in its folder /content."""

    def __init__(self, tmp_path):
        self.content = tmp_path / "content"
        self.content.mkdir()
        self.answer, self.status, self.asked = b"", 200, []
        self.released = threading.Event()
        self.released.set()
        colab = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                colab.asked.append(self.path)
                colab.released.wait(60)
                self.send_response(colab.status)
                self.end_headers()
                self.wfile.write(colab.answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.variables = {
            "COLAB_JUPYTER_IP": "127.0.0.1",
            "KMP_TARGET_PORT": str(self.server.server_port),
        }

    def opened_from(self, path):
        """Let the list of sessions hold one notebook with this path."""
        name = path.rpartition("/")[2]
        session = {"id": "4b7f", "name": name, "path": path, "type": "notebook"}
        session |= {"kernel": {"id": "9c1d", "name": "python3"}, "notebook": {"path": path}}
        self.answer = json.dumps([session]).encode()

    def package(self, folder):
        """Put a package there; return the line that tells that it was imported."""
        file = self.content / folder / "nstkit" / "__init__.py"
        file.parent.mkdir(parents=True)
        file.touch()
        return f"FOUND {file.resolve()} True"

    def run(self, repository=PLACEHOLDER, where=None):
        """Run the cell; return the exit code, the lines that it printed, and the error."""
        cell = re.sub(r'(?m)^REPOSITORY = ".*"', f'REPOSITORY = "{repository}"', setup_cells()[0])
        cell, patient = re.subn(r"timeout=3\b", "timeout=0.3", cell)  # seconds; the test waits too
        assert patient == 1
        done = subprocess.run(
            [sys.executable, "-c", RUN_CELL],
            input=cell,
            cwd=where or self.content,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.content.parent),
                "IPYTHONDIR": str(self.content.parent / "ipython"),
                "no_proxy": "*",
            }
            | self.variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = [s for s in done.stdout.splitlines() if s.startswith(("PIP", "FOUND"))]
        return done.returncode, lines, done.stderr.splitlines()[-1:]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def colab(tmp_path):
    colab = Colab(tmp_path)
    yield colab
    colab.close()


def assert_it_gave_up(outcome):
    """No package, no install, and a sentence that says what to do."""
    code, lines, (error,) = outcome
    assert (code, lines) == (1, [])
    assert error.startswith("RuntimeError: Found no nstkit near this notebook, and no address")
    assert "Open the notebook from GitHub" in error
    assert "upload that folder to Google Drive and mount Drive" in error


GITHUB = "github.com/ada/art.kit/blob/main/notebooks/00_first_painting.ipynb"


@pytest.mark.parametrize(
    ("path", "branch"),
    [
        (f"fileId=https%3A//{GITHUB}", "main"),
        (f"fileId=https%3A%2F%2F{GITHUB.replace('/', '%2F')}", "main"),
        (f"fileId=https://{GITHUB}", "main"),
        (f"fileId=https%3A//{GITHUB.replace('main', 'try/new_1.x')}", "try/new_1.x"),
    ],
)
def test_a_notebook_that_was_opened_from_github_fetches_the_package_from_there(colab, path, branch):
    colab.opened_from(path)
    code, (fetched, found), _ = colab.run()
    assert (code, fetched) == (0, ZIP.format("ada/art.kit", branch))
    assert found.startswith("FOUND ")
    assert colab.asked == ["/api/sessions"]


def test_a_notebook_that_knows_its_address_asks_nobody(colab):
    colab.opened_from(f"fileId=https%3A//{GITHUB}")
    code, (fetched, _), _ = colab.run("bob/art")
    assert (code, fetched) == (0, ZIP.format("bob/art", "main"))
    assert colab.asked == []


@pytest.mark.parametrize("folder", [".", "..", "../.."])
def test_a_folder_beside_or_above_the_notebook_is_found(colab, folder):
    expected = colab.package("course")
    where = colab.content / "course" / "a" / "b" / folder
    (colab.content / "course" / "a" / "b").mkdir(parents=True)
    assert colab.run("bob/art", where)[:2] == (0, [expected])
    assert colab.asked == []


@pytest.mark.parametrize("folder", [".", "course", "lessons/style transfer"])
@pytest.mark.parametrize("repository", [PLACEHOLDER, "bob/art"])
def test_a_folder_on_a_mounted_drive_is_found(colab, folder, repository):
    colab.opened_from("fileId=1ZAqQEIxR08eODSPEHvKPwbZoioVdV8L9")
    expected = colab.package(f"drive/MyDrive/{folder}")
    assert colab.run(repository)[:2] == (0, [expected])
    assert colab.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "fileId=1ZAqQEIxR08eODSPEHvKPwbZoioVdV8L9",  # a single notebook on Drive
        "fileId=https%3A//gist.github.com/ada/0123/raw/00_first_painting.ipynb",
        "fileId=https%3A//github.com/ada/art%3B$(id)/blob/main/notebooks/00_first_painting.ipynb",
        "fileId=https%3A//github.com/ada/art/blob/main%20%3B%20id/notebooks/00_first.ipynb",
    ],
)
def test_an_opened_notebook_without_a_usable_address_gives_up_with_a_sentence(colab, path):
    colab.opened_from(path)
    assert_it_gave_up(colab.run())
    assert colab.asked == ["/api/sessions"]


@pytest.mark.parametrize(("status", "answer"), [(200, b"[]"), (200, b"\xff\x00"), (500, b"no")])
def test_a_garbled_list_of_sessions_ends_in_the_sentence(colab, status, answer):
    colab.status, colab.answer = status, answer
    assert_it_gave_up(colab.run())


def test_a_list_of_sessions_that_never_comes_ends_in_the_sentence(colab):
    colab.released.clear()
    assert_it_gave_up(colab.run())


@pytest.mark.parametrize("variables", [{}, {"COLAB_JUPYTER_IP": "", "KMP_TARGET_PORT": "x"}])
def test_outside_colab_and_with_a_wrong_port_the_sentence_comes_at_once(colab, variables):
    colab.variables = variables
    assert_it_gave_up(colab.run())
    assert colab.asked == []
