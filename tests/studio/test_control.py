"""The studio's colors, artworks, strokes and regions: controls, engine, and what repeats them."""

from __future__ import annotations

import json
import operator

import ipywidgets as widgets
import pytest
import torch
from studio_tools import SCALED, SHALLOW, SIZE, advance, an_engine, change, press, repeated

from nstkit import (
    NEIGHBORS,
    Gram,
    Moments,
    Objective,
    Region,
    color_range,
    ellipse,
    load_image,
    luminance_range,
    read_metadata,
    rectangle,
    repaint,
    stylize,
)
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.color import keep_colors, match_colors
from nstkit.studio import Engine, Settings
from nstkit.studio.controls import Controls
from nstkit.studio.kit import Kit
from nstkit.studio.region import COLOR, OWN, WHOLE, RegionPicker, color_at, drawing
from nstkit.studio.settings import same

MIX = {"great_wave": 0.75, "scream": 0.25}
SKY = rectangle(0, 0, 1, 0.5)
PLAIN = Settings("cat", "great_wave", SHALLOW, SIZE)


CONTROLS = Controls(Kit(), PLAIN, lambda: None)


def shown(settings):
    """Return what controls read when they show these settings."""
    CONTROLS.show(settings)
    return CONTROLS.read(settings)


# ---------------------------------------------------------------- controls


@pytest.mark.parametrize(
    "changes",
    [
        {"style": MIX},
        {"style": [("scream", 2.0), ("great_wave", 1.0)]},
        {"style": {"scream": 1.0, "great_wave": 0.0}},
        {"style": {"bouquet": 0.123, "scream": 0.877}},
        {"color": "match"},
        {"color": "luminance", "style_scale": 0.5},
        {"style_scale": 1.23},
        {"regions": (Region(~rectangle(0.25, 0, 1, 0.5)),)},
        {"regions": (Region(rectangle(0.1, 0.2, 0.3, 0.4)),)},
        {"regions": (Region(~ellipse(0, 0, 1, 1)),)},
        {"regions": (Region(color_range("#204060", 0.3)),)},
        {"regions": (Region(SKY, "scream"), Region(~SKY, None, keep=5))},
        {"regions": (Region(SKY & color_range("red")),)},
        {"regions": (Region(~rectangle(0, 0, 1, 0.5, soft=0)),)},
        {"regions": (Region(luminance_range(0, 0.5)),)},
        {"regions": (Region(color_range((0.1234, 0.5, 0.777))),)},
        {"regions": (Region(torch.rand(6, 9)),)},
    ],
    ids=str,
)
def test_controls_read_what_they_show(changes):
    wanted = PLAIN.replace(**changes)
    read = shown(wanted)
    if "style" in changes:  # the panel knows shares that add up to 1
        total = sum(dict(changes["style"]).values())
        pairs = [(name, share / total) for name, share in dict(changes["style"]).items()]
        assert [name for name, _ in read.style] == [name for name, _ in pairs]
        assert [s for _, s in read.style] == pytest.approx([s for _, s in pairs])
        wanted = wanted.replace(style=read.style)
    assert wanted.changes(read) == {}


def test_a_single_artwork_is_read_as_it_is():
    controls = Controls(Kit(), PLAIN.replace(style=MIX), lambda: None)
    controls.mixing.second.value = "none"
    assert controls.read(PLAIN).style == "great_wave"


def test_two_pictures_of_one_name_stay_two():
    one, two = load_image("scream", 48), load_image("great_wave", 48)
    settings = PLAIN.replace(style=[(one, 0.25), (two, 0.75)])
    read = shown(settings)
    assert read.style[0][0] is one and read.style[1][0] is two
    script = Engine(settings, "fp32").frame.script()
    assert "[('tensor', 0.25), ('tensor', 0.75)]" in script


def test_an_upload_of_the_first_picker_can_be_the_second_artwork():
    controls = Controls(Kit(), PLAIN, lambda: None)
    mine = load_image("scream", 48)
    controls.style.show(mine)
    controls.style.show("great_wave")
    assert "tensor" in controls.mixing.second.options
    controls.mixing.second.value = "tensor"
    assert controls.read(PLAIN).style[1][0] is mine


