"""Files of answers: which are taken, how they go on where they stopped, and when they are evidence."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest
from hardcase_collector.diagnostics.receiving import Receipt
from hardcase_collector.diagnostics.settings import MOST_FILES
from hardcase_collector.domain.diagnostic import DiagnosticKind as K
from hardcase_collector.domain.diagnostic import DiagnosticRequest, ToldFile
from hardcase_collector.domain.diagnostic import RequestState as S
from hardcase_collector.domain.errors import DiskFull, NotFound, StoreFailed, UploadHeld, UploadRefused
from hardcase_collector.storage.partials import MOST

from tests.unit.collector.diagnostics.bench import ADA, BOT, HOUR, LI, NOON, DiagnosticBench

CONTENT = bytes(range(256)) * 3


def told(of: DiagnosticRequest, content: bytes = CONTENT, name: str = "sel.bin", **changes: object) -> ToldFile:
    file = ToldFile(request=of.id, name=name, size=len(content), sha256=hashlib.sha256(content).digest())
    return replace(file, **changes)  # type: ignore[arg-type]  # a test's own fields


def begin(bench: DiagnosticBench, request: DiagnosticRequest, file: ToldFile) -> Receipt:
    return bench.desk.receiving.begin(request.agent, file)


def send(bench: DiagnosticBench, request: DiagnosticRequest, content: bytes = CONTENT, name: str = "sel.bin") -> None:
    receipt = begin(bench, request, told(request, content, name))
    try:
        if receipt.offset < len(content):
            receipt.write(content[receipt.offset :])
        receipt.finish(now_ms=bench.now_ms)
    finally:
        receipt.pause()


def refused(name: str, kind: type[Exception] = UploadRefused) -> object:
    return pytest.raises(kind, check=lambda error: getattr(error, "name", "") == name)


@pytest.fixture
def request_(bench: DiagnosticBench) -> DiagnosticRequest:
    _, asset = bench.ready()
    return bench.sent(asset)


def test_a_file_lies_by_its_hash_and_on_its_request(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    send(bench, request_)
    with bench.store.read() as tx:
        (file,) = tx.diagnostics.files(request_.id)
    assert (file.name, file.size) == ("sel.bin", len(CONTENT))
    assert b"".join(bench.evidence.read(file.sha256)) == CONTENT
    assert bench.partials.owners() == frozenset()
    entry = bench.audits()[-1]
    assert (entry.action, entry.actor) == ("diagnostic.file_received", "agent:agent-1")
    assert entry.facts["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert bench.report(request_, S.DONE, files=(told(request_),)).state is S.DONE


def test_a_broken_upload_goes_on_where_it_stopped(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    first = begin(bench, request_, told(request_))
    first.write(CONTENT[:100])
    with refused("cut-short", UploadHeld):
        first.finish(now_ms=NOON)
    first.pause()
    second = begin(bench, request_, told(request_))
    assert second.offset == 100
    second.write(CONTENT[100:])
    assert second.finish(now_ms=NOON) == hashlib.sha256(CONTENT).digest()
    again = begin(bench, request_, told(request_))
    assert again.offset == len(CONTENT)
    assert again.finish(now_ms=NOON) == hashlib.sha256(CONTENT).digest()
    assert bench.desk.receiving.counts.files == 1


def test_another_file_of_the_request_takes_the_place_of_what_came(
    bench: DiagnosticBench, request_: DiagnosticRequest
) -> None:
    first = begin(bench, request_, told(request_))
    first.write(CONTENT[:100])
    first.pause()
    send(bench, request_, b"other", "other.txt")
    assert begin(bench, request_, told(request_)).offset == 0


def test_a_wrong_hash_is_found_and_nothing_of_it_stays(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    receipt = begin(bench, request_, told(request_))
    receipt.write(CONTENT[:-1] + b"?")
    with refused("hash-mismatch"):
        receipt.finish(now_ms=NOON)
    receipt.pause()
    assert begin(bench, request_, told(request_)).offset == 0
    assert list(bench.evidence.hashes()) == []


def test_what_the_disk_lost_of_a_partial_file_is_found(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    """After a power cut a file may have its length and not its bytes."""
    first = begin(bench, request_, told(request_))
    first.write(CONTENT[:100])
    first.pause()
    (path,) = (bench.folder / "evidence" / "partial").iterdir()
    path.write_bytes(bytes(100))
    second = begin(bench, request_, told(request_))
    second.write(CONTENT[second.offset :])
    with refused("hash-mismatch"):
        second.finish(now_ms=NOON)


def test_more_than_was_said_is_not_taken(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    receipt = begin(bench, request_, told(request_))
    with refused("longer-than-said"):
        receipt.write(CONTENT + b"x")
    receipt.write(CONTENT)
    with refused("longer-than-said"):
        receipt.write(b"x")


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".bashrc", "a/b", "..\\b", "a b", "ä", "a\n", "a\x00", "x" * 101, "$(reboot)"]
)
def test_a_name_that_is_none_is_refused(bench: DiagnosticBench, request_: DiagnosticRequest, name: str) -> None:
    with refused("name-invalid"):
        begin(bench, request_, told(request_, name=name))


def test_what_is_wrong_with_a_file_is_told_by_name(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    for file, name in (
        (told(request_, sha256=b"short"), "hash-invalid"),
        (told(request_, size=1001), "too-large"),
        (told(request_, size=1 << 63), "too-large"),
        (told(request_, request=b"?" * 16), "unknown-request"),
    ):
        with refused(name):
            begin(bench, request_, file)
    assert bench.partials.owners() == frozenset()


def test_an_answer_has_so_many_bytes_and_files_and_no_more(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    send(bench, request_, b"a" * 900, "a")
    with refused("request-too-large"):
        begin(bench, request_, told(request_, b"b" * 601, "b"))
    with refused("name-taken"):
        begin(bench, request_, told(request_, b"other", "a"))
    for number in range(MOST_FILES - 1):
        send(bench, request_, b"%d" % number, f"file-{number}")
    with refused("too-many-files"):
        begin(bench, request_, told(request_, b"x", "one-more"))


def test_another_agents_request_is_as_unknown_as_nobodys(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    thief = bench.agent("agent-2")
    with pytest.raises(UploadRefused) as anothers:
        bench.desk.receiving.begin(thief.number, told(request_))
    with pytest.raises(UploadRefused) as nobodys:
        bench.desk.receiving.begin(thief.number, told(request_, request=b"?" * 16))
    assert (anothers.value.name, str(anothers.value)) == (nobodys.value.name, str(nobodys.value))


def test_files_are_taken_while_the_request_is_open_and_no_longer(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    unsent = bench.ask(asset, K.INVENTORY)
    with refused("not-open"):
        begin(bench, unsent, told(unsent))
    asked = bench.sent(asset)
    receipt = begin(bench, asked, told(asked))
    receipt.write(CONTENT)
    bench.report(asked, S.FAILED)
    with refused("not-open"):
        receipt.finish(now_ms=NOON)
    receipt.pause()
    assert list(bench.evidence.hashes()) == [], "a file that nobody refers to goes again"
    with refused("not-open"):
        begin(bench, asked, told(asked))
    with bench.store.write() as tx:
        tx.agents.replace(replace(agent, revoked=True))
    with refused("agent-revoked"):
        begin(bench, unsent, told(unsent))


def test_a_bundle_is_taken_after_consent_and_not_before(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset, K.BUNDLE)
    bench.report(asked, S.AWAITS_CONSENT)
    with refused("not-consented", UploadHeld):
        begin(bench, asked, told(asked))
    bench.desk.asking.consent(asked.name, by=ADA, who="", now_ms=NOON)
    send(bench, asked)


def test_a_full_disk_is_told_by_name_before_and_while_it_comes(
    bench: DiagnosticBench, request_: DiagnosticRequest
) -> None:
    bench.trouble = "below the reserve"
    with pytest.raises(DiskFull):
        begin(bench, request_, told(request_))
    large = replace(bench, limits=replace(bench.limits, file_bytes=1 << 30, request_bytes=1 << 30), trouble="")
    receipt = large.desk.receiving.begin(request_.agent, told(request_, size=20 << 20))
    receipt.write(bytes(9 << 20))
    large.trouble = "below the reserve"
    with pytest.raises(DiskFull):
        receipt.write(b"x")
    receipt.pause()


def test_so_many_files_are_under_way_and_no_more(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    for number in range(MOST):
        bench.partials.resume(f"{number:032x}", "ab").pause()
    with refused("too-many-uploads", UploadHeld):
        begin(bench, request_, told(request_))
    bench.partials.drop(f"{0:032x}")
    begin(bench, request_, told(request_)).pause()


def test_what_came_of_requests_that_are_over_is_tidied_away(
    bench: DiagnosticBench, request_: DiagnosticRequest
) -> None:
    begin(bench, request_, told(request_)).pause()
    bench.partials.resume("ab" * 16, "cd").pause()
    assert bench.desk.receiving.tidy() == 1, "of a request that is not known"
    bench.report(request_, S.FAILED)
    assert bench.desk.receiving.tidy() == 1
    assert bench.partials.owners() == frozenset()


def test_old_answers_go_with_their_files(bench: DiagnosticBench, request_: DiagnosticRequest) -> None:
    send(bench, request_)
    bench.report(request_, S.DONE, files=(told(request_),))
    assert bench.desk.receiving.expire(NOON + bench.limits.kept_ms) == 0
    assert bench.files.tidy() == 0, "a file of an answer is somebody's"
    assert bench.desk.receiving.expire(NOON + bench.limits.kept_ms + 1) == 1
    assert list(bench.evidence.hashes()) == []


def test_a_partial_file_is_private_and_never_leaves_its_folder(bench: DiagnosticBench) -> None:
    partial = bench.partials.resume("ab" * 16, "cd" * 32)
    (path,) = (bench.folder / "evidence" / "partial").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    partial.drop()
    with pytest.raises(StoreFailed):
        partial.write(b"x")
    for wrong in ("../x", "", "AB", "a/b", "ab\n"):
        with pytest.raises(NotFound):
            bench.partials.resume(wrong, "cd")
        with pytest.raises(NotFound):
            bench.partials.resume("ab", wrong)
    os.symlink("/etc/passwd", path.parent / ("ef" * 16 + ".cd"))
    with pytest.raises(StoreFailed):
        bench.partials.resume("ef" * 16, "cd")


def test_a_download_is_for_hands_and_machines_and_stands_in_the_audit_log(
    bench: DiagnosticBench, request_: DiagnosticRequest
) -> None:
    send(bench, request_)
    with bench.store.read() as tx:
        (file,) = tx.diagnostics.files(request_.id)
    open_file = bench.desk.asking.open_file
    for by in (LI, BOT):
        _, chunks = open_file(file.id, of=request_.name[:8], by=by, now_ms=NOON + HOUR)
        assert b"".join(chunks) == CONTENT
        entry = bench.audits()[-1]
        assert (entry.action, entry.actor, entry.facts["name"]) == ("diagnostic.file_downloaded", by.name, "sel.bin")
    for by, of in ((ADA, request_.name), (replace(LI, customer="south"), request_.name), (LI, "ffff")):
        with pytest.raises(NotFound):
            open_file(file.id, of=of, by=by, now_ms=NOON)
