"""`Instant`: the panel that paints at every move."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from studio_tools import a_png, upload, widgets_of

import nstkit
from nstkit.feedforward import Coder
from nstkit.feedforward.transfer import Draft
from nstkit.studio import Instant, instant, page

SIZE = 64


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder()


@pytest.fixture
def panel(coder: Coder) -> Instant:
    made = Instant("cat", "great_wave", size=SIZE, coder=coder)
    yield made
    made.close()


@pytest.fixture
def drafts(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The drafts that were made: what passed the encoder."""
    made = []

    def draft(**given: object) -> Draft:
        made.append(given)
        return Draft(**given)

    monkeypatch.setattr(instant, "Draft", draft)
    return made


def shown(panel: Instant) -> torch.Tensor:
    """Return the picture on the page."""
    return nstkit.load_image(Image.open(io.BytesIO(panel.picture.value)))


def message(panel: Instant) -> str:
    return panel.message.value


@pytest.mark.long
@pytest.mark.parametrize(
    "move, options",
    [
        (lambda p: setattr(p.strength, "value", 0.5), {"strength": 0.5}),
        (lambda p: setattr(p.how, "value", "transport"), {"how": "transport"}),
        (lambda p: setattr(p.how, "value", "photo"), {"how": "photo"}),
        (lambda p: setattr(p.style.menu, "value", "colosseum"), {"style": "colosseum"}),
        (lambda p: setattr(p.content.menu, "value", "macaw"), {"content": "macaw"}),
        (lambda p: setattr(p.style.menu, "value", "scream"), {"style": "scream"}),
        (lambda p: setattr(p.size, "value", 128), {"size": 128}),
        (lambda p: setattr(p.mixing.color, "value", "luminance"), {"color": "luminance"}),
        (lambda p: setattr(p.mixing.scale, "value", 1.4), {"style_scale": 1.4}),
        (
            lambda p: setattr(p.mixing.second, "value", "scream"),
            {"style": [("great_wave", 0.5), ("scream", 0.5)]},
        ),
    ],
)
def test_every_control_gives_what_transfer_gives(
    move: Callable, options: dict, panel: Instant, coder: Coder
) -> None:
    before = shown(panel)
    move(panel)
    given = {"content": "cat", "style": "great_wave", "size": SIZE, "coder": coder, **options}
    expected = nstkit.transfer(**given).image
    assert torch.equal(panel.result().image, expected)
    assert shown(panel).shape == expected.shape
    assert (shown(panel) - expected).abs().mean() < 0.02  # a JPEG of it
    assert shown(panel).shape != before.shape or not torch.equal(shown(panel), before)
    assert " px · " in panel.status.value and message(panel) == ""


def test_sliders_do_not_encode_again(panel: Instant, drafts: list[dict]) -> None:
    panel.strength.value = 0.3
    panel.how.value = "whiten"
    assert drafts == []
    panel.mixing.second.value = "scream"
    assert len(drafts) == 1
    pictures = []
    for share in (0.25, 0.75):
        panel.mixing.share.value = share
        pictures.append(panel.result())
    assert len(drafts) == 1 and not torch.equal(*(p.image for p in pictures))
    assert pictures[1].subject.style == [["great_wave", 0.25], ["scream", 0.75]]


def test_it_says_how_far_and_which_way_it_was_made(panel: Instant, tmp_path: Path) -> None:
    panel.how.value, panel.strength.value = "whiten", 0.6
    facts = nstkit.read_metadata(panel.save(tmp_path / "out.png"))
    assert (facts["how"], facts["strength"], facts["style"]) == ("whiten", "0.6", "great_wave")
    assert "Saved as out.png." in message(panel)


