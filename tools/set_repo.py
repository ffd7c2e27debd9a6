"""Write the repository's address everywhere: `python tools/set_repo.py OWNER/NAME`.

The address stands in pyproject.toml. From there this tool takes the present one and puts the new
one in its place: in pyproject.toml itself, in the links and badges of README.md and the notebooks,
and in the line `REPOSITORY = "OWNER/NAME"` of the notebooks' set-up cells. Every other byte stays.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "OWNER/NAME"

# GitHub's rules: an owner has up to 39 letters, digits and single inner hyphens, a name up to 100
# letters, digits, dots, hyphens and underscores; "." and ".." and the suffix ".git" are taken.
OWNER = r"(?=[^/]{1,39}/)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
NAME = r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}"
VALID = re.compile(f"{OWNER}/{NAME}")
IN_PYPROJECT = re.compile(r'^Repository = "https://github\.com/([^"\s]+)"', re.MULTILINE)

# What may stand before an address: a link, or the set-up cell's assignment (its quotes are escaped
# in a notebook's JSON). A comparison `REPOSITORY == "OWNER/NAME"` and plain prose stay.
BEFORE = (
    r"github\.com[/:]|raw\.githubusercontent\.com/|colab\.research\.google\.com/github/"
    r'|\bREPOSITORY *= *\\?"'
)
# After it the name must end, so that "me/art" is not found in "me/art-school" or "me/art.old".
AFTER = r"(?![\w-]|\.(?!git\b)\w)"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        self.exit(2, f"set_repo: {message}\n")


def repository(text: str) -> str:
    """Check an `OWNER/NAME`.

    Args:
        text: The argument as typed.

    Returns:
        The same text.

    Raises:
        argparse.ArgumentTypeError: GitHub would not accept such an owner or name.
    """
    if not VALID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected OWNER/NAME as in https://github.com/OWNER/NAME"
        )
    return text


def current_repository(root: Path) -> str:
    """Read the present `OWNER/NAME` from pyproject.toml.

    Args:
        root: The project's folder.

    Returns:
        The owner and the name with a slash between them.

    Raises:
        ValueError: pyproject.toml has no such line.
    """
    found = IN_PYPROJECT.search((root / "pyproject.toml").read_text(encoding="utf-8"))
    if not found:
        raise ValueError(
            "pyproject.toml has no address; expected the line "
            f'Repository = "https://github.com/{PLACEHOLDER}" under [project.urls]'
        )
    return found[1]


def rewrite(text: str, old: str, new: str) -> tuple[str, int]:
    """Replace the address in one text.

    Args:
        text: A Python, Markdown, TOML or notebook text.
        old: The present `OWNER/NAME`. The placeholder is replaced as well, for it may have come
            back with a new notebook.
        new: The new one.

    Returns:
        The new text and the number of places that changed.
    """
    olds = "|".join(re.escape(name) for name in {old, PLACEHOLDER} - {new})
    if not olds:
        return text, 0
    return re.subn(f"({BEFORE})(?:{olds}){AFTER}", lambda match: match[1] + new, text)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it and rename it; its mode bits stay.

    Args:
        path: An existing file.
        data: Its new content.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def set_repository(root: Path, new: str) -> dict[Path, int]:
    """Rewrite the address in all files that hold it.

    Args:
        root: The project's folder.
        new: A valid `OWNER/NAME`.

    Returns:
        The number of changed places for each changed file.

    Raises:
        ValueError: pyproject.toml holds no address.
    """
    old = current_repository(root)
    files = [root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))]
    # pyproject.toml comes last: after an interrupted run the old address is still found there.
    files = [path for path in files if path.is_file()] + [root / "pyproject.toml"]
    # Bytes, not text mode, keep the line ends. All is read before anything is written.
    results = {path: rewrite(path.read_bytes().decode("utf-8"), old, new) for path in files}
    changed = {path: result for path, result in results.items() if result[1]}
    for path, (text, _) in changed.items():
        replace_file(path, text.encode("utf-8"))
    return {path: count for path, (_, count) in changed.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the tool.

    Args:
        arguments: The command line, by default that of the process.

    Returns:
        The exit code: 0, or 2 for bad input, after one line that says what is wrong.
    """
    parser = _Parser(prog="set_repo", description="Write the repository's address everywhere.")
    parser.add_argument("repository", metavar="OWNER/NAME", type=repository)
    new = parser.parse_args(arguments).repository
    try:
        changed = set_repository(ROOT, new)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for path, count in changed.items():
        print(f"{path.relative_to(ROOT)}: {count} changed")
    if not changed:
        print(f"nothing to change: the address is {new}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
