"""What the notebooks show things with."""

import base64
import html
import io
import time

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image, ImageChops, ImageStat
from studio_tools import a_png, send

import nstkit
from nstkit import lesson, load_image, show_images
from nstkit.lesson import charts, page, piece, stored
from nstkit.lesson.titles import TITLES, pair_title, title
from nstkit.pictures.plots import DPI, Picture


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


def ramp(low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    return torch.linspace(low, high, 12).view(3, 4)


# ---------------------------------------------------------------- charts


def test_a_chart_is_the_picture_of_what_was_drawn():
    @lesson.chart("a falling line", size=(4, 2))
    def falling(figure):
        figure.subplots().plot([1, 0])

    assert isinstance(falling, Picture)
    assert (falling.mime, falling.alt) == ("image/png", "a falling line")
    assert opened(falling).size == (4 * DPI, 2 * DPI)
    assert len(opened(falling).convert("RGB").getcolors(100_000)) > 2


def test_a_chart_with_photographs_can_be_a_jpeg():
    drawn = lesson.chart("gray", kind="jpeg")(lambda figure: figure.subplots().imshow([[0.5]]))
    assert drawn.mime == "image/jpeg"


def curves_drawn(monkeypatch, curves, **options):
    """Return the axes that `show_curves` draws on."""
    figures = []

    def keep(draw, alt, kind, size=(6, 3)):
        import matplotlib.figure

        figures.append(matplotlib.figure.Figure())
        draw(figures[0])
        return Picture(b"", alt, 1)

    monkeypatch.setattr(charts, "render", keep)
    lesson.show_curves(curves, "two lines", **options)
    return figures[0]


def matrices_drawn(monkeypatch):
    """Return a list that takes up each figure in which `show_matrices` has drawn."""
    seen, real = [], charts._draw_matrices
    monkeypatch.setattr(
        charts, "_draw_matrices", lambda *given: (real(*given), seen.append(given[-1]))
    )
    return seen


def test_dots_mark_each_value_of_a_curve(monkeypatch):
    curves = {"a": ([0, 1, 60], [3, 2, 1])}
    for dots in (True, False):
        ((line,),) = (axes.lines for axes in curves_drawn(monkeypatch, curves, dots=dots).axes)
        assert (line.get_marker() == "o") is dots


def test_curves_get_their_numbers_names_and_unlike_looks(monkeypatch):
    figure = curves_drawn(
        monkeypatch, {"a": [3, 2, 1], "b": ([0, 5], [4, 4])}, x="s", y="loss, mean"
    )
    (axes,) = figure.axes
    a, b = axes.lines
    assert a.get_xydata().tolist() == [[0, 3], [1, 2], [2, 1]]
    assert b.get_xydata().tolist() == [[0, 4], [5, 4]]
    assert a.get_color() != b.get_color()
    assert a.get_linestyle() != b.get_linestyle()
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("s", "loss, mean", "log")
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]


def test_the_legend_goes_into_the_chart_when_told(monkeypatch):
    figure = curves_drawn(monkeypatch, {"a": [3, 2], "b": [2, 1]}, inside=True)
    assert figure.legends == []
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["a", "b"]


def test_a_single_curve_has_no_legend_and_the_scale_may_be_linear(monkeypatch):
    figure = curves_drawn(monkeypatch, {"a": [1, 2]}, log=False)
    assert figure.legends == []
    assert figure.axes[0].get_yscale() == "linear"


def test_a_linear_scale_shows_0(monkeypatch):
    for values, low in (([5, 9], 0), ([-5, 9], -6)):
        (axes,) = curves_drawn(monkeypatch, {"a": values}, log=False).axes
        assert low <= axes.get_ylim()[0] <= min(0, *values) and axes.get_ylim()[1] > 9


def test_more_curves_than_looks_are_refused():
    with pytest.raises(ValueError, match="got 8 curves; expected at most 7"):
        lesson.show_curves({str(i): [1] for i in range(8)}, "x")


# ---------------------------------------------------------------- heat maps


def test_heat_gives_the_least_the_first_and_the_greatest_the_last_color():
    image = lesson.heat(ramp(-3, 5))
    assert image.shape == (1, 3, 3, 4)
    assert image.dtype == torch.float32
    first, last = image[0, :, 0, 0], image[0, :, -1, -1]
    assert np.allclose(first, colormaps["cividis"](0.0)[:3], atol=1e-6)
    assert np.allclose(last, colormaps["cividis"](1.0)[:3], atol=1e-6)


