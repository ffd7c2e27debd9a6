"""The course's diagrams: whole, readable, described, and as the command draws them."""

from __future__ import annotations

import base64
import io
import json
import re
from functools import cache
from pathlib import Path

import make_diagrams
import numpy as np
import pytest
import torch
from diagrams import (
    DIAGRAMS,
    beat,
    field,
    gram,
    network,
    scales,
    tiled,
    transport,
    valley,
    weights,
    window,
)
from diagrams.card import PAPER, SMALLEST, WIDTH, Card
from diagrams.here import LESSONS, PARTS
from matplotlib.text import Text
from PIL import Image

import nstkit
from nstkit import lesson
from nstkit.lesson.drawn import FOLDER
from nstkit.studio.page import BEAT
from nstkit.studio.worker import PATIENCE
from nstkit.vgg.names import layer_names

ROOT = Path(__file__).parents[1]
PHOTOGRAPH = re.compile(r"data:image/jpeg;base64,([^\"]+)")
COLOR = re.compile(r"#([0-9a-f]{6})\b")
INDEX = 0.7  # of the letters beside it: the size of an index in a formula
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
MOST = {
    2.0: 70_000,
    1.5: 100_000,
}  # bytes of a PNG by its sharpness: less sharp are those with photographs
each = pytest.mark.parametrize("name", DIAGRAMS)


@cache
def drawn(name: str) -> Card:
    card = DIAGRAMS[name].drawn()
    card.figure.draw_without_rendering()  # it places the names of axes
    return card


def opened(name: str) -> Image.Image:
    return Image.open(io.BytesIO(lesson.diagram(name).data))


def words(name: str) -> list[Text]:
    texts = drawn(name).figure.findobj(Text)
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def test_both_forms_of_each_are_stored_and_nothing_else():
    stored = {path.name for path in FOLDER.iterdir()}
    assert stored == {"alt.json"} | {
        f"{name}.{kind}" for name in DIAGRAMS for kind in ("svg", "png")
    }


def test_the_alt_texts_are_those_of_the_drawings():
    assert (FOLDER / "alt.json").read_text(encoding="utf-8") == make_diagrams.alts()
    alts = list(json.loads(make_diagrams.alts()).values())
    assert len(set(alts)) == len(alts) and min(map(len, alts)) > 40


@each
def test_a_diagram_is_a_sharp_picture_with_its_alt_text(name):
    picture = lesson.diagram(name)
    assert (picture.mime, picture.width, picture.alt) == ("image/png", WIDTH, DIAGRAMS[name].alt)
    sharpness = DIAGRAMS[name].sharpness
    assert opened(name).size == (WIDTH * sharpness, DIAGRAMS[name].height * sharpness)
    assert len(picture.data) <= MOST[sharpness]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"got the name 'vgg99'.*here_00, .*here_13"):
        lesson.diagram("vgg99")


@pytest.mark.long
@each
def test_all_text_is_large_enough_and_inside_the_card(name):
    assert words(name)
    card = drawn(name)
    for text in words(name):
        share = INDEX if re.search(r"\$[^$]*[_^]", text.get_text()) else 1
        assert share * text.get_fontsize() >= SMALLEST, text.get_text()  # a point is a pixel there
        box = text.get_window_extent(card.figure.canvas.get_renderer())
        assert box.x0 >= 6 and box.x1 <= WIDTH - 6, text.get_text()
        assert box.y0 >= 4 and box.y1 <= card.height - 4, text.get_text()


def luminance(color: np.ndarray) -> np.ndarray:
    """Return WCAG's relative luminance of sRGB colors in [0, 255]."""
    share = color / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@each
