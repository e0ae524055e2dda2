"""Every store method that lists or finds things of customers takes a scope without default, and keeps to it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.diagnostic import RequestFilter
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.noise import WhyFilter
from hardcase_collector.domain.ports import CaseFilter
from hardcase_collector.domain.service_terms import QueueFilter
from hardcase_collector.domain.spares import OrderFilter
from hardcase_collector.domain.state_store import Transaction
from hardcase_collector.domain.stored import AuditFilter
from hardcase_collector.storage.state.store import SqlStateStore

from tests.fakes.empty_store import empty_store
from tests.unit.collector import scene_of_two_customers as scene
from tests.unit.collector.scene_of_two_customers import NOW, Half, leaks

BY_NUMBER = """
access: api_token issued kept_answer revoke_token session session_user token use_token user waiting_host
agents: by_id by_number by_host
assets: by_number by_key coverage events events_between inventory observed_by observers source_statuses windows
cases: get timeline open_for open_of last_closed_for closed_of
clocks: clock terms history
diagnostics: allowed answer files open_for owed request
feeds: baselines catalogue catalogue_ids catalogue_numbered feed feeds losses marks quarantined rows
imports: find last of_agent
findings: get numbered firing_of_case of_asset whys
noise: children storm storm_of windows_in
outbox: of_case
registry: customer custody entitlements
repairs: accesses dispatch dispatches follow_up follow_ups hand_offs link_by_hash links proposal proposals quote quotes
repairs: service_report service_reports visited
reports: attachments drop_attachments of_case referenced
spares: orders_of replaced unit_of
"""
"""Asked by the number of one thing, at whose owner the caller has looked."""
OF_THE_DESK = """
access: audit_openings audit_seals audit_unsealed
agents: standing
assets: joining_over summaries windows_ended
cases: rehearsals soaked unstable
clocks: due provisional
diagnostics: agents_waiting counts run_out
feeds: quarantine_counts
findings: held of_other_rules
forgetting: customers_of
noise: storms_due
outbox: channels_owed claim counts oldest_owed_ms
registry: customers_not_in_books
repairs: access_opening follow_ups_due loads stranded unanswered
reports: expired_attachments
spares: hold_unit left_over overdue to_look_for turned_up waiting_for
"""
"""What the collector does by itself for all customers, or counts without a word of theirs: shown to nobody."""
OURS = """
clocks: known_years swaps team teams
repairs: engineer engineers
spares: depot fits interchangeable spare spares stock_line
"""
"""Our own people, sheets and depots."""
WRITES = ("add", "attach", "bind", "drop", "erase", "forget", "move", "name_", "remove", "replace", "save")
FILTERS = {
    "audits_where": AuditFilter(customer="north"),
    "list": CaseFilter(customer="north", open_only=False),
    "listed": RequestFilter(customer="north"),
    "orders": OrderFilter(),
    "queue": QueueFilter(customer="north"),
    "whys": WhyFilter(customer="north"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


def reads() -> Iterator[tuple[str, str, inspect.Signature]]:
    """(store, method, signature) of everything in the transaction that gives something."""
    for store, attribute in inspect.getmembers(Transaction, lambda one: isinstance(one, property)):
        port = typing.get_type_hints(attribute.fget)["return"]
        for name, function in inspect.getmembers(port, inspect.isfunction):
            signature = inspect.signature(function)
            if not name.startswith(("_", *WRITES)) and signature.return_annotation not in ("None", "bool", "int"):
                yield store, name, signature


def scoped(signature: inspect.Signature) -> bool:
    return bool({"customer", "which"} & set(signature.parameters))


def test_every_method_that_gives_something_takes_a_customer_or_says_why_not() -> None:
    known = {
        f"{store}.{method}"
        for line in (BY_NUMBER + OF_THE_DESK + OURS).split("\n")
        for store, _, methods in [line.partition(": ")]
        for method in methods.split()
    }
    undecided = {f"{store}.{name}" for store, name, signature in reads() if not scoped(signature)} - known
    assert undecided == set()


def test_no_scope_has_a_default() -> None:
    empty = inspect.Parameter.empty
    defaults = [
        f"{store}.{name}"
        for store, name, signature in reads()
        if "customer" in signature.parameters and signature.parameters["customer"].default is not empty
    ]
    assert defaults == []


def test_no_method_finds_anything_of_another_customer(store: SqlStateStore) -> None:
    north, south = scene.make(store)
    walked = found_own = 0
    with store.read() as tx:
        for place, name, signature in reads():
            if not scoped(signature) or place == "forgetting":
                continue
            method = getattr(getattr(tx, place), name)
            for half in (north, south):
                assert leaks(told(method, arguments(signature, name, half))) == [], (place, name)
            found_own += north.mark in told(method, arguments(signature, name, north))
            walked += 1
    assert walked >= 25
    assert found_own >= 14


def arguments(signature: inspect.Signature, name: str, half: Half) -> dict[str, Any]:
    """North's scope, with this half's things named."""
    words: dict[str, Any] = {
        "after": 0,
        "asset": half.asset,
        "by": "plan",
        "case": half.case,
        "customer": "north",
        "first": date(2027, 1, 1),
        "from_ms": 0,
        "id": 1 if name in ("attachment", "file") else bytes.fromhex(half.window),
        "key": half.key,
        "last": date(2027, 12, 31),
        "limit": 100,
        "name": f"{half.mark}-1",
        "now_ms": NOW,
        "number": half.number if name == "by_number" else half.entitlement,
        "order": 1,
        "over_since_ms": 0,
        "since_ms": 0,
        "site": f"{half.mark}-1",
        "text": half.mark,
        "until_ms": NOW * 2,
        "user": f"{half.mark}-li",
        "which": FILTERS.get(name),
    }
    wanted = [
        one.name
        for one in signature.parameters.values()
        if one.name != "self" and (one.default is inspect.Parameter.empty or one.name == "customer")
    ]
    return {word: words[word] for word in wanted}


def told(method: Any, words: dict[str, Any]) -> str:
    """Everything that it gives, as text; "" where it refuses."""
    try:
        return text_of(method(**words))
    except CollectorError:
        return ""


def text_of(found: object) -> str:
    if is_dataclass(found) or isinstance(found, str | bytes | dict) or not hasattr(found, "__iter__"):
        return repr(found)
    return " ".join(text_of(one) for one in typing.cast(typing.Iterable[object], found))