def test_the_save_button_never_writes_over_a_picture(
    panel: Instant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        widgets_of(panel, "save")[0].click()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["cat_great_wave_adain.png", "cat_great_wave_adain_2.png"]


def test_an_upload_of_any_name_is_kept_beside_the_painting(
    panel: Instant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    upload(panel.style, "a + b.png", a_png())
    saved = panel.save()
    assert saved.name == "cat_a + b_adain.png"
    assert (tmp_path / "a + b.png").read_bytes() == a_png()
    assert "Your upload is kept as a + b.png." in message(panel)


def test_set_moves_controls_and_a_bad_value_moves_nothing(panel: Instant) -> None:
    panel.set(strength=0.33, size=80, style={"great_wave": 1, "scream": 3}, color="match")
    assert (panel.strength.value, panel.size.value) == (0.33, 80)
    assert panel.mixing.share.value == 0.75 and panel.mixing.color.value == "match"
    assert panel.result().image.shape[-1] == 80
    before = panel.result()
    for change, says in (
        ({"strength": 2}, "strength is 2; expected a number from 0 to 1"),
        ({"how": "wct"}, "how is 'wct'"),
        ({"beta": 3}, "a control is 'beta'"),
        ({"size": 8}, "size is 8"),
        ({"content": "nowhere.jpg"}, "no file 'nowhere.jpg'"),
        ({"style": "nowhere.jpg"}, "no file 'nowhere.jpg'"),
    ):
        change = {"content": "macaw", "strength": 0.1, **change}
        with pytest.raises((ValueError, OSError), match=says):
            panel.set(**change)
        assert panel.strength.value == 0.33 and panel.size.value == 80
        assert panel.content.read() == "cat" and panel.mixing.share.value == 0.75
    assert panel.result() is before


def test_set_reads_a_file_again_that_has_changed(panel: Instant, tmp_path: Path) -> None:
    path, images = tmp_path / "photo.png", []
    for name in ("castle", "macaw"):
        nstkit.save_image(nstkit.load_image(name, SIZE), path)
        panel.set(content=path)
        images.append(panel.result().image)
    assert images[0].shape != images[1].shape


@pytest.mark.parametrize(
    "wrong", [{"content": "nobody"}, {"size": 8}, {"how": "wct"}, {"coder": 3}]
)
def test_a_panel_that_cannot_be_made_leaves_no_widget(wrong: dict, coder: Coder) -> None:
    from ipywidgets.widgets import widget

    alive = getattr(widget, "_instances", None)
    if alive is None:  # ipywidgets 7
        alive = widget.Widget.widgets
    before = len(alive)
    with pytest.raises((ValueError, OSError)):
        Instant(**{"coder": coder, "size": SIZE, **wrong})
    assert len(alive) == before


def test_what_fails_is_told_and_the_picture_stays(
    panel: Instant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise ValueError("This picture is <too> small.")

    before = panel.picture.value
    with monkeypatch.context() as patched:
        patched.setattr(instant, "Draft", fail)
        panel.size.value = 128
    assert panel.size.value == SIZE  # what is painted
    assert "This picture is &lt;too&gt; small. The painting is as it was." in message(panel)
    assert panel.picture.value == before
    panel.size.value = 192
    assert message(panel) == "" and panel.picture.value != before


def test_each_upload_is_painted_once(panel: Instant, drafts: list[dict]) -> None:
    upload(panel.content, "mine.png", a_png((90, 90)))
    assert len(drafts) == 1 and panel.result().image.shape[-2:] == (SIZE, SIZE)
    upload(panel.content, "mine.png", a_png())
    assert panel.result().sources[0] == "mine 2.png"
    assert panel.result().image.shape[-2:] == (43, SIZE)


def test_an_enlarged_picture_is_remarked(panel: Instant, tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 40, 50), tmp_path / "small.png")
    panel.set(style=tmp_path / "small.png")
    assert "small.png has 50 px and is enlarged to 64 px" in message(panel)


def test_it_shows_itself_and_a_closed_one_keeps_its_picture(coder: Coder) -> None:
    panel = Instant(size=SIZE, coder=coder)
    bundle = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.box.model_id
    widgets = widgets_of(panel)
    panel.close()
    assert all(widget.comm is None for widget in widgets)
    assert panel._repr_mimebundle_() == {"text/plain": "<Instant, closed>"}
    assert panel not in page._PANELS.values()
    assert panel.result().image.shape[-1] == SIZE
