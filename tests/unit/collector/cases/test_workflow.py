"""Every cell of the workflow table and every deed are stated here once more: legal or illegal, allowed or not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hardcase_collector.cases.workflow import (
    CLEARS_FROM,
    MAY,
    OPEN_STATES,
    TABLE,
    Deed,
    actions_for,
    deed_of,
    legal_actions,
    may,
    next_state,
    require,
    waiting_in,
)
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction, CaseState, Outcome, Waiting
from hardcase_collector.domain.errors import CollectorError, IllegalAction, NotAllowed
from hardcase_collector.domain.ports import Transaction

from tests.unit.collector.cases.bench import NOON, Bench, raised

LETTERS = {
    "V": Role.VIEWER,
    "E": Role.ENGINEER,
    "D": Role.DISPATCHER,
    "M": Role.MANAGER,
    "C": Role.CUSTOMER_CONTACT,
    "A": Role.AUTOMATION,
    "X": Role.ADMINISTRATOR,
}
LEGAL = {
    "new": "confirm>confirmed:EDMAX verify>verifying:EMX close>closed:EDMX defer>deferred:EDMAX cancel>cancelled:EDMX",
    "confirmed": (
        "propose>proposed:EDMX verify>verifying:EMX close>closed:EDMX defer>deferred:EDMAX cancel>cancelled:EDMX"
    ),
    "proposed": "consent>consented:EDMCX confirm>confirmed:EDMCX defer>deferred:EDMAX cancel>cancelled:EDMX",
    "consented": "start_repair>repairing:EMX propose>proposed:EDMX defer>deferred:EDMAX cancel>cancelled:EDMX",
    "repairing": "finish_repair>repaired:EMX propose>proposed:EDMX defer>deferred:EDMAX cancel>cancelled:EDMX",
    "repaired": "verify>verifying:EMX start_repair>repairing:EMX close>closed:EDMX cancel>cancelled:EDMX",
    "verifying": "close>closed:EDMX reopen>new:EDMX cancel>cancelled:EDMX",
    "deferred": "resume>confirmed:EDMAX cancel>cancelled:EDMX",
    "closed": "reopen>new:EDMX",
    "cancelled": "reopen>new:EDMX",
}  # fmt: skip
DEEDS = """
VEDMCAX see see_customer
VEDMAX  see_why see_internal export see_diagnostics
EDMCAX  note report join attach
VEDMX   compare_plans
EDMCX   consent refuse follow_up rate accept_quote approve_access sign_service_report
EDMAX   confirm defer resume acknowledge note_internal assign change_priority pause open_window
EDMX    propose close cancel reopen contact agree identify quote accept_dispatch depart arrive finish_dispatch
EDMX    apply_access hand_to_vendor write_service_report reserve_part ship_part return_part
EMAX    ask_reading withdraw_diagnostic download_diagnostic
EMCX    consent_bundle
EMX     ask_self_test ask_identify ask_bundle
MX      ask_clear_sel
EMX     start_repair finish_repair verify install_part settle_joining accept_baseline change_mode rules_replay
DMX     dispatch stock edit_books edit_rota
MX      detach resend forget see_audit
X       manage_people manage_agents
"""


def expected(state: CaseState, action: CaseAction) -> tuple[str, frozenset[Role]] | None:
    """Where it leads and who may, as it is written above."""
    for cell in LEGAL[state].split():
        wanted, _, rest = cell.partition(">")
        target, _, letters = rest.partition(":")
        if wanted == action:
            return target, frozenset(LETTERS[letter] for letter in letters)
    return None


def somebody(role: Role) -> Actor:
    return Actor(name=f"the {role}", role=role, customer="north" if role is Role.CUSTOMER_CONTACT else None)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(CaseState, CaseAction)))
def test_a_cell_is_legal_or_refused_with_what_would_be_legal(state: CaseState, action: CaseAction) -> None:
    wanted = expected(state, action)
    if wanted is None:
        with pytest.raises(IllegalAction, match="it can"):
            next_state(state, action)
    else:
        assert next_state(state, action) == wanted[0]


@pytest.mark.parametrize(("state", "role"), list(itertools.product(CaseState, Role)))
def test_a_role_is_offered_what_it_may_do_and_nothing_else(state: CaseState, role: Role) -> None:
    cells = {action: expected(state, action) for action in CaseAction}
    assert set(actions_for(state, role)) == {action for action, cell in cells.items() if cell and role in cell[1]}


def test_every_deed_is_allowed_to_those_and_only_those_who_are_written_here() -> None:
    written = {
        word: frozenset(LETTERS[letter] for letter in letters)
        for letters, *words in (line.split() for line in DEEDS.strip().splitlines())
        for word in words
    }
    assert {str(deed): roles for deed, roles in MAY.items()} == written
    assert set(written) == {str(deed) for deed in Deed}


@pytest.mark.parametrize(("deed", "role"), list(itertools.product(Deed, Role)))
def test_who_may_not_is_told_who_may(deed: Deed, role: Role) -> None:
    if may(role, deed):
        require(somebody(role), deed)
        return
    with pytest.raises(NotAllowed, match=f"may not {deed.replace('_', ' ')}: it takes one of .*administrator"):
        require(somebody(role), deed)


def test_the_customer_does_only_what_is_his_to_do() -> None:
    his = {deed for deed in Deed if may(Role.CUSTOMER_CONTACT, deed)}
    assert his == {
        Deed.SEE, Deed.SEE_CUSTOMER, Deed.REPORT, Deed.JOIN, Deed.ATTACH, Deed.NOTE, Deed.CONSENT, Deed.REFUSE,
        Deed.ACCEPT_QUOTE, Deed.APPROVE_ACCESS, Deed.SIGN_SERVICE_REPORT, Deed.FOLLOW_UP, Deed.RATE,
        Deed.CONSENT_BUNDLE,
    }  # fmt: skip
    assert all(may(Role.ADMINISTRATOR, deed) for deed in Deed)
    assert {deed for deed in Deed if not may(Role.MANAGER, deed)} == {Deed.MANAGE_PEOPLE, Deed.MANAGE_AGENTS}


class Undone(Exception):
    """Ends a transaction that is not to be kept."""


def attempted(bench: Bench, state: CaseState, action: CaseAction, by: Actor) -> CollectorError | None:
    """What becomes of it in a case of this state; nothing of it is kept."""
    error: CollectorError | None = None

    def attempt(tx: Transaction) -> None:
        nonlocal error
        over = state not in OPEN_STATES
        case = replace(tx.cases.get(1), state=state, closed_ms=NOON if over else 0)
        tx.cases.save(case)
        try:
            bench.actions.act(tx, case, action, by=by, reason="x", now_ms=NOON, outcome=Outcome.REPAIRED)
            assert tx.cases.get(1).state == next_state(state, action)
        except (IllegalAction, NotAllowed) as refused:
            error = refused
        raise Undone

    with pytest.raises(Undone), bench.store.write() as tx:
        attempt(tx)
    return error


@pytest.mark.parametrize("role", list(Role))
def test_every_cell_is_taken_or_refused_by_the_desk_itself(bench: Bench, role: Role) -> None:
    bench.apply(raised(bench.asset()))
    for state, action in itertools.product(CaseState, CaseAction):
        cell = expected(state, action)
        refused = attempted(bench, state, action, somebody(role))
        if cell is None:
            assert isinstance(refused, IllegalAction), (state, action)
            assert "cannot" in str(refused)
        elif role not in cell[1]:
            assert isinstance(refused, NotAllowed), (state, action)
        elif action in (CaseAction.PROPOSE, CaseAction.CONSENT, CaseAction.START_REPAIR):
            # Legal and allowed; what must be in writing before is not.
            assert isinstance(refused, IllegalAction), (state, action)
            assert "cannot" not in str(refused)
        else:
            assert refused is None, (state, action, refused)


def test_a_refusal_is_the_confirming_of_what_was_proposed_and_of_nothing_else() -> None:
    meant = {(state, action): deed_of(state, action) for state in TABLE for action in TABLE[state]}
    assert meant.pop((CaseState.PROPOSED, CaseAction.CONFIRM)) is Deed.REFUSE
    assert all(str(deed) == str(action) for (_, action), deed in meant.items())


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


@pytest.mark.parametrize("so_far", list(Waiting))
def test_a_case_waits_for_the_customer_while_he_is_asked_and_for_nothing_at_its_end(so_far: Waiting) -> None:
    assert waiting_in(CaseState.PROPOSED, so_far) is Waiting.CUSTOMER
    for state in (CaseState.CLOSED, CaseState.CANCELLED):
        assert waiting_in(state, so_far) is Waiting.NOTHING
    kept = Waiting.NOTHING if so_far is Waiting.CUSTOMER else so_far
    for state in OPEN_STATES - {CaseState.PROPOSED}:
        assert waiting_in(state, so_far) is kept