def test_it_reads_on_a_dark_page_as_on_a_bright_one(name):
    """The card is opaque and light, and only its corners let the page through."""
    pixels = np.asarray(opened(name).convert("RGBA")).astype(float)
    opaque = pixels[..., 3] == 255
    assert opaque.mean() > 0.98 and not opaque[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    paper = np.array([int(PAPER[i : i + 2], 16) for i in (1, 3, 5)])
    near = np.abs(pixels[..., :3] - paper).max(-1) <= 4
    assert near[8:24, 40:-40].mean() > 0.9  # along the upper edge nothing else is drawn
    assert luminance(paper) > 0.9


def skeleton(svg: str) -> tuple[str, np.ndarray]:
    """Return a drawing without its photographs and numbers, and the numbers; colors are three."""
    svg = PHOTOGRAPH.sub("photograph", svg)
    svg = COLOR.sub(lambda found: str([c / 255 for c in bytes.fromhex(found[1])]), svg)
    return NUMBER.sub("#", svg), np.array([float(n) for n in NUMBER.findall(svg)])


def photographs(svg: str) -> list[np.ndarray]:
    """Return the pixels of the pictures in a drawing."""
    files = [io.BytesIO(base64.b64decode(found)) for found in PHOTOGRAPH.findall(svg)]
    return [np.asarray(Image.open(file).convert("RGB"), dtype=float) for file in files]


@pytest.mark.long
@each
def test_what_is_stored_is_what_the_command_draws(name):
    """To a hundredth of a pixel, for processors round the last digits differently."""
    stored = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    shape, numbers = skeleton(stored)
    shape_again, again = skeleton(fresh := DIAGRAMS[name].svg())
    assert shape == shape_again
    np.testing.assert_allclose(again, numbers, rtol=1e-4, atol=0.01)
    for old, new in zip(photographs(stored), photographs(fresh), strict=True):
        assert np.abs(old - new).mean() < 2  # JPEG libraries differ a little


@each
def test_the_drawing_says_what_it_shows(name):
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    title = re.search(r"<title>(.*?)</title>", svg, re.DOTALL)[1]
    assert title.replace("&amp;", "&").replace("&gt;", ">") == DIAGRAMS[name].alt
    assert f'width="{WIDTH}" height="{DIAGRAMS[name].height}"' in svg


@pytest.mark.long
def test_the_command_draws_what_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_diagrams, "FOLDER", tmp_path)
    make_diagrams.main(["here_03"])
    for kind in ("svg", "png"):
        assert (tmp_path / f"here_03.{kind}").read_bytes() == (
            FOLDER / f"here_03.{kind}"
        ).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"alt.json", "here_03.svg", "here_03.png"}
    assert "here_03.png" in capsys.readouterr().out


def test_without_a_name_the_command_draws_all_and_removes_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(make_diagrams, "FOLDER", tmp_path)
    monkeypatch.setattr(make_diagrams, "DIAGRAMS", {"here_03": DIAGRAMS["here_03"]})
    for name in ("gone.svg", "gone.png"):
        (tmp_path / name).write_text("old")
    make_diagrams.main([])
    assert {path.name for path in tmp_path.iterdir()} == {"alt.json", "here_03.svg", "here_03.png"}


def test_the_command_refuses_an_unknown_name(capsys):
    with pytest.raises(SystemExit):
        make_diagrams.main(["vgg99"])
    assert "no diagram is called ['vgg99']" in capsys.readouterr().err


# ---------------------------------------------------------------- you are here


