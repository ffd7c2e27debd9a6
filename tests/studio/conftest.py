"""Fixtures of the studio's tests: all engines paint with one network, which is built once."""

from __future__ import annotations

import weakref
from types import SimpleNamespace

import pytest
import torch
from studio_tools import SHALLOW, SIZE, STEPS, advance, an_engine

import nstkit
from nstkit.painting import Quality, quality
from nstkit.studio import Studio, controls, engine, page, run, screen, settings


@pytest.fixture(autouse=True)
def built(network, monkeypatch):
    """The recipes for which engines have built a network, so far."""
    recipes = []

    def build(recipe):
        recipes.append(recipe)
        return network if recipe.pooling == "max" else nstkit.VGG(pooling=recipe.pooling)

    monkeypatch.setattr(engine, "network", build)
    return recipes


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    """Close what a test has begun: its hooks would slow down the network that all tests share."""
    begun, begin = [], run.Run.__init__

    def noted(self, *given, **options):
        begun.append(weakref.ref(self))
        begin(self, *given, **options)

    monkeypatch.setattr(run.Run, "__init__", noted)
    yield
    for one in filter(None, (reference() for reference in begun)):
        one.close()


@pytest.fixture
def passes(network):
    """The passes through the network so far: size of the picture, and whether for a gradient."""
    seen = []

    def watch(module, inputs, output):
        seen.append((tuple(output.shape[-2:]), torch.is_grad_enabled()))

    hook = network.convs["conv1_1"].register_forward_hook(watch)
    yield seen
    hook.remove()


@pytest.fixture
def painting(passes):
    """An engine after a few steps."""
    made = an_engine()
    advance(made, STEPS)
    passes.clear()
    return made


@pytest.fixture(autouse=True)
def no_charts(request, monkeypatch):
    """Draw no curves, which takes longer than a step, unless a test asks for `charts`."""
    if "charts" not in request.fixturenames:
        monkeypatch.setattr(screen, "render", lambda *given: SimpleNamespace(data=b""))


@pytest.fixture
def charts():
    """Draw the curves."""


@pytest.fixture
def qualities(monkeypatch):
    """Qualities that cost little, whatever the real ones are."""
    table = {"few": Quality(SIZE, 1, 2), "many": Quality(60, (0.5, 1), (2, 1))}
    for module in (quality, settings, controls):
        monkeypatch.setattr(module, "QUALITIES", table)
    return table


@pytest.fixture
def open_studio(monkeypatch):
    """A function that makes a studio in a cell of its own, or in a named one."""
    made = []

    def open_(cell=None, recipe=SHALLOW, **options):
        monkeypatch.setattr(page, "cell_id", lambda: cell or f"cell {len(made)}")
        options = {"size": SIZE, "precision": "fp32", **options}
        made.append(Studio("cat", "great_wave", recipe, **options))
        return made[-1]

    yield open_
    for studio in made:
        studio.pause()


@pytest.fixture
def studio(open_studio):
    return open_studio()