def test_heat_with_limits_clamps_what_lies_outside():
    image = lesson.heat(torch.tensor([[-9.0, 0.0], [2.0, 99.0]]), limits=(0, 2))
    assert image[..., 0, 0].equal(image[..., 0, 1])
    assert image[..., 1, 0].equal(image[..., 1, 1])
    assert not image[..., 0, 0].equal(image[..., 1, 0])


def test_signed_heat_has_its_middle_color_at_zero():
    image = lesson.heat(torch.tensor([[-1.0, 0.0, 4.0]]), colors="RdBu_r")
    middle = torch.tensor(colormaps["RdBu_r"](0.5)[:3]).float()
    assert torch.allclose(image[0, :, 0, 1], middle, atol=0.01)
    red, blue = image[0, 0, 0, 2], image[0, 2, 0, 2]
    assert red > blue  # positive is red, "_r"


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (1, 1)])
def test_heat_takes_maps_of_a_single_row_or_column_and_flat_ones(shape):
    assert lesson.heat(torch.zeros(1, 1, *shape)).shape == (1, 3, *shape)
    assert lesson.heat(torch.zeros(*shape)).isfinite().all()


def test_heat_leaves_no_gradient():
    assert not lesson.heat(ramp().requires_grad_()).requires_grad


def test_an_overlay_is_gray_where_the_map_is_zero_and_bright_where_it_is_high(cat):
    values = torch.zeros(4, 6)
    values[0, 0] = 7.0
    lit = lesson.overlay(cat, values)
    assert lit.shape == cat.shape
    assert 0 <= lit.min() <= lit.max() <= 1
    height, width = cat.shape[-2] // 4, cat.shape[-1] // 6
    dark = lit[..., height + 1 :, :]
    assert torch.allclose(dark.amax(1), dark.amin(1), atol=1e-6)
    assert torch.allclose(dark[:, 0], 0.6 * cat[..., height + 1 :, :].mean(1), atol=1e-6)
    corner = lit[0, :, 1 : height - 1, 1 : width - 1].mean((1, 2))
    assert corner[0] - corner[2] > 0.2  # yellow


def test_an_overlay_of_nothing_is_the_gray_picture(cat):
    lit = lesson.overlay(cat, torch.zeros(3, 3))
    assert torch.allclose(lit.amax(1), lit.amin(1), atol=1e-6)


# ---------------------------------------------------------------- matrices


def test_matrices_share_a_scale_only_when_told(monkeypatch):
    seen = []
    real = charts._draw_matrices

    def spy(*arguments):
        real(*arguments)
        seen.append([axes.images[0].get_clim() for axes in arguments[-1].axes if axes.images])

    monkeypatch.setattr(charts, "_draw_matrices", spy)
    matrices = {"a": ramp(0, 1), "b": ramp(0, 5)}
    lesson.show_matrices(matrices, "two", numbers=".0f")
    lesson.show_matrices(matrices, "two", numbers=".0f", shared=True)
    lesson.show_matrices(matrices, "two", numbers=".0f", colors="RdBu_r")
    assert seen == [[(0, 1), (0, 5)], [(0, 5), (0, 5)], [(-1, 1), (-5, 5)]]


def test_a_matrix_with_blank_entries_is_colored_by_the_others(monkeypatch):
    seen = matrices_drawn(monkeypatch)
    matrix = ramp(2, 5).reshape(2, -1)
    matrix[0, 0] = torch.nan
    lesson.show_matrices({"a": matrix}, "one")
    assert seen[0].axes[0].images[0].get_clim() == (matrix[0, 1], 5)


def test_a_scale_may_be_shared_by_some_and_entries_may_have_frames(monkeypatch):
    seen = matrices_drawn(monkeypatch)
    matrices = {"a": ramp(0, 1), "b": ramp(0, 5), "c": ramp(0, 9), "d": torch.eye(20)}
    lesson.show_matrices(matrices, "four", numbers=".0f", shared=["a", "b"], marks=[(1, 2)])
    panels = seen[0].axes
    assert [p.images[0].get_clim() for p in panels] == [(0, 5), (0, 5), (0, 9), (0, 1)]
    assert [len(p.lines) for p in panels] == [1, 1, 1, 0]  # none where the size is another
    xs, ys = panels[0].lines[0].get_data()
    assert (min(xs), max(xs), min(ys), max(ys)) == (1.5, 2.5, 0.5, 1.5)


