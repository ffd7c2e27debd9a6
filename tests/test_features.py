"""Feature maps for the eye, the search for what excites a channel, and pictures made of waves."""

import io

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import nstkit
from nstkit import lesson
from nstkit.lesson import features
from nstkit.lesson.waves import COLOR_MIX, color_mix
from nstkit.pictures.plots import Picture


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """Collect the figures that are drawn."""
    figures: list[Figure] = []
    real = features.render

    def spy(draw, *rest):
        def both(figure):
            draw(figure)
            figures.append(figure)

        return real(both, *rest)

    monkeypatch.setattr(features, "render", spy)
    return figures


def ramp(top: float) -> torch.Tensor:
    return torch.linspace(0, top, 12).view(3, 4)


# ---------------------------------------------------------------- maps in rows


def test_each_map_has_a_scale_of_its_own_and_all_look_alike_in_shape(drawn):
    maps = {"a": ramp(1), "b": torch.linspace(0, 4, 15).view(3, 5)}
    picture = lesson.show_maps(maps, "two ramps", columns=2, share=1)
    assert (picture.mime, picture.alt) == ("image/jpeg", "two ramps")
    shown = drawn[0].axes
    assert [axes.get_title() for axes in shown] == ["a", "b"]
    assert [axes.images[0].get_clim() for axes in shown] == [(0, 1), (0, 4)]
    assert [axes.get_aspect() * 3 / width for axes, width in zip(shown, (4, 5), strict=True)] == [
        pytest.approx(3 / 4)
    ] * 2


def test_a_picture_among_the_maps_keeps_its_colors(cat, drawn):
    lesson.show_maps({"photograph": cat, "map": ramp(2)}, "a cat and a ramp", columns=2)
    shown = np.asarray(drawn[0].axes[0].images[0].get_array())
    assert np.array_equal(shown, np.asarray(nstkit.to_pil(cat)))


def test_a_few_bright_numbers_do_not_set_the_scale(drawn):
    values = torch.ones(20, 50)
    values[0, 0] = 1000
    lesson.show_maps({"a": values}, "a bright spot", columns=1)
    assert drawn[0].axes[0].images[0].get_clim() == (0, 1)


def test_signed_maps_are_white_at_zero(drawn):
    lesson.show_maps({"a": ramp(3) - 1}, "a ramp", columns=1, colors="RdBu_r", share=1)
    assert drawn[0].axes[0].images[0].get_clim() == (-2, 2)


def test_maps_of_nothing_are_drawn(drawn):
    lesson.show_maps({"a": torch.zeros(3, 4), "b": torch.zeros(3, 4)}, "two silent maps")
    assert drawn[0].axes[0].images[0].get_clim() == (0, 1)


# ---------------------------------------------------------------- a picture lit by a map


