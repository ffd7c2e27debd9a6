"""The studio's pickers: bundled pictures, uploads, files and pictures in memory."""

from __future__ import annotations

import html
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from studio_tools import SIZE, a_png, files, message, upload, widgets_of

from nstkit.pictures.images import samples
from nstkit.studio.pictures import Picker

pytestmark = pytest.mark.usefixtures("no_charts")


@pytest.mark.parametrize("generation", [7, 8])
def test_a_picker_takes_uploads_of_both_generations_of_widgets(monkeypatch, generation):
    picker = Picker("content")
    sent = SimpleNamespace(value=files("my photo.png", a_png(), generation))
    monkeypatch.setattr(picker, "upload", sent)
    picker.take()
    assert picker.read().size == (120, 80)
    assert picker.menu.value == "my photo.png"


def test_two_uploads_of_one_name_are_two_pictures():
    picker = Picker("content")
    for side in (90, 80):
        upload(picker, "image.jpg", a_png((side, side)))
        picker.take()
    upload(picker, "cat", a_png((70, 70)))
    picker.take()
    sizes = {name: picker.source(name).size[0] for name in ("image.jpg", "image.jpg 2", "cat 2")}
    assert sizes == {"image.jpg": 90, "image.jpg 2": 80, "cat 2": 70}
    assert picker.source("cat") == "cat"


def test_an_upload_is_painted_and_listed(studio):
    picker = studio.controls.content
    upload(picker, "my photo.png", a_png())
    assert message(studio) == ""
    assert picker.menu.value == "my photo.png"
    assert picker.menu.options[-1] == "my photo.png"
    assert (
        len(widgets_of(studio, f"content-{len(samples('content') + samples('light'))}")) == 1
    )  # its thumbnail
    assert studio.engine.pictures.content.shape[-1] == SIZE
    assert studio.engine.result().sources[0] == "my photo.png"
    picker.menu.value = "castle"
    picker.menu.value = "my photo.png"
    assert studio.engine.settings.content.size == (120, 80)


def test_an_upload_never_has_the_name_of_a_bundled_picture(studio):
    """The recipe names its pictures, and would paint the bundled one."""
    picker = studio.controls.content
    upload(picker, "scream", a_png())
    assert picker.menu.value == "scream 2"
    assert studio.engine.result().sources[0] == "scream 2"


def test_an_upload_that_is_no_picture_is_told_and_changes_nothing(studio):
    picker = studio.controls.style
    upload(picker, "notes.txt", b"not a picture")
    assert "'notes.txt' is not a picture" in html.unescape(message(studio))
    assert "it again. The painting is as it was." in message(studio)
    assert picker.menu.value == "great_wave"
    assert studio.engine.settings.style == "great_wave"


def test_an_emptied_upload_is_nothing(studio):
    picker = studio.controls.content
    upload(picker, "my photo.png", a_png())
    settings = studio.engine.settings
    picker.upload.set_trait("value", type(picker.upload.value)())
    assert message(studio) == ""
    assert studio.engine.settings is settings


def test_a_thumbnail_chooses_its_picture_and_is_framed(studio):
    (castle,) = [w for w in widgets_of(studio, "thumbnail") if w.tooltip == "castle"]
    castle.click()
    assert studio.engine.settings.content == "castle"
    assert castle in widgets_of(studio, "chosen")


def test_any_bundled_picture_and_any_file_may_be_either(studio, tmp_path):
    file = tmp_path / "mine.png"
    Image.new("RGB", (60, 60)).save(file)
    studio.set(content="scream", style=str(file))
    style = studio.controls.style
    assert studio.controls.content.menu.value == "scream"
    assert style.menu.value == "mine.png"
    assert style.read() == str(file)
    listed = len(style.menu.options)
    studio.set(style=str(Path(file)))  # the same, in another string
    assert len(style.menu.options) == listed


def test_pictures_in_memory_are_listed_by_what_they_are(studio, cat):
    studio.set(content=cat, style=Image.new("RGB", (60, 60)))
    assert studio.controls.content.menu.value == "tensor"
    assert studio.controls.style.menu.value == "image"
    assert studio.controls.read(studio.engine.settings).content is cat
