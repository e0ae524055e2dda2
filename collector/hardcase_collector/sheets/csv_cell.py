"""A text as a cell of CSV that a spreadsheet shows and never takes for a formula, which may fetch or run things.

Used wherever CSV is written or read: books, spares, clocks. A guarded cell has an apostrophe before it; a text that has
one there itself gets another, so that `bare` gives every text back.
"""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """A dash alone, which says that nothing is known, stays one."""
    return f"'{text}" if text != "-" and _may_be_formula(text) else text


def bare(cell: str) -> str:
    """What was `guarded`; a cell that somebody typed stays as it is."""
    return cell[1:] if cell.startswith("'") and _may_be_formula(cell[1:]) else cell


def _may_be_formula(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA)
