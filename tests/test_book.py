"""The book lists every lesson, page and public name, and what its extensions do to them is right.

Whether it builds without a warning and reads offline is tested in tests/browser/test_book.py.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import importlib
import inspect
import json
import re
import runpy
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
from sphinx.project import Project

import nstkit
from nstkit.__main__ import build_parser
from nstkit.lesson import measured

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it to Python 3.10

import addresses
import lessons
import reference

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REMOTE = "https://example.org/badge.svg"


@pytest.fixture(scope="module")
def settings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])  # the settings add to it
        return runpy.run_path(str(ROOT / "docs" / "conf.py"))


# ---------------------------------------------------------------- pages
def test_the_book_has_every_lesson_and_every_page_of_docs_and_nothing_of_an_environment(settings):
    project = Project(ROOT, {".md": "m", ".rst": "r", ".ipynb": "n"})
    found = project.discover(settings["exclude_patterns"], settings["include_patterns"])
    expected = {f"notebooks/{path.stem}" for path in NOTEBOOKS}
    for path in (ROOT / "docs").rglob("*"):
        if path.suffix in (".md", ".rst"):
            expected.add(path.relative_to(ROOT).with_suffix("").as_posix())
    assert len(NOTEBOOKS) >= 13
    assert expected <= found
    assert {"README", "CONTRIBUTING", "CREDITS", "benchmarks/README"} <= found
    assert not [name for name in found if "/." in f"/{name}" or name.startswith(("build", "venv"))]


def test_no_notebook_is_executed_and_no_file_comes_from_the_net(settings):
    assert settings["nb_execution_mode"] == "off"
    (mathjax,) = (
        Path(folder) / settings["mathjax_path"]
        for folder in settings["html_static_path"]
        if (Path(folder) / settings["mathjax_path"]).is_file()
    )
    assert b"MathJax" in mathjax.read_bytes()
    assert "intersphinx" not in " ".join(settings["extensions"])


# ---------------------------------------------------------------- lessons
PICTURE = b"\xff\xd8 a small picture"
DRAWING = "<svg>\n<text>a drawing</text>\n</svg>"
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": [
                "# In control\n",
                "\n",
                f"[![Open]({REMOTE})](https://a.b/c)\n",
                "\n",
                "Why.",
            ],
        },
        {"cell_type": "code", "metadata": {}, "source": ["# Set-up"], "outputs": []},
        {
            "cell_type": "code",
            "metadata": {"tags": ["thumbnail"]},
            "source": ["show()"],
            "outputs": [
                {
                    "data": {"image/jpeg": base64.b64encode(PICTURE).decode()},
                    "metadata": {"image/jpeg": {"alt": "a cat"}},
                },
                {
                    "data": {"image/svg+xml": DRAWING.splitlines(keepends=True)},
                    "metadata": {"image/svg+xml": {"alt": "a plan"}},
                },
                {"name": "stdout", "text": ["a line"]},
            ],
        },
    ],
    "metadata": {},
}


def test_a_lesson_gets_its_number_a_download_and_a_folded_set_up():
    before = copy.deepcopy(NOTEBOOK)
    page = lessons.as_page(NOTEBOOK, "07_in_control")
    first, setup, other = page["cells"]
    assert first["source"].splitlines()[0] == "# 07 In control"
    assert "{download}`Download the notebook <07_in_control.ipynb>`" in first["source"]
    assert "[Open](https://a.b/c)" in first["source"]
    assert REMOTE not in first["source"]
    assert first["source"].endswith("Why.")
    assert setup["metadata"]["tags"] == ["hide-input"]
    assert other == NOTEBOOK["cells"][2]
    assert before == NOTEBOOK


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('lesson.diagram("method")', False),
        ('lesson.still("studio")', False),
        ('from nstkit import lesson\n\nlesson.diagram("here_07")\n', False),
        ('import torch\n\nlesson.diagram("here_07")', True),
        ("lesson.diagram(name)", True),
    ],
)
def test_code_that_only_shows_a_diagram_or_a_still_is_left_out(source, shown):
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["cells"][2]["source"] = source.splitlines(keepends=True)
    tags = lessons.as_page(notebook, "07_in_control")["cells"][2]["metadata"]["tags"]
    assert tags == (["thumbnail"] if shown else ["thumbnail", "remove-input"])


def test_a_title_that_has_its_number_keeps_it():
    numbered = copy.deepcopy(NOTEBOOK)
    numbered["cells"][0]["source"] = "# 07 In control"
    title = lessons.as_page(numbered, "07_in_control")["cells"][0]["source"]
    assert title.startswith("# 07 In control\n")


def test_alt_texts_are_found_by_the_hash_of_the_file():
    hashes = [hashlib.sha256(data).hexdigest() for data in (PICTURE, DRAWING.encode())]
    assert lessons.alts_of(NOTEBOOK) == dict(zip(hashes, ("a cat", "a plan"), strict=True))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_stored_lesson_becomes_a_page_with_alt_texts(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    page = lessons.as_page(notebook, path.stem)
    assert "".join(page["cells"][0]["source"]).startswith(f"# {path.stem[:2]} ")
    images = {
        json.dumps(data)
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        for mime, data in output.get("data", {}).items()
        if mime.startswith("image/")
    }
    assert len(lessons.alts_of(notebook)) == len(images)


# ---------------------------------------------------------------- addresses
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"![Tests]({REMOTE})", "Tests"),
        (f"[![Tests]({REMOTE})](https://a.b/c) on", "[Tests](https://a.b/c) on"),
        (f"[![Tests]({REMOTE})](https://github.com/{addresses.PLACEHOLDER}/x) on", " on"),
        ("![A cat](cat.jpg) [link](https://a.b)", "![A cat](cat.jpg) [link](https://a.b)"),
    ],
)
def test_pictures_from_the_net_become_their_text(text, expected):
    assert addresses.without_remote_images(text) == expected


def test_raw_html_leads_to_pages_of_the_book():
    html = '<a href="../peers.md#top"><img src="castle_scream.jpg" alt="A"></a><a href="#x">y</a>'
    assert addresses.in_the_book(html, ROOT / "docs" / "gallery") == (
        '<a href="../peers.html#top"><img loading="lazy" src="castle_scream.jpg" alt="A"></a>'
        '<a href="#x">y</a>',
        [],
    )


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ('<img src="no_such.jpg">', "a link to nothing: no_such.jpg"),
        ('<a href="no_such.md">', "a link to nothing: no_such.md"),
        (f'<img src="{REMOTE}">', f"a picture from the net: {REMOTE}"),
    ],
)
def test_raw_html_that_leads_nowhere_or_to_the_net_is_told(html, complaint):
    assert addresses.in_the_book(html, ROOT / "docs")[1] == [complaint]


def test_links_to_the_net_and_pictures_inside_of_the_page_are_fine():
    html = '<a href="https://a.b"></a><img loading="lazy" src="data:image/png;base64,AAAA">'
    assert addresses.in_the_book(html, ROOT) == (html, [])


def test_links_to_files_lead_to_github_once_the_address_is_known():
    code, picture = ROOT / "nstkit" / "tiles.py", ROOT / "docs" / "hero.jpg"
    assert addresses.address_of("../nstkit/tiles.py", code, "") is None
    assert addresses.address_of("../nstkit/tiles.py", code, "ada/art") == (
        "https://github.com/ada/art/blob/HEAD/nstkit/tiles.py"
    )
    assert addresses.address_of("hero.jpg", picture, "ada/art") == "hero.jpg"


@pytest.mark.parametrize(("line", "name"), [("ada/art", "ada/art"), (addresses.PLACEHOLDER, "")])
def test_the_address_is_that_of_pyproject(tmp_path, line, name):
    (tmp_path / "pyproject.toml").write_text(f'Repository = "https://github.com/{line}"\n')
    assert addresses.repository(tmp_path) == name


# ---------------------------------------------------------------- the reference
def listed():
    """Return the layers that pages of the reference list, and those that are left for the last."""
    pages = ROOT / "docs" / "api"
    named = [layer for page in sorted(pages.glob("*.rst")) for layer in reference.layers_on(page)]
    return [*named, *reference.rest(pages)]


def test_the_last_page_has_the_layers_that_no_other_names(tmp_path):
    assert (ROOT / "docs" / "api" / "shared.rst").read_text().count(".. layer:: rest\n") == 1
    assert {"files", "memory", "options"} <= set(reference.rest(ROOT / "docs" / "api"))
    (tmp_path / "some.rst").write_text(
        ".. layer:: files\n   :also: memory vgg.fast\n\n.. layer:: rest\n"
    )
    assert reference.layers_on(tmp_path / "some.rst") == ["files", "memory", "vgg.fast"]
    left = reference.rest(tmp_path)
    assert {"options", "painting", "vgg"} <= set(left)
    assert not {"files", "memory", "__main__"} & set(left)


def test_the_reference_has_every_layer():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    lines = contract["contracts"][0]["layers"]
    layers = {name for line in lines for name in line.split(" | ")} - {"__main__"}
    assert layers <= set(listed())


@pytest.mark.long
def test_every_public_name_is_in_the_reference_once():
    addresses_ = Counter(name.address for layer in listed() for name in reference.own_names(layer))
    assert [name for name, count in addresses_.items() if count > 1] == []
    assert {f"nstkit.{name}" for name in nstkit.__all__} <= set(addresses_)
    values = [name.value for layer in listed() for name in reference.own_names(layer)]
    for module in reference.modules(nstkit):
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            assert any(value is found for found in values), f"{module.__name__}.{name}"


@pytest.mark.long
def test_a_name_has_the_address_by_which_it_is_imported():
    for layer in listed():
        for name in reference.own_names(layer):
            module, _, short = name.address.rpartition(".")
            assert getattr(importlib.import_module(module), short) is name.value


def test_a_type_that_is_not_listed_must_at_least_exist():
    assert reference.exists("nstkit.painting.subject.Subject")
    assert not reference.exists("nstkit.painting.subject.Object")
    assert not reference.exists("nstkit.nowhere.Subject")
    assert not reference.exists("Subject")


def test_constants_are_told_by_the_comment_on_them():
    (default,) = (n for n in reference.own_names("recipes") if n.address == "nstkit.DEFAULT")
    assert reference.comment_on(default).startswith("How nstkit paints.")


def test_docstrings_are_read_as_they_are_meant():
    lines = [
        "Paint |x| by `a|b`.",
        "",
        "Such as:",
        "",
        "    f(|x|)",
        "",
        "Args:",
        "    x: a norm |x|",
    ]
    assert reference.as_restructured(lines) == [
        r"Paint \|x\| by `a|b`.",
        "",
        "Such as:",
        "",
        "::",
        "",
        "    f(|x|)",
        "",
        "Args:",
        r"    x: a norm \|x\|",
    ]


@pytest.mark.parametrize("made", ["<factory>", "<function Exercise.<lambda> at 0x7f01>"])
def test_a_default_without_a_literal_is_left_out(made):
    def readable(signature):
        return reference.readable(None, "class", "a.B", None, None, signature, "int")

    assert readable(f"(x: int = {made}, y: int = 1)") == ("(x: int = ..., y: int = 1)", "int")
    assert readable("(x: int = 1)") is None


def test_what_stands_before_a_colon_is_no_type():
    lines = ["Do it.", "", "Returns:", "    A, (3, 3), and b: a matrix."]
    assert (
        reference.without_types(lines, is_property=False)[3] == "    : A, (3, 3), and b: a matrix."
    )
    assert reference.without_types(["4: of it."], is_property=True) == [": 4: of it."]


def test_a_page_shows_a_webp_film_with_its_alt_text_and_width():
    data = {"image/webp": "UklG\nRg==\n", "text/plain": "a cat"}
    told = {"image/webp": {"alt": 'a "cat"', "width": 384}}
    film = {"output_type": "execute_result", "data": data, "metadata": told}
    still = {"output_type": "execute_result", "data": {"image/png": "AA=="}, "metadata": {}}
    cells = [{"cell_type": "markdown", "source": "# A film", "metadata": {}}]
    cells += [{"cell_type": "code", "source": "film", "metadata": {}, "outputs": [film, still]}]
    (_, code) = lessons.as_page({"cells": cells}, "00_film")["cells"]
    page = code["outputs"][0]["data"]["text/html"]
    assert 'alt="a &quot;cat&quot;"' in page and 'width="384"' in page
    assert 'src="data:image/webp;base64,UklGRg=="' in page
    assert code["outputs"][1] == still


# ---------------------------------------------------------------- the practical page
PRACTICAL = (ROOT / "docs" / "practical.md").read_text(encoding="utf-8")


def rows(heading):
    """Return the cells of the table below a heading."""
    text = PRACTICAL.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def lessons_of(where):
    """Return the files of the notebooks that a cell of the table links to."""
    links = re.findall(r"\(\.\./notebooks/(\w+\.ipynb)\)", where)
    return [ROOT / "notebooks" / link for link in links]


def test_every_symptom_has_a_cure_and_a_lesson_that_exists():
    table = rows("## Symptom and cure")
    assert len(table) >= 15
    for symptom, cure, why, where in table:
        assert symptom and cure and why
        paths = lessons_of(where)
        assert paths and all(path.is_file() for path in paths), symptom


def test_the_lessons_of_a_cure_name_what_the_reader_should_turn():
    for symptom, cure, _, where in rows("## Symptom and cure"):
        code = " ".join(re.findall(r"`([^`]+)`", cure))
        names = {*re.findall(r"[A-Za-z_]{2,}", code)} - {"nstkit"}
        for path in lessons_of(where):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            said = {*re.findall(r"\w+", " ".join("".join(cell["source"]) for cell in cells))}
            assert names & said or not names, (symptom, path)


def test_the_cures_name_options_and_arguments_that_exist():
    options = {option for action in build_parser()._actions for option in action.option_strings}
    assert set(re.findall(r"(--[a-z][a-z-]*)", PRACTICAL)) <= options
    arguments = {*inspect.signature(nstkit.stylize).parameters}
    arguments |= {field.name for field in fields(nstkit.Recipe)} | {"artwork_mask"}
    named = re.findall(r"[`(,] ?([a-z_]+)=", PRACTICAL)
    assert len(set(named)) >= 6 and set(named) <= arguments


def full_steps(quality):
    """Return how many steps at full size the steps of a quality cost."""
    plan = nstkit.QUALITIES[quality]
    return sum(s * scale**2 for s, scale in zip(plan.steps, plan.scales, strict=True))


def test_the_times_of_a_print_are_what_the_stored_measurements_give():
    table = rows("## A print of 1024 pixels")
    costs, peaks = measured("step_cost"), measured("memory")
    assert len(table) == 3
    for name, step, printed, good, memory in table:
        maker, precision = name.split()[0], name.split()[-1]
        (machine,) = (m for m in costs if m.startswith(maker))
        (cost,) = (
            row for row in costs[machine]
            if row["size"] == 1024 and row["precision"] == precision
        )  # fmt: skip
        shown = [float(text.split()[0]) for text in (step, printed, good)]
        true = [cost["seconds"] * count for count in (1, full_steps("print"), full_steps("good"))]
        assert shown == pytest.approx(true, rel=0.05), name
        if memory != "not measured":
            (peak,) = (
                row["peak_gb"] for row in peaks[machine]
                if row["size"] == 1024 and row["tile"] is None
            )  # fmt: skip
            assert float(memory.split()[0]) == pytest.approx(peak, abs=0.06)
    assert round(full_steps("print")) == 23
