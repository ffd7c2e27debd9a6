"""The studio's pickers: bundled pictures, uploads, files and pictures in memory."""

from __future__ import annotations

import html
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from studio_tools import SIZE, a_png, files, message, press, send, upload

import nstkit
from nstkit import load_image
from nstkit.studio import page
from nstkit.studio.kit import Kit
from nstkit.studio.pictures import Picker
from nstkit.studio.uploads import File, Uploads


def size(source):
    return load_image(source).shape[:1:-1]


@pytest.mark.parametrize("generation", [7, 8])
def test_a_picker_takes_uploads_of_both_generations_of_widgets(monkeypatch, generation):
    picker = Picker(Kit(), "content", "photograph", Uploads())
    value = SimpleNamespace(value=files("my photo.png", a_png(), generation))
    monkeypatch.setattr(picker.upload, "button", value)
    picker.take()
    assert size(picker.read()) == (120, 80)
    assert picker.menu.value == "my photo.png"


def test_two_uploads_of_one_name_are_two_pictures():
    picker = Picker(Kit(), "content", "photograph", Uploads())
    for side in (90, 80, 90):  # the last one is the first one again
        upload(picker, "image.jpg", a_png((side, side)))
        picker.take()
    upload(picker, "cat", a_png((70, 70)))
    picker.take()
    sizes = {name: size(picker.source(name))[0] for name in picker.names if " 2" in name}
    assert sizes == {"image 2.jpg": 80, "cat 2": 70}
    assert size(picker.source("image.jpg"))[0] == 90
    assert picker.source("cat") == "cat"


def test_an_upload_is_painted_and_listed(studio):
    picker = studio.controls.content
    upload(picker, "my photo.png", a_png())
    assert message(studio) == ""
    assert picker.menu.value == "my photo.png"
    assert picker.menu.options[-1] == "my photo.png"
    assert picker.thumbnails.names[-1] == "my photo.png"
    assert picker.thumbnails.strip.value.count('title="my photo.png"') == 1
    assert studio.engine.pictures.content.shape[-1] == SIZE
    assert studio.engine.result().sources[0] == "my photo.png"
    picker.menu.value = "castle"
    picker.menu.value = "my photo.png"
    assert size(studio.engine.settings.content) == (120, 80)


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
    picker.upload.button.set_trait("value", type(picker.upload.button.value)())
    assert message(studio) == ""
    assert studio.engine.settings is settings


def test_a_thumbnail_chooses_its_picture_and_is_framed(studio):
    thumbnails = studio.controls.content.thumbnails
    for _ in range(2):  # a second press of the same one after another choice is heard too
        thumbnails.pressed.value = "castle"
        assert studio.engine.settings.content == "castle"
        assert '[title="castle"]' in thumbnails.choice.value
        studio.controls.content.menu.value = "cat"
        assert '[title="cat"]' in thumbnails.choice.value


def test_a_name_of_any_letters_is_framed_and_cannot_end_its_rule(studio):
    name = 'a" ] {} <b>é.png'
    upload(studio.controls.content, name, a_png())
    thumbnails = studio.controls.content.thumbnails
    assert html.escape(name) in thumbnails.strip.value and "<b>" not in thumbnails.strip.value
    rule = thumbnails.choice.value
    assert rule.count('"') == 2 and rule.count("{") == rule.count("<style") == 1
    thumbnails.pressed.value = name
    assert studio.controls.content.menu.value == name


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


# ---------------------------------------------------------------- what the script of the page sends


def test_a_picture_that_the_page_sends_is_taken_and_the_next_may_come(studio):
    picker = studio.controls.content
    send(picker.upload, "my photo.png", a_png())
    assert message(studio) == ""
    assert picker.menu.value == "my photo.png"
    assert picker.upload.sent.value == ""  # the page waits for this
    send(picker.upload, "other.png", a_png((90, 90)))
    assert size(studio.engine.settings.content) == (90, 90)


def test_a_file_that_is_too_large_to_be_sent_is_told_with_a_way_out(studio):
    before = studio.engine.settings
    send(studio.controls.content.upload, "scan.tif", None, size=23_400_000)
    assert "'scan.tif' has 23 MB" in html.unescape(message(studio))
    assert "put it in the notebook's folder" in html.unescape(message(studio))
    assert studio.engine.settings is before
    assert studio.controls.content.upload.sent.value == ""


# ---------------------------------------------------------------- files beside the notebook


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The notebook's folder, with a picture in it, a file that is none, and one that is hidden."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday.png").write_bytes(a_png((90, 60)))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(a_png())
    return tmp_path


def test_pictures_beside_the_notebook_are_offered_and_painted(folder, open_studio):
    studio = open_studio()
    options = studio.controls.content.menu.options
    assert "holiday.png" in options and "holiday.png" in studio.controls.style.menu.options
    assert not {"notes.txt", ".hidden.png"} & set(options)
    studio.controls.content.menu.value = "holiday.png"
    assert message(studio) == ""
    assert "stylize('holiday.png', 'great_wave'" in studio.engine.frame.script()


