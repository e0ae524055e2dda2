"""The desk: what is taken, refused, done once, kept over a kill, and told."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hardcase_agent.diagnostics.acceptance import OPEN_AT_ONCE
from hardcase_agent.diagnostics.desk import CONSENT_MS
from hardcase_agent.diagnostics.ledger import MOST, Entry, Ledger, Stage
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticReport, DiagnosticRequest, ReportState
from hardcase_agent.domain.errors import CollectorUnreachable, DeviceFailed, DiagnosticRefused, UploadRefused

from tests.fakes.doors import FakeBmcSource
from tests.unit.agent.diagnostics.conftest import COLLECTOR_MS, Bay, an_id, request

K = DiagnosticKind


async def test_an_answer_with_files_is_sent_before_it_is_said_to_be_done(bay: Bay) -> None:
    bay.sources = [FakeBmcSource(entries=3)]
    bay.uploader.gate.clear()
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: any("sending" in report.detail for report in bay.reports))
    assert {report.state for report in bay.reports} == {ReportState.ACCEPTED}
    bay.uploader.gate.set()
    done = await bay.ended()
    assert done.state is ReportState.DONE
    assert [file.name for file in done.files] == ["sel.jsonl", "sel.bin"]
    assert len(bay.uploader.files[an_id(1), "sel.bin"]) == 48
    lines = [json.loads(line) for line in bay.uploader.files[an_id(1), "sel.jsonl"].splitlines()]
    assert [line["record_id"] for line in lines] == [1, 2, 3]
    assert {line["type"] for line in lines} == {"event"}
    assert json.loads(done.answer)["entries"] == 3
    assert not (bay.folder / an_id(1).hex()).exists()


@pytest.mark.parametrize("kind", list(K))
async def test_a_kind_that_is_off_is_refused_and_the_switch_is_named(bay: Bay, kind: DiagnosticKind) -> None:
    bay.settings = DiagnosticsSettings(**dict.fromkeys((one.value for one in K), False))  # type: ignore[arg-type]
    bay.desk.asked(request(kind))
    said = await bay.ended()
    assert said.state is ReportState.REFUSED
    assert f"diagnostics.{kind}" in said.detail
    assert bay.desk.allowed() == ()


def test_what_changes_something_is_off_by_default() -> None:
    assert DiagnosticsSettings().allowed() == (K.READ_SEL, K.READ_SENSORS, K.INVENTORY, K.IDENTIFY, K.BUNDLE)


async def test_what_comes_after_its_expiry_by_the_collectors_clock_is_not_begun(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    bay.clock.set_wall(0)
    bay.desk.asked(request(K.READ_SEL, sent_ms=COLLECTOR_MS + 60_000))
    assert (await bay.ended()).state is ReportState.EXPIRED
    assert source.reads == 0


async def test_a_wrong_clock_here_changes_nothing_about_expiry(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    bay.clock.set_wall(COLLECTOR_MS + 10**12)
    bay.desk.asked(request(K.READ_SEL))
    assert (await bay.ended()).state is ReportState.DONE


async def test_what_waited_too_long_for_its_turn_is_not_begun(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.READ_SEL, 1))
    await bay.until(lambda: source.reads == 1)
    bay.desk.asked(request(K.READ_SEL, 2))
    await bay.until(lambda: bool(bay.of(2)))
    bay.clock.advance(61_000)
    source.gate.set()
    assert (await bay.ended(1)).state is ReportState.DONE
    assert (await bay.ended(2)).state is ReportState.EXPIRED
    assert source.reads == 1


async def test_the_same_request_again_is_answered_and_not_done_again(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    for _ in range(5):
        bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: source.reads == 1)
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: len(bay.reports) >= 2)
    source.gate.set()
    done = await bay.ended()
    heard = len(bay.reports)
    bay.desk.asked(request(K.READ_SEL, sent_ms=COLLECTOR_MS + 10**9))
    await bay.until(lambda: len(bay.reports) > heard)
    assert bay.last() == done
    assert source.reads == 1


async def test_what_was_begun_when_the_agent_was_killed_is_interrupted_and_never_begun_again(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: source.reads == 1)
    await bay.kill()
    await bay.desk.start()
    source.gate.set()
    bay.desk.asked(request(K.READ_SEL))
    said = await bay.ended()
    assert said.state is ReportState.FAILED
    assert "interrupted" in said.detail
    assert source.reads == 1


async def test_what_was_written_down_and_not_begun_is_begun_when_it_is_asked_again(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.READ_SEL, 1))
    await bay.until(lambda: source.reads == 1)
    bay.desk.asked(request(K.READ_SEL, 2))
    await bay.until(lambda: bool(bay.of(2)))
    await bay.kill()
    await bay.desk.start()
    source.gate.set()
    await asyncio.sleep(0)
    assert source.reads == 1
    bay.desk.asked(request(K.READ_SEL, 2))
    assert (await bay.ended(2)).state is ReportState.DONE
    assert source.reads == 2


async def test_a_made_answer_is_sent_on_after_a_kill_without_being_made_again(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    bay.uploader.gate.clear()
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: any("sending" in report.detail for report in bay.reports))
    await bay.kill()
    bay.uploader.gate.set()
    await bay.desk.start()
    assert (await bay.ended()).state is ReportState.DONE
    assert source.reads == 1
    assert (an_id(1), "sel.bin") in bay.uploader.files


async def test_a_final_report_outlives_a_kill(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    bay.desk.asked(request(K.READ_SEL))
    done = await bay.ended()
    await bay.kill()
    await bay.desk.start()
    bay.desk.asked(request(K.READ_SEL))
    assert await bay.ended() == done


@pytest.mark.parametrize("damage", [b"", b"{", b'{"version": 1}', b"\xff\xfe"])
async def test_a_ledger_file_that_cannot_be_read_still_counts_as_taken(bay: Bay, damage: bytes) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    bay.folder.mkdir()
    (bay.folder / f"{an_id(1).hex()}.json").write_bytes(damage)
    await bay.kill()
    await bay.desk.start()
    bay.desk.asked(request(K.READ_SEL))
    assert (await bay.ended()).state is ReportState.FAILED
    assert source.reads == 0


async def test_without_a_ledger_nothing_is_done(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    bay.folder.write_text("a file stands where the folder should be")
    bay.desk.asked(request(K.READ_SEL))
    said = await bay.ended()
    assert said.state is ReportState.REFUSED
    assert "written down" in said.detail
    assert source.reads == 0


async def test_an_answer_that_does_not_reach_the_collector_fails_with_the_reason(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    bay.uploader.script = [UploadRefused("the collector does not take it (too-large): no")]
    bay.desk.asked(request(K.READ_SEL))
    said = await bay.ended()
    assert said.state is ReportState.FAILED
    assert "too-large" in said.detail


async def test_a_devices_error_and_a_defect_are_told_alike(bay: Bay, caplog: pytest.LogCaptureFixture) -> None:
    source = FakeBmcSource()
    bay.sources = [source]

    async def broken(lend: object) -> None:
        raise DeviceFailed("the BMC said 0xff")

    async def defect(lend: object) -> None:
        raise ZeroDivisionError("a defect")

    source.whole_log = broken  # type: ignore[assignment]
    bay.desk.asked(request(K.READ_SEL, 1))
    assert "0xff" in (await bay.ended(1)).detail
    source.whole_log = defect  # type: ignore[assignment]
    with caplog.at_level(logging.CRITICAL):
        bay.desk.asked(request(K.READ_SEL, 2))
        said = await bay.ended(2)
    assert said.state is ReportState.FAILED
    assert "ZeroDivisionError" in said.detail


async def test_an_unknown_kind_and_a_wrong_id_are_refused(bay: Bay) -> None:
    bay.desk.asked(request(None))
    assert "newer" in (await bay.ended()).detail
    bay.desk.asked(request(K.READ_SEL, 2, id=b"short"))
    await bay.until(lambda: not bay.desk._taking)
    assert not [report for report in bay.reports if report.id == b"short"]


async def test_too_many_open_requests_are_refused_and_not_kept(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    for number in range(OPEN_AT_ONCE + 3):
        bay.desk.asked(request(K.READ_SEL, number))
    refused = [number for number in range(OPEN_AT_ONCE, OPEN_AT_ONCE + 3)]
    for number in refused:
        assert f"{OPEN_AT_ONCE} requests" in (await bay.ended(number)).detail
    assert len(list(bay.folder.glob("*.json"))) <= OPEN_AT_ONCE
    source.gate.set()
    await bay.ended(0)


async def test_old_finished_requests_are_forgotten_only_when_they_have_expired(bay: Bay) -> None:
    for number in range(100):
        bay.desk.asked(request(None, number))
        await bay.ended(number)
    assert len(list(bay.folder.glob("*.json"))) == 100
    bay.desk.asked(request(None, 200, sent_ms=COLLECTOR_MS + 100_000, expires_ms=COLLECTOR_MS + 200_000))
    await bay.ended(200)
    await bay.until(lambda: len(list(bay.folder.glob("*.json"))) < 70)
    for number in range(101, 101 + MOST):
        bay.desk.asked(request(None, number, sent_ms=COLLECTOR_MS, expires_ms=COLLECTOR_MS + 10**9))
        await bay.ended(number)
    assert len(list(bay.folder.glob("*.json"))) <= MOST


async def test_every_step_stands_in_the_log_in_one_line(bay: Bay, caplog: pytest.LogCaptureFixture) -> None:
    bay.sources = [FakeBmcSource()]
    with caplog.at_level(logging.INFO):
        bay.desk.asked(request(K.READ_SEL, asked_by="li\nERROR forged"))
        await bay.ended()
    audit = [record.getMessage() for record in caplog.records if record.getMessage().startswith("audit: ")]
    assert [line.split()[2] for line in audit] == ["asked:", "done:"]
    assert all(an_id(1).hex() in line and "kind=read_sel" in line and "\n" not in line for line in audit)


# Consent


async def made(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(consent_before_sending=True)
    bay.desk.asked(request(K.BUNDLE, arguments={"parts": "log,config"}))
    await bay.until(lambda: bay.last().state is ReportState.AWAITS_CONSENT if bay.of() else False)


async def test_a_bundle_waits_with_its_manifest_until_the_customer_agrees(bay: Bay) -> None:
    await made(bay)
    manifest = json.loads(bay.last().answer)
    assert [one["name"] for one in manifest["files"]] == ["agent.log", "agent.toml"]
    assert bay.uploader.files == {}
    bay.desk.asked(request(K.BUNDLE))
    await asyncio.sleep(0)
    assert bay.uploader.files == {}
    bay.desk.asked(request(K.BUNDLE, consented=True))
    done = await bay.ended()
    assert done.state is ReportState.DONE
    assert len(bay.uploader.files) == 1


async def test_consent_that_comes_with_the_first_asking_is_no_consent(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(consent_before_sending=True)
    bay.desk.asked(request(K.BUNDLE, arguments={"parts": "log"}, consented=True))
    await bay.until(lambda: bay.last().state is ReportState.AWAITS_CONSENT if bay.of() else False)
    assert bay.uploader.files == {}


async def test_a_bundle_that_waits_outlives_a_kill(bay: Bay) -> None:
    await made(bay)
    before = bay.last()
    await bay.kill()
    await bay.desk.start()
    bay.desk.asked(request(K.BUNDLE))
    await bay.until(lambda: bool(bay.of()))
    assert bay.last() == before
    bay.desk.asked(request(K.BUNDLE, consented=True))
    assert (await bay.ended()).state is ReportState.DONE


async def test_consent_and_refusal_on_the_spot(bay: Bay) -> None:
    await made(bay)
    (line,) = bay.desk.listed()
    assert (line["state"], line["kind"]) == ("awaits_consent", "bundle")
    assert "files" in bay.desk.shown(line["id"][:8])["answer"]
    assert await bay.desk.refuse(line["id"][:8], "root") == an_id(1).hex()
    said = await bay.ended()
    assert said.state is ReportState.REFUSED
    assert "root" in said.detail
    assert not (bay.folder / an_id(1).hex()).exists()
    bay.desk.asked(request(K.BUNDLE, consented=True))
    await asyncio.sleep(0)
    assert bay.uploader.files == {}
    bay.desk.asked(request(K.BUNDLE, 2, arguments={"parts": "log"}))
    await bay.until(lambda: bay.last(2).state is ReportState.AWAITS_CONSENT if bay.of(2) else False)
    await bay.desk.consent(an_id(2).hex(), "root")
    assert (await bay.ended(2)).state is ReportState.DONE


class Eager(list[DiagnosticReport]):
    """Does `at_once` while the report that somebody must agree is on its way."""

    def __init__(self, at_once: Callable[[], object]) -> None:
        super().__init__()
        self._at_once = at_once

    def append(self, report: DiagnosticReport) -> None:
        super().append(report)
        if report.state is ReportState.AWAITS_CONSENT:
            self._at_once()


@pytest.mark.parametrize("where", ["here", "at the collector"])
async def test_who_agrees_the_moment_he_is_asked_is_heard(bay: Bay, where: str) -> None:
    agreeing: list[asyncio.Task[str]] = []

    def agree() -> None:
        if where == "here":
            agreeing.append(asyncio.create_task(bay.desk.consent(an_id(1).hex(), "root")))
        else:
            bay.desk.asked(request(K.BUNDLE, consented=True))

    bay.settings = DiagnosticsSettings(consent_before_sending=True)
    bay.reports = Eager(agree)
    bay.open()
    await bay.desk.start()
    bay.desk.asked(request(K.BUNDLE, arguments={"parts": "log"}))
    assert (await bay.ended()).state is ReportState.DONE
    assert [await one for one in agreeing] == [an_id(1).hex()] * len(agreeing)


async def test_a_bundle_nobody_agrees_to_is_thrown_away_in_the_end(bay: Bay) -> None:
    await made(bay)
    bay.clock.advance(CONSENT_MS + 1000)
    bay.desk.asked(request(K.BUNDLE))
    assert "nobody agreed" in (await bay.ended()).detail
    assert not (bay.folder / an_id(1).hex()).exists()


def taken_back(kind: DiagnosticKind, number: int = 1, /, **fields: Any) -> DiagnosticRequest:
    """As the collector tells what was withdrawn, or whose consent was refused there."""
    return request(kind, number, sent_ms=COLLECTOR_MS + 20_000, expires_ms=COLLECTOR_MS + 20_000, **fields)


@pytest.mark.parametrize("consented", [False, True])
async def test_a_bundle_that_is_taken_back_at_the_collector_is_dropped(bay: Bay, consented: bool) -> None:
    await made(bay)
    await bay.kill()
    await bay.desk.start()
    bay.desk.asked(taken_back(K.BUNDLE, consented=consented))
    said = await bay.ended()
    assert (said.state, said.detail) == (ReportState.REFUSED, "not sent: taken back at the collector")
    assert not (bay.folder / an_id(1).hex()).exists()
    assert bay.uploader.files == {}
    with pytest.raises(DiagnosticRefused):
        await bay.desk.consent(an_id(1).hex(), "root")


async def test_a_bundle_waits_for_consent_beyond_the_expiry_of_its_beginning(bay: Bay) -> None:
    await made(bay)
    count = len(bay.of())
    bay.desk.asked(request(K.BUNDLE, sent_ms=COLLECTOR_MS + 3_600_000))
    await bay.until(lambda: len(bay.of()) > count)
    assert bay.last().state is ReportState.AWAITS_CONSENT
    bay.desk.asked(request(K.BUNDLE, sent_ms=COLLECTOR_MS + 3_600_000, consented=True))
    assert (await bay.ended()).state is ReportState.DONE


async def test_what_is_taken_back_before_its_turn_is_not_begun(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(consent_before_sending=True)
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.READ_SEL, 2))
    await bay.until(lambda: bool(bay.of(2)))
    bay.desk.asked(request(K.BUNDLE, arguments={"parts": "log"}))
    await bay.until(lambda: bool(bay.of()))
    bay.desk.asked(taken_back(K.BUNDLE))
    await bay.until(lambda: len(bay.of()) > 1)
    source.gate.set()
    said = await bay.ended()
    assert (said.state, said.detail) == (ReportState.EXPIRED, "not begun: taken back at the collector")
    assert not (bay.folder / an_id(1).hex()).exists()


async def test_a_bundle_that_is_taken_back_while_it_is_made_waits_for_nobody(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(consent_before_sending=True)
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.BUNDLE, arguments={"parts": "sel"}))
    await bay.until(lambda: source.reads == 1)
    count = len(bay.of())
    bay.desk.asked(taken_back(K.BUNDLE))
    await bay.until(lambda: len(bay.of()) > count)
    source.gate.set()
    said = await bay.ended()
    assert (said.state, said.detail) == (ReportState.REFUSED, "not sent: taken back at the collector")
    assert ReportState.AWAITS_CONSENT not in {report.state for report in bay.of()}
    assert not (bay.folder / an_id(1).hex()).exists()


async def test_what_is_taken_back_while_it_is_written_down_as_made_stays_taken_back(
    bay: Bay, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on, written, write = threading.Event(), threading.Event(), threading.Event(), Ledger.write

    def slow(ledger: Ledger, entry: Entry) -> None:
        if entry.stage is Stage.MADE:
            begun.set()
            goes_on.wait(10)
        write(ledger, entry)
        if entry.stage is Stage.MADE:
            written.set()

    monkeypatch.setattr(Ledger, "write", slow)
    bay.sources = [FakeBmcSource()]
    bay.desk.asked(request(K.READ_SEL))
    assert await asyncio.to_thread(begun.wait, 10)
    bay.desk.asked(taken_back(K.READ_SEL))
    timer = threading.Timer(1.2, goes_on.set)
    timer.start()
    said = await bay.ended()
    assert await asyncio.to_thread(written.wait, 10)
    timer.join()
    await bay.kill()
    assert (said.state, said.detail) == (ReportState.REFUSED, "not sent: taken back at the collector")
    assert Ledger(bay.folder).load()[an_id(1)].stage is Stage.FINAL


async def test_what_is_taken_back_while_it_is_sent_ends_at_once_and_is_no_failure(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    bay.uploader.gate.clear()
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: any("sending" in report.detail for report in bay.reports))
    bay.desk.asked(taken_back(K.READ_SEL))
    said = await bay.ended()
    assert (said.state, said.detail) == (ReportState.REFUSED, "not sent: taken back at the collector")
    assert not (bay.folder / an_id(1).hex()).exists()
    assert bay.uploader.files == {}


async def test_a_file_that_the_collector_refuses_because_its_request_is_over_is_no_failure(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    why = "the collector does not take it (not-open): the request is withdrawn: no file of it is taken"
    bay.uploader.script = [UploadRefused(why, "not-open")]
    bay.desk.asked(request(K.READ_SEL))
    said = await bay.ended()
    assert (said.state, "withdrawn" in said.detail) == (ReportState.REFUSED, True)


async def test_sending_goes_on_after_the_collector_was_away(bay: Bay) -> None:
    bay.sources = [FakeBmcSource()]
    bay.uploader.script = [CollectorUnreachable("not taken within 86400 s")]
    bay.desk.asked(request(K.READ_SEL))
    said = await bay.ended()
    assert (said.state, "did not reach" in said.detail) == (ReportState.FAILED, True)


async def test_stages_are_on_disk_in_order(bay: Bay) -> None:
    source = FakeBmcSource()
    source.gate.clear()
    bay.sources = [source]
    bay.desk.asked(request(K.READ_SEL))
    await bay.until(lambda: source.reads == 1)
    path = bay.folder / f"{an_id(1).hex()}.json"
    assert json.loads(path.read_text())["stage"] == Stage.BEGUN
    source.gate.set()
    await bay.ended()
    await bay.until(lambda: json.loads(path.read_text())["stage"] == Stage.FINAL)
