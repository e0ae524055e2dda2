"""The workflow as a picture and the deeds as a table, in Markdown, drawn from `workflow.py`.

`make diagram` writes them into ARCHITECTURE.md; a test holds that page to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardcase_collector.cases.workflow import MAY, OPEN_STATES, TABLE, Deed, deed_of
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.case import CaseState


def state_diagram() -> str:
    """A mermaid state diagram: every legal cell of the table is an arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {CaseState.NEW}"]
    for state, row in TABLE.items():
        for target in dict.fromkeys(row.values()):
            does = ", ".join(str(deed_of(state, action)) for action, to in row.items() if to is target)
            lines.append(f"    {state} --> {target}: {does}")
    lines += [f"    {state} --> [*]" for state in CaseState if state not in OPEN_STATES]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def table_of_deeds() -> str:
    """One row for each set of roles, the widest first, with what they may do."""
    return "| who | may |\n|---|---|\n" + "".join(f"| {who} | {deeds} |\n" for who, deeds in _rows())


def _rows() -> Iterator[tuple[str, str]]:
    together: dict[frozenset[Role], list[Deed]] = {}
    for deed in Deed:
        together.setdefault(MAY[deed], []).append(deed)
    # As many may: in the order of the roles, so that the page does not depend on the order of a set.
    for roles in sorted(together, key=lambda roles: (-len(roles), [role not in roles for role in Role])):
        who = "everybody" if roles == frozenset(Role) else ", ".join(_plain(role) for role in Role if role in roles)
        yield who, ", ".join(_plain(deed) for deed in together[roles])


def _plain(word: str) -> str:
    return word.replace("_", " ")