def test_a_lit_picture_is_dark_where_the_map_is_zero_and_itself_where_it_is_greatest():
    values = torch.zeros(4, 6)
    values[:, :3] = 7
    shown = np.asarray(
        opened(lesson.show_lit(torch.full((1, 3, 40, 60), 0.8), values, "left half"))
    )
    height, width, _ = shown.shape
    left, right = (shown[height // 2, int(share * width)].max() for share in (0.25, 0.75))
    assert abs(left - 0.8 * 255) < 3
    assert right < 0.2 * 255


@pytest.mark.parametrize("shape", [(40, 60), (60, 60), (60, 40), (20, 60)])
def test_lit_pictures_of_all_shapes_make_panels_of_one_size(shape):
    one = opened(lesson.show_lit(torch.ones(1, 3, 40, 60), ramp(5), "ramp"))
    other = opened(lesson.show_lit(torch.ones(1, 3, *shape), ramp(5), "ramp"))
    assert np.abs(np.subtract(one.size, other.size)).max() <= 8


def test_a_picture_that_nothing_lights_is_dark():
    shown = opened(lesson.show_lit(torch.ones(1, 3, 40, 60), torch.zeros(4, 6), "silent"))
    assert shown.getpixel((shown.width // 2, shown.height // 2))[0] < 0.2 * 255


# ---------------------------------------------------------------- boxes


def test_boxes_lie_where_they_are_told(cat, drawn):
    boxes = {"large": (2.0, 3.0, 20.0), "small": (8.0, 9.0, 4.0)}
    lesson.show_boxes({"both": cat, "one": cat}, boxes, "boxes", only={"one": ["large"]})
    both, one = drawn[0].axes
    corners = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in both.patches]
    assert corners == [(1.5, 2.5, 20, 20), (7.5, 8.5, 4, 4)]
    assert [patch.get_label() for patch in one.patches] == ["large"]
    assert both.patches[0].get_edgecolor() == one.patches[0].get_edgecolor()
    assert [text.get_text() for text in drawn[0].legends[0].texts] == ["large", "small"]


# ---------------------------------------------------------------- search


def numbered(side: int) -> torch.Tensor:
    """Return a picture whose red tells the column and whose green tells the row."""
    down, across = torch.meshgrid(*(torch.arange(side) / side,) * 2, indexing="ij")
    return torch.stack([across, down, torch.zeros_like(down)])[None]


@pytest.mark.parametrize("larger", [1, 2])
def test_a_patch_is_the_receptive_field_around_the_best_place(larger):
    values = torch.zeros(8, 8)
    values[2, 5] = 3.0
    picture = numbered(64 * larger)
    (patch,) = lesson.best_patches({"a": values}, {"a": picture}, size=16, stride=8)
    # Position (2, 5) lies at pixel (20, 44), so 16 pixels around it begin at (12, 36).
    top, left, side = 12 * larger, 36 * larger, 16 * larger
    assert torch.equal(patch.image, picture[..., top : top + side, left : left + side])
    assert (patch.name, patch.activation) == ("a", 3.0)


def test_the_pictures_that_excite_a_channel_most_come_first():
    maps = {name: torch.full((8, 8), top) for name, top in (("a", 1.0), ("b", 3.0), ("c", 2.0))}
    pictures = {name: numbered(64) for name in maps}
    found = lesson.best_patches(maps, pictures, size=16, stride=8, count=2)
    assert [(patch.name, patch.activation) for patch in found] == [("b", 3.0), ("c", 2.0)]


def test_a_patch_that_sticks_out_of_the_picture_is_moved_inside():
    values = torch.zeros(8, 8)
    values[0, 3] = 9.0
    (patch,) = lesson.best_patches({"a": values}, {"a": numbered(64)}, size=40, stride=8)
    assert patch.activation == 9.0
    # Position (0, 3) lies at pixel (4, 28), so the patch would begin at (-16, 8).
    assert torch.equal(patch.image, numbered(64)[..., :40, 8:48])


def test_a_patch_larger_than_the_picture_is_light_gray_outside():
    values = torch.zeros(8, 8)
    values[0, 0] = 1.0
    (patch,) = lesson.best_patches({"a": values}, {"a": numbered(64)}, size=96, stride=8)
    assert (patch.activation, patch.image.shape) == (1.0, (1, 3, 96, 96))
    assert (patch.image[..., :44, :] == 0.9).all()
    assert torch.equal(patch.image[..., 44:, 44:], numbered(64)[..., :52, :52])


# ---------------------------------------------------------------- waves


def test_the_colors_are_mixed_as_in_the_bundled_photographs():
    pixels = [
        nstkit.load_image(name, size=128)[0].flatten(1).T for name in nstkit.samples("content")
    ]
    torch.testing.assert_close(
        torch.tensor(COLOR_MIX), color_mix(torch.cat(pixels)), rtol=0, atol=0.005
    )


def test_colors_that_vary_together_are_mixed_and_others_are_not():
    generator = torch.Generator().manual_seed(0)
    level, blue = torch.rand(2, 5000, generator=generator)
    mix = color_mix(torch.stack([level, level, 0.5 * blue], 1))  # variances 1 : 1 : 1/4
    expected = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.25]]) / 2**0.5
    torch.testing.assert_close(mix, expected, rtol=0, atol=0.03)


def test_waves_are_repeated_by_their_seed_and_no_waves_are_gray():
    waves = lesson.random_waves(6, 9, seed=3)
    assert torch.equal(waves, lesson.random_waves(6, 9, seed=3))
    assert not torch.equal(waves, lesson.random_waves(6, 9, seed=4))
    assert torch.equal(lesson.from_waves(torch.zeros_like(waves), 9), torch.full((1, 3, 6, 9), 0.5))


def test_a_wave_is_a_cosine_and_counts_by_its_length():
    def swing(across: int) -> torch.Tensor:
        waves = torch.zeros(1, 3, 8, 17, 2)
        waves[..., 0, across, 0] = 0.1
        return torch.logit(lesson.from_waves(waves, 32))[0, 1, 0]

    across = torch.arange(32) * 2 * torch.pi / 32
    for number in (1, 2, 4):
        expected = torch.cos(number * across)
        torch.testing.assert_close(swing(number) / swing(number)[0], expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(swing(1)[0] / swing(2)[0], torch.tensor(2.0), rtol=1e-3, atol=0)


def test_a_gradient_reaches_the_waves():
    waves = lesson.random_waves(6, 8, seed=0).requires_grad_()
    lesson.from_waves(waves, 8).square().mean().backward()
    assert waves.grad.abs().sum() > 0


def test_a_grown_picture_excites_its_channel_more_than_noise_does():
    vgg = nstkit.VGG()
    picture, answer = lesson.grow(vgg, "relu2_1", 5, width=48, steps=8)
    with torch.no_grad():
        start = lesson.from_waves(lesson.random_waves(32, 48, 0), 48)
        before = vgg(start, ["conv2_1"])["conv2_1"][0, 5]
        after = vgg(picture, ["conv2_1"])["conv2_1"][0, 5]
    assert picture.shape == (1, 3, 32, 48)
    assert after.mean() > before.mean() + 0.5
    assert answer > before.max()
