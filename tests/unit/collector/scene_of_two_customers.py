"""Two customers on one store, `north` and `south`, of each one of everything that a store keeps of a customer.

Whatever is south's has SOUTH in it (or is the number of such a thing), so that a leak can be told by its text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date

from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.asset import Agent, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.case import Case, CaseState, TimelineEntry
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.diagnostic import (
    Allowed,
    DiagnosticFile,
    DiagnosticKind,
    DiagnosticRequest,
    RequestState,
)
from hardcase_collector.domain.finding import Severity, Why
from hardcase_collector.domain.ports import EnrolmentToken, StateStore, Transaction, User
from hardcase_collector.domain.stored import Window

from tests.contracts.state_store import a_transition

NOW = 1_800_000_000_000
"""2027-01-15 08:00 UTC."""
MARKS = {"north": "NORTHERN", "south": "SOUTHERN"}
LEAK = ("SOUTHERN", "southern", "south")
"""What must not be in anything that is shown of north."""


def leaks(text: str) -> list[str]:
    return [word for word in LEAK if word in text]


@dataclass(frozen=True)
class Half:
    """What belongs to one of them."""

    customer: str
    mark: str
    asset: int
    key: str
    agent: int
    case: int
    number: str
    contact: int
    entitlement: int
    window: str
    request: str
    file: int


def make(store: StateStore) -> tuple[Half, Half]:
    """North's half, south's half."""
    with store.write() as tx:
        tx.access.add_user(User(name="root", role="administrator", customer=None, password_hash="x"))
        return _half(tx, "north"), _half(tx, "south")


def _half(tx: Transaction, customer: str) -> Half:
    mark = MARKS[customer]
    tx.registry.save_customer(Customer(name=customer, title=f"{mark} AG"))
    tx.registry.save_site(
        Site(customer=customer, name=f"{mark}-1", title=mark, time_zone="UTC", country="", address=f"{mark} street")
    )
    asset = tx.assets.add(
        key=f"dell|{mark}1",
        basis=IdentityBasis.SERIAL,
        facts=AssetFacts(vendor="Dell", model="R750", serial=f"{mark}1", hostname=f"{mark.lower()}.{mark}"),
        customer=customer,
        mode=AssetMode.LIVE,
        joined_ms=NOW,
        live_from_ms=NOW,
    )
    tx.registry.save_custody(
        Custody(asset=asset.id, site=f"{mark}-1", rack=f"{mark}-R1", group=mark, tags=(mark,), feeds=(f"{mark}-pdu",))
    )
    contact = tx.registry.save_contact(
        Contact(
            id=0, customer=customer, scope=ContactScope.CUSTOMER, subject="", name=f"{mark} Ada", mail=f"a@{mark}.x"
        )
    )
    entitlement = tx.registry.save_entitlement(
        Entitlement(
            id=0, asset=asset.id, part="", plan="gold-7x24x4", vendor="dell", starts=date(2027, 1, 1),
            ends=date(2027, 2, 1), contract=f"{mark}-C1",
        )
    )  # fmt: skip
    agent = _people(tx, customer, mark)
    tx.assets.bind(asset.id, agent)
    case = _case(tx, asset.id, mark)
    tx.assets.open_window(
        Window(id=mark.encode(), asset=asset.id, from_ms=NOW, until_ms=NOW + 3_600_000, reason=mark, by=f"{mark}-li")
    )
    asked = _diagnostic(tx, agent, asset.id, case.id, mark)
    return Half(
        customer=customer,
        mark=mark,
        asset=asset.id,
        key=asset.key,
        agent=agent,
        case=case.id,
        number=case.number,
        contact=contact.id,
        entitlement=entitlement.id,
        window=mark.encode().hex(),
        request=asked.request.hex(),
        file=asked.id,
    )


def _diagnostic(tx: Transaction, agent: int, asset: int, case: int, mark: str) -> DiagnosticFile:
    tx.diagnostics.allow(Allowed(agent=agent, kinds=tuple(DiagnosticKind), told_ms=NOW))
    request = DiagnosticRequest(
        id=f"{mark} request 1".encode()[:16],
        agent=agent,
        asset=asset,
        kind=DiagnosticKind.BUNDLE,
        arguments={"parts": mark.lower()},
        target=mark,
        serial=mark,
        asked_by=f"{mark}-li",
        role=Role.ENGINEER,
        reason=mark,
        case=case,
        asked_ms=NOW,
        expires_ms=NOW * 2,
        state=RequestState.AWAITS_CONSENT,
        detail=mark,
        changed_ms=NOW,
        sent_ms=NOW,
    )
    tx.diagnostics.add(request)
    tx.diagnostics.keep_answer(request.id, json.dumps({"files": [{"name": mark}]}).encode())
    return tx.diagnostics.add_file(DiagnosticFile(id=0, request=request.id, name=mark, size=1, sha256=mark, at_ms=NOW))


def _people(tx: Transaction, customer: str, mark: str) -> int:
    tx.access.add_user(User(name=f"{mark}-li", role="customer_contact", customer=customer, password_hash="x"))
    tx.access.add_token(
        EnrolmentToken(
            hash=mark, customer=customer, uses_left=1, expires_ms=NOW * 2, replace=False, made_by="root", made_ms=NOW
        )
    )
    tx.access.audit(at_ms=NOW, actor=f"{mark}-li", action="login", subject=f"{mark}-li", facts={})
    tx.access.audit(at_ms=NOW, actor="root", action="asset.mode", subject=f"dell|{mark}1", facts={})
    agent = Agent(
        id=f"agent-{mark}",
        number=0,
        customer=customer,
        hostname=f"{mark}-host",
        machine_id=mark,
        dmi_uuid=mark,
        fingerprint=mark,
        enrolled_ms=NOW,
    )
    return tx.agents.add(agent).number


def _case(tx: Transaction, asset: int, mark: str) -> Case:
    part = Part(component="disk", slot=f"{mark} bay", model="ST4", serial=f"{mark}-Z1")
    case = tx.cases.add(
        Case(
            id=0,
            number="",
            asset=asset,
            part=part,
            repair_group="disk",
            state=CaseState.NEW,
            severity=Severity.MAJOR,
            fault_classes=("disk.failed",),
            since_ms=NOW,
            opened_ms=NOW,
            version=1,
            title=mark,
        )
    )
    tx.cases.add_entry(
        TimelineEntry(case=case.id, version=1, code="opened", at_ms=NOW, actor="collector", parameters={"x": mark})
    )
    transition = replace(a_transition(tx.assets.by_number(asset)), part=part, evidence={"text": mark}, rehearsal=False)
    tx.findings.save(transition, case=case.id, held="", held_until_ms=0)
    tx.findings.add_why(
        Why(
            asset=asset,
            rule="disk-failed",
            part=part.key(),
            sensor=mark,
            time_ms=NOW,
            decided_ms=NOW,
            opened=True,
            case=case.id,
            reason="opened",
        )
    )
    for state in (False, True):
        tx.outbox.owe(
            channel="hook",
            case=case.id,
            version=1 + state,
            event_id=f"{mark}-{state}",
            body=mark.encode(),
            at_ms=NOW,
            not_before_ms=NOW,
            critical=False,
        )
    mine = [row for row in tx.outbox.claim(owner=mark, now_ms=NOW, lease_ms=1000, limit=10) if row.case == case.id]
    tx.outbox.failed(mine[0].id, owner=mark, error=f"{mark} refused", next_try_ms=NOW, dead=True)
    tx.outbox.release(owner=mark)
    return case
