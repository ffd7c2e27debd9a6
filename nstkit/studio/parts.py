"""Small parts of the studio: the script, the field where to stop, what a saved painting tells."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

import ipywidgets as widgets

from nstkit.painting.given import pairs_of
from nstkit.painting.repaint import Saved
from nstkit.pictures.images import name_of
from nstkit.recipes.fields import in_px
from nstkit.studio.kit import Kit
from nstkit.studio.run import Frame
from nstkit.studio.settings import Settings


class Script:
    """The lines that paint the picture again; the page copies them.

    Args:
        kit: makes its widgets.

    Attributes:
        text: HTML; box: what to display.
    """

    def __init__(self, kit: Kit) -> None:
        self.text = kit.html("script")
        close = kit.button("close", "close", "hide these lines")
        close.on_click(lambda _: self.show(""))
        self.box = kit.column("", [close, self.text], layout=widgets.Layout(display="none"))

    def show(self, code: str) -> None:
        """Show lines of Python; none hides the box."""
        note = "<span class='nstkit-copied' role='status'></span>"
        self.text.value = f"{note}<pre tabindex='0'>{html.escape(code)}</pre>" if code else ""
        self.box.layout.display = None if code else "none"


def named_in(frame: Frame) -> set[str]:
    """Return the names of all photographs and artworks that the script of a picture names."""
    used = [change.settings for change in frame.changes]
    styles = [picture for settings in used for picture, _ in pairs_of(settings.style)]
    return {name_of(picture) for picture in (*styles, *(settings.content for settings in used))}


def settings_of(
    facts: Mapping[str, str], name: str, folder: Path, now: Settings
) -> tuple[Settings, list[str]]:
    """Return the settings that a saved painting tells of, and the names of what is missing.

    Args:
        facts: what `nstkit.read_metadata` read.
        name: of its file, for messages.
        folder: where it lies.
        now: has the pictures in place of missing ones.

    Raises:
        ValueError: The file does not say how it was painted, or what it says cannot be read.
    """
    saved = Saved.of(facts, name)
    pictures, missing = {}, []
    for part, find in (("content", saved.find_content), ("style", saved.find_style)):
        try:
            pictures[part] = find(folder)
        except FileNotFoundError:
            pictures[part] = getattr(now, part)
            missing.append(str(facts.get(part, part)))
    try:
        regions = saved.find_regions(folder)
    except (FileNotFoundError, ValueError):
        regions = now.regions
        missing.append("its regions")
    size = None if in_px(saved.recipe.scales) else saved.size
    return Settings(**pictures, recipe=saved.recipe, size=size, seed=saved.seed,
                    regions=regions), missing  # fmt: skip


def stop_field(kit: Kit) -> widgets.BoundedIntText:
    """Return the field of the step at which to pause."""
    return kit.make(
        widgets.BoundedIntText, "stop more", min=0, max=10**6, description="pause at step",
        tooltip="0: never", layout={"width": "170px"},
        style={"description_width": "90px"},
    )  # fmt: skip


def more_toggle(kit: Kit, on: bool) -> widgets.ToggleButton:
    """Return the button that shows the rest of the controls."""
    return kit.make(
        widgets.ToggleButton, "toggle", value=on, description="more",
        tooltip="all controls, or the first few",
    )  # fmt: skip