def test_matrices_have_their_numbers_titles_and_names(monkeypatch):
    seen = matrices_drawn(monkeypatch)
    picture = lesson.show_matrices(
        {"G": torch.tensor([[1.0, 2.0], [3.0, 4.5]])}, "a Gram", rows="pq", columns="rs",
        numbers=".1f",
    )  # fmt: skip
    (axes,) = seen[0].axes
    assert [text.get_text() for text in axes.texts] == ["1.0", "2.0", "3.0", "4.5"]
    assert axes.get_title() == "G"
    assert [t.get_text() for t in axes.get_yticklabels()] == ["p", "q"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["r", "s"]
    assert picture.mime == "image/png"


def test_no_white_is_left_beside_matrices():
    picture = lesson.show_matrices(
        {"m": torch.rand(5, 2, generator=torch.Generator().manual_seed(0))}, "m",
        rows=["a long name"] * 5, columns=["another one", "and one more"],
    )  # fmt: skip
    drawn = np.asarray(Image.open(io.BytesIO(picture.data)).convert("L"))
    assert drawn[:, :8].min() < 255 and drawn[:, -8:].min() < 255
    assert picture.width == pytest.approx(drawn.shape[1] / 1.5, abs=2)


def test_many_numbers_are_stored_in_few_colors(monkeypatch):
    matrix = {"m": torch.arange(121.0).view(11, 11)}
    few = lesson.show_matrices(matrix, "m", numbers=".0f")
    monkeypatch.setattr(charts, "MANY", 121)
    all_ = lesson.show_matrices(matrix, "m", numbers=".0f")
    assert len(few.data) < 0.7 * len(all_.data) and (few.alt, few.width) == (all_.alt, all_.width)
    pictures = [Image.open(io.BytesIO(p.data)).convert("RGB") for p in (few, all_)]
    apart = ImageChops.difference(*pictures).convert("L")
    assert ImageStat.Stat(apart).mean[0] < 2


@pytest.mark.parametrize("colors", ["RdBu_r", "cividis", "inferno"])
def test_few_colors_still_hold_both_ends_of_the_bar(colors):
    """Even where nearly all squares lie in the middle, the ends are rare but explain the scale."""
    values = 0.2 * torch.randn(5, 24, 24, generator=torch.Generator().manual_seed(0))
    values.diagonal(0, 1, 2).fill_(1)
    matrices = dict(zip("abcde", values, strict=True))
    picture = lesson.show_matrices(matrices, "m", colors=colors, shared=True, height=2.1)
    pixels = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).reshape(-1, 3)
    for end in colormaps[colors]([0.0, 1.0]):
        gap = np.abs(pixels - 255 * end[:3]).max(1).min()
        assert gap < 12, (colors, end)


def test_numbers_are_readable_on_their_colors(monkeypatch):
    """Black on bright squares, white on dark ones."""
    seen = matrices_drawn(monkeypatch)
    lesson.show_matrices({"m": torch.tensor([[0.0, 1.0]])}, "m", numbers=".0f")
    assert [text.get_color() for text in seen[0].axes[0].texts] == ["white", "black"]


def test_matrices_may_have_numbers_and_a_bar(monkeypatch):
    seen = matrices_drawn(monkeypatch)
    lesson.show_matrices({"m": ramp()}, "m", numbers=".1f", text=10, bar=True)
    axes, bar = seen[0].axes
    assert bar.get_ylim() == (0, 1)
    assert {text.get_fontsize() for text in axes.texts} == {10}


def test_matrices_without_numbers_have_a_bar_that_tells_the_scale():
    plain = lesson.show_matrices({"m": ramp()}, "m")
    assert opened(plain).size[0] > 100


def test_matrices_on_one_scale_share_one_bar(monkeypatch):
    seen = matrices_drawn(monkeypatch)
    matrices = {"a": ramp(0, 1), "b": ramp(0, 5), "c": ramp(0, 2)}
    lesson.show_matrices(matrices, "three", shared=True, x="channels")
    lesson.show_matrices(matrices, "three")
    assert [len(figure.axes) for figure in seen] == [3 + 1, 3 + 3]
    assert [axes.get_xlabel() for axes in seen[0].axes[:3]] == ["channels"] * 3


# ---------------------------------------------------------------- animations


def test_an_animation_holds_its_frames_and_rests_on_the_last(cat):
    picture = lesson.show_animation([cat, 1 - cat, cat * 0.5], "a cat flickers", milliseconds=80)
    assert picture.mime == "image/webp"
    with opened(picture) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (3, cat.shape[:1:-1], 0)
        lasting = []
        for frame in range(film.n_frames):
            film.seek(frame)
            film.load()
            lasting.append(film.info["duration"])
    assert lasting == [80, 80, 1500]
    data, metadata = picture._repr_mimebundle_()
    assert base64.b64decode(data["image/webp"]) == picture.data
    assert metadata["image/webp"]["alt"] == "a cat flickers"