@pytest.mark.parametrize(
    "style", [dict.fromkeys(["scream", "great_wave", "bouquet"], 1), {"scream": {"relu1_1": 1}}]
)
def test_what_the_panel_cannot_mix_is_refused(style):
    with pytest.raises(ValueError, match="mixes two artworks by one number.*nstkit.stylize"):
        shown(PLAIN.replace(style=style))


def test_moving_the_new_controls_calls_for_a_change():
    calls = []
    controls = Controls(Kit(), PLAIN, lambda: calls.append(1))
    mixing, region = controls.mixing, controls.region
    moves = [
        (mixing.second, "scream"), (mixing.share, 0.3), (mixing.color, "match"),
        (mixing.scale, 2.0), (region.kind, "an ellipse"), (region.across, (0.1, 0.5)),
        (region.down, (0.3, 0.4)), (region.inverse, True), (region.kind, COLOR),
        (region.color, "#102030"), (region.tolerance, 0.4), (region.kind, WHOLE),
    ]  # fmt: skip
    for number, (widget, value) in enumerate(moves, 1):
        widget.value = value
        assert len(calls) == number
    read = controls.read(PLAIN)
    assert read.style == [("great_wave", 0.7), ("scream", 0.3)]
    assert (read.recipe.color, read.recipe.style_scale, read.regions) == ("match", 2.0, ())


# ---------------------------------------------------------------- the region


@pytest.fixture
def picker():
    calls = []
    made = RegionPicker(Kit(), lambda change: calls.append(1))
    made.calls = calls
    made.show((), "castle")
    return made


def test_what_the_mouse_draws_is_the_shape(picker):
    picker.kind.value = "an ellipse"
    picker.calls.clear()
    picker.drawn.value = "0.1000 0.2000 0.6000 0.9000"  # as the page writes it
    assert picker.calls == [1]
    assert same(picker.read(), (Region(~ellipse(0.1, 0.2, 0.6, 0.9)),))
    picker.drawn.value = "0.1000 0.2000 0.6000 0.9000"  # the same place again
    assert picker.calls == [1, 1]


def test_a_drag_before_a_shape_is_chosen_draws_a_rectangle(picker):
    picker.kind.value = COLOR
    picker.drawn.value = "0.5 0.5 0.5 0.5"
    assert picker.kind.value == COLOR
    picker.show((Region(SKY, "scream"),), "castle")
    assert picker.kind.value == OWN
    picker.drawn.value = "0 0 0.5 0.5"
    assert same(picker.read(), (Region(~rectangle(0, 0, 0.5, 0.5)),))


def test_a_click_picks_the_color_there(picker):
    picker.kind.value = "a rectangle"
    picker.drawn.value = "0.5000 0.1000 0.5000 0.1000"
    assert picker.kind.value == COLOR
    red, green, blue = (int(picker.color.value[n : n + 2], 16) for n in (1, 3, 5))
    assert blue > green > red and blue > 150  # the sky
    kept = picker.read()[0].mask.of(load_image("castle", 128))
    assert kept[..., :20, 60:70].mean() < 0.2 and kept[..., -20:, :].mean() > 0.9


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3", "a b c d"])
def test_what_nobody_has_drawn_changes_nothing(text, picker):
    picker.kind.value = "an ellipse"
    before = picker.read()
    picker.calls.clear()
    picker.drawn.value = text
    assert picker.calls == [] and same(picker.read(), before)


def test_the_photograph_is_dark_where_it_is_not_painted(picker):
    import base64
    import io
    import re

    picker.kind.value = "a rectangle"
    picker.drawn.value = "0 0 1 0.5"
    data = re.search(r"base64,([^\"]+)", picker.canvas.value)[1]
    seen = load_image(io.BytesIO(base64.b64decode(data)))
    photo = load_image("castle", seen.shape[-1])
    rows = (seen / photo.clamp(min=0.05)).mean((0, 1, 3))
    assert rows[:80].mean() > 0.9 and rows[-80:].mean() < 0.4


