"""Write the repository's address everywhere: `python tools/set_repo.py OWNER/NAME`.

GitHub runs this on every push (.github/workflows/address.yml), so nobody has to. pyproject.toml
tells the present address. The new one goes into the links and badges of README.md and the
notebooks, into the line `REPOSITORY = "OWNER/NAME"` of their set-up cells, and into pyproject.toml
itself. Every other byte stays.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# An owner has up to 39 characters, a name up to 100; "." and ".." and the suffix ".git" are taken.
VALID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}"
# A link or the set-up cell's assignment (with \" in a notebook's JSON). Prose and comparisons stay.
BEFORE = r'github\.com[/:]|raw\.githubusercontent\.com/|\.google\.com/github/|\bREPOSITORY *= *\\?"'
# Here the name must end, so that "me/art" is not found in "me/art-school" or "me/art.old".
AFTER = r"(?![\w-]|\.(?!git\b)\w)"


def set_repository(root: Path, new: str) -> list[Path]:
    """Write the address into all files that hold it, or leave all as they are.

    Args:
        root: The project's folder.
        new: A valid `OWNER/NAME`.

    Returns:
        The files that changed.

    Raises:
        ValueError: pyproject.toml holds no address.
    """
    last = root / "pyproject.toml"  # after an interrupted run it still tells the old address
    texts = {
        path: path.read_bytes().decode("utf-8")  # bytes, not text mode, keep the line ends
        for path in (root / "README.md", *sorted((root / "notebooks").glob("*.ipynb")), last)
    }
    line = 'Repository = "https://github.com/OWNER/NAME"'
    old = re.search(r'^Repository = "https://github\.com/([^"\s]+)"', texts[last], re.MULTILINE)
    if not old:
        raise ValueError(f"pyproject.toml has no address; add {line} under [project.urls]")
    names = "|".join(re.escape(name) for name in (old[1], "OWNER/NAME"))
    where = re.compile(f"({BEFORE})(?:{names}){AFTER}")
    written = {path: where.sub(lambda found: found[1] + new, text) for path, text in texts.items()}
    changed = [path for path in texts if written[path] != texts[path]]
    temporary = {path: path.with_name(f".{path.name}.tmp") for path in changed}
    try:
        for path in changed:
            temporary[path].write_bytes(written[path].encode("utf-8"))
            shutil.copymode(path, temporary[path])
        for path in changed:
            os.replace(temporary[path], path)
    finally:
        for path in changed:
            temporary[path].unlink(missing_ok=True)
    return changed


def main(arguments: list[str]) -> str | None:
    """Run the tool; return what is wrong in one line, or None."""
    if len(arguments) != 1 or not re.fullmatch(VALID, arguments[0]):
        return f"set_repo: got {arguments}, expected one OWNER/NAME, as in github.com/OWNER/NAME"
    try:
        changed = set_repository(ROOT, arguments[0])
    except (OSError, ValueError) as error:
        return f"set_repo: {error}"
    names = ", ".join(path.relative_to(ROOT).as_posix() for path in changed)
    print(f"the address is {arguments[0]}; changed: {names or 'nothing'}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
