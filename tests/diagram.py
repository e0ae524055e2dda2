"""`make diagram`: the states of a case and who may do what, written into ARCHITECTURE.md between its two marks."""

from __future__ import annotations

from pathlib import Path

from hardcase_collector.cases.diagram import state_diagram, table_of_deeds

PAGE = Path(__file__).resolve().parent.parent / "ARCHITECTURE.md"
BEGINS, ENDS = "<!-- make diagram: begins -->\n", "<!-- make diagram: ends -->\n"


def drawn(page: str) -> str:
    """The page with what is between its marks drawn anew. Raises ValueError where it has no marks."""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise ValueError(f"{PAGE.name} has no marks {BEGINS.strip()} and {ENDS.strip()}")
    return f"{before}{BEGINS}{state_diagram()}\n{table_of_deeds()}{ENDS}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