def test_only_the_widgets_of_the_kind_are_shown(picker):
    def visible():
        parts = {"inverse": picker.inverse, "sides": picker.box.children[1],
                 "color": picker.box.children[2], "photo": picker.canvas}  # fmt: skip
        return {name for name, part in parts.items() if part.layout.display != "none"}

    assert visible() == set()
    picker.kind.value = "an ellipse"
    assert visible() == {"inverse", "sides", "photo"}
    picker.kind.value = COLOR
    assert visible() == {"inverse", "color", "photo"}


def test_the_color_of_a_place_is_a_mean_and_the_edge_is_a_place_too():
    photo = torch.zeros(1, 3, 20, 30)
    photo[:, 0, :, 15:] = 1
    assert color_at(photo, 0.9, 0.5) == (1, 0, 0) and color_at(photo, 1, 1) == (1, 0, 0)
    assert color_at(photo, 0.5, 0)[0] == pytest.approx(4 / 7)


def test_handlers_are_quoted_so_that_the_page_reads_them_whole():
    from html.parser import HTMLParser

    found = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.setdefault(tag, []).append(dict(attributes))

    Reader().feed(drawing(torch.rand(1, 3, 20, 30), torch.zeros(1, 1, 20, 30), True))
    (canvas,), (frame,) = found["div"], found["i"]
    assert frame == {"class": "nstkit-round"} and len(found["img"]) == 1
    for name in ("onpointerdown", "onpointermove", "onpointerup", "onpointercancel"):
        assert canvas[name].count("{") == canvas[name].count("}") and "'" in canvas[name] + "'"


def test_the_drawn_field_is_an_ordinary_widget_of_both_generations(picker):
    assert isinstance(picker.drawn, widgets.Text)
    known = {"value", "description", "disabled", "placeholder", "continuous_update"}
    assert known <= set(widgets.Text().keys)


# ---------------------------------------------------------------- the engine


CHANGES = [
    {"style": MIX},
    {"color": "match"},
    {"color": "luminance"},
    {"style_scale": 1.2},
    {"regions": (Region(~SKY),)},
    {"regions": (Region(SKY, "scream", beta=40), Region(~SKY, MIX, keep=3))},
    {"style": MIX, "color": "match", "regions": (Region(~SKY, "scream"),)},
]


@pytest.mark.parametrize("recipe", [SHALLOW, SCALED], ids=["one scale", "three scales"])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_it_paints_what_stylize_paints(changes, recipe, network):
    engine = Engine(Settings("cat", "great_wave", recipe, SIZE).replace(**changes), "fp32")
    steps = 4 if recipe is SHALLOW else engine.steps_left
    advance(engine, steps)
    found = engine.result()
    arguments = dict(changes)
    style = arguments.pop("style", "great_wave")
    size = {} if recipe is SCALED else {"size": SIZE}
    want = stylize(
        "cat", style, found.recipe, **size, regions=arguments.get("regions", ()),
        vgg=network, progress=False,
    )  # fmt: skip
    torch.testing.assert_close(found.image, want.image, atol=1e-4, rtol=0)
    assert found.sources == want.sources
    assert same(found.subject.regions, want.subject.regions)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_change_goes_on_from_the_current_picture_with_new_losses(changes, painting, network):
    before = painting.frame
    change(painting, **changes)
    painting.prepare()
    assert painting.frame.index == before.index
    assert painting.frame.image.equal(before.image)
    fresh = Engine(painting.settings, "fp32")
    recipe = painting.settings.recipe
    want = Objective.of_scene(fresh.pictures.scene, network, recipe)(before.image)
    assert painting.frame.losses.total == pytest.approx(want.total.item(), rel=1e-5)
    advance(painting, 2)
    assert painting.frame.index == before.index + 2