def test_saving_keeps_uploads_beside_the_painting_under_the_name_in_its_recipe(folder, open_studio):
    """What a recipe names can be found, and no file is replaced."""
    studio = open_studio()
    other = a_png((100, 70))
    upload(studio.controls.content, "holiday.png", other)
    upload(studio.controls.style, "holiday.png", a_png((90, 60)))  # the very file that is there
    saved = studio.save()
    assert (folder / "holiday.png").read_bytes() == a_png((90, 60))
    assert (folder / "holiday 2.png").read_bytes() == other
    assert "holiday 2.png" in message(studio)
    assert nstkit.read_metadata(saved)["content"] == "holiday 2.png"
    again = nstkit.repaint(saved)
    assert again.image.equal(studio.result().image)


def test_copying_a_recipe_keeps_the_uploads_that_it_names(folder, open_studio):
    studio = open_studio()
    upload(studio.controls.content, "mine.png", a_png())
    upload(studio.controls.content, "unused.png", a_png((64, 64)))
    studio.controls.content.menu.value = "mine.png"
    press(studio, "copy")
    assert (folder / "mine.png").read_bytes() == a_png()
    assert not (folder / "unused.png").exists()


def test_two_uploads_of_one_name_as_photograph_and_artwork_are_two_files(folder, open_studio):
    """Phones call every picture image.jpg, and a recipe must find both."""
    studio = open_studio()
    upload(studio.controls.content, "image.jpg", a_png((80, 70)))
    upload(studio.controls.style, "image.jpg", a_png((70, 80)))
    studio.reset()
    saved = studio.save()
    facts = nstkit.read_metadata(saved)
    assert (facts["content"], facts["style"]) == ("image.jpg", "image 2.jpg")
    assert nstkit.repaint(saved).image.equal(studio.result().image)


def test_the_uploads_of_the_saved_picture_are_kept_whatever_is_chosen_now(folder, open_studio):
    studio = open_studio()
    upload(studio.controls.style, "mine.png", a_png())
    studio.run(2, progress=False)
    studio.controls.style.menu.value = "scream"
    studio.save()
    assert (folder / "mine.png").read_bytes() == a_png()


@pytest.mark.parametrize(
    "name",
    ["\u00e9" * 150 + ".png", "", "../../x.png", "a/b.png", 'a"b<c>.png', "~root", "~", "~/x.png"],
)
def test_an_upload_of_any_name_is_painted_and_kept_in_the_folder(folder, open_studio, name):
    studio = open_studio()
    upload(studio.controls.content, name, a_png())
    assert message(studio) == "" or "error" not in message(studio)
    saved = studio.save()
    kept = nstkit.read_metadata(saved)["content"]
    assert (folder / kept).read_bytes() == a_png() and (folder / kept).parent == folder
    assert nstkit.repaint(saved).image.equal(studio.result().image)


def test_an_upload_whose_name_another_picture_has_in_the_folder_is_said_not_to_be_kept(folder):
    """The saved recipe would find the other picture."""
    uploads = Uploads()
    uploads.add(File("pic.png", a_png()), ())
    album = folder / "album"
    album.mkdir()
    (album / "pic.png").write_bytes(a_png((90, 60)))
    told = page.keep_uploads(uploads, {"pic.png"}, album)
    assert told == (
        " Your upload pic.png is not kept, because another file there has that name. Save into "
        "another folder."
    )
    assert (album / "pic.png").read_bytes() == a_png((90, 60))
    assert page.keep_uploads(uploads, {"pic.png"}, folder) == " Your upload is kept as pic.png."
    assert page.keep_uploads(uploads, {"pic.png"}, folder) == ""  # it is there


def test_a_painting_that_takes_the_name_of_its_upload_says_that_the_upload_is_not_kept(
    folder, open_studio
):
    studio = open_studio()
    upload(studio.controls.content, "mine.png", a_png())
    (folder / "album").mkdir()
    studio.save(folder / "album" / "mine.png")
    assert "Your upload mine.png is not kept" in message(studio)


def test_an_upload_may_be_read_by_two_threads_at_once():
    picker = Picker(Kit(), "content", "photograph", Uploads())
    upload(picker, "mine.png", a_png((600, 400)))
    picker.take()
    with ThreadPoolExecutor(4) as pool:
        shapes = list(pool.map(lambda _: size(picker.read()), range(40)))
    assert set(shapes) == {(600, 400)}


def test_a_picture_that_has_gone_sends_the_control_back(folder, open_studio):
    studio = open_studio()
    studio.controls.content.menu.value = "holiday.png"
    (folder / "holiday.png").unlink()
    studio.controls.size.value = 96
    assert "holiday.png" in message(studio)
    assert studio.controls.size.value == SIZE
    studio.controls.content.menu.value = "cat"
    assert message(studio) == ""