def test_each_frame_is_near_its_picture_and_less_quality_makes_a_smaller_file(cat):
    images = [cat, 1 - cat, cat * 0.5]
    rough = lesson.show_animation(images, "a cat flickers", quality=5)
    fine = lesson.show_animation(images, "a cat flickers", quality=95)
    assert len(rough.data) < len(fine.data)
    with opened(fine) as film:
        for number, image in enumerate(images):
            film.seek(number)
            assert (nstkit.load_image(film.convert("RGB")) - image).abs().mean() < 0.03


def test_titles_are_written_into_a_corner_of_the_frames_and_nowhere_else(cat):
    gray = torch.full((1, 3, 60, 120), 0.5)
    plain = lesson.show_animation([gray, gray * 0.9], "gray")
    titled = lesson.show_animation([gray, gray * 0.9], "gray", titles=["step 0", "step 10"])
    widths = []
    with opened(plain) as without, opened(titled) as written:
        for number in range(2):
            without.seek(number)
            written.seek(number)
            pictures = [np.asarray(gif.convert("L"), int) for gif in (without, written)]
            rows, columns = np.nonzero(np.abs(pictures[1] - pictures[0]) > 40)
            assert pictures[1].max() > 240 and pictures[1].min() < 40  # white on a dark box
            assert rows.min() > 30 and columns.max() < 60 and rows.max() < 59
            widths.append(columns.max())
    assert widths[0] < widths[1]  # the box is as wide as its title


def test_an_animation_with_too_few_titles_is_refused(cat):
    with pytest.raises(ValueError, match="got 2 images and 1 titles; give each image one, or none"):
        lesson.show_animation([cat, cat], "none", titles=["step 0"])


@pytest.mark.parametrize(("count", "quality"), [(0, 80), (2, 0), (2, 101)])
def test_an_animation_of_nothing_or_of_no_quality_is_refused(cat, count, quality):
    with pytest.raises(ValueError, match=f"got {count} images and quality={quality}"):
        lesson.show_animation([cat] * count, "none", quality=quality)


# ---------------------------------------------------------------- the panel to explore


def flat(value: float) -> Picture:
    return show_images([torch.full((1, 3, 32, 32), value)], alt=f"brightness <{value}>")


def parts(panel):
    row, image, text, _ = panel.children
    return row.children, image, text


def test_the_panel_shows_the_first_choice_and_follows_the_controls():
    calls = []

    def show(layer, rank):
        calls.append((layer, rank))
        return flat(rank / 10)

    controls, image, text = parts(lesson.explore(show, layer=["relu1_1", "relu2_1"], rank=[1, 2]))
    assert calls == [("relu1_1", 1)]
    first = bytes(image.value)
    assert text.value == "brightness &lt;0.1&gt;"
    controls[1].value = 2
    assert calls[-1] == ("relu1_1", 2)
    assert bytes(image.value) != first
    assert bytes(image.value) == flat(0.2).data
    controls[0].value = "relu2_1"
    assert calls[-1] == ("relu2_1", 2)


def test_numbers_make_a_slider_and_words_a_menu():
    controls, _, _ = parts(
        lesson.explore(lambda a_word, n: flat(0.5), a_word=["x", "y"], n=[1, 10])
    )
    assert [type(c).__name__ for c in controls] == ["Dropdown", "SelectionSlider"]
    assert [c.description for c in controls] == ["a word", "n"]


def test_what_a_choice_raises_is_told_in_the_panel_and_the_panel_goes_on():
    def show(n):
        if n == 2:
            raise ValueError("two is <bad>")
        return flat(n / 10)

    (slider,), image, text = parts(lesson.explore(show, n=[1, 2, 3]))
    slider.value = 2
    assert text.value == "ValueError: two is &lt;bad&gt;"
    slider.value = 3
    assert text.value == "brightness &lt;0.3&gt;"
    assert bytes(image.value) == flat(0.3).data