@pytest.mark.parametrize("statistic", [Gram(), Moments()])
def test_shares_that_move_load_and_compute_no_artwork_again(statistic, passes, network):
    engine = an_engine(SHALLOW.replace(statistic=statistic))
    change(engine, style=[("great_wave", 0.5), ("scream", 0.5)])
    advance(engine, 2)
    passes.clear()
    pictures = engine.pictures.works.pictures
    change(engine, style=[("great_wave", 0.1), ("scream", 0.9)])
    engine.advance()
    assert all(for_gradient for _, for_gradient in passes)
    assert all(map(operator.is_, engine.pictures.works.pictures, pictures))
    assert engine.frame.index == 3  # its optimizer goes on
    style = Artworks(engine.pictures.works.pictures, (0.1, 0.9))
    recipe = engine.settings.recipe
    want = Objective.of(engine.pictures.content, style, network, recipe)(engine.frame.image)
    assert engine.frame.losses.total == pytest.approx(want.total.item(), rel=1e-5)


def test_a_weight_steers_all_regions_that_have_none_of_their_own():
    engine = an_engine()
    change(engine, regions=(Region(SKY, "scream"), Region(~SKY, "scream", beta=7)))
    advance(engine, 1)
    change(engine, beta=55)
    advance(engine, 1)
    coefficients = engine.frame.losses.coefficients
    assert (coefficients["style 1"], coefficients["style 2"]) == (55, 7)


def test_luminance_shows_and_saves_the_photographs_colors(studio, tmp_path):
    import io

    studio.set(color="luminance")
    studio.run(3, progress=False)
    photo = load_image("cat", SIZE)
    want = keep_colors(studio.engine.frame.image, photo)
    assert studio.result().image.equal(want)
    seen = load_image(io.BytesIO(studio.screen.picture.value))
    assert (seen - want).abs().mean() < 0.03  # JPEG
    saved = studio.save(tmp_path / "a.png")
    assert (load_image(saved) - want).abs().max() < 0.01


def test_matched_colors_follow_a_new_photograph():
    engine = an_engine(SHALLOW.replace(color="match"))
    change(engine, content="castle")
    engine.prepare()
    want = match_colors(load_image("great_wave", SIZE), load_image("castle", SIZE))
    assert engine.pictures.scene.parts[0].works.plain.equal(want)


WHOLE_REGIONS = (Region(SKY, "scream"), Region(~SKY, "great_wave"))


@pytest.mark.parametrize("regions", [(), WHOLE_REGIONS], ids=len)
@pytest.mark.parametrize(
    "changes",
    [{"content": "castle"}, {"style": "bouquet"}, {"size": 60}, {"style_scale": 1.3},
     {"color": "match"}, {"regions": (Region(ellipse(0, 0, 1, 1), "scream"),)}],
    ids=str,
)  # fmt: skip
def test_every_change_of_a_picture_is_followed_whatever_the_regions(changes, regions, network):
    engine = an_engine()
    change(engine, regions=regions)
    advance(engine, 2)
    change(engine, **changes)
    engine.prepare()
    fresh = Engine(engine.settings, "fp32")
    image = engine.frame.image
    assert image.shape[-2:] == fresh.frame.image.shape[-2:]
    found, want = (
        Objective.of_scene(e.pictures.scene, network, e.settings.recipe)(image).total
        for e in (engine, fresh)
    )
    assert engine.frame.losses.total == pytest.approx(want.item(), rel=1e-4)
    assert found.equal(want)


def test_the_views_show_both_artworks(studio):
    import io

    studio.set(style=MIX)
    seen = load_image(io.BytesIO(studio.screen.artwork.value))
    one, two = studio.engine.pictures.works.pictures
    assert seen.shape[-1] > one.shape[-1] * seen.shape[-2] / one.shape[-2] + 10
    assert two.shape[-1] > 0


def test_what_is_left_is_shown_as_the_photograph(studio):
    import io

    studio.set(regions=(Region(rectangle(0, 0, 0.5, 1, soft=0)),))
    studio.run(2, progress=False)
    photo = load_image("cat", SIZE)
    assert studio.result().image[..., :20].equal(photo[..., :20])
    seen = load_image(io.BytesIO(studio.screen.picture.value))
    assert (seen[..., :20] - photo[..., :20]).abs().mean() < 0.02  # JPEG


@pytest.mark.long
def test_an_artwork_that_is_enlarged_is_told(studio):
    studio.set(style_scale=4.0, size=200)
    assert "great_wave has 658 px and is enlarged to 800 px" in studio.screen.message.value
    studio.set(style_scale=1.0)
    assert studio.screen.message.value == ""


