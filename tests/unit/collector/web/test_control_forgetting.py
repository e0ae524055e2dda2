"""Forgetting on the control socket: told before it is done, what stays is told, and the last administrator stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.case import TimelineEntry
from hardcase_collector.domain.errors import SessionSuperseded
from hardcase_collector.domain.ports import EpochKey, Mark, User
from hardcase_collector.domain.repair import RepairResult, ServiceReport
from hardcase_collector.domain.report import Attachment
from hardcase_collector.domain.service_terms import Team

from tests.contracts.registry_store import two_customers
from tests.contracts.state_store import NOON, a_case, an_agent
from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import Socket


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    store = empty_store(tmp_path / "state.db")
    yield Socket(store)
    store.close()


def scene(socket: Socket) -> dict[str, int]:
    """A case of each customer, worked by li; Ada is a contact of both, and wrote on both cases."""
    agents = {}
    with socket.store.write() as tx:
        for number, customer in zip(two_customers(tx), ("north", "south"), strict=True):
            agents[customer] = an_agent(tx, f"agent-{customer}", customer).number
            tx.assets.bind(number, agents[customer])
            case = tx.cases.add(a_case(tx.assets.by_number(number)))
            for version, actor in enumerate(("li", "Ada"), 2):
                tx.cases.add_entry(
                    TimelineEntry(
                        case=case.id,
                        version=version,
                        code="note",
                        at_ms=NOON,
                        actor=actor,
                        parameters={"text": "Ada called"},
                    )
                )
        for name, role in (("li", "engineer"), ("root", "administrator")):
            tx.access.add_user(User(name=name, role=role, customer=None, password_hash="x"))
        tx.access.audit(at_ms=NOON, actor="li", action="case.close", subject="HC-1", facts={"to": "li"})
    return agents


def actors(socket: Socket) -> list[str]:
    with socket.store.read() as tx:
        cases = [tx.cases.get(number) for number in (1, 2)]
        return [entry.actor for case in cases for entry in tx.cases.timeline(case.id)]


def test_a_person_is_told_of_and_then_a_pseudonym(socket: Socket) -> None:
    scene(socket)
    told = socket.post("/forget/person", name="li", dry_run=True).json()
    assert told["traces"] == {"audit": 2, "timeline": 2, "users": 1}
    assert (told["done"], told["pseudonym"]) == (False, "")
    assert "free_text" in told["stays"]
    assert "li" in actors(socket)
    done = socket.post("/forget/person", name="li", dry_run=False).json()
    assert done["done"]
    assert "li" not in actors(socket)
    assert done["pseudonym"] in actors(socket)
    with socket.store.read() as tx:
        assert tx.access.user("li") is None
        last = tx.access.audits(customer=None, limit=1)[0]
        assert (last.action, last.subject) == ("person.forgotten", done["pseudonym"])
        assert all("li" not in (one.actor, *one.facts.values()) for one in tx.access.audits(customer=None, limit=10))
    assert socket.post("/forget/person", name="li", dry_run=True).status_code == 404


def test_of_two_people_of_one_name_one_is_forgotten(socket: Socket) -> None:
    scene(socket)
    refused = socket.post("/forget/person", name="Ada", dry_run=True)
    assert refused.status_code == 409
    assert "north, south" in refused.json()["detail"]
    assert socket.post("/forget/person", name="Ada", customer="south", dry_run=False).json()["done"]
    assert actors(socket).count("Ada") == 1
    with socket.store.read() as tx:
        assert [(one.customer, one.name) for one in tx.registry.contacts(customer=None)] == [("north", "Ada")]


def papers_of(socket: Socket) -> None:
    """On the case of north: a file that li attached, one of somebody else, and two reports of which one was printed."""
    with socket.store.write() as tx:
        for row, (by, name) in enumerate((("li", "by li.log"), ("wu", "client.log")), 1):
            file = Attachment(
                id=0,
                case=1,
                sha256=f"{row:064x}",
                name=name,
                media="text/plain",
                size=1,
                attached_by=by,
                at_ms=NOON,
            )
            tx.reports.attach(file)
        for number, files in (("HC-1-R1", ("zh.pdf=ab",)), ("HC-1-R2", ())):
            tx.repairs.add_service_report(
                ServiceReport(
                    case=1,
                    number=number,
                    found="li found it",
                    done="changed",
                    result=RepairResult.REPAIRED,
                    engineer="li",
                    by="wu",
                    made_ms=NOON,
                    files=files,
                )
            )


def test_a_name_within_a_note_becomes_the_pseudonym_and_papers_are_listed(socket: Socket) -> None:
    scene(socket)
    papers_of(socket)
    with socket.store.read() as tx:
        case = tx.cases.get(1).number
    told = socket.post("/forget/person", name="li", dry_run=True).json()["papers"]
    assert [(one["kind"], one["case"], one["name"]) for one in told] == [
        ("service_report", case, "HC-1-R1"),
        ("attachment", case, "by li.log"),
    ]
    done = socket.post("/forget/person", name="li", dry_run=False).json()
    assert [one["name"] for one in done["papers"]] == ["HC-1-R1", f"by {done['pseudonym']}.log"]
    with socket.store.read() as tx:
        assert tx.repairs.service_reports(1)[0].found == f"{done['pseudonym']} found it"
        assert [one.name for one in tx.reports.attachments(1, internal=True)][-1] == "client.log"
    ada = socket.post("/forget/person", name="Ada", customer="north", dry_run=False).json()
    with socket.store.read() as tx:
        notes = [entry.parameters["text"] for entry in tx.cases.timeline(1) if entry.code == "note"]
        others = [entry.parameters["text"] for entry in tx.cases.timeline(2) if entry.code == "note"]
    assert set(notes) == {f"{ada['pseudonym']} called"}
    assert set(others) == {"Ada called"}


def test_the_last_administrator_and_a_customers_name_are_no_person_to_forget(socket: Socket) -> None:
    scene(socket)
    for name in ("root", "north"):
        assert socket.post("/forget/person", name=name, dry_run=False).status_code == 409
    with socket.store.read() as tx:
        assert tx.access.user("root") is not None


def test_a_customer_goes_and_the_other_stays(socket: Socket) -> None:
    agents = scene(socket)
    with socket.store.write() as tx:
        tx.clocks.save_team(Team(name="south-only", title="", zone="UTC", people=("li",), customers=("south",)))
    told = socket.post("/forget/customer", name="south", dry_run=True).json()
    assert (told["done"], told["agents"]) == (False, 1)
    assert told["traces"]["cases"] == 1
    assert "telemetry" in told["stays"]
    assert socket.get("/assets").json()["found"] == 2
    assert socket.post("/forget/customer", name="south", dry_run=False).json()["done"]
    assert socket.revoked == [agents["south"]]
    assert [one["asset"]["customer"] for one in socket.get("/assets").json()["assets"]] == ["north"]
    assert [one["customer"] for one in socket.get("/agents").json()["agents"]] == ["north"]
    assert len(socket.get("/cases", all=True).json()["cases"]) == 1
    assert [one["name"] for one in socket.get("/customers").json()["customers"]] == ["north"]
    with socket.store.read() as tx:
        # A team without customers would be a team for everybody.
        assert [team.customers for team in tx.clocks.teams()] == [("",)]
    assert socket.post("/forget/customer", name="south", dry_run=True).status_code == 404


def test_what_a_forgotten_agent_still_brings_is_refused(socket: Socket) -> None:
    number = scene(socket)["south"]
    with socket.store.write() as tx:
        session = tx.agents.next_session(number)
    assert socket.post("/forget/customer", name="south", dry_run=False).json()["done"]
    mark = {EpochKey(number, b"e" * 16): Mark(through=1, last_time_ms=NOON)}
    with pytest.raises(SessionSuperseded), socket.store.write() as tx:
        tx.feeds.save_marks(mark, sessions={number: session})
    with socket.store.read() as tx:
        assert tx.agents.by_number(number).revoked


def test_a_customer_with_the_last_administrator_stays(socket: Socket) -> None:
    scene(socket)
    with socket.store.write() as tx:
        root = tx.access.user("root")
        assert root is not None
        tx.access.remove_user("root")
        tx.access.add_user(User(name="root", role="administrator", customer="south", password_hash="x"))
    assert socket.post("/forget/customer", name="south", dry_run=True).status_code == 409
