"""`nstkit.sweep`: as `stylize` to the bit on every backend, resumed, interrupted, refused."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor

import nstkit
from nstkit import TEXTBOOK, Region, ellipse, load_image, read_metadata, save_image, stylize, sweep
from nstkit.painting import Swept

CONTENTS, STYLES = ["cat", "castle"], ["scream", {"great_wave": 2, "scream": 1}]
SMALL = {"size": 64, "steps": 2, "scales": 1}
LONG = {"size": 64, "steps": 5000, "scales": 1}  # nobody waits for its end


@pytest.fixture(scope="module")
def serial() -> dict[int, Tensor]:
    """What `stylize` paints with one thread, by its place in the product."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pairs = [(content, style) for content in CONTENTS for style in STYLES]
    painted = {
        number: stylize(*pair, "textbook", progress=False, **SMALL).image
        for number, pair in enumerate(pairs)
    }
    torch.set_num_threads(before)
    return painted


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """A picture whose header is whole and whose end is missing."""
    whole = nstkit.sample_path("scream").read_bytes()
    path = tmp_path / "cut_off.jpg"
    path.write_bytes(whole[: len(whole) // 2])
    return path


def check_same(found: list[Swept], serial: dict[int, Tensor]) -> None:
    assert sorted(swept.index for swept in found) == list(serial)
    for swept in found:
        assert swept.error is None and not swept.resumed
        assert torch.equal(swept.image, serial[swept.index])


def workers() -> list[psutil.Process]:
    """Processes of loky that this one has started."""
    return [
        child for child in psutil.Process().children()
        if "LokyProcess" in " ".join(child.cmdline())
    ]  # fmt: skip


@contextmanager
def when_started(action: Callable[[], object]) -> Iterator[None]:
    """Do something a second after workers have started, while a block runs."""

    def act() -> None:
        while not workers():
            time.sleep(0.05)
        time.sleep(1)
        action()

    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C arrive in a process that ignores it, as those of pytest-xdist do."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def check_whole_files(folder: Path) -> None:
    """Raise unless a folder holds whole pictures and nothing else."""
    for path in folder.iterdir():
        assert path.suffix == ".png" and not path.name.startswith(".")
        load_image(path)


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}


# ------------------------------------------------------------------ the same on every backend
@pytest.mark.long
def test_one_after_another_as_stylize(serial: dict[int, Tensor]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = []
        for swept in sweep(CONTENTS, STYLES, TEXTBOOK, jobs=1, **SMALL):
            assert torch.get_num_threads() == 2  # the caller's own work keeps its threads
            found.append(swept)
    finally:
        torch.set_num_threads(before)
    check_same(found, serial)
    assert [swept.index for swept in found] == [0, 1, 2, 3]
    assert (found[1].content, found[1].style) == ("cat", "great_wave + scream")
    assert found[1].recipe == "textbook"


@pytest.mark.long
def test_two_workers_of_loky_as_stylize_also_beside_one_that_fails(
    serial: dict[int, Tensor], cut_off: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    found = list(sweep([*CONTENTS, cut_off], STYLES, "textbook", jobs=2, folder=folder, **SMALL))
    failed = [swept for swept in found if swept.error is not None]
    assert sorted(swept.index for swept in failed) == [4, 5]
    assert all("'cut_off.jpg'" in str(swept.error) for swept in failed)
    found = [swept for swept in found if swept.error is None]
    check_same(found, serial)
    assert len({swept.path for swept in found}) == 4
    for swept in found:
        assert swept.path.parent == folder
        assert torch.equal(load_image(swept.path), load_image(nstkit.to_pil(swept.image)))
        assert read_metadata(swept.path)["recipe"] == swept.result.recipe.to_json()
    repainted = nstkit.repaint(found[0].path, progress=False)
    assert torch.allclose(repainted.image, found[0].image, atol=1e-3)


@pytest.mark.long
def test_a_closed_sweep_leaves_whole_files_and_goes_on_later(tmp_path: Path) -> None:
    arguments = (CONTENTS, STYLES, "textbook")
    sweeping = sweep(*arguments, jobs=2, folder=tmp_path, **SMALL)
    first = next(sweeping)
    sweeping.close()
    check_whole_files(tmp_path)
    before = times(tmp_path)
    rest = list(sweep(*arguments, jobs=1, folder=tmp_path, **SMALL))
    assert first.path in {swept.path for swept in rest if swept.resumed}
    assert len(rest) == 4 and times(tmp_path).items() >= before.items()


def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    def kill() -> None:
        for worker in workers():
            worker.kill()

    with when_started(kill), pytest.raises(RuntimeError, match="fewer jobs"):
        list(sweep(CONTENTS, "scream", "textbook", jobs=2, folder=tmp_path, **LONG))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_the_workers(tmp_path: Path) -> None:
    seen: list[psutil.Process] = []

    def press() -> None:
        seen.extend(workers())
        _thread.interrupt_main()

    with when_started(press), pytest.raises(KeyboardInterrupt):
        list(sweep(CONTENTS, "scream", "textbook", jobs=2, folder=tmp_path, **LONG))
    assert list(tmp_path.iterdir()) == []
    assert seen and not any(worker.is_running() for worker in seen)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_saves_no_half_painting_in_this_process(tmp_path: Path) -> None:
    timer = threading.Timer(1.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(sweep(CONTENTS, "scream", "textbook", jobs=1, folder=tmp_path, **LONG))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_cluster_of_dask_as_stylize(serial: dict[int, Tensor]) -> None:
    from distributed import Client, LocalCluster

    threads = torch.get_num_threads()
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        found = list(sweep(CONTENTS, STYLES, "textbook", **SMALL))
    check_same(found, serial)
    assert torch.get_num_threads() == threads


@pytest.mark.long
def test_threads_of_joblib_may_be_chosen(serial: dict[int, Tensor]) -> None:
    with joblib.parallel_config("threading", n_jobs=2):
        found = sweep(CONTENTS, STYLES, "textbook", **SMALL)
    check_same(list(found), serial)


# ------------------------------------------------------------------ what is given
@pytest.mark.long
def test_pictures_in_any_form_and_a_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = load_image("cat", 64)
    file = save_image(tensor, tmp_path / "mine.png")
    monkeypatch.chdir(tmp_path)
    region = Region(ellipse(0.2, 0.2, 0.8, 0.8), "scream")
    with file.open("rb") as opened, Image.open(file) as picture:
        contents = [tensor, file, Path("mine.png"), opened, picture]
        sweeping = sweep(contents, None, TEXTBOOK, jobs=1, regions=region, steps=2)
    found = list(sweeping)
    assert [swept.error for swept in found] == [None] * 5
    assert all(torch.equal(swept.image, found[0].image) for swept in found)
    assert [swept.content for swept in found][:3] == ["tensor", "mine.png", "mine.png"]


def test_recipes_have_names() -> None:
    own = TEXTBOOK.replace(beta=3)
    pairs = sweep("cat", "scream", ["textbook", own], jobs=1, **SMALL)
    named = sweep("cat", "scream", {"weak": own}, jobs=1, **SMALL)
    first, second = (swept.recipe for swept in pairs)
    assert first == "textbook" and second.startswith("recipe-")
    assert [swept.recipe for swept in named] == ["weak"]


# ------------------------------------------------------------------ failures
def test_a_failed_job_names_itself_and_the_others_go_on(cut_off: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    found = sweep("cat", ["scream", cut_off], "textbook", jobs=1, folder=folder, **SMALL)
    good, bad = sorted(found, key=lambda swept: swept.index)
    assert good.error is None and good.path.is_file()
    assert bad.result is None and bad.path is None
    for part in ("'cat'", "'cut_off.jpg'", "'textbook'", "ValueError"):
        assert part in str(bad.error)
    with pytest.raises(RuntimeError, match=r"cut_off\.jpg"):
        _ = bad.image
    assert [path.name for path in folder.iterdir()] == [good.path.name]


# ------------------------------------------------------------------ resume
def test_nothing_is_painted_twice(tmp_path: Path) -> None:
    arguments = ("cat", ["scream", "great_wave"], "textbook")
    list(sweep(*arguments, jobs=1, folder=tmp_path, **SMALL))
    before = times(tmp_path)
    again = list(sweep(*arguments, jobs=1, folder=tmp_path, keep=[0], **SMALL))
    assert times(tmp_path) == before and len(before) == 2
    assert all(swept.resumed and swept.result is None for swept in again)
    assert again[0].image.shape == (1, 3, 43, 64)
    wider = list(sweep(["castle", "cat"], *arguments[1:], jobs=1, folder=tmp_path, **SMALL))
    assert {swept.content for swept in wider if swept.resumed} == {"cat"}
    assert times(tmp_path).items() >= before.items()


CHANGES = {
    "seed": {"seed": 1},
    "size": {"size": 72},
    "steps": {"steps": 3},
    "start": {"start": "gray"},
    "tile": {"tile": 96},
    "region": {"regions": [Region(ellipse(0, 0, 1, 1), "scream")]},
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_option_is_painted_again(name: str, tmp_path: Path) -> None:
    options = {"jobs": 1, "folder": tmp_path, **SMALL, "steps": 1}
    list(sweep("cat", "scream", "textbook", **options))
    before = times(tmp_path)
    (swept,) = sweep("cat", "scream", "textbook", **{**options, **CHANGES[name]})
    assert not swept.resumed and times(tmp_path) != before and len(before) == 1


@pytest.mark.parametrize("which", ["content", "style", "recipe"])
def test_other_inputs_of_the_same_name_are_painted_again(which: str, tmp_path: Path) -> None:
    folder, files = tmp_path / "out", {"content": "cat", "style": "scream"}

    def one(sources: dict[str, str], beta: float) -> Swept:
        for name, source in sources.items():
            save_image(load_image(source, 64), tmp_path / f"{name}.png")
        pair = (tmp_path / "content.png", tmp_path / "style.png")
        recipe = {"mine": TEXTBOOK.replace(beta=beta)}
        (swept,) = sweep(*pair, recipe, jobs=1, folder=folder, steps=1)
        return swept

    assert not one(files, 3).resumed and one(files, 3).resumed
    swept = one({**files, which: "macaw"} if which in files else files, 3 + (which == "recipe"))
    assert not swept.resumed and len(times(folder)) == 1


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_broken_file_is_painted_again(share: float, tmp_path: Path) -> None:
    arguments = {"jobs": 1, "folder": tmp_path, **SMALL}
    (first,) = sweep("cat", "scream", "textbook", **arguments)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[: int(len(whole) * share)])
    (second,) = sweep("cat", "scream", "textbook", **arguments)
    assert not second.resumed and torch.equal(second.image, first.image)
    assert torch.equal(load_image(second.path), load_image(nstkit.to_pil(first.image)))


def test_pictures_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    contents = [load_image(name, 64) for name in CONTENTS]
    found = list(sweep(contents, "scream", "textbook", jobs=1, folder=tmp_path, steps=1))
    assert [swept.path.name for swept in found] == [
        "tensor_scream_textbook.png", "tensor_scream_textbook_2.png"
    ]  # fmt: skip


# ------------------------------------------------------------------ refused at the call
WRONG = {
    "no content": (dict(contents=[]), "contents is empty"),
    "no style": (dict(styles=[]), "styles is empty"),
    "no recipe": (dict(recipes=[]), "recipes is empty"),
    "neither style nor region": (dict(styles=None), "A style is None"),
    "an unknown recipe": (dict(recipes="scribble"), "recipe is 'scribble'"),
    "a recipe that is none": (dict(recipes=[3]), "recipe is 3"),
    "a share alone": (dict(styles=[("scream", 2)]), "style is"),
    "a tensor of another shape": (dict(contents=torch.zeros(3, 4)), "expected one picture"),
    "no jobs": (dict(jobs=0), "jobs is 0"),
    "half a job": (dict(jobs=0.5), "jobs is 0.5"),
    "an unknown option": (dict(stepz=3), "has no option 'stepz'"),
    "a callback": (dict(callback=print), "takes no 'callback'"),
    "a network": (dict(vgg=None), "name the network in the recipe"),
    "a bad seed": (dict(seed=-1), "seed is -1"),
    "a bad size": (dict(size=8), "size is 8"),
    "two sizes": (dict(size=64, scales=[32, 64]), "both say how large"),
    "bad steps": (dict(steps=-1), "With recipe 'default'"),
    "a bad quality": (dict(quality="fine"), "quality is 'fine'"),
    "a bad color": (dict(color="red"), "color is 'red'"),
    "a bad precision": (dict(precision="fp8"), "precision is 'fp8'"),
    "a bad device": (dict(device="toaster"), "device is 'toaster'"),
    "a bad tile": (dict(tile=3), "tile is 3"),
    "a bad start": (dict(start="nose"), "start is 'nose'"),
    "bad regions": (dict(regions=["sky"]), "regions are"),
    "the picture of a painter": (dict(recipes=TEXTBOOK.replace(start="given")), "Pass start="),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused_before_the_first_job(name: str, tmp_path: Path) -> None:
    wrong, told = WRONG[name]
    arguments = {"contents": "cat", "styles": "scream", "jobs": 1, "folder": tmp_path} | wrong
    with pytest.raises(ValueError, match=told):
        sweep(**arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("which", ["contents", "styles"])
def test_a_picture_that_is_not_there_is_refused(which: str) -> None:
    pictures = {"contents": ["cat"], "styles": ["scream"]}
    pictures[which] = [*pictures[which], "dog.jpg"]
    with pytest.raises(FileNotFoundError, match=r"dog\.jpg"):
        sweep(**pictures)


def test_a_file_in_place_of_the_folder_is_refused(cut_off: Path) -> None:
    with pytest.raises(ValueError, match="folder is the file"):
        sweep("cat", "scream", folder=cut_off)


def test_a_picture_that_nstkit_did_not_paint_stays(tmp_path: Path) -> None:
    own = save_image(load_image("cat", 64), tmp_path / "cat_scream_default.png")
    before = own.read_bytes()
    with pytest.raises(ValueError, match="nstkit did not paint it"):
        sweep("cat", "scream", folder=tmp_path)
    assert own.read_bytes() == before
