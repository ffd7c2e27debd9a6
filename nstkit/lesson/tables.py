"""Tables from data, readable in a notebook, on GitHub and as text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column names the rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        """Return the table in Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th align="left">{html.escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td align="left">{html.escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show_table(rows: Mapping[str, Sequence[object]], columns: Sequence[str]) -> Table:
    """Return a table from {name of the row: its other cells}; numbers get two digits.

    Raises:
        ValueError: A row has not one cell for each column.
    """
    lines = tuple((name, *map(_text, cells)) for name, cells in rows.items())
    if wrong := [line[0] for line in lines if len(line) != len(columns)]:
        raise ValueError(f"the rows {wrong} do not fit the {len(columns)} columns {list(columns)}")
    return Table(tuple(columns), lines)


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if cell != cell:
        return "–"
    return format(cell, ".2g") if abs(cell) < 100 else format(float(f"{cell:.2g}"), ",.0f")
