"""What the desk refuses, in the words of whoever asked: sentences by `locale/zh/LC_MESSAGES/refusals.po`, their values
by the pages' words of closed sets. Used where an error leaves: the pages and the control socket. English needs none.

An error says `IllegalAction("case {case} is {state} already", ...)`; `make texts` finds the sentence by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hardcase_collector import tongue
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.case import CaseAction, CaseState, Outcome
from hardcase_collector.domain.diagnostic import DiagnosticKind, RequestState
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.link import LinkAct
from hardcase_collector.domain.noise import Breadth
from hardcase_collector.domain.repair import LineKind, LineReason, ProposalState, QuoteState
from hardcase_collector.domain.said import Coded, Said
from hardcase_collector.domain.spares import Bucket, OrderState, OrderStep
from hardcase_collector.domain.visit import AccessState, DispatchAction, DispatchState
from hardcase_collector.plans.plan import Moment, PauseReason
from hardcase_collector.registry.written import Kind
from hardcase_collector.web.texts import messages

WORDS: Mapping[type[StrEnum], str] = {
    AccessState: "access.",
    Breadth: "breadth.",
    Bucket: "bucket.",
    CaseAction: "action.",
    CaseState: "state.",
    Deed: "deed.",
    DiagnosticKind: "diagnostic.kind.",
    DispatchAction: "action.visit_",
    DispatchState: "dispatch.",
    Kind: "kind.",
    LineKind: "quote_line.",
    LineReason: "line_why.",
    LinkAct: "link.act.",
    Moment: "moment.",
    OrderState: "order.",
    OrderStep: "action.part_",
    Outcome: "outcome.",
    PauseReason: "because.",
    ProposalState: "proposal.",
    QuoteState: "quote.",
    RequestState: "diagnostic.state.",
    Role: "role.",
}
"""Where the pages' words of a closed set begin; sets that are not here are told by their codes, as P1 is."""


def told(error: CollectorError, language: str) -> str:
    """Why it was refused, in this language; in English where the catalogue has not the sentence."""
    return in_words(error.said, language)


def in_words(said: Said, language: str) -> str:
    found = tongue.catalogue(tongue.REFUSALS, language)
    if found is None:
        return str(said)
    sentence = found.gettext(said.sentence) if said.sentence else ""
    if not said.values:
        return sentence
    return sentence.format(**{name: _value(value, language) for name, value in said.values.items()})


def _value(value: object, language: str) -> object:
    if isinstance(value, Said):
        return in_words(value, language)
    if isinstance(value, Coded):
        return word_of(value.member, language)
    if isinstance(value, StrEnum):
        return word_of(value, language)
    if isinstance(value, tuple | list):
        return "、".join(str(_value(one, language)) for one in value)
    return value if isinstance(value, int | float | str) else str(value)


def word_of(value: StrEnum, language: str) -> str:
    """Of a closed set, as the pages say it; its code where there is none."""
    begins = WORDS.get(type(value))
    return messages(language).get(f"{begins}{value}", value.value) if begins else value.value