def test_a_page_without_a_kernel_shows_the_frames_of_a_panel():
    frames = [{"gray_level": 1}, {"gray_level": 9}]
    panel = lesson.explore(lambda gray_level: flat(gray_level / 10), frames=frames,
                           gray_level=[1, 5, 9])  # fmt: skip
    data, described = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "brightness <0.9>" in described["image/jpeg"]["alt"]
    shown = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"]))).convert("L")
    left, right = (
        ImageStat.Stat(shown.crop((x, shown.height // 2, x + 20, shown.height - 20))).mean[0]
        for x in (60, shown.width - 80)
    )
    assert left == pytest.approx(25, abs=4)
    assert right == pytest.approx(230, abs=4)


@pytest.mark.parametrize("titled", [True, False])
def test_frames_have_human_titles_or_none_and_are_not_enlarged(monkeypatch, titled):
    real, sheets = page.show_images, []

    def spy(pictures, titles, **options):
        sheets.append((titles, options["size"]))
        return real(pictures, titles, **options)

    monkeypatch.setattr(page, "show_images", spy)
    small = show_images([torch.zeros(1, 3, 32, 32)], size=1.5)
    lesson.explore(lambda picture, a_step: small, frames=[{"picture": "cat", "a_step": 9}],
                   titled=titled, picture=["cat"], a_step=[9])._repr_mimebundle_()  # fmt: skip
    with opened(small) as shown:
        inches = shown.height / DPI
    assert sheets == [(["picture: Cat; a step: 9"] if titled else None, inches)]


def test_a_panel_without_frames_leaves_no_picture():
    bundle = lesson.explore(lambda n: flat(n / 10), n=[1, 2])._repr_mimebundle_()
    assert not any(mime.startswith("image/") for mime in bundle)


@pytest.mark.parametrize("frame", [{"n": 3}, {"m": 1}, {}, {"n": 1, "m": 2}])
def test_frames_that_the_controls_do_not_have_are_refused(frame):
    with pytest.raises(ValueError, match=r"got the frame .*; expected one value each"):
        lesson.explore(lambda n: flat(n / 10), frames=[frame], n=[1, 2])


# ---------------------------------------------------------------- the last line of a notebook


def test_the_colophon_tells_seconds_threads_and_versions():
    told = lesson.colophon(time.perf_counter() - 75)
    assert told.startswith("Everything above took 75 s on ")
    assert f"threads: {torch.get_num_threads()}." in told
    assert f"torch {torch.__version__}" in told
    assert len(told.splitlines()) == 2


# ---------------------------------------------------------------- tables
def test_a_table_is_markdown_as_text_and_escaped_html_in_a_notebook():
    table = lesson.show_table({"a < b": [0.012345, 250_000.0, float("nan"), 7]}, "nwxyz")
    assert repr(table).splitlines() == [
        "| n | w | x | y | z |",
        "| --- | --- | --- | --- | --- |",
        "| a < b | 0.012 | 250,000 | – | 7 |",
    ]
    shown = table._repr_html_()
    assert "a &lt; b" in shown
    assert shown.count("<th ") == shown.count("<td ") == 5


def test_a_table_writes_a_million_in_digits():
    assert lesson.show_table({"a": [1e6, 123.4]}, "nwx").rows == (("a", "1,000,000", "120"),)


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"\['b'\] do not fit the 2 columns"):
        lesson.show_table({"a": [1], "b": [1, 2]}, ["row", "x"])


# ---------------------------------------------------------------- bars, and what was measured


def test_bars_lie_under_each_other_with_their_numbers():
    groups = {"a": {"one": 1.0, "two": 2.0}, "b": {"two": 4.0}}
    drawn = lesson.show_bars(groups, "three bars", x="seconds", numbers=".1f")
    single = lesson.show_bars({"": {"one": 1.0}}, "one bar")
    assert drawn.alt == "three bars" and drawn.mime == "image/png"
    assert opened(drawn).height > opened(single).height
    figure = Figure()
    charts._draw_bars(groups, ["one", "two"], "seconds", ".1f", 3.0, figure)
    (axes,) = figure.axes
    (line,) = axes.lines
    assert set(line.get_xdata()) == {3.0}
    assert [bar.get_width() for bar in axes.patches] == [1.0, 2.0, 4.0]
    assert [text.get_text() for text in axes.texts] == ["1.0", "2.0", "4.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    one, two, other = (bar.get_y() for bar in axes.patches)
    assert one < two < other and axes.yaxis_inverted()


def test_shares_of_a_bar_are_percent_side_by_side():
    groups = {"one": {"a": 1.0, "b": 3.0}, "two": {"b": 2.0, "c": 0.05}}
    drawn = lesson.show_shares(groups, "two bars", x="share, percent")
    assert drawn.alt == "two bars" and drawn.mime == "image/png"
    figure = Figure()
    charts._draw_shares(groups, "share, percent", figure)
    (axes,) = figure.axes
    bars = {(round(b.get_y() + b.get_height() / 2), b.get_x()): b.get_width() for b in axes.patches}
    b = 100 * 2 / 2.05
    assert bars[0, 0] == 25 and bars[0, 25] == 75
    assert bars[1, 0] in (0, pytest.approx(b)) and bars[1, b] == pytest.approx(100 - b)
    assert {text.get_text() for text in axes.texts} == {"25%", "75%", "98%", "2", ""}
    (narrow,) = (text for text in axes.texts if text.get_text() == "2")
    assert narrow.get_position() == (pytest.approx((b + 100) / 2), pytest.approx(1 - 0.39))
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b", "c"]


@pytest.mark.parametrize("parts", [{"a": -1.0, "b": 2.0}, {"a": 0.0}, {}])
def test_shares_of_nothing_are_refused(parts):
    with pytest.raises(ValueError, match="expected amounts of at least 0, one above 0"):
        lesson.show_shares({"one": parts}, "x", x="percent")


def test_measurements_are_those_in_the_files():
    everything = lesson.measured()
    assert everything and all(name == name.replace("_", " ") for name in everything)
    for name, parts in everything.items():
        for part, found in parts.items():
            assert found["machine"]["torch"] and found["date"]
            assert lesson.measured(part)[name] == found["results"]
    assert lesson.measured("never measured") == {}
    assert {"AMD EPYC (no bf16 units)", "Intel Xeon (bf16 units)"} <= everything.keys()


def test_the_paintings_of_an_equal_loss_are_shown_with_their_pairs():
    picture = lesson.show_equal_loss("Intel Xeon (bf16 units)", 512)
    assert picture.mime == "image/jpeg" and picture.width == stored.PAGE
    with Image.open(io.BytesIO(picture.data)) as shown:
        assert shown.width == stored.STORED
    for row in lesson.measured("equal_loss")["Intel Xeon (bf16 units)"]:
        assert all(pair_title(*pair) in picture.alt for pair in row["pairs"])


def test_paintings_that_were_never_stored_are_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"got paintings of 512 px .*some of this size: Intel"):
        lesson.show_equal_loss("AMD EPYC (no bf16 units)", 512)
    with pytest.raises(ValueError, match="none has"):
        lesson.show_equal_loss("Intel Xeon (bf16 units)", 7)


@pytest.mark.parametrize("section", list(stored.SECTIONS))
def test_a_stored_table_shows_every_row_of_its_section(section):
    part, title, shown = stored.SECTIONS[section]
    table = lesson.stored_table(section)
    numbers = [
        row[key] for found in lesson.measured(part).values() for row in found.get(section, ())
        for key in shown
    ]  # fmt: skip
    assert numbers and table.columns[0] == title
    assert sum(len(row) - 1 for row in table.rows) == len(numbers)
    assert set(filter(None, shown.values())) <= set(table.columns)
    by_pair = "descents", "endings", "first_moves"
    assert (pair_title("cat", "great_wave") in table.columns) == (section in by_pair)


def test_estimates_are_near_the_measurements(vgg):
    machine = "AMD EPYC (no bf16 units)"
    for row in lesson.measured("memory")[machine]:
        height, width = row["shape"]
        if max(height, width) < 1.45 * min(height, width):
            continue  # estimates are of 3 : 2
        if row["pairs"] != stored.pairs_kept(height, width):
            continue  # measured when L-BFGS remembered another number
        seconds, peak = lesson.estimated(machine, row["size"], row["tile"], vgg)
        assert peak > 0.95 * row["peak_gb"]
        assert peak < 1.1 * row["peak_gb"]
        if row["tile"]:
            assert seconds == pytest.approx(row["seconds_a_step"], rel=0.2)
    for row in lesson.measured("step_cost")[machine]:
        seconds, _ = lesson.estimated(machine, row["size"], None, vgg)
        assert seconds == pytest.approx(row["seconds"], rel=0.15)


def test_tiles_cost_time_and_save_memory(vgg):
    machine = next(iter(lesson.measured("memory")))
    whole = lesson.estimated(machine, 4096, None, vgg)
    large, small = (lesson.estimated(machine, 4096, tile, vgg) for tile in (1024, 256))
    assert whole[0] < large[0] < small[0]
    assert whole[1] > large[1] > small[1]
    assert lesson.estimated(machine, 512, 512, vgg) == lesson.estimated(machine, 512, None, vgg)


def test_a_plan_draws_the_estimates_and_marks_the_chosen_size(vgg, monkeypatch):
    machine, drawn = next(iter(lesson.measured("memory"))), []
    real = stored.chart

    def keep(alt, size):
        return lambda draw: real(alt, size)(lambda figure: (draw(figure), drawn.append(figure)))

    monkeypatch.setattr(stored, "chart", keep)
    picture = lesson.show_plan(machine, 1024, 256, vgg, sizes=[512, 1024, 2048])
    seconds, peak = lesson.estimated(machine, 1024, 256, vgg)
    assert f"{machine}, 1024 px, 256 px: {seconds:.3g} s a step, {peak:.1f} GB" == picture.alt
    assert drawn[0].get_suptitle() == machine
    for axes, value in zip(drawn[0].axes, (seconds, peak), strict=True):
        whole, tiled, star = axes.get_lines()
        assert star.get_xydata().tolist() == [[1024, value]]
        assert tiled.get_ydata()[1] == value != whole.get_ydata()[1]
        low, high = axes.get_ylim()
        assert sum(low < tick < high for tick in axes.get_yticks()) >= 3  # a value can be read off
    whole_only = lesson.show_plan(machine, 512, "whole", vgg, sizes=[512, 1024])
    assert whole_only.alt.startswith(f"{machine}, 512 px, whole: ")


# ---------------------------------------------------------------- sizes of a draft


@pytest.mark.parametrize("told", [None, "", "0"])
def test_sizes_and_steps_are_what_they_are_but_in_a_draft(monkeypatch, told):
    if told is None:
        monkeypatch.delenv("NSTKIT_DRAFT", raising=False)
    else:
        monkeypatch.setenv("NSTKIT_DRAFT", told)
    assert lesson.quality("good") == "good"
    for same in (lesson.size, lesson.steps):
        assert [same(n) for n in (0, 1, 64, 150, 384, 2048)] == [0, 1, 64, 150, 384, 2048]


def test_a_draft_has_a_third_of_the_size_in_steps_of_16_and_112_at_least(monkeypatch):
    monkeypatch.setenv("NSTKIT_DRAFT", "1")
    sizes = {48: 48, 112: 112, 144: 112, 256: 112, 384: 128, 512: 176, 2048: 688}
    assert {full: lesson.size(full) for full in sizes} == sizes


def test_a_draft_has_a_third_of_the_steps_and_6_at_least(monkeypatch):
    monkeypatch.setenv("NSTKIT_DRAFT", "1")
    steps = {0: 0, 5: 5, 6: 6, 15: 6, 30: 10, 100: 33}
    assert {full: lesson.steps(full) for full in steps} == steps


def test_a_draft_has_the_quality_of_that_name(monkeypatch):
    monkeypatch.setenv("NSTKIT_DRAFT", "1")
    assert lesson.quality("good") in nstkit.QUALITIES


def test_the_smallest_draft_has_four_scales_and_all_layers(monkeypatch):
    monkeypatch.setenv("NSTKIT_DRAFT", "1")
    content = torch.rand(1, 3, lesson.size(200) * 2 // 3, lesson.size(300))
    recipe = nstkit.TEXTBOOK.replace(scales=4)
    painted = nstkit.stylize(content, content.flip(3), recipe, steps=1, progress=False)
    assert painted.image.shape == content.shape


def test_another_value_of_the_variable_is_refused(monkeypatch):
    monkeypatch.setenv("NSTKIT_DRAFT", "yes")
    for asked, full in ((lesson.size, 256), (lesson.steps, 60), (lesson.quality, "good")):
        with pytest.raises(ValueError, match="NSTKIT_DRAFT='yes'; expected 0 or 1"):
            asked(full)


# ---------------------------------------------------------------- titles


def test_every_bundled_picture_has_a_title() -> None:
    assert sorted(TITLES) == nstkit.samples() and len(set(TITLES.values())) == len(TITLES)
    assert pair_title("cat", "great_wave") == "Cat, after Hokusai, The Great Wave"
    with pytest.raises(ValueError, match="no bundled picture 'dog'; there are astronaut"):
        title("dog")


# ---------------------------------------------------------------- parts of pictures


def test_a_part_lies_between_its_edges():
    picture = torch.arange(3 * 8 * 10).view(1, 3, 8, 10) / 240
    assert lesson.part(picture, (0.2, 0.25, 1, 0.75)).equal(picture[..., 2:6, 2:])
    assert lesson.part(picture, (0, 0, 1, 1)).equal(picture)
    for box in ((0.5, 0, 0.5, 1), (0.6, 0, 0.2, 1), (0, -0.5, 1, 1), (0, 0, 1, 1.5)):
        with pytest.raises(ValueError, match="expected left, top, right and bottom"):
            lesson.part(picture, box)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ((90, 120), slice(None), slice(None)),
        ((5, 5), slice(None), slice(15, 105)),
        ((1, 2), slice(15, 75), slice(None)),
    ],
)
def test_a_picture_is_trimmed_around_its_middle(shape, rows, columns):
    picture = torch.arange(3 * 90 * 120).view(1, 3, 90, 120) / (3 * 90 * 120)
    assert lesson.trimmed(picture, shape).equal(picture[..., rows, columns])


@pytest.mark.parametrize("shape", [(100, 200), (200, 100), (90, 120)])
def test_a_frame_is_drawn_around_a_part_and_nothing_is_cut_off(shape):
    picture = torch.full((1, 3, 90, 120), 0.25)
    drawn = lesson.framed(picture, (0.5, 0, 1, 0.5), shape)
    height, width = drawn.shape[-2:]
    assert abs(width / height - shape[1] / shape[0]) < 0.02
    white, gray = drawn.eq(1).all(1).sum(), drawn.eq(0.25).all(1).sum()
    assert white == height * width - 90 * 120  # beside the picture only
    assert 90 * 120 - 2 * (60 + 45) < gray < 90 * 120  # all but a thin frame
    assert picture.eq(0.25).all()


# ---------------------------------------------------------------- a choice of photograph


def test_a_choice_is_a_bundled_picture_a_file_beside_or_an_upload(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday.png").write_bytes(a_png((90, 60)))
    choice = lesson.Choice("castle")
    assert (choice.name, choice.picture) == ("castle", "castle")
    choice.picker.menu.value = "holiday.png"
    assert choice.name == "holiday.png" and load_image(choice.picture).shape[-2:] == (60, 90)
    send(choice.picker.upload, "mine.png", a_png((80, 70)))
    assert choice.name == "mine.png" and load_image(choice.picture).shape[-2:] == (70, 80)
    assert "Chosen: mine.png." in choice.message.value
    send(choice.picker.upload, "notes.txt", b"no picture")
    assert "'notes.txt' is not a picture" in html.unescape(choice.message.value)
    assert "The choice is as it was" in choice.message.value
    assert choice.name == "mine.png"
    choice.close()
    assert choice.box.comm is None


def test_a_file_of_the_menu_that_cannot_be_read_is_not_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(a_png()[:200])
    choice = lesson.Choice("castle")
    choice.picker.menu.value = "macaw"
    choice.picker.menu.value = "broken.png"
    said = html.unescape(choice.message.value)
    assert "broken.png" in said and "The choice is as it was" in said and "Chosen" not in said
    assert choice.name == choice.picker.menu.value == "macaw"
    choice.picker.menu.value = "cat"
    assert "Chosen: cat." in choice.message.value
    choice.close()
    with pytest.raises(ValueError, match="broken.png"):
        lesson.Choice("broken.png")


def test_an_upload_that_cannot_be_written_beside_the_notebook_is_chosen_and_that_is_said(
    tmp_path, monkeypatch
):
    folder = tmp_path / "removed"  # a folder that is read-only, to every user
    folder.mkdir()
    monkeypatch.chdir(folder)
    choice = lesson.Choice("castle")
    folder.rmdir()
    send(choice.picker.upload, "mine.png", a_png((80, 70)))
    assert choice.name == "mine.png" and load_image(choice.picture).shape[-2:] == (70, 80)
    said = html.unescape(choice.message.value)
    assert "Chosen: mine.png." in said and "could not be written beside the notebook" in said
    assert "as it was" not in said
    choice.close()


# ---------------------------------------------------------------- a piece


def piece_drawn(monkeypatch) -> list[Figure]:
    seen, real = [], piece._draw
    monkeypatch.setattr(piece, "_draw", lambda *given: (real(*given), seen.append(given[-1])))
    return seen


def test_a_piece_is_cut_out_where_its_frame_lies_and_its_maps_are_white_at_0(monkeypatch):
    seen = piece_drawn(monkeypatch)
    photo = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    maps = {"one": ramp(-1, 4), "two": ramp(0, 2)}
    picture = lesson.show_piece(photo, 20, 30, maps, "a piece", marks=[(1, 2)], title="Noise")
    assert (picture.alt, picture.mime) == ("a piece", "image/jpeg")
    whole, cut, *drawn = seen[0].axes[:4]
    assert whole.get_title() == "Noise" and "4 × 3 px" in cut.get_title()
    expected = photo[0, :, 20:23, 30:34].permute(1, 2, 0).mul(255).round().byte().numpy()
    assert (cut.images[0].get_array() == expected).all()
    x, y = whole.lines[0].get_data()
    assert (min(x) < 30 < 33 < max(x)) and (min(y) < 20 < 22 < max(y))
    assert [axes.images[0].get_clim() for axes in drawn] == [(-4, 4)] * 2
    assert [len(axes.lines) for axes in (cut, *drawn)] == [1] * 3
    assert set(drawn[0].lines[0].get_xdata()) == {1.5, 2.5}


@pytest.mark.parametrize(
    ("row", "maps", "told"),
    [
        (38, {"one": ramp()}, "reaches beyond"),
        (0, {}, "one to three"),
        (0, {"one": ramp(), "two": torch.zeros(2, 2)}, "of one size"),
    ],
)
def test_a_piece_beyond_the_photograph_or_unlike_maps_are_refused(row, maps, told):
    with pytest.raises(ValueError, match=told):
        lesson.show_piece(torch.zeros(1, 3, 40, 60), row, 0, maps, "a piece")
