"""The benchmarks measure what they say: equal objectives, honest counts. No time is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from nstkit import DEFAULT, VGG, Losses, Objective, Recipe
from nstkit.optimize import solver

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import candidates
import equal_loss
import memory
import plain_loop
import report
import run
import step_cost
import tricks

FOLDER = Path(__file__).parents[1] / "benchmarks"
MEASURED = FOLDER.parent / "nstkit" / "measured"


def test_the_plain_loop_minimizes_the_same_objective_without_nstkit(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    assert "nstkit" not in Path(plain_loop.__file__).read_text().replace("No code of nstkit", "")
    plain = plain_loop.PlainVGG(vgg.convs.state_dict())
    run = list(islice(plain_loop.paint(cat, wave, plain, equal_loss.RECIPE.beta), 25))
    judge = equal_loss.judged(cat, wave, "cpu")
    assert torch.equal(run[0][1], cat)
    assert judge(run[24][1]) < 0.6 * judge(run[0][1])
    assert [seconds for seconds, _ in run] == sorted(seconds for seconds, _ in run)

    # One evaluation, against nstkit's objective: the same loss and the same gradient.
    x, losses = (cat + 0.1).requires_grad_(), []
    objective = Objective(cat, wave, vgg, equal_loss.RECIPE)
    (ours,) = torch.autograd.grad(objective(x).total, x)
    found, targets, grams = plain(x), plain(cat), plain(wave)
    for name in plain_loop.CONTENT:
        losses.append(torch.nn.functional.mse_loss(found[name], targets[name]))
    for name, weight in plain_loop.STYLE.items():
        apart = plain_loop.gram(found[name]) - plain_loop.gram(grams[name])
        losses.append(equal_loss.RECIPE.beta * weight * apart.square().mean())
    (theirs,) = torch.autograd.grad(sum(losses), x)
    assert sum(losses).item() == pytest.approx(objective(x).total.item(), rel=1e-5)
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()


def test_equal_loss_finds_the_first_picture_that_is_as_good(monkeypatch) -> None:
    monkeypatch.setattr(equal_loss, "MARKS", (4, 12))
    found = equal_loss.compare("cat", "great_wave", 48, "cpu")
    for mark in (4, 12):
        plain, ours = found["plain"][mark], found["nstkit"][mark]
        assert ours["loss"] <= plain["loss"] and ours["steps"] > 0
        assert plain["steps"] == mark and plain["seconds"] > 0
    assert found["plain"][12]["loss"] < found["plain"][4]["loss"]


def test_the_first_is_found_by_halves() -> None:
    trace = [(float(i), torch.tensor(10.0 - i)) for i in range(10)]
    assert equal_loss.first(trace, 6.5, float) == (4.0, 4, 6.0)
    assert equal_loss.first(trace, 10.0, float)[1] == 0
    assert equal_loss.first(trace, 1.0, float) == (9.0, 9, 1.0)


def test_a_loss_that_is_never_reached_counts_as_no_speed_at_all() -> None:
    trace = [(float(i), torch.tensor(10.0 - i)) for i in range(10)]
    keys = "seconds", "steps", "loss"
    never = dict(zip(keys, equal_loss.first(trace, 0.5, float), strict=True))
    assert never == {"seconds": None, "steps": None, "loss": 1.0}
    assert equal_loss.ratio({"seconds": 7.0}, never) == 0
    assert equal_loss.ratio({"seconds": 7.0}, {"seconds": 3.5}) == 2
    found = {"size": 9, "mark": 9, "ratio": 0.0, "least": 0.0, "most": 0.0}
    plain = [{"seconds": 7.0, "steps": 9, "loss": 0.5}]
    _, (row,) = report.equal_loss([found | {"plain": plain, "nstkit": [never]}])
    assert row[-3:] == ["7 s", "never", "-"]


@pytest.mark.parametrize("recipe", [DEFAULT, Recipe(style_layers=["conv3_2"])])
def test_flops_are_those_that_torch_counts(recipe: Recipe, vgg: VGG) -> None:
    picture = torch.rand(1, 3, 64, 96)
    objective = Objective(picture, picture.flip(3), vgg, recipe)
    x = picture.clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        objective(x).total.backward()
    assert step_cost.flops(recipe, 64, 96) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_all_stages_compute_one_gradient(
    cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tricks, "feature_dtype", lambda *_: torch.float32)  # else eight digits
    small = cat[..., :32, :48], wave
    whole, *others = (
        tricks.step(Objective(*small, vgg, tricks.RECIPE), small[0])
        for vgg in tricks.networks("cpu")
    )
    want = whole()
    for way in (
        tricks.plain(*small, "cpu", once=True),
        tricks.plain(*small, "cpu", once=False),
        *others,
        tricks.without(whole, *tricks.SUBSTITUTES),
    ):
        assert (way() - want).norm() < 1e-3 * want.norm()


WAYS = {
    "root": lambda *given: tricks.fourier(*given, power=0.5),
    "f": lambda *given: tricks.fourier(*given, power=1.0),
    "pyramid": tricks.pyramid,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_a_reparametrized_descent_begins_at_the_start_and_goes_down(
    way: Callable[..., Iterator[Tensor]], cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = Recipe(style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2")
    objective = Objective(cat, wave, vgg, recipe)
    run = [objective(x).total.item() for x in islice(way(objective, cat), 12)]
    assert run[0] == objective(cat).total.item()
    assert run[-1] < 0.5 * run[0]


def test_parts_of_a_step_are_parts_of_it(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    objective = Objective(cat, wave, vgg, candidates.RECIPE)
    layers = [*candidates.RECIPE.content_layers, *candidates.RECIPE.style_layers]
    x = cat.flip(3).requires_grad_()
    (want,) = torch.autograd.grad(objective(x).total, x)
    slopes = candidates.losses_only(objective, cat)()
    features = list(vgg(x, layers).values())
    (found,) = torch.autograd.grad(features, x, slopes)
    assert (found - want).norm() < 1e-4 * want.norm()
    candidates.full_solver(cat)()  # its memory is full, and it still moves


def test_other_ways_to_make_a_step_are_undone_after_it() -> None:
    before, seen = torch.get_num_threads(), []
    candidates.with_threads(lambda: seen.append(torch.get_num_threads()), 1)()
    assert seen == [1] and torch.get_num_threads() == before


def test_settings_of_the_c_library_are_given_to_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, (variable, _) = tmp_path / "seconds.py", candidates.STAYS
    script.write_text(f"import os; print(2 + ({variable!r} in os.environ))")
    monkeypatch.setattr(candidates.step_cost, "__file__", str(script))
    monkeypatch.setenv(variable, "7")  # of whoever started the benchmarks: not for the first way
    rows = candidates.freed("cpu", (48, 64), repeats=1)
    assert [(row["size"], row["seconds"]) for row in rows] == [(48, 2), (48, 3), (64, 2), (64, 3)]
    assert candidates.freed("cuda") == []


def test_a_step_is_measured_in_a_process_of_its_own() -> None:
    assert 0 < candidates.step_elsewhere(48, {}) < 60


def test_a_descent_in_two_precisions_goes_on_where_it_was(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    objective, same = (Objective(cat, wave, vgg, candidates.RECIPE) for _ in range(2))
    whole, parted = (
        list(tricks.descent(objectives, cat))[1:]  # the first is the start
        for objectives in ([objective] * 6, [objective] * 4 + [same] * 2)
    )
    assert len(whole) == len(parted) == 6
    assert torch.equal(whole[-1], parted[-1]) and not torch.equal(whole[-1], whole[-2])


def test_first_moves_of_other_lengths_end_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    before = solver.FIRST_MOVE
    monkeypatch.setattr(candidates, "PAIRS", candidates.PAIRS[:1])
    monkeypatch.setattr(candidates, "STEPS", 2)
    rows = candidates.losses("cpu", 48, candidates.by_first_move)
    assert [row["name"] for row in rows] == ["0.01", "0.0033", "0.0001"]
    assert len({row["loss"] for row in rows}) == 3 and before == solver.FIRST_MOVE


def test_memory_is_looked_at_when_lbfgs_remembers_all_that_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solvers, remembered = [], []

    class Seen(solver.Solver):
        def __init__(self, *given: object) -> None:
            solvers.append(self)
            super().__init__(*given)

    class Noting(Objective):
        def __call__(self, image: Tensor) -> Losses:
            (state,) = solvers[0].optimizer.state.values()
            remembered.append(len(state["old_dirs"]))
            return super().__call__(image)

    monkeypatch.setattr(sys.modules["nstkit.optimize"], "Solver", Seen)
    monkeypatch.setattr(memory, "Objective", Noting)
    row = memory.paint("cat", 48, None, "cpu")
    assert remembered == [solver.PAIRS] and row["pairs"] == solver.PAIRS
    assert row["peak_gb"] > 0.1 and row["seconds_a_step"] > 0 and max(row["shape"]) == 48


def test_of_several_processes_the_peak_in_the_middle_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peaks = iter([3.0, 1.0, 2.5])
    row = {"shape": [256, 170], "pairs": 20, "seconds_a_step": 0.1}
    monkeypatch.setattr(
        memory, "elsewhere", lambda given: json.dumps({**row, "peak_gb": next(peaks)})
    )
    (found,) = memory.measure("cpu", sizes=(256,))
    assert (found["least_gb"], found["peak_gb"], found["most_gb"]) == (1.0, 2.5, 3.0)


def peak_after(work: str) -> int:
    """Return the peak that a program of its own tells of itself."""
    code = f"import sys, torch; sys.path[:0] = {[str(FOLDER), str(FOLDER.parent)]}; import memory"
    code += f"; {work}; print(memory.resident_peak())"
    return int(subprocess.check_output([sys.executable, "-c", code]))


def test_a_peak_is_the_programs_own_and_not_of_the_one_that_started_it() -> None:
    alone = peak_after("pass")
    assert peak_after("torch.ones(200_000_000)") - alone == pytest.approx(8e8, rel=0.1)
    held = torch.ones(300_000_000)  # more than such a program takes
    assert peak_after("pass") == pytest.approx(alone, rel=0.2) and held.numel()


def test_sizes_measured_one_after_the_other_are_kept_together() -> None:
    told = {"torch": "2"}
    small, large = [{"size": 256, "ratio": 1}], [{"size": 512, "ratio": 2}]
    before = {"machine": told, "results": small}
    assert run.joined(before, large, told) == small + large
    assert run.joined(before, [{"size": 256, "ratio": 3}], told) == [{"size": 256, "ratio": 3}]
    assert run.joined(before, large, {"torch": "3"}) == large  # another machine: nothing is mixed
    assert run.joined(None, large, told) == large


def test_the_report_shows_every_stored_number() -> None:
    files = sorted(MEASURED.glob("*.json"))
    assert files
    for path in files:
        found = json.loads(path.read_text())
        assert all(part["machine"]["torch"] for part in found.values())
        for name, part in found.items():
            columns, rows = report.TABLES[name](part["results"])
            assert rows and all(len(row) == len(columns) for row in rows)
        panels = report.draw(found).axes
        assert len(panels) == len(found.keys() - {"start_up", "tricks", "candidates"})
        for axes in panels:  # all of it is inside the frame
            tops = [max(line.get_ydata()) for line in axes.lines]
            tops += [bar.get_height() for bar in axes.patches]
            assert max(tops) < axes.get_ylim()[1]


def test_an_unknown_part_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), "speed"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "no such part: speed" in done.stderr
