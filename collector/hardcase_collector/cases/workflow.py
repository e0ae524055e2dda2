"""The state machine of a case as a table (which action leads where), and the table of who may do what.

Asked by `desk.py` (what happens by itself), by `actions.py` and every other service (what people do), and by the pages
(what to offer). A cell that is not here is illegal. The diagram in ARCHITECTURE.md is drawn from here by `diagram.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction as A
from hardcase_collector.domain.case import CaseState as S
from hardcase_collector.domain.case import Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed

OPEN_STATES = frozenset(S) - {S.CLOSED, S.CANCELLED}
CLEARS_FROM = frozenset({S.NEW, S.CONFIRMED, S.REPAIRED})
"""Where nothing fires any more these move to verifying by themselves; in between people are at work."""

TABLE: Mapping[S, Mapping[A, S]] = {
    S.NEW: {
        A.CONFIRM: S.CONFIRMED,
        A.VERIFY: S.VERIFYING,
        A.CLOSE: S.CLOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.CONFIRMED: {
        A.PROPOSE: S.PROPOSED,
        A.VERIFY: S.VERIFYING,
        A.CLOSE: S.CLOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.PROPOSED: {
        A.CONSENT: S.CONSENTED,
        # The customer says no: back to thinking.
        A.CONFIRM: S.CONFIRMED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.CONSENTED: {
        A.START_REPAIR: S.REPAIRING,
        # Consent is for one proposal; a new one asks again.
        A.PROPOSE: S.PROPOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.REPAIRING: {
        A.FINISH_REPAIR: S.REPAIRED,
        A.PROPOSE: S.PROPOSED,
        A.DEFER: S.DEFERRED,
        A.CANCEL: S.CANCELLED,
    },
    S.REPAIRED: {
        A.VERIFY: S.VERIFYING,
        A.START_REPAIR: S.REPAIRING,
        A.CLOSE: S.CLOSED,
        A.CANCEL: S.CANCELLED,
    },
    S.VERIFYING: {
        A.CLOSE: S.CLOSED,
        # It fires again: whatever was confirmed or repaired before has to be looked at anew.
        A.REOPEN: S.NEW,
        A.CANCEL: S.CANCELLED,
    },
    S.DEFERRED: {
        A.RESUME: S.CONFIRMED,
        A.CANCEL: S.CANCELLED,
    },
    S.CLOSED: {A.REOPEN: S.NEW},
    S.CANCELLED: {A.REOPEN: S.NEW},
}


def next_state(state: S, action: A) -> S:
    """Raises IllegalAction, naming what would be legal."""
    try:
        return TABLE[state][action]
    except KeyError:
        told: dict[str, object] = {"state": state, "action": action, "legal": legal_actions(state)}
        raise IllegalAction("a case that is {state} cannot {action}: it can {legal}", **told) from None


def waiting_in(state: S, so_far: Waiting) -> Waiting:
    """What a case in this state waits for: the customer while he is asked, nothing at its end."""
    if state is S.PROPOSED:
        return Waiting.CUSTOMER
    over = state not in OPEN_STATES or so_far is Waiting.CUSTOMER
    return Waiting.NOTHING if over else so_far


def legal_actions(state: S) -> Sequence[A]:
    return tuple(TABLE[state])


class Deed(StrEnum):
    """Everything that somebody may be allowed or refused. An action of a case is a deed of the same name."""

    SEE = "see"
    SEE_WHY = "see_why"
    SEE_INTERNAL = "see_internal"
    """Internal notes, prices we pay, who was called when nobody answered."""
    EXPORT = "export"

    CONFIRM = "confirm"
    PROPOSE = "propose"
    CONSENT = "consent"
    REFUSE = "refuse"
    """The customer says no to what was proposed: the action `confirm` of a proposed case."""
    START_REPAIR = "start_repair"
    FINISH_REPAIR = "finish_repair"
    VERIFY = "verify"
    CLOSE = "close"
    DEFER = "defer"
    RESUME = "resume"
    CANCEL = "cancel"
    REOPEN = "reopen"

    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"
    NOTE_INTERNAL = "note_internal"
    ASSIGN = "assign"
    CHANGE_PRIORITY = "change_priority"
    PAUSE = "pause"
    CONTACT = "contact"
    AGREE = "agree"
    """An agreed time goes onto the case."""
    REPORT = "report"
    JOIN = "join"
    """A report goes to a case that is open already."""
    IDENTIFY = "identify"
    """The asset of a case that was reported without it."""
    ATTACH = "attach"
    DETACH = "detach"
    FOLLOW_UP = "follow_up"
    """Asks, or answers, whether it is really solved."""
    RATE = "rate"

    QUOTE = "quote"
    ACCEPT_QUOTE = "accept_quote"
    DISPATCH = "dispatch"
    ACCEPT_DISPATCH = "accept_dispatch"
    DEPART = "depart"
    ARRIVE = "arrive"
    FINISH_DISPATCH = "finish_dispatch"
    APPLY_ACCESS = "apply_access"
    APPROVE_ACCESS = "approve_access"
    HAND_TO_VENDOR = "hand_to_vendor"
    WRITE_SERVICE_REPORT = "write_service_report"
    SIGN_SERVICE_REPORT = "sign_service_report"
    RESERVE_PART = "reserve_part"
    SHIP_PART = "ship_part"
    INSTALL_PART = "install_part"
    RETURN_PART = "return_part"
    STOCK = "stock"
    """Counts of a depot, its models and its low marks."""

    SEE_DIAGNOSTICS = "see_diagnostics"
    ASK_READING = "ask_reading"
    """An agent's event log, sensors or inventory, now."""
    ASK_SELF_TEST = "ask_self_test"
    ASK_IDENTIFY = "ask_identify"
    """A lamp on a machine or on one of its disks."""
    ASK_CLEAR_SEL = "ask_clear_sel"
    ASK_BUNDLE = "ask_bundle"
    CONSENT_BUNDLE = "consent_bundle"
    """Agrees, or does not, to the sending of what a support bundle lists."""
    WITHDRAW_DIAGNOSTIC = "withdraw_diagnostic"
    DOWNLOAD_DIAGNOSTIC = "download_diagnostic"

    SEE_CUSTOMER = "see_customer"
    EDIT_BOOKS = "edit_books"
    EDIT_ROTA = "edit_rota"
    COMPARE_PLANS = "compare_plans"
    OPEN_WINDOW = "open_window"
    SETTLE_JOINING = "settle_joining"
    ACCEPT_BASELINE = "accept_baseline"
    CHANGE_MODE = "change_mode"
    """Joining, observe, live."""
    RULES_REPLAY = "rules_replay"
    RESEND = "resend"
    """Dead letters."""
    FORGET = "forget"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_AGENTS = "manage_agents"
    SEE_AUDIT = "see_audit"


