"""What the figures show is read back from their bytes, and from a real display formatter."""

import base64
import io
import os
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from PIL import Image, JpegImagePlugin

from nstkit.pictures import plots
from nstkit.pictures.plots import Picture, draw_curves, show_images, show_losses, show_steps

ROOT = Path(__file__).parents[2]
RED, GREEN, BLUE = (200, 30, 40), (20, 160, 60), (30, 60, 190)


def flat(color: tuple[int, int, int], width: int = 60, height: int = 40) -> Image.Image:
    return Image.new("RGB", (width, height), color)


def pixels(picture: Picture) -> np.ndarray:
    with Image.open(io.BytesIO(picture.data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def box(picture: Picture, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return left, top, width, height of the area that has this color."""
    rows, columns = np.nonzero(np.abs(pixels(picture) - color).max(axis=2) < 40)
    left, top = columns.min(), rows.min()
    return left, top, columns.max() - left + 1, rows.max() - top + 1


def record(index: int, total: float, note: str = "", **terms: float) -> SimpleNamespace:
    return SimpleNamespace(index=index, note=note, losses=SimpleNamespace(total=total, terms=terms))


def drawn(records: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> Figure:
    """Return the figure that `show_losses` encodes."""
    figures = []

    def keep(draw, alt: str, kind: str) -> None:
        figures.append(Figure(layout="constrained"))
        draw(figures[0])

    with monkeypatch.context() as patch:
        patch.setattr(plots, "render", keep)
        show_losses(records)
    return figures[0]


def curves(records: list[SimpleNamespace]) -> dict[str, list[float]]:
    """Return what `draw_curves` draws, {label: values}."""
    axes = Figure().add_subplot()
    draw_curves(axes, records, label=lambda name, first, last: f"{name} {first:g} {last:g}")
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


HISTORY = [
    record(0, 8.0, content=0.0, style=8.0, variation=0.0),
    record(1, 4.0, content=1.0, style=3.0, variation=0.0),
    record(2, 2.5, content=1.5, style=1.0, variation=0.0),
]


# ------------------------------------------------------------------ rows of pictures


def test_pictures_stand_in_the_given_order_in_one_row_of_one_height():
    picture = show_images([flat(RED), flat(GREEN), flat(BLUE)])
    boxes = [box(picture, color) for color in (RED, GREEN, BLUE)]
    lefts, tops, _, heights = zip(*boxes, strict=True)
    assert list(lefts) == sorted(lefts)
    assert len(set(tops)) == 1
    assert max(heights) - min(heights) <= 2


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (50, 50), (180, 40)])
def test_no_picture_is_distorted(size):
    picture = show_images([flat(RED, *size), flat(BLUE, 40, 40)])
    _, _, width, height = box(picture, RED)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_row_of_mixed_shapes_leaves_no_white_but_the_gap():
    picture = show_images([flat(RED, 30, 60), flat(BLUE, 90, 60)])
    first, second = box(picture, RED), box(picture, BLUE)
    assert first[0] == 0
    assert second[0] - (first[0] + first[2]) <= plots.GAP + 2
    assert pixels(picture).shape[1] - (second[0] + second[2]) <= 1


def test_a_tensor_keeps_its_orientation_and_its_colors():
    image = torch.zeros(1, 3, 40, 60)
    image[:, 0, :20, :30] = 1  # red at the top left only
    image[:, 2, 20:, 30:] = 1  # blue at the bottom right only
    shown = pixels(show_images(image))
    height, width, _ = shown.shape
    assert shown[height // 4, width // 4] == pytest.approx((255, 0, 0), abs=12)
    assert shown[3 * height // 4, 3 * width // 4] == pytest.approx((0, 0, 255), abs=12)
    assert shown[height // 4, 3 * width // 4] == pytest.approx((0, 0, 0), abs=12)


def test_a_batch_is_shown_as_its_images():
    batch = torch.zeros(3, 3, 32, 48)
    for channel in range(3):
        batch[channel, channel] = 1
    picture = show_images(batch)
    lefts = [box(picture, color)[0] for color in [(255, 0, 0), (0, 255, 0), (0, 0, 255)]]
    assert lefts == sorted(set(lefts))
    assert picture.alt == "3 pictures in a row"


@pytest.mark.parametrize("shape", [(3, 32, 48), (1, 3, 32, 48)])
def test_one_tensor_is_one_picture(shape):
    assert show_images(torch.rand(shape)).alt == "a picture"


def test_columns_break_the_rows_in_reading_order():
    picture = show_images([flat(RED), flat(GREEN), flat(BLUE)], columns=2)
    red, green, blue = (box(picture, color) for color in (RED, GREEN, BLUE))
    assert red[1] == green[1] < blue[1]
    assert red[0] == blue[0] < green[0]
    assert blue[2:] == pytest.approx(red[2:], abs=2)  # the last row does not grow
    assert picture.alt == "3 pictures in rows"


@pytest.mark.parametrize(("count", "rows"), [(4, 1), (5, 2), (6, 2), (8, 2), (9, 3)])
def test_rows_hold_four_pictures_at_most_unless_asked(count, rows):
    picture = show_images([flat(RED)] * count)
    band = (np.abs(pixels(picture)[:, 5] - RED).max(axis=1) < 40).astype(int)
    assert np.count_nonzero(np.diff(band, prepend=0) == 1) == rows


def test_a_title_stands_above_its_own_picture():
    bare = show_images([flat(RED), flat(BLUE)])
    titled = show_images([flat(RED), flat(BLUE)], ["", "result"])
    left, top, width, _ = box(titled, BLUE)
    assert top > box(bare, BLUE)[1] == 0
    ink = np.nonzero(pixels(titled)[:top].min(axis=2) < 128)[1]
    assert ink.size
    assert ink.mean() == pytest.approx(left + width / 2, abs=4)


def test_a_long_title_wraps_and_stays_inside():
    title = "The Great Wave off Kanagawa, a woodblock print by Hokusai of about 1831"
    images = [flat(RED), flat(BLUE), flat(GREEN), flat(RED)]
    one, wrapped = show_images(images, ["wave"] * 4), show_images(images, [title] * 4)
    assert box(wrapped, BLUE)[1] >= box(one, BLUE)[1] + 2 * plots.LINE
    ink = pixels(wrapped)[: box(wrapped, BLUE)[1]].min(axis=2) < 128
    assert ink.any()
    assert not ink[0].any()  # nothing is cut off at the top, or at the sides
    assert not ink[:, [0, -1]].any()


def test_size_limits_the_height_of_a_row():
    assert pixels(show_images(flat(RED), size=1.0)).shape[0] == plots.DPI
    assert pixels(show_images(flat(RED, 40, 400))).shape[0] == 4 * plots.DPI


def test_a_row_is_never_wider_than_nine_inches():
    assert show_images([flat(RED, 90, 30)] * 3, ["a", "b", "c"]).width == 900


def checkerboard() -> Image.Image:
    return Image.fromarray((np.indices((4, 6)).sum(axis=0) % 2 * 255).astype(np.uint8))


def test_small_pictures_grow_smoothly_or_in_blocks_if_asked():
    smooth, blocks = (
        pixels(show_images(checkerboard(), interpolation=way)) for way in ("lanczos", "nearest")
    )
    assert len(np.unique(smooth)) > 50
    assert set(np.unique(blocks)) == {0, 255}


def test_three_photographs_in_a_row_are_a_small_jpeg():
    names = ["content/cat", "style/great_wave", "content/macaw"]
    files = [Image.open(ROOT / "images" / f"{name}.jpg") for name in names]
    picture = show_images(files, names)
    for file in files:
        file.close()
    assert picture.mime == "image/jpeg"
    assert 40_000 < len(picture.data) < 150_000
    assert pixels(picture).shape[1] >= 1.5 * 900


@pytest.mark.parametrize(
    ("images", "titles"),
    [
        ([], None),
        ({}, None),
        ([flat(RED)], ["a", "b"]),
        ([flat(RED), flat(RED)], ["a"]),
        (torch.zeros(0, 3, 32, 32), None),
        (torch.zeros(32, 32), None),
        (torch.zeros(1, 1, 32, 32), None),
        ([torch.zeros(2, 3, 32, 32)], None),
        (torch.full((1, 3, 32, 32), float("nan")), None),
    ],
)
def test_what_cannot_be_shown_is_refused(images, titles):
    with pytest.raises(ValueError, match="got|NaN"):
        show_images(images, titles)


# ------------------------------------------------------------------ descriptions and display


def test_the_description_names_what_is_shown():
    images = {"content": flat(RED), "style": flat(GREEN), "result": flat(BLUE)}
    assert show_images(images).alt == "3 pictures in a row: content, style, result"
    assert show_images(flat(RED), ["a cat"]).alt == "a picture: a cat"
    assert show_images(images, alt="A cat becomes a wave").alt == "A cat becomes a wave"


@pytest.mark.parametrize("make", [lambda: show_images(flat(RED)), lambda: show_losses(HISTORY)])
def test_a_display_formatter_gets_picture_and_description(make):
    picture = make()
    data, metadata = DisplayFormatter().format(picture)
    assert set(data) == {picture.mime, "text/plain"}
    assert base64.b64decode(data[picture.mime]) == picture.data
    assert data["text/plain"] == picture.alt
    assert metadata == {picture.mime: {"alt": picture.alt, "width": picture.width}}


def test_the_repr_is_short():
    assert repr(show_images(flat(RED))) == "Picture(alt='a picture', width=600)"


def test_saving_writes_the_bytes_and_returns_the_path(tmp_path):
    photo, chart = show_images(flat(RED)), show_losses(HISTORY)
    for picture, name in [(photo, "a.jpg"), (photo, "b.JPEG"), (chart, "c.png")]:
        assert picture.save(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).read_bytes() == picture.data
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg", "b.JPEG", "c.png"]


def test_a_picture_is_saved_completely_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"the old file")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        show_images(flat(RED)).save(path)
    assert path.read_bytes() == b"the old file" and list(tmp_path.iterdir()) == [path]


def test_saving_under_a_wrong_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"end it in \.jpeg"):
        show_images(flat(RED)).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------ steps


def test_steps_are_titled_with_their_numbers_in_order():
    picture = show_steps({0: flat(RED), 5: flat(GREEN), 60: flat(BLUE)})
    lefts = [box(picture, color)[0] for color in (RED, GREEN, BLUE)]
    assert lefts == sorted(set(lefts))
    assert picture.alt == "the picture at steps 0, 5, 60"
    same = show_images({"step 0": flat(RED), "step 5": flat(GREEN), "step 60": flat(BLUE)})
    assert picture.data == same.data


def test_steps_may_be_records():
    records = [SimpleNamespace(index=i, image=torch.rand(1, 3, 32, 48)) for i in (0, 10)]
    assert show_steps(records).data == show_steps({r.index: r.image for r in records}).data
    assert show_steps(records, alt="two states").alt == "two states"


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="got 0 pictures"):
        show_steps({})


# ------------------------------------------------------------------ losses


def test_each_line_carries_exactly_the_values_of_its_term(monkeypatch):
    axes = drawn(HISTORY, monkeypatch).axes[0]
    lines = {line.get_label().split(":")[0]: line for line in axes.lines}
    assert list(lines) == ["total", "content", "style"]  # variation is always zero: left out
    for line in lines.values():
        assert list(line.get_xdata()) == [0, 1, 2]
    assert list(lines["total"].get_ydata()) == [8.0, 4.0, 2.5]
    assert list(lines["content"].get_ydata()) == [0.0, 1.0, 1.5]
    assert list(lines["style"].get_ydata()) == [8.0, 3.0, 1.0]
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")


def test_the_legend_tells_first_and_last_values(monkeypatch):
    (legend,) = drawn(HISTORY, monkeypatch).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["total: 8 → 2.5", "content: 0 → 1.5", "style: 8 → 1"]


def test_lines_differ_in_color_and_in_dashes_and_the_total_is_the_thickest(monkeypatch):
    terms = dict(content=1.0, style=1.0, variation=1.0, depth=1.0, edges=1.0, histogram=1.0)
    lines = drawn([record(i, 6.0, **terms) for i in range(3)], monkeypatch).axes[0].lines
    assert len({line.get_color() for line in lines}) == len(lines) == 7
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 7
    assert lines[0].get_linewidth() > max(line.get_linewidth() for line in lines[1:])


def test_a_term_that_is_absent_at_first_or_at_last_counts_as_zero_there():
    history = [
        record(0, 5.0, style=1.0, content=4.0),
        record(1, 3.0, style=1.0, variation=2.0),
        record(2, 2.5, style=1.0, variation=1.5),
    ]
    assert curves(history) == {
        "total 5 2.5": [5.0, 3.0, 2.5],
        "style 1 1": [1.0, 1.0, 1.0],
        "content 4 0": [4.0, 0.0, 0.0],
        "variation 0 1.5": [0.0, 2.0, 1.5],
    }


def test_a_term_that_is_absent_from_all_records_has_no_curve():
    assert list(curves([record(0, 2.0), record(1, 1.0)])) == ["total 2 1"]


def test_a_term_near_zero_does_not_flatten_the_others(monkeypatch):
    history = [record(0, 8.0, content=1e-30, style=8.0), record(1, 4.0, content=1.0, style=3.0)]
    low, high = drawn(history, monkeypatch).axes[0].get_ylim()
    assert high / low == pytest.approx(1e4)


def test_restarts_are_vertical_lines_told_once_in_the_legend(monkeypatch):
    noted = [*HISTORY, record(3, 2.0, "restarted", style=2.0), record(4, 1.0, "restarted", style=1)]
    figure = drawn(noted, monkeypatch)
    upright = [line for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1]
    assert [line.get_xdata()[0] for line in upright] == [3, 4]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts.count("restarted") == 1


def test_sizes_stand_above_their_lines_and_totals_of_two_sizes_are_not_compared(monkeypatch):
    small, large = record(0, 4.0, "64 x 43 px", style=4.0), record(2, 9.0, "90 x 120 px", style=9.0)
    sized = [small, record(1, 2.0, style=2.0), large, record(3, 5.0, style=5.0)]
    figure = drawn(sized, monkeypatch)
    axes = figure.axes[0]
    assert [(text.get_text(), text.xy[0]) for text in axes.texts] == [("64 px", 0), ("120 px", 2)]
    upright = [line for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert [line.get_xdata()[0] for line in upright] == [0, 2]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["total: 5 at the end", "style: 5 at the end"]
    told = "loss curves to step 3 through the sizes 64, 120 px: total 5 at the end"
    assert show_losses(sized).alt == told


def test_a_single_record_shows_as_a_point():
    dark = pixels(show_losses([record(0, 5.0, style=5.0)]))
    vermilion = np.abs(dark - (0xD5, 0x5E, 0)).max(axis=2) < 30
    plot_half = vermilion[:, : dark.shape[1] // 2]  # the legend is in the other half
    assert plot_half.sum() > 20


def test_a_result_with_a_history_and_odd_values_are_drawn_without_a_warning():
    odd = [*HISTORY, record(3, float("nan"), style=float("nan")), record(4, 2.0, style=2.0)]
    picture = show_losses(SimpleNamespace(history=odd))
    assert picture.mime == "image/png"
    assert picture.width == 600
    assert pixels(picture).shape == (3 * plots.DPI, 6 * plots.DPI, 3)
    assert picture.alt == "loss curves to step 4: total from 8 to 2"
    assert show_losses(odd, alt="falls").alt == "falls"


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_values_that_a_logarithm_cannot_show_are_left_out_without_a_warning(value, monkeypatch):
    alone, mixed = [record(0, value)], [record(0, value), record(1, 2.0), record(2, 1.0)]
    assert show_losses(alone).mime == "image/png"
    low, high = drawn(mixed, monkeypatch).axes[0].get_ylim()
    assert 0.5 < low < 1 and 2 < high < 4


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="run at least one step"):
        show_losses([])


# ------------------------------------------------------------------ no global state


def test_the_readers_settings_neither_change_nor_matter():
    plain = show_losses(HISTORY).data
    with matplotlib.rc_context({"axes.facecolor": "black", "savefig.dpi": 30, "font.size": 30}):
        before = dict(matplotlib.rcParams)
        assert show_losses(HISTORY).data == plain
        assert dict(matplotlib.rcParams) == before


def test_colors_keep_their_resolution() -> None:
    """JPEG usually halves it, which smears the edges of brush strokes."""
    picture = Image.open(io.BytesIO(show_images([torch.rand(1, 3, 32, 32)]).data))
    assert picture.format == "JPEG" and JpegImagePlugin.get_sampling(picture) == 0
