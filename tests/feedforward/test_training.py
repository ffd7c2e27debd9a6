"""`train`: real training of tiny networks, with the real VGG."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nstkit import Recipe, load_image, save_image
from nstkit.feedforward import TransformerNet
from nstkit.feedforward.checkpoint import Checkpoint
from nstkit.feedforward.training import Trained, _photograph, train, trained
from nstkit.objective import Objective
from nstkit.pictures.sizes import cover
from nstkit.vgg.fast import FastVGG

# Shallow layers, so that a step takes some ms.
RECIPE = Recipe(content_layers=["relu1_2"], style_layers=["relu1_1", "relu2_1"], beta=2, tv=5)
NET = {"channels": (6, 8, 10), "blocks": 1}
PHOTOS = ("cat", "castle", "macaw", "kitten")


@pytest.fixture(scope="module")
def photos() -> list[Tensor]:
    return [load_image(name, 96) for name in PHOTOS]


@pytest.fixture
def options(photos: list[Tensor], network: FastVGG) -> dict:
    return {
        "style": "great_wave", "pictures": photos[1:], "held_out": photos[:1], "recipe": RECIPE,
        "net": TransformerNet(**NET), "size": 64, "crop": 48, "batch": 2, "vgg": network,
        "check_every": 4,
    }  # fmt: skip


def numbers(net: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in net.parameters()])


@pytest.mark.long
def test_100_steps_lower_the_held_out_loss_three_times(options: dict) -> None:
    options |= {"steps": 100, "rate": 1e-2, "check_every": 50}
    steps = list(train(**options))
    assert [step.index for step in steps] == list(range(101))
    assert [step.index for step in steps if step.checked] == [0, 50, 100]
    assert steps[-1].held_out.total < steps[0].held_out.total / 3


def test_the_held_out_losses_are_those_of_the_saved_pictures(
    options: dict, photos: list[Tensor], network: FastVGG
) -> None:
    *_, last = train(**options, steps=3)
    assert torch.equal(last.photographs, cover(photos[0], 48, 48))
    objective = Objective.of(last.photographs, load_image("great_wave", 64), network, RECIPE)
    expected = objective(last.preview())
    assert math.isclose(last.held_out.total, expected.total.item(), rel_tol=1e-4)
    torch.testing.assert_close(last.preview(), last.net.paint(last.photographs))


def test_the_given_network_stays_and_the_best_is_a_copy(options: dict) -> None:
    before = numbers(options["net"]).clone()
    steps = []
    for step in train(**options, steps=8):
        steps.append((step.held_out.total, numbers(step.best).clone(), step.is_best))
        assert step.net is not step.best
    assert torch.equal(numbers(options["net"]), before)
    totals = [total for total, _, _ in steps]
    best = max(i for i, (_, _, is_best) in enumerate(steps) if is_best)
    assert totals[best] == min(totals)
    assert all(torch.equal(weights, steps[best][1]) for _, weights, _ in steps[best:])


@pytest.mark.long
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_resumed_run_is_the_uninterrupted_one(norm: str, options: dict, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    options["net"] = TransformerNet(**NET, norm=norm)
    *_, whole = train(**options, steps=11)
    for step in islice(train(**options, steps=11, checkpoint=path), 7):  # stopped after step 6
        stopped = step
    assert stopped.index == 6 and Checkpoint.read(path, _settings(path)).index == 4
    resumed = list(train(**options, steps=11, checkpoint=path))
    assert [step.index for step in resumed] == list(range(4, 12))
    torch.testing.assert_close(numbers(resumed[-1].net), numbers(whole.net), atol=1e-6, rtol=0)
    torch.testing.assert_close(numbers(resumed[-1].best), numbers(whole.best), atol=1e-6, rtol=0)
    assert resumed[-1].held_out.total == pytest.approx(whole.held_out.total, rel=1e-6)
    done = list(train(**options, steps=11, checkpoint=path))  # nothing is left to do
    assert [step.index for step in done] == [11] and done[0].seconds >= resumed[-1].seconds


def _settings(path: Path) -> dict:
    import json

    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["settings"])


@pytest.mark.parametrize(
    "change, named",
    [
        ({"style": "starry_night"}, "artwork"),
        ({"crop": 40}, "crop"),
        ({"seed": 1}, "seed"),
        ({"recipe": RECIPE.replace(beta=3)}, "recipe"),
        ({"net": TransformerNet(**NET, seed=9)}, "begin"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    change: dict, named: str, options: dict, tmp_path: Path
) -> None:
    path = tmp_path / "run.safetensors"
    next(train(**options, steps=2, checkpoint=path))
    with pytest.raises(
        ValueError, match=f"of a run with other settings: .*{named}.*or name a new file"
    ):
        next(train(**{**options, **change}, steps=2, checkpoint=path))


def test_a_checkpoint_of_more_steps_says_how_many(options: dict, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    next(train(**options, steps=6, checkpoint=path))
    with pytest.raises(ValueError, match="steps .6 there, 4 now."):
        next(train(**options, steps=4, checkpoint=path))
    for place in (tmp_path, tmp_path / "nowhere" / "run.safetensors"):
        with pytest.raises(ValueError, match="expected a file in a folder that exists"):
            next(train(**options, steps=4, checkpoint=place))


def test_whatever_ends_a_run_the_best_network_stays(options: dict) -> None:
    def failing():
        for step in train(**options, steps=20):
            yield step
            if step.index == 5:
                raise OSError("no space left")

    with pytest.warns(UserWarning, match="OSError: no space left The network is the best so far"):
        done = trained(failing(), 20, progress=False)
    assert done.interrupted and len(done.history) == 6
    with pytest.raises(ValueError, match="The run has no steps"):
        trained([], 20, progress=False)


def test_what_is_no_checkpoint_is_refused(options: dict, tmp_path: Path) -> None:
    path = options["net"].save(tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="is no checkpoint of a training run"):
        next(train(**options, steps=2, checkpoint=path))


def test_seeds_choose_the_parts_and_the_same_seed_repeats(options: dict) -> None:
    runs = [list(train(**options, steps=2, seed=seed))[-1] for seed in (0, 0, 1)]
    assert torch.equal(numbers(runs[0].net), numbers(runs[1].net))
    assert runs[0].losses.total == runs[1].losses.total != runs[2].losses.total


@pytest.mark.long
def test_interrupting_keeps_the_best(options: dict) -> None:
    def interrupted():
        for step in train(**options, steps=20):
            yield step
            if step.index == 6:
                raise KeyboardInterrupt

    done = trained(interrupted(), 20, progress=False)
    assert isinstance(done, Trained) and done.interrupted and len(done.history) == 7
    checks = {r.index: r.held_out.total for r in done.history if r.checked}
    assert list(checks) == [0, 4]
    best = min(checks, key=checks.__getitem__)
    kept = {step.index: numbers(step.net).clone() for step in train(**options, steps=20)}
    assert torch.equal(numbers(done.net), kept[best])


def test_the_whole_run_is_not_interrupted(options: dict, capsys: pytest.CaptureFixture) -> None:
    done = trained(train(**options, steps=2), 2)
    assert not done.interrupted and [record.index for record in done.history] == [0, 1, 2]
    assert "held out=" in capsys.readouterr().err


def test_a_gradient_that_is_not_finite_is_left_out_and_then_told(options: dict) -> None:
    net = TransformerNet(**NET)
    with torch.no_grad():
        net.last.weight.fill_(1e30)
    options["net"] = net
    run = train(**options, steps=20)
    first, second = next(run), next(run)
    assert first.note == "" and second.note == "gradient not finite: the update is left out"
    assert torch.equal(numbers(second.net), numbers(net))
    with pytest.raises(ValueError, match="not finite in 5 steps in a row. Lower the rate"):
        list(run)
    with pytest.warns(UserWarning, match="in a row.*The network is the best so far"):
        done = trained(train(**options, steps=20), 20, progress=False)
    assert done.interrupted and torch.equal(numbers(done.net), numbers(net))


def test_several_artworks_and_one_photograph(options: dict) -> None:
    options |= {"style": {"great_wave": 1, "starry_night": 1}, "pictures": ["cat"]}
    options["held_out"] = None
    *_, last = train(**options, steps=1)
    assert last.index == 1 and last.photographs.shape == (1, 3, 48, 48)


def test_photographs_and_networks_of_other_dtypes_are_taken(options: dict) -> None:
    options["pictures"] = [options["pictures"][0].double()]
    options["net"] = TransformerNet(**NET).double()
    options["net"].facts = {"artwork": "another"}
    *_, last = train(**options, steps=1)
    assert last.net.last.weight.dtype == torch.float32 and last.net.facts == {}


def test_an_enlarged_artwork_is_told(options: dict, tmp_path: Path) -> None:
    save_image(torch.rand(1, 3, 40, 40), tmp_path / "small.png")
    options["style"] = tmp_path / "small.png"
    with pytest.warns(UserWarning, match="small.png has 40 px and is enlarged to 64 px"):
        next(train(**options, steps=1))


def test_large_crops_are_taken_from_large_files(tmp_path: Path) -> None:
    picture = torch.rand(1, 3, 700, 1400, generator=torch.Generator().manual_seed(0))
    path = save_image(picture, tmp_path / "large.png")
    photo = _photograph(path, 400)
    assert min(photo.shape[-2:]) in (400, 401)  # 256 at the usual size


def test_small_photographs_are_enlarged(options: dict) -> None:
    options["pictures"] = [torch.rand(1, 3, 36, 50)]
    *_, last = train(**options, steps=1)
    assert last.index == 1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"steps": -1}, "steps is -1; expected a whole number, 0 or more"),
        ({"crop": 8}, "crop is 8; expected a whole number, 32 or more"),
        ({"batch": 0}, "batch is 0"),
        ({"rate": 0}, "rate is 0; expected a finite number, above 0"),
        ({"check_every": 0}, "check_every is 0"),
        ({"pictures": []}, "Got 0 photographs to learn from"),
        ({"held_out": []}, "and 0 to judge with"),
        ({"pictures": "cat"}, "pictures is one str; expected several photographs: a list"),
        ({"style": None}, "style is None; expected an artwork"),
        ({"held_out": "cat"}, "held_out is one str; expected several photographs"),
        ({"net": "great_wave"}, "net is 'great_wave'; expected a TransformerNet"),
        ({"recipe": "default"}, "recipe is 'default'; expected a Recipe"),
        ({"seed": None}, "seed is None; expected a whole number"),
        ({"recipe": RECIPE.replace(color="match")}, "The recipe's color is 'match'"),
        ({"recipe": RECIPE.replace(photo=1)}, "The recipe's photo is 1"),
    ],
)
def test_it_refuses_bad_options(change: dict, message: str, options: dict) -> None:
    with pytest.raises(ValueError, match=message):
        next(train(**{**options, "steps": 1, **change}))