_EVERYBODY = frozenset(Role)
_LEADERS = frozenset({Role.MANAGER, Role.ADMINISTRATOR})
_OFFICE = _LEADERS | {Role.DISPATCHER}
_HANDS = _LEADERS | {Role.ENGINEER}
_STAFF = _OFFICE | _HANDS
_CUSTOMER = frozenset({Role.CUSTOMER_CONTACT})
_MACHINES = frozenset({Role.AUTOMATION})
_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})

MAY: Mapping[Deed, frozenset[Role]] = {
    Deed.SEE: _EVERYBODY,
    Deed.SEE_WHY: _STAFF | _MACHINES | {Role.VIEWER},
    Deed.SEE_INTERNAL: _STAFF | _MACHINES | {Role.VIEWER},
    Deed.EXPORT: _STAFF | _MACHINES | {Role.VIEWER},
    Deed.CONFIRM: _STAFF | _MACHINES,
    Deed.PROPOSE: _STAFF,
    # By a contact himself, or by whoever heard it from him and says so.
    Deed.CONSENT: _STAFF | _CUSTOMER,
    Deed.REFUSE: _STAFF | _CUSTOMER,
    Deed.START_REPAIR: _HANDS,
    Deed.FINISH_REPAIR: _HANDS,
    Deed.VERIFY: _HANDS,
    # A machine cannot know how a case ended.
    Deed.CLOSE: _STAFF,
    Deed.DEFER: _STAFF | _MACHINES,
    Deed.RESUME: _STAFF | _MACHINES,
    Deed.CANCEL: _STAFF,
    Deed.REOPEN: _STAFF,
    Deed.ACKNOWLEDGE: _STAFF | _MACHINES,
    Deed.NOTE: _STAFF | _MACHINES | _CUSTOMER,
    Deed.NOTE_INTERNAL: _STAFF | _MACHINES,
    Deed.ASSIGN: _STAFF | _MACHINES,
    Deed.CHANGE_PRIORITY: _STAFF | _MACHINES,
    Deed.PAUSE: _STAFF | _MACHINES,
    Deed.CONTACT: _STAFF,
    Deed.AGREE: _STAFF,
    Deed.REPORT: _STAFF | _MACHINES | _CUSTOMER,
    Deed.JOIN: _STAFF | _MACHINES | _CUSTOMER,
    Deed.IDENTIFY: _STAFF,
    Deed.ATTACH: _STAFF | _MACHINES | _CUSTOMER,
    Deed.DETACH: _LEADERS,
    Deed.FOLLOW_UP: _STAFF | _CUSTOMER,
    Deed.RATE: _STAFF | _CUSTOMER,
    Deed.QUOTE: _STAFF,
    Deed.ACCEPT_QUOTE: _STAFF | _CUSTOMER,
    Deed.DISPATCH: _OFFICE,
    Deed.ACCEPT_DISPATCH: _STAFF,
    Deed.DEPART: _STAFF,
    Deed.ARRIVE: _STAFF,
    Deed.FINISH_DISPATCH: _STAFF,
    Deed.APPLY_ACCESS: _STAFF,
    Deed.APPROVE_ACCESS: _STAFF | _CUSTOMER,
    Deed.HAND_TO_VENDOR: _STAFF,
    Deed.WRITE_SERVICE_REPORT: _STAFF,
    Deed.SIGN_SERVICE_REPORT: _STAFF | _CUSTOMER,
    Deed.RESERVE_PART: _STAFF,
    Deed.SHIP_PART: _STAFF,
    Deed.INSTALL_PART: _HANDS,
    Deed.RETURN_PART: _STAFF,
    Deed.STOCK: _OFFICE,
    Deed.SEE_DIAGNOSTICS: _STAFF | _MACHINES | {Role.VIEWER},
    # A machine may ask for what changes nothing and leaves no mark.
    Deed.ASK_READING: _HANDS | _MACHINES,
    Deed.ASK_SELF_TEST: _HANDS,
    Deed.ASK_IDENTIFY: _HANDS,
    Deed.ASK_CLEAR_SEL: _LEADERS,
    Deed.ASK_BUNDLE: _HANDS,
    # By a contact himself, or by whoever heard it from him and says from whom.
    Deed.CONSENT_BUNDLE: _HANDS | _CUSTOMER,
    Deed.WITHDRAW_DIAGNOSTIC: _HANDS | _MACHINES,
    Deed.DOWNLOAD_DIAGNOSTIC: _HANDS | _MACHINES,
    Deed.SEE_CUSTOMER: _STAFF | _MACHINES | _CUSTOMER | {Role.VIEWER},
    Deed.EDIT_BOOKS: _OFFICE,
    Deed.EDIT_ROTA: _OFFICE,
    Deed.COMPARE_PLANS: _STAFF | {Role.VIEWER},
    Deed.OPEN_WINDOW: _STAFF | _MACHINES,
    Deed.SETTLE_JOINING: _HANDS,
    Deed.ACCEPT_BASELINE: _HANDS,
    Deed.CHANGE_MODE: _HANDS,
    Deed.RULES_REPLAY: _HANDS,
    Deed.RESEND: _LEADERS,
    Deed.FORGET: _LEADERS,
    Deed.MANAGE_PEOPLE: _ADMINISTRATOR,
    Deed.MANAGE_AGENTS: _ADMINISTRATOR,
    Deed.SEE_AUDIT: _LEADERS,
}


def may(role: Role, deed: Deed) -> bool:
    return role in MAY[deed]


def require(by: Actor, deed: Deed) -> None:
    """Raises NotAllowed, naming who may."""
    if by.role not in MAY[deed]:
        whom = tuple(role for role in Role if role in MAY[deed])
        told: dict[str, object] = {"by": by.name, "role": by.role, "deed": deed, "whom": whom}
        raise NotAllowed("{by} ({role}) may not {deed}: it takes one of {whom}", **told)


def deed_of(state: S, action: A) -> Deed:
    """What an action means in this state."""
    if (state, action) == (S.PROPOSED, A.CONFIRM):
        return Deed.REFUSE
    return Deed(action.value)


def actions_for(state: S, role: Role) -> Sequence[A]:
    """What this role may do now."""
    return tuple(action for action in TABLE[state] if may(role, deed_of(state, action)))