def test_an_empty_mask_is_told_and_the_painting_goes_on(studio):
    studio.run(2, progress=False)
    with pytest.raises(ValueError, match="mask of region 1, .* matches nothing"):
        studio.set(regions=(Region(color_range("magenta", 0.01), "scream"),))
    assert studio.engine.settings.regions == ()
    assert studio.run(1, progress=False).history[0].index == 3


def test_the_studio_needs_an_artwork():
    with pytest.raises(ValueError, match="needs an artwork; style is None"):
        Settings("cat", None)


def test_undo_brings_back_artworks_and_regions(painting):
    change(painting, style=MIX, regions=(Region(~SKY),))
    advance(painting, 4)
    painting.undo()
    painting.undo()
    assert painting.settings.style == "great_wave" and painting.settings.regions == ()


def test_neighbors_take_two_artworks_and_a_region():
    engine = an_engine(NEIGHBORS.replace(scales=(0.7, 1), steps=(1, 1)), size=64)
    change(engine, style=MIX, regions=(Region(~SKY),))
    advance(engine, 4)
    change(engine, style=[("great_wave", 0.2), ("scream", 0.8)])
    advance(engine, 1)
    assert engine.frame.image.isfinite().all()


# ---------------------------------------------------------------- once more


@pytest.mark.parametrize("changes", [CHANGES[n] for n in (0, 2, 5, 6)], ids=str)
def test_a_script_repeats_a_painting(changes, open_studio):
    studio = open_studio()
    studio.run(2, progress=False)
    studio.set(**changes)
    studio.run(2, progress=False)
    script = studio.engine.frame.script()
    again = repeated(script)
    assert again.image.equal(studio.engine.frame.image), script


FRESH = {  # each goes on with a fresh optimizer
    "artwork": lambda studio: studio.set(style="scream"),
    "forget": lambda studio: studio.forget(),
    "optimizer": lambda studio: studio.set(optimizer="adam"),
}


@pytest.mark.long
@pytest.mark.parametrize("order", ["before", "after", "both"])
@pytest.mark.parametrize("fresh", FRESH)
def test_a_script_repeats_several_moves_at_one_step_in_their_order(fresh, order, open_studio):
    studio = open_studio()
    studio.run(2, progress=False)
    if order != "after":
        studio.set(beta=30)
    FRESH[fresh](studio)
    if order != "before":
        studio.set(beta=70)
        studio.set(beta=100, tv=5)
    studio.run(4, progress=False)
    script = studio.engine.frame.script()
    assert repeated(script).image.equal(studio.engine.frame.image), script


@pytest.mark.parametrize("changes", [CHANGES[n] for n in (3, 5)], ids=str)
def test_a_script_of_one_call_repeats_a_painting_from_its_start(changes, open_studio):
    studio = open_studio(recipe=SHALLOW, size=SIZE)
    studio.set(**changes)
    studio.reset()
    studio.run(3, progress=False)
    script = studio.engine.frame.script()
    assert "nstkit.stylize(" in script
    scope = {"nstkit": __import__("nstkit")}
    exec(script.replace("seed=0)", "seed=0, precision='fp32', progress=False)").replace(
        "nstkit.stylize(", "result = nstkit.stylize("), scope)  # fmt: skip
    torch.testing.assert_close(scope["result"].image, studio.result().image, atol=1e-4, rtol=0)


def test_a_saved_picture_says_all_of_it(studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio.set(style=MIX, color="match", regions=(Region(~SKY),))
    studio.reset()
    studio.run(2, progress=False)
    press(studio, "save")
    (saved,) = tmp_path.glob("*.png")
    assert saved.name == "cat_great_wave_scream_0002.png"
    facts = read_metadata(saved)
    assert json.loads(facts["styles"]) == [["great_wave", 0.75], ["scream", 0.25]]
    assert json.loads(facts["regions"])[0]["mask"]["kind"] == "inverse"
    again = repaint(saved, progress=False)
    torch.testing.assert_close(again.image, studio.result().image, atol=1e-4, rtol=0)
