"""Requests down, reports up, and files by the upload call, over real gRPC."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from hardcase_agent.domain.diagnostic import AnswerFile, DiagnosticKind, DiagnosticReport, ReportState
from hardcase_agent.domain.errors import CollectorUnreachable, UploadRefused
from hardcase_agent.uplink import stream, upload
from hardcase_agent.uplink.wire import grpc
from hardcase_protos.v1 import diagnostics_pb2 as diagnostics

from tests.fakes.collector_stream import FakeCollector
from tests.unit.agent.uplink.conftest import Join, window

ID = bytes(range(16))


def file_at(folder: Path, content: bytes) -> tuple[AnswerFile, Path]:
    path = folder / "answer.bin"
    path.write_bytes(content)
    return AnswerFile(name=path.name, size=len(content), sha256=hashlib.sha256(content).digest()), path


def content(size: int) -> bytes:
    return hashlib.shake_128(b"file").digest(size)


async def test_hello_names_what_the_site_allows(collector: FakeCollector, join: Join) -> None:
    host = await join(collector)
    host.allowed = (DiagnosticKind.READ_SEL, DiagnosticKind.BUNDLE)
    host.connect()
    await collector.until(lambda: bool(collector.sessions))
    assert list(collector.sessions[0].hello.diagnostics) == [1, 7]


async def test_a_request_arrives_with_everything_the_collector_said(collector: FakeCollector, join: Join) -> None:
    host = await join(collector)
    host.connect()
    await collector.until(lambda: bool(collector.sessions and collector.sessions[0].hello.protocol))
    asked = diagnostics.DiagnosticRequest(
        id=ID, kind=4, expires_ms=20, sent_ms=10, asked_ms=5, asked_by="li", reason="why", consented=True, asset="S1"
    )
    asked.arguments["disk"] = "M S"
    collector.ask(asked)
    collector.ask(diagnostics.DiagnosticRequest(id=ID, kind=99))  # type: ignore[arg-type]  # a kind of a later protocol
    async with asyncio.timeout(60):
        while len(host.asked) < 2:  # noqa: ASYNC110  (a list has no event)
            await asyncio.sleep(0.01)
    request = host.asked[0]
    assert (request.id, request.kind, request.arguments) == (ID, DiagnosticKind.SELF_TEST, {"disk": "M S"})
    assert (request.expires_ms, request.sent_ms, request.asked_ms) == (20, 10, 5)
    assert (request.asked_by, request.reason, request.consented, request.asset) == ("li", "why", True, "S1")
    assert host.asked[1].kind is None


async def test_a_report_goes_up_without_a_number_and_before_further_records(
    collector: FakeCollector, join: Join
) -> None:
    host = await join(collector)
    host.connect()
    await collector.until(lambda: bool(collector.sessions and collector.sessions[0].hello.protocol))
    async with asyncio.timeout(60):
        while host.uplink.channel() is None:  # noqa: ASYNC110  (the uplink has no event)
            await asyncio.sleep(0.01)
    file = AnswerFile(name="a.txt", size=3, sha256=b"h" * 32)
    said = DiagnosticReport(id=ID, state=ReportState.DONE, detail="ok", wall_ms=7, answer=b"{}", files=(file,))
    host.uplink.say(said)
    await host.keep(window("after"))
    await collector.until(lambda: len(collector.reports) == 1 and len(collector.payloads("maintenance")) == 1)
    report = collector.reports[0]
    assert (report.id, report.detail, report.answer, report.wall_ms) == (ID, "ok", b"{}", 7)
    assert report.state == diagnostics.DiagnosticReport.STATE_DONE
    assert [(one.id, one.name, one.bytes, one.sha256) for one in report.files] == [(ID, "a.txt", 3, b"h" * 32)]


async def test_a_report_without_a_stream_is_dropped_because_it_is_asked_for_again(
    collector: FakeCollector, join: Join
) -> None:
    host = await join(collector)
    host.uplink.say(DiagnosticReport(id=ID, state=ReportState.DONE, detail="early", wall_ms=1))
    host.connect()
    await collector.until(lambda: bool(collector.sessions))
    await host.keep(window("one"))
    await host.drained()
    assert collector.reports == []


async def test_reports_that_find_their_queue_full_are_counted_and_the_newest_go(
    collector: FakeCollector, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_REPORTS", 3)
    host = await join(collector)
    host.connect()
    async with asyncio.timeout(60):
        while host.uplink.channel() is None:  # noqa: ASYNC110  (the uplink has no event)
            await asyncio.sleep(0.01)
    for number in range(5):
        # Without a turn of the loop in between.
        host.uplink.say(DiagnosticReport(id=ID, state=ReportState.ACCEPTED, detail=str(number), wall_ms=1))
    assert host.uplink.status().reports_dropped == 2
    await collector.until(lambda: [one.detail for one in collector.reports] == ["2", "3", "4"])


@pytest.mark.parametrize("size", [0, 1, upload.CHUNK, 5 * upload.CHUNK + 17])
async def test_a_file_arrives_whole(collector: FakeCollector, join: Join, tmp_path: Path, size: int) -> None:
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(size))
    await host.uploads.upload(ID, file, path, deadline_s=60)
    assert collector.files[ID, "answer.bin"] == content(size)


async def test_a_broken_upload_goes_on_where_it_stopped(collector: FakeCollector, join: Join, tmp_path: Path) -> None:
    collector.break_uploads_after = [upload.CHUNK, 3 * upload.CHUNK, 1]
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(9 * upload.CHUNK + 5))
    await host.uploads.upload(ID, file, path, deadline_s=60)
    assert collector.files[ID, "answer.bin"] == content(9 * upload.CHUNK + 5)
    assert collector.upload_calls == 4


async def test_it_outlives_the_collectors_restart(collector: FakeCollector, join: Join, tmp_path: Path) -> None:
    host = await join(collector)
    host.most_bytes_per_s = 2 * upload.CHUNK
    host.connect()
    file, path = file_at(tmp_path, content(4 * upload.CHUNK))
    sending = asyncio.create_task(host.uploads.upload(ID, file, path, deadline_s=120))
    await collector.until(lambda: any(collector.partial.values()))
    await collector.stop()
    assert not sending.done()
    await collector.start()
    await sending
    assert collector.files[ID, "answer.bin"] == content(4 * upload.CHUNK)
    assert collector.upload_calls > 1


async def test_damage_on_the_collectors_side_is_mended_and_damage_here_is_given_up(
    collector: FakeCollector, join: Join, tmp_path: Path
) -> None:
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(1000))
    collector.partial[ID, "answer.bin"] = bytearray(b"x" * 10)
    await host.uploads.upload(ID, file, path, deadline_s=60)
    assert collector.files[ID, "answer.bin"] == content(1000)
    path.write_bytes(b"y" * 1000)
    with pytest.raises(UploadRefused, match="hash"):
        await host.uploads.upload(bytes(16), file, path, deadline_s=60)


async def test_a_refusal_has_its_name_and_is_not_tried_again(
    collector: FakeCollector, join: Join, tmp_path: Path
) -> None:
    collector.refuse_uploads = (grpc.StatusCode.FAILED_PRECONDITION, "request-not-open")
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(10))
    with pytest.raises(UploadRefused, match="request-not-open"):
        await host.uploads.upload(ID, file, path, deadline_s=60)
    assert collector.upload_calls == 1


async def test_without_a_collector_the_deadline_names_the_reason(
    collector: FakeCollector, join: Join, tmp_path: Path
) -> None:
    host = await join(collector)
    file, path = file_at(tmp_path, content(10))
    with pytest.raises(CollectorUnreachable, match="no stream"):
        await host.uploads.upload(ID, file, path, deadline_s=0.2)


async def test_readings_go_on_while_a_slow_upload_runs(collector: FakeCollector, join: Join, tmp_path: Path) -> None:
    collector.upload_rate = 4096
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(1 << 20))
    sending = asyncio.create_task(host.uploads.upload(ID, file, path, deadline_s=600))
    await collector.until(lambda: any(collector.partial.values()))
    for number in range(20):
        await host.keep(window(str(number)))
    await host.drained()
    assert len(collector.payloads("maintenance")) == 20
    assert not sending.done()
    assert len(collector.partial[ID, "answer.bin"]) < 1 << 19
    sending.cancel()
    await asyncio.wait({sending})


async def test_uploads_go_one_at_a_time(collector: FakeCollector, join: Join, tmp_path: Path) -> None:
    host = await join(collector)
    host.connect()
    file, path = file_at(tmp_path, content(3 * upload.CHUNK))
    both = [host.uploads.upload(bytes((n,)) * 16, file, path, deadline_s=60) for n in (1, 2)]
    seen: list[int] = []

    async def watch() -> None:
        while True:
            seen.append(sum(0 < len(kept) < file.size for kept in collector.partial.values()))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*both)
    watching.cancel()
    assert max(seen) <= 1
    assert len(collector.files) == 2
