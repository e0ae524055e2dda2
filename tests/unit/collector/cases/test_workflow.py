"""Every cell of the workflow table is stated here once more, legal or illegal."""

from __future__ import annotations

import itertools

import pytest
from hardcase_collector.cases.workflow import CLEARS_FROM, OPEN_STATES, TABLE, legal_actions, next_state
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction

LEGAL = {
    "new": "confirm>confirmed verify>verifying close>closed defer>deferred cancel>cancelled",
    "confirmed": "propose>proposed verify>verifying close>closed defer>deferred cancel>cancelled",
    "proposed": "consent>consented confirm>confirmed defer>deferred cancel>cancelled",
    "consented": "start_repair>repairing propose>proposed defer>deferred cancel>cancelled",
    "repairing": "finish_repair>repaired propose>proposed defer>deferred cancel>cancelled",
    "repaired": "verify>verifying start_repair>repairing close>closed cancel>cancelled",
    "verifying": "close>closed reopen>new cancel>cancelled",
    "deferred": "resume>confirmed cancel>cancelled",
    "closed": "reopen>new",
    "cancelled": "reopen>new",
}


def expected(state: CaseState, action: CaseAction) -> str | None:
    cells = dict(cell.split(">") for cell in LEGAL[state].split())
    return cells.get(action)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(CaseState, CaseAction)))
def test_a_cell_is_legal_or_refused_with_what_would_be_legal(state: CaseState, action: CaseAction) -> None:
    wanted = expected(state, action)
    if wanted is None:
        with pytest.raises(IllegalAction, match="it can"):
            next_state(state, action)
    else:
        assert next_state(state, action) == wanted


def test_every_state_can_be_reached_and_left() -> None:
    reached = {target for row in TABLE.values() for target in row.values()}
    assert reached == set(CaseState)
    assert all(legal_actions(state) for state in CaseState)


def test_every_open_state_has_a_way_to_an_end() -> None:
    for state in OPEN_STATES:
        seen, front = {state}, [state]
        while front:
            for target in TABLE[front.pop()].values():
                if target not in seen:
                    seen.add(target)
                    front.append(target)
        assert CaseState.CLOSED in seen


def test_clearing_moves_a_case_on_only_where_nobody_is_at_work() -> None:
    assert {CaseState.NEW, CaseState.CONFIRMED, CaseState.REPAIRED} == CLEARS_FROM
    assert all(CaseAction.VERIFY in legal_actions(state) for state in CLEARS_FROM)