def test_each_lesson_has_its_station_and_each_station_one_part():
    numbers = {int(path.name[:2]) for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert numbers <= set(range(len(LESSONS)))
    covered = [n for _, first, last in PARTS for n in range(first, last + 1)]
    assert covered == list(range(len(LESSONS)))


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_a_strip_shows_its_own_title_and_no_other(number):
    said = [text.get_text() for text in words(f"here_{number:02}")]
    parts = {name for name, _, _ in PARTS}
    assert [word for word in said if word in LESSONS and word not in parts] == (
        [] if LESSONS[number] in parts else [LESSONS[number]]
    )
    assert said.count(LESSONS[number]) == 1 + (LESSONS[number] in parts)
    assert f"here: lesson {number:02}" in lesson.diagram(f"here_{number:02}").alt


# ---------------------------------------------------------------- what is computed for them


@pytest.mark.parametrize("name", ["relu1_1", "pool2", "relu4_2", "relu5_1"])
def test_a_position_sees_what_its_gradient_reaches(name):
    """The slow way: through layers of ones, in one dimension, from a position in the middle."""
    x = torch.zeros(1, 1, 1024, requires_grad=True)
    y = x
    for layer in layer_names("vgg19")[: layer_names("vgg19").index(name) + 1]:
        if layer.startswith("conv"):
            y = torch.nn.functional.conv1d(y, torch.ones(1, 1, 3) / 3, padding=1)
        elif layer.startswith("pool"):
            y = torch.nn.functional.avg_pool1d(y, 2)
    y[0, 0, y.shape[2] // 2].backward()
    assert network.seen()[name] == x.grad.count_nonzero()
    shown = [text.get_text() for text in words("vgg")]
    assert name in shown and f"{network.seen()[name]} px" in shown


def test_the_alt_text_of_the_network_names_the_numbers_that_are_drawn():
    assert [network.seen()[name] for name in network.STYLE] == [3, 10, 24, 68, 156]
    assert (network.CONTENT, network.seen()["relu4_2"]) == (["relu4_2"], 84)
    for text in ("squares of 3, 10, 24, 68 and 156 px", "relu4_2, which sees 84 px"):
        assert text in DIAGRAMS["vgg"].alt


@pytest.mark.long
def test_the_drawn_gram_matrix_is_that_of_the_sheet_in_any_order():
    F = gram.features()
    known = nstkit.gram_matrix(F[None, :, None])[0]
    assert torch.allclose(gram.table(F), known)
    order = gram.shuffled()
    assert sorted(order.tolist()) == list(range(F.shape[1])) != order.tolist()
    assert torch.allclose(gram.table(F[:, order]), known)
    said = [text.get_text() for text in words("gram")]
    numbers = [text for text in said if re.fullmatch(r"\d\.\d", text)]
    assert numbers == [f"{value:.1f}" for value in known.flatten().tolist()] * 2


def seeded(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_each_ruler_reads_the_same_objective():
    """Written out as others do, with the weight that is drawn, it has a multiple of our value."""
    N, M = 64, 48
    F, other, art = (seeded(N, M + k)[:, :M] for k in range(3))
    content, apart = (F - other).square(), F @ F.T - art @ art.T
    ours = content.mean() + weights.TEXTBOOK.beta * (apart / M).square().mean()
    value = {name: number for name, _, number in weights.readings()}
    elements = content.mean() + value["by elements, relu1_1"] * (apart / (N * M)).square().mean()
    assert torch.isclose(elements, ours)
    larger = 10 * F, 10 * other, 10 * art
    apart = larger[0] @ larger[0].T - larger[2] @ larger[2].T
    moved = (larger[0] - larger[1]).square().mean()
    moved += value["another network"] * (apart / M).square().mean()
    assert torch.isclose(moved, 100 * ours)
    x = seeded(1, 3, 8, 8)
    smooth = [value[f"pixels in [0, {most}]"] for most in (1, 255)]
    ours = smooth[0] * nstkit.total_variation(x)
    assert torch.isclose(smooth[1] * nstkit.total_variation(255 * x), ours)


def test_the_papers_ruler_is_the_papers_formula():
    """One content layer of 512 channels an eighth of the picture's size; E_l has no size left."""
    for height, width in (weights.SMALL, weights.LARGE):
        M = (height // 8) * (width // 8)
        alpha, beta = 2 / (512 * M), 4 * weights.TEXTBOOK.beta
        assert weights.by_sums(height, width) == pytest.approx(beta / alpha)


def test_the_readings_are_drawn_and_told():
    said = [text.get_text() for text in words("weights")]
    for _, _, value in weights.readings():
        assert weights.written(value) in said
        assert weights.written(value) in DIAGRAMS["weights"].alt


def test_the_ways_in_the_valley_are_those_of_their_formulas():
    found = valley.paths()
    curvature = torch.tensor([1.0, valley.STEEP], dtype=torch.float64)
    x = torch.tensor(valley.START, dtype=torch.float64)
    for point in found["gradient descent"][0]:
        assert torch.allclose(x, torch.tensor(point, dtype=torch.float64))
        x = x - 1.86 / valley.STEEP * curvature * x
    x, move = torch.tensor(valley.START, dtype=torch.float64), 0
    for point in found["momentum"][0]:
        assert torch.allclose(x, torch.tensor(point, dtype=torch.float64))
        move = 0.7 * move + curvature * x
        x = x - 0.9 / valley.STEEP * move
    x, start = torch.tensor(found["Adam"][0][1]), torch.tensor(valley.START)
    assert torch.allclose(x, start - 0.3 * (curvature * start).sign().float())  # equal moves


def test_the_valley_shows_what_its_text_says():
    found = valley.paths()
    across = [y for _, y in found["gradient descent"][0][:20]]
    assert all(a * b < 0 for a, b in zip(across, across[1:], strict=False))  # from side to side
    ends = {name: valley.height(*torch.tensor(points[-1])) for name, (points, _) in found.items()}
    spent = {name: counts[-1] for name, (_, counts) in found.items()}
    assert ends["L-BFGS"] < ends["momentum"] < ends["Adam"] < ends["gradient descent"]
    assert spent["L-BFGS"] < spent["momentum"] / 2
    assert max(x for x, _ in found["Adam"][0]) > 0.5  # it runs past the lowest point


def test_the_drawn_tiles_cover_the_picture_once_and_the_chosen_one_shows_its_halo():
    found, reach = tiled.parts()
    covered = np.zeros((tiled.HEIGHT, tiled.WIDTH), int)
    for tile in found:
        top, bottom, left, right = tile.inner
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()
    top, _, left, right = found[tiled.CHOSEN].inner
    assert found[tiled.CHOSEN].outer == (top - reach, tiled.HEIGHT, left - reach, right + reach)
    said = " ".join(text.get_text() for text in words("tiles"))
    assert f"{len(found)} tiles of {tiled.SIDE} px" in said and f"the {reach} px around it" in said


def test_the_maps_reach_what_the_diagram_says_of_them():
    source, target = transport.clouds()
    goal = torch.cov(target, correction=0)
    for how, (_, _, matched) in transport.PANELS.items():
        after = transport.moved(how)
        assert torch.allclose(after.mean(1), target.mean(1))
        spread = torch.cov(after, correction=0)
        assert torch.allclose(spread.diagonal(), goal.diagonal())
        assert torch.allclose(spread, goal) == ("covariance" in matched)
    ways = {how: transport.way(how) for how in transport.PANELS}
    assert ways["transport"] < ways["analogies"]
    for way in ways.values():
        assert f"points move {way:.2f}" in [text.get_text() for text in words("transport")]


def test_the_drawn_transport_is_the_gradient_of_a_convex_function():
    """So its matrix is symmetric with positive eigenvalues. That of whitening is not."""
    source, target = (transport.fitted(points) for points in transport.clouds())
    A = transport.MAPS["transport"](source, target)
    assert torch.allclose(A, A.T) and torch.linalg.eigvalsh(A).min() > 0
    whitening = transport.MAPS["analogies"](source, target)
    assert not torch.allclose(whitening, whitening.T)


def test_the_page_shows_the_newest_picture_that_is_ready_at_a_beat():
    ends = [end for _, end, _ in beat.steps()]
    for moment, number in beat.shown():
        assert ends[number] <= moment + 1e-9 < ends[number] + 0.1 + 1e-9  # at the first beat
    assert [number for _, number in beat.shown()] == list(range(len(ends)))
    knowing = [number for number, step in enumerate(beat.steps()) if step[2]]
    assert knowing[0] == 3 and beat.steps()[2][0] < beat.MOVED < beat.steps()[2][1]
    seen = next(moment for moment, number in beat.shown() if number == 3)
    said = " ".join(text.get_text() for text in words("beat"))
    assert f"{seen - beat.MOVED:.2f} s until you see it" in said
    assert f"asks every {BEAT} ms" in said and f"After {PATIENCE:g} seconds" in said


def test_the_map_of_the_field_is_in_order_and_names_what_it_shows():
    placed = field.rows()
    for column in range(len(field.COLUMNS)):
        works = [work for work in field.WORKS if work.column == column]
        heights = [placed[work] for work in works]
        assert heights == sorted(set(heights)) and works == sorted(works, key=lambda w: w.year)
    said = [text.get_text() for text in words("field")]
    for work in field.WORKS:
        assert {work.name, work.line, str(work.year)} <= set(said)
        assert work.name.split()[0].strip(",") in DIAGRAMS["field"].alt
        if re.fullmatch(r"\d{4}\.\d{5}", work.source):  # arXiv's numbers begin with the year
            assert work.year == 2000 + int(work.source[:2])


def test_the_map_and_the_table_of_the_lesson_have_the_same_stops():
    text = (ROOT / "notebooks" / "13_after_gatys.ipynb").read_text(encoding="utf-8")
    rows = re.findall(r"\| (20\d\d) \| .*?\(https://(?:arxiv\.org/abs|doi\.org)/(.*?)\) \|", text)
    assert rows == [(str(work.year), work.source) for work in field.WORKS]


def test_the_lessons_on_the_map_name_their_method():
    names = {"Gatys et al.": "Gatys", "Johnson et al.": "Johnson", "Luan et al.": "Luan",
             "NNST": "neighbors", "AdaIN": "AdaIN", "WCT": "hitening"}  # fmt: skip
    for work in (work for work in field.WORKS if work.lesson):
        (path,) = (ROOT / "notebooks").glob(f"{work.lesson}_*.ipynb")
        assert names[work.name] in path.read_text(encoding="utf-8")


def test_the_scales_are_painted_at_their_sizes_and_counted():
    sizes = [scales.painted(number).size for number in range(len(scales.NAMES))]
    widths = [round(scales.SIZE * share) for share in scales.RECIPE.scales]
    assert [width for width, _ in sizes] == widths
    areas = [width * height for width, height in sizes]
    pixels = sum(a * steps for a, steps in zip(areas, scales.RECIPE.steps, strict=True))
    assert scales.work() == pytest.approx(pixels / areas[-1], rel=0.01)
    said = [text.get_text() for text in words("scales")]
    total = sum(scales.RECIPE.steps)
    assert f"These {total} steps compute as many pixels as {scales.work():.1f} steps" in " ".join(
        said
    )
    assert {f"{w} × {h} px" for w, h in sizes} <= set(said)
    field = network.seen()["relu5_1"]
    assert widths[0] < field < widths[-1] / 3 and f"{field} px" in DIAGRAMS["scales"].alt


def test_each_scale_shows_more_of_the_same_castle():
    """Each painting, made smaller, is near the one before; none is the enlarged one before."""
    small, middle, large = (scales.painted(number) for number in range(3))
    for coarse, fine in ((small, middle), (middle, large)):
        assert apart(fine.resize(coarse.size), coarse) < 30
        assert detail(fine) > 1.2 * detail(coarse.resize(fine.size, Image.Resampling.BICUBIC))


def apart(one: Image.Image, other: Image.Image) -> float:
    return np.abs(np.subtract(one, other, dtype=np.int16)).mean()


def detail(picture: Image.Image) -> float:
    return np.abs(np.diff(np.asarray(picture.convert("L"), dtype=float))).mean()


def test_the_line_explains_the_recolored_window_and_not_the_one_whose_edge_moved():
    u, v = window.fitted(window.recolored())
    assert (u, v) == pytest.approx((window.U, window.V))
    assert window.left_over(window.recolored()) < 1e-20
    said = [text.get_text() for text in words("window")]
    left = window.left_over(window.moved())
    assert left > 0.1 and {"cost 0", f"cost {left:.2f}"} <= set(said)
    assert f"{left:.2f}" in DIAGRAMS["window"].alt
