"""What the studio's tests share: a cheap recipe, steps of an engine, a page to be played."""

from __future__ import annotations

import base64
import io
import json
import time
from datetime import datetime, timezone

from PIL import Image

import nstkit
from nstkit import Recipe
from nstkit.studio import Engine, Settings

SIZE = 49  # px: the smallest that leaves 32 rows of the cat
STEPS = 4  # of the fixture `painting`
LIMIT = 30.0  # seconds for what takes less than one

# Half of the time of a step goes into relu5_1. Nothing that is tested here depends on it.
# It is built upon the textbook's recipe, so that the tests hold whatever the default is.
SHALLOW = Recipe(content_layers=["relu2_2"], style_layers=["relu1_1", "relu2_1", "relu3_1"], tv=5)
# Sides in px, since a number or shares leave out scales that are as small.
SCALED = SHALLOW.replace(scales=(37, 43, SIZE), steps=(3, 2, 1), detail=0.5, start="recolored")


def an_engine(recipe=SHALLOW, size=SIZE, **options):
    return Engine(Settings("cat", "great_wave", recipe, size, **options), precision="fp32")


def advance(engine, steps):
    for _ in range(steps):
        engine.advance()


def pair(engine):
    """Return the photograph and the artwork of an engine that paints after one."""
    return [engine.pictures.content, engine.pictures.works.plain]


def change(engine, **changes):
    engine.settings = engine.settings.replace(**changes)


def repeated(script):
    """Execute the script of a steered painting; return the last frame."""
    scope = {"nstkit": nstkit}
    exec(script.replace("seed=0)", "seed=0, precision='fp32')"), scope)
    scope["studio"].close()
    return scope["studio"].engine.frame


# ---------------------------------------------------------------- uploads


def a_png(size=(120, 80)):
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, "PNG")
    return file.getvalue()


def files(name, data, generation):
    """Return what the page of ipywidgets 7 or 8 sends of an uploaded file."""
    of_7 = {name: {"metadata": {"name": name}, "content": data}}
    of_8 = ({"name": name, "type": "", "size": len(data), "content": memoryview(data),
             "last_modified": datetime.now(timezone.utc)},)  # fmt: skip
    return of_7 if generation == 7 else of_8


def upload(picker, name, data):
    """Do as the page does when a reader uploads a file."""
    button = picker.upload.button
    generation = 7 if isinstance(button.value, dict) else 8
    button.set_trait("value", files(name, data, generation))


def send(uploading, name, data, size=None):
    """Do as the script of the page does: it fills a hidden field. No data: too large a file."""
    coded = None if data is None else base64.b64encode(data).decode()
    told = {"name": name, "bytes": size or len(data), "data": coded}
    uploading.sent.value = json.dumps(told)


# ---------------------------------------------------------------- the page


def eventually(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.005)


def widgets_of(studio, name=None):
    """Return the widgets of the panel, or those with a CSS class."""
    found, todo = [], [studio.box]
    while todo:
        found.append(widget := todo.pop())
        todo += getattr(widget, "children", ())
    return [w for w in found if name is None or f"nstkit-{name}" in w._dom_classes]


def press(studio, name):
    widgets_of(studio, name)[0].click()


def play_button(studio):
    return widgets_of(studio, "play")[0]


def beat(studio):
    play_button(studio).value += 1


def play(studio, steps=2):
    """Press play, and beat until so many steps are shown."""
    play_button(studio).playing = True
    shown = shown_step(studio)

    def arrived():
        beat(studio)
        return shown_step(studio) >= shown + steps

    eventually(arrived)


def shown_step(studio):
    return int(studio.screen.status.value.split("step ")[1].split("<")[0])


def message(studio):
    return studio.screen.message.value
