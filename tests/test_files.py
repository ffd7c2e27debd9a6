"""A file is written completely or not at all."""

from __future__ import annotations

import ast
import os
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image

from nstkit import files
from nstkit.files import replacing, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("data", "stored"), [(b"\x00\r\n", b"\x00\r\n"), ("β\n", "β\n".encode()), ("", b"")]
)
def test_bytes_and_text_are_written_as_they_are(tmp_path, data, stored):
    path = tmp_path / "file.txt"
    assert write_whole(path, data) == path
    assert path.read_bytes() == stored
    assert names(tmp_path) == ["file.txt"]


def test_a_path_may_be_a_text_and_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert write_whole("~/file.txt", "new") == tmp_path / "file.txt"
    assert (tmp_path / "file.txt").read_text() == "new"


def test_a_bare_name_goes_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_whole("file.txt", "new") == Path("file.txt")
    assert names(tmp_path) == ["file.txt"]


def test_pillow_writes_to_the_draft(tmp_path):
    path = tmp_path / "picture.png"
    with replacing(path) as draft:
        Image.new("RGB", (2, 3)).save(draft, format="PNG")
        assert not path.exists()
        assert list(tmp_path.glob("*.png")) == []  # the draft is none of the pictures
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (2, 3))
    assert names(tmp_path) == ["picture.png"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_writer_leaves_the_old_file_and_no_draft(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as draft:
        draft.write(b"half of the n")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_an_interrupted_writer_makes_no_new_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file.txt") as draft:
        draft.write(b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def full(source: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_two_writers_at_a_time_do_not_meet(tmp_path):
    path = tmp_path / "file.txt"
    with replacing(path) as one, replacing(path) as other:
        one.write(b"one")
        other.write(b"other")
    assert path.read_text() == "one"  # the outer block ends last
    assert names(tmp_path) == ["file.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("bits", [0o755, 0o600, 0o444])
def test_the_permissions_of_a_replaced_file_stay(tmp_path, bits):
    path = tmp_path / "file.txt"
    path.write_text("old")
    path.chmod(bits)
    write_whole(path, "new")
    assert (path.read_text(), mode(path)) == ("new", bits)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual.txt").write_text("by others")
    assert mode(write_whole(tmp_path / "new.txt", "new")) == mode(tmp_path / "usual.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "far" / "file.txt")
    write_whole(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "far" / "file.txt").read_text() == "new"
    assert names(tmp_path / "far") == ["file.txt"]


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder '.*none' for 'file.txt'; make it first"):
        write_whole(tmp_path / "none" / "file.txt", "new")
    assert names(tmp_path) == []


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; expected a file"):
        write_whole(tmp_path, "new")


@pytest.mark.skipif(not os.path.exists(os.devnull) or sys.platform == "win32", reason="no device")
def test_a_device_is_not_replaced():
    with pytest.raises(ValueError, match="'/dev/null' is a device or a pipe"):
        write_whole(os.devnull, "new")
    assert not Path(os.devnull).is_file()


def test_it_needs_the_standard_library_only():
    tree = ast.parse(Path(files.__file__).read_text(encoding="utf-8"))
    found = [n for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    modules = {name.name for name in found}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names
