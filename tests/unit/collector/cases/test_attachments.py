"""Files on cases: who may, how large, once by content, hidden from the customer, gone in time, never orphaned."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound, StoreFailed
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.report import Attachment
from hardcase_collector.storage.evidence import EvidenceFiles

from tests.unit.collector.cases.bench import DAY, LI, NOON, Bench, raised

LOG = b"ata1: failed command\n" * 300
LIMITS = AttachmentLimits(file_bytes=10_000, case_bytes=15_000, kept_ms=30 * DAY)
BOSS = Actor(name="boss", role=Role.MANAGER, customer=None)
CHEN = Actor(name="chen", role=Role.CUSTOMER_CONTACT, customer="north")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def desk(bench: Bench, folder: Path) -> Attachments:
    return Attachments(bench.store, EvidenceFiles(folder, trouble=lambda: ""), bench.announcements, LIMITS)


@pytest.fixture
def case(bench: Bench) -> Case:
    bench.apply(raised(bench.asset()))
    return bench.only_case()


def attach(
    desk: Attachments,
    case: Case,
    body: bytes = LOG,
    *,
    by: Actor = LI,
    name: str = "messages.log",
    internal: bool = False,
    at: int = NOON,
) -> Attachment:
    upload = desk.receive(case.number, by=by, name=name, internal=internal)
    try:
        for start in range(0, len(body), 700):
            upload.write(body[start : start + 700])
        return upload.finish(now_ms=at)
    finally:
        upload.abandon()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_on_the_case_with_its_hash_and_an_entry(
    bench: Bench, desk: Attachments, case: Case, folder: Path
) -> None:
    made = attach(desk, case, name="../var/log/messages.log")
    sha = hashlib.sha256(LOG).hexdigest()
    assert (made.name, made.media, made.size, made.sha256) == ("messages.log", "text/plain", len(LOG), sha)
    found, chunks = desk.open(made.id, by=LI)
    assert (found, b"".join(chunks)) == (made, LOG)
    with bench.store.read() as tx:
        entry = tx.cases.timeline(case.id)[-1]
        assert desk.listed(tx, case, by=LI) == [made]
    assert (entry.code, entry.actor) == ("attached", "li")
    assert entry.parameters == {"name": "messages.log", "size": len(LOG), "media": "text/plain", "sha256": sha}
    assert files(folder) == [sha]


def test_the_same_content_is_attached_once_a_case_and_stored_once(
    bench: Bench, desk: Attachments, case: Case, folder: Path
) -> None:
    first = attach(desk, case)
    assert attach(desk, case, name="again.log") == first
    bench.apply(raised(bench.asset("dell|2")))
    other = bench.cases()[-1]
    assert attach(desk, other).id != first.id
    assert bench.codes(case) == ["opened", "attached"]
    assert len(files(folder)) == 1
    desk.remove(first.id, by=BOSS, reason="holds a password", now_ms=NOON)
    assert len(files(folder)) == 1
    assert bench.codes(case)[-1] == "detached"
    with bench.store.write() as tx:
        gone = tx.reports.attachments(other.id, internal=True)
        tx.reports.detach(one.id for one in gone)
    assert desk.sweep(one.sha256 for one in gone) == 1
    assert files(folder) == []


@pytest.mark.parametrize("size", [10_001, 40_000])
def test_a_file_beyond_the_limit_is_cut_off_and_leaves_nothing(
    desk: Attachments, case: Case, folder: Path, size: int
) -> None:
    with pytest.raises(IllegalAction, match="larger than"):
        attach(desk, case, b"x" * size)
    assert files(folder) == []


def test_a_case_takes_only_so_much(bench: Bench, desk: Attachments, case: Case) -> None:
    attach(desk, case, b"a" * 9000)
    with pytest.raises(IllegalAction, match="larger than"):
        attach(desk, case, b"b" * 6001)
    attach(desk, case, b"c" * 6000)
    with pytest.raises(IllegalAction, match="has all the"):
        desk.receive(case.number, by=LI, name="d.log")


def test_of_two_that_fill_the_case_together_one_is_refused(desk: Attachments, case: Case, folder: Path) -> None:
    first = desk.receive(case.number, by=LI, name="a.log")
    second = desk.receive(case.number, by=LI, name="b.log")
    first.write(b"a" * 9000)
    second.write(b"b" * 9000)
    first.finish(now_ms=NOON)
    with pytest.raises(IllegalAction, match="no room left"):
        second.finish(now_ms=NOON)
    assert len(files(folder)) == 1


@pytest.mark.parametrize(
    ("name", "body"), [("run.exe", b"MZ"), ("a.log", b"\x7fELF"), ("a.png", b"text"), ("a.log", b"")]
)
def test_what_is_not_taken_leaves_nothing(desk: Attachments, case: Case, folder: Path, name: str, body: bytes) -> None:
    with pytest.raises(IllegalAction):
        attach(desk, case, body, name=name)
    assert files(folder) == []


def test_a_long_file_that_is_not_what_it_says_is_cut_off_at_its_head(desk: Attachments, case: Case) -> None:
    upload = desk.receive(case.number, by=LI, name="a.log")
    with pytest.raises(IllegalAction, match="holds something else"):
        upload.write(b"\x7fELF" + bytes(5000))
    upload.abandon()


def test_the_customer_sees_and_gets_only_what_is_his(bench: Bench, desk: Attachments, case: Case) -> None:
    inside = attach(desk, case, b"ours", internal=True)
    told = attach(desk, case, b"yours", by=CHEN)
    stranger = replace(CHEN, customer="south")
    with bench.store.read() as tx:
        assert desk.listed(tx, case, by=CHEN) == [told]
        assert desk.listed(tx, case, by=LI) == [inside, told]
        assert tx.cases.timeline(case.id)[1].parameters["internal"] is True
        with pytest.raises(NotFound):
            desk.listed(tx, case, by=stranger)
    for id, by in ((inside.id, CHEN), (told.id, stranger)):
        with pytest.raises(NotFound):
            desk.open(id, by=by)
    with pytest.raises(NotAllowed):
        attach(desk, case, b"x", by=CHEN, internal=True)
    with pytest.raises(NotFound):
        attach(desk, case, b"x", by=stranger)
    with pytest.raises(NotAllowed):
        attach(desk, case, b"x", by=Actor(name="han", role=Role.VIEWER, customer="north"))
    with pytest.raises(NotAllowed):
        desk.remove(told.id, by=CHEN, reason="mine", now_ms=NOON)


def test_what_the_customer_sends_himself_is_no_secret_from_him(bench: Bench, desk: Attachments, case: Case) -> None:
    inside = attach(desk, case, internal=True)
    his = attach(desk, case, by=CHEN, name="mine.log")
    assert (his.name, his.internal) == ("mine.log", False)
    with bench.store.read() as tx:
        assert desk.listed(tx, case, by=LI) == [his]
    assert inside.internal
    assert attach(desk, case, internal=True) == his


def test_a_removal_says_why(desk: Attachments, case: Case) -> None:
    made = attach(desk, case)
    with pytest.raises(IllegalAction, match="say why"):
        desk.remove(made.id, by=BOSS, reason=" ", now_ms=NOON)


def test_attachments_go_a_while_after_their_case_ended(
    bench: Bench, desk: Attachments, case: Case, folder: Path
) -> None:
    attach(desk, case)
    assert desk.expire(NOON + 400 * DAY) == 0
    bench.act(CaseAction.CLOSE, at=NOON + 5 * DAY)
    assert desk.expire(NOON + 34 * DAY) == 0
    assert desk.expire(NOON + 36 * DAY) == 1
    assert desk.expire(NOON + 36 * DAY) == 0
    assert files(folder) == []
    assert bench.codes()[-1] == "detached"
    assert bench.announcements.codes() == ["opened", "attached", "closed"]


def test_files_that_nobody_refers_to_are_cleared_at_the_start(desk: Attachments, case: Case, folder: Path) -> None:
    kept = attach(desk, case)
    stray = EvidenceFiles(folder, trouble=lambda: "")
    for body in (b"one", b"two"):
        incoming = stray.receive()
        incoming.write(body)
        incoming.keep()
    stray.receive().write(b"half")
    assert desk.tidy() == 3
    assert files(folder) == [kept.sha256]


def test_a_store_that_refuses_leaves_no_file(
    bench: Bench, desk: Attachments, case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tx: Transaction, news: object) -> None:
        raise StoreFailed("no")

    monkeypatch.setattr(bench.announcements, "announce", refuse)
    with pytest.raises(StoreFailed):
        attach(desk, case)
    assert files(folder) == []
    with bench.store.read() as tx:
        assert tx.reports.attachments(case.id, internal=True) == []


def test_a_file_that_one_case_lets_go_of_while_another_takes_it_stays(
    bench: Bench, desk: Attachments, folder: Path
) -> None:
    for number in range(2):
        bench.apply(raised(bench.asset(f"dell|{number}")))
    one, other = bench.cases()
    for _ in range(10):
        made = attach(desk, one)
        pair = (
            threading.Thread(target=desk.remove, args=(made.id,), kwargs={"by": BOSS, "reason": "x", "now_ms": NOON}),
            threading.Thread(target=attach, args=(desk, other)),
        )
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join(timeout=90)
        with bench.store.read() as tx:
            (taken,) = tx.reports.attachments(other.id, internal=True)
        _, chunks = desk.open(taken.id, by=LI)
        assert b"".join(chunks) == LOG
        desk.remove(taken.id, by=BOSS, reason="x", now_ms=NOON)
        assert files(folder) == []
