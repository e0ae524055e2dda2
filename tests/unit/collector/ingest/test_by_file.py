"""Import over fakes: what an agent exports is taken once, in order, whole; and what is refused, by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_agent.airgap import export
from hardcase_agent.domain.errors import FileRefused as AgentRefused
from hardcase_agent.domain.frame import Frame
from hardcase_agent.uplink import airgap
from hardcase_collector.domain.errors import (
    Cloned,
    DiskFull,
    FileDamaged,
    FileForeign,
    FileOutOfOrder,
    FileRefused,
    FileTaken,
    FileTampered,
    NotFound,
    StoreFailed,
)
from hardcase_collector.domain.observation import TimeFlag
from hardcase_collector.ingest.incoming import Delivery, Farewell
from hardcase_collector.ingest.liveness import Condition

from tests.fakes.carried import ENROLLED_MS, HOST, Desk, Host, batch_of, signed_export
from tests.fakes.collector import NOW


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def host(desk: Desk, tmp_path: Path) -> Host:
    return Host(desk, tmp_path / "host")


async def test_an_export_is_taken_as_if_it_had_come_by_stream(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (file,) = await host.files()
    taken = desk.take(file).file
    assert (taken.file, taken.first, taken.through, taken.records, taken.rejected) == (1, 1, 4, 4, 0)
    assert desk.frames() == [(host.epoch, 2, 1.0), (host.epoch, 3, 2.0), (host.epoch, 4, 3.0)]
    assert desk.lost() == 0


async def test_files_of_one_export_follow_each_other(desk: Desk, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airgap, "FULL_RECORDS", 4)
    monkeypatch.setattr(airgap, "READ_RECORDS", 2)
    monkeypatch.setattr(export, "READ_RECORDS", 2)
    host.sweep(10)
    files = await host.files()
    assert len(files) == 3
    assert [desk.take(file).file.file for file in files] == [1, 2, 3]
    assert [value for _, _, value in desk.frames()] == [float(at) for at in range(1, 11)]


async def test_a_missing_file_is_named_and_nothing_of_the_next_is_kept(
    desk: Desk, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airgap, "FULL_RECORDS", 2)
    monkeypatch.setattr(export, "READ_RECORDS", 2)
    host.sweep(7)
    first, second, third, fourth = await host.files()
    desk.take(first)
    with pytest.raises(FileOutOfOrder, match=r"file 2 of its run .* is wanted first: this is file 3.*records 3 to 4"):
        desk.take(third)
    with pytest.raises(FileOutOfOrder, match="file 2 of its run"):
        desk.take(fourth)
    assert [value for _, _, value in desk.frames()] == [1.0]
    for file in (second, third, fourth):
        desk.take(file)
    assert [value for _, _, value in desk.frames()] == [float(at) for at in range(1, 8)]
    assert desk.lost() == 0


async def test_an_accepted_gap_is_a_counted_loss_and_the_lost_file_comes_too_late(
    desk: Desk, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airgap, "FULL_RECORDS", 2)
    monkeypatch.setattr(export, "READ_RECORDS", 2)
    host.sweep(5)
    first, second, third = await host.files()
    desk.take(first)
    assert desk.take(third, accept_gap=True).file.lost == 2
    assert desk.lost() == 2
    with pytest.raises(FileTaken, match=r"file 3 of its run .* was taken already, which comes after file 2"):
        desk.take(second)
    assert [value for _, _, value in desk.frames()] == [1.0, 4.0, 5.0]


async def test_the_same_file_is_taken_once_and_another_with_its_number_never(
    desk: Desk, host: Host, tmp_path: Path
) -> None:
    host.sweep(3)
    (file,) = await host.files()
    desk.take(file)
    with pytest.raises(FileTaken, match=r"file 1 of its run .* was taken already, by root.*--receipt-for"):
        desk.take(file)
    host.sweep(1)
    (host.folder / "exports.json").unlink()
    (other,) = await host.files()
    with pytest.raises(FileTaken, match="another file 1 of its run"):
        desk.take(other)
    assert len(desk.frames()) == 3
    # The ledger was lost; a receipt brings the numbers back.
    await host.receipt(desk.gap.receipt("a1"))
    (again,) = await host.files()
    assert desk.take(again).file.file == 2
    assert len(desk.frames()) == 4


async def test_exporting_again_gives_the_same_records_which_are_taken_once(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (lost_stick,) = await host.files()
    host.sweep(2)
    (second,) = await host.files()
    taken = desk.take(second).file
    assert (taken.file, taken.first, taken.through, taken.duplicates) == (2, 1, 6, 0)
    (third,) = await host.files()
    assert desk.take(third).file.duplicates == 6
    assert len(desk.frames()) == 5
    with pytest.raises(FileTaken):
        desk.take(lost_stick)
    assert desk.lost() == 0


async def test_records_leave_the_spool_by_receipt_only(desk: Desk, host: Host) -> None:
    host.sweep(30)
    (file,) = await host.files()
    assert len(host.waiting()) == 30
    desk.take(file)
    host.sweep(4)
    applied = await host.receipt(desk.gap.receipt("a1"))
    assert (applied.released, applied.rejected) == (31, 0)
    assert len(host.waiting()) == 4
    (rest,) = await host.files()
    assert (desk.take(rest).file.first, len(desk.frames())) == (32, 34)


async def test_a_receipt_is_applied_once_and_never_after_a_newer_one(desk: Desk, host: Host) -> None:
    host.sweep(3)
    desk.take((await host.files())[0])
    first = desk.gap.receipt("a1")
    await host.receipt(first)
    with pytest.raises(AgentRefused, match="was applied already"):
        await host.receipt(first)
    host.sweep(3)
    desk.take((await host.files())[0])
    await host.receipt(desk.gap.receipt("a1"))
    with pytest.raises(AgentRefused, match="older than the one applied last"):
        await host.receipt(first)


async def test_a_receipt_for_another_agent_or_of_another_collector_is_named(
    desk: Desk, host: Host, tmp_path: Path
) -> None:
    facts = replace(HOST, serial="OTHER77", machine_id="2" * 32)
    other = Host(desk, tmp_path / "other", name="a2", facts=facts)
    stranger = Host(Desk(), tmp_path / "stranger")
    for one in (host, other, stranger):
        one.sweep(2)
        one.desk.take((await one.files())[0])
    with pytest.raises(AgentRefused, match="it is for agent a2, this one is a1"):
        await host.receipt(desk.gap.receipt("a2"))
    with pytest.raises(AgentRefused, match="of another collector than this host's"):
        await host.receipt(stranger.desk.gap.receipt("a1"))
    mine = bytearray(desk.gap.receipt("a1"))
    mine[40] ^= 1
    with pytest.raises(AgentRefused):
        await host.receipt(bytes(mine))
    assert len(host.waiting()) == 2


async def test_what_is_forgotten_is_a_loss_that_travels(desk: Desk, host: Host) -> None:
    host.sweep(5)
    await host.files()
    host.sweep(2)
    assert await host.forget() == 6
    assert await host.forget() == 0
    assert set(host.waiting().values()) == {6.0, 7.0}
    (file,) = await host.files()
    with pytest.raises(FileOutOfOrder, match="file 1 of its run"):
        desk.take(file)
    desk.take(file, accept_gap=True)
    assert desk.lost() == 6
    assert [value for _, _, value in desk.frames()] == [6.0, 7.0]


async def test_what_is_forgotten_after_it_was_taken_is_no_loss(desk: Desk, host: Host) -> None:
    host.sweep(5)
    desk.take((await host.files())[0])
    host.sweep(1)
    assert await host.forget() == 6
    desk.take((await host.files())[0])
    assert desk.lost() == 0
    assert len(desk.frames()) == 6


async def test_an_agent_that_also_streams_shares_the_mark(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (file,) = await host.files()
    host.sweep(2)
    host.stream()
    desk.take(file)
    assert len(desk.frames()) == 5
    host.sweep(2)
    (second,) = await host.files()
    assert desk.take(second).file.first == 7
    host.sweep(1)
    host.stream()
    assert [value for _, _, value in desk.frames()] == [float(at) for at in range(1, 9)]
    assert desk.lost() == 0


async def test_a_stream_that_is_open_meanwhile_neither_loses_nor_doubles(desk: Desk, host: Host) -> None:
    host.sweep(2)
    host.stream()
    host.sweep(3)
    (file,) = await host.files()
    desk.take(file)
    book = desk.collector.intake.books[host.agent.number]
    assert book.position(host.epoch).through == 6
    assert desk.collector.state.data.agents[host.agent.number].by_file is False
    host.stream()
    assert len(desk.frames()) == 5


async def test_an_earlier_run_of_the_agent_comes_first(desk: Desk, host: Host) -> None:
    host.sweep(2)
    before = host.epoch
    host.start()
    host.sweep(2)
    first, second = await host.files()
    with pytest.raises(FileOutOfOrder, match=rf"run before it \({before.hex()[:8]}\) records 1 to 3 are missing"):
        desk.take(second)
    desk.take(first)
    desk.take(second)
    assert [value for _, _, value in desk.frames()] == [1.0, 2.0, 3.0, 4.0]


async def test_a_collector_killed_between_its_two_commits_takes_the_file_again(desk: Desk, host: Host) -> None:
    host.sweep(4)
    (file,) = await host.files()
    desk.collector.state.fail_writes = 2
    for _ in range(2):
        with pytest.raises(StoreFailed):
            desk.take(file)
    assert desk.collector.state.data.imports == []
    desk.restart()
    assert desk.take(file).file.records == 5
    assert len(desk.frames()) == 4
    assert len(desk.collector.state.data.imports) == 1


async def test_a_full_disk_refuses_the_file_and_takes_it_later(desk: Desk, host: Host) -> None:
    host.sweep(4)
    (file,) = await host.files()
    desk.collector.trouble = "below the reserve"
    with pytest.raises(DiskFull):
        desk.take(file)
    assert desk.frames() == []
    desk.collector.trouble = ""
    desk.take(file)
    assert len(desk.frames()) == 4


async def test_a_frame_whose_catalogue_is_nowhere_is_rejected_and_told_in_the_receipt(desk: Desk, host: Host) -> None:
    host.sweep(2)
    host.keep(Frame(catalogue_id=b"?" * 16, values=b"", states=b""))
    host.sweep(1)
    taken = desk.take((await host.files())[0]).file
    assert taken.rejected == 1
    assert taken.rejections[0].sequence == 4
    assert [value for _, _, value in desk.frames()] == [1.0, 2.0, 3.0]
    applied = await host.receipt(desk.gap.receipt("a1"))
    assert (applied.released, applied.rejected) == (5, 1)


# ---------------------------------------------------------------------- time, silence, what people hear


async def test_times_are_placed_by_the_clocks_at_the_export(desk: Desk, host: Host) -> None:
    host.wall_ms -= 3_600_000
    host.sweep(1)
    # Somebody sets the clock right, then it is exported, and two days later imported.
    host.wall_ms = NOW
    host.boot_ms += 60_000
    (file,) = await host.files()
    desk.now_ms = NOW + 172_800_000
    desk.take(file)
    (frame,) = desk.collector.telemetry.frames
    assert (frame.time_ms, frame.wall_ms) == (NOW - 60_000, NOW - 3_600_000)
    assert frame.flag is TimeFlag.CORRECTED
    assert (frame.received_ms, frame.backlog) == (desk.now_ms, True)


@pytest.mark.parametrize("wall_ms", [0, NOW + 999_999_999, 1 << 62])
async def test_a_clock_that_cannot_be_right_counts_from_the_import(desk: Desk, host: Host, wall_ms: int) -> None:
    host.wall_ms = wall_ms
    host.sweep(1)
    host.wall_ms += 1000
    host.boot_ms += 1000
    desk.take((await host.files())[0])
    (frame,) = desk.collector.telemetry.frames
    assert frame.time_ms == NOW - 1000
    assert desk.collector.liveness._agents[host.agent.number].clock_off


async def test_an_agent_heard_of_by_file_is_not_silent_however_long_it_takes(desk: Desk, host: Host) -> None:
    host.sweep(2)
    desk.take((await host.files())[0])
    assert desk.collector.state.data.agents[host.agent.number].by_file
    told = []
    for at in range(200):
        told += desk.collector.liveness.look(at * 10_000, serving=True)
    assert told == [(host.agent.number, Condition.OK)]
    # Once it streams, it is waited for again.
    host.stream()
    assert not desk.collector.state.data.agents[host.agent.number].by_file
    for at in range(200, 220):
        told += desk.collector.liveness.look(at * 10_000, serving=True)
    assert told[-1] == (host.agent.number, Condition.SILENT)
    host.sweep(1)
    desk.take((await host.files())[0])
    assert list(desk.collector.liveness.look(3_000_000, serving=True)) == [(host.agent.number, Condition.OK)]


async def test_an_agent_that_stopped_to_stream_and_came_by_file_stays_marked(desk: Desk, host: Host) -> None:
    host.sweep(2)
    host.stream()
    collector = desk.collector
    session = collector.intake.books[host.agent.number].session
    collector.process(Delivery(host.agent.number, session, NOW + 1, Farewell("moves")), now_ms=NOW + 1)
    host.sweep(1)
    desk.take((await host.files())[0])
    for at in range(20):
        collector.ticker.tick(now_ms=NOW + 10_000 * at, monotonic_ms=10_000 * at)
    assert collector.state.data.agents[host.agent.number].by_file
    assert collector.liveness.count_silent() == 0
    desk.restart()
    for at in range(20, 40):
        desk.collector.ticker.tick(now_ms=NOW + 10_000 * at, monotonic_ms=10_000 * at)
    assert desk.collector.liveness.count_silent() == 0


async def test_what_people_hear_of_waits_for_the_last_file(
    desk: Desk, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airgap, "FULL_RECORDS", 2)
    monkeypatch.setattr(export, "READ_RECORDS", 2)
    host.sweep(4)
    desk.now_ms = NOW + 86_400_000
    first, second, third = await host.files()
    desk.take(first, more=True)
    desk.take(second, more=True)
    assert desk.collector.desk.caught == []
    desk.take(third)
    assert [len(assets) for assets in desk.collector.desk.caught] == [1]


# ---------------------------------------------------------------------- who may


async def test_files_of_strangers_are_named(desk: Desk, host: Host, tmp_path: Path) -> None:
    stranger = Host(Desk(), tmp_path / "stranger")
    for one in (host, stranger):
        one.sweep(2)
    (foreign,) = await stranger.files()
    with pytest.raises(FileForeign, match="for another collector, whose CA is sha256:"):
        desk.take(foreign)
    # One that names this collector, signed with a certificate of another's CA.
    stranger.identity = replace(stranger.identity, ca_pem=host.identity.ca_pem)
    (forged,) = await stranger.files()
    with pytest.raises(FileForeign, match="was not issued by this collector"):
        desk.take(forged)
    # One agent in the name of another.
    host.identity = replace(host.identity, agent_id="a9")
    (named,) = await host.files()
    with pytest.raises(FileForeign, match="says to be of agent a9, and is signed by agent a1"):
        desk.take(named)
    assert desk.frames() == []


async def test_revoked_and_enrolled_anew_agents_are_refused(desk: Desk, host: Host) -> None:
    host.sweep(2)
    (before,) = await host.files()
    host.enroll(ENROLLED_MS + 1)
    with pytest.raises(FileForeign, match="enrolled anew since"):
        desk.take(before)
    # Its records are still there: exported again with the new certificate they are taken.
    (after,) = await host.files()
    desk.take(after)
    with desk.collector.state.write() as tx:
        tx.agents.replace(replace(tx.agents.by_id("a1"), revoked=True))
    host.sweep(1)
    (late,) = await host.files()
    with pytest.raises(FileForeign, match="revoked"):
        desk.take(late)


async def test_a_certificate_that_ended_is_good_for_what_was_made_before_for_ninety_days(
    desk: Desk, host: Host
) -> None:
    day = 86_400_000
    end_ms = host.identity.not_after_ms
    host.sweep(1)
    host.boot_ms += end_ms - day - host.wall_ms
    host.wall_ms = end_ms - day
    (file,) = await host.files()
    host.wall_ms, host.boot_ms = end_ms + day, host.boot_ms + 2 * day
    (made_after,) = await host.files()
    desk.now_ms = end_ms + 91 * day
    with pytest.raises(FileForeign, match="certificate ended on"):
        desk.take(file)
    desk.now_ms = end_ms + 2 * day
    with pytest.raises(FileForeign, match="certificate ended on"):
        desk.take(made_after)
    desk.take(file)
    assert len(desk.frames()) == 1


async def test_one_customer_alone_takes_his_own_files_only(desk: Desk, host: Host) -> None:
    host.sweep(1)
    (file,) = await host.files()
    with pytest.raises(FileForeign, match="not one of customer other"):
        desk.take(file, customer="other")
    desk.take(file, customer="acme")


async def test_a_clone_is_named(desk: Desk, host: Host) -> None:
    host.facts = replace(HOST, machine_id="9" * 32)
    host.sweep(1)
    (file,) = await host.files()
    with pytest.raises(Cloned):
        desk.take(file)


async def test_an_import_is_on_record(desk: Desk, host: Host) -> None:
    host.sweep(1)
    taken = desk.take((await host.files())[0])
    (entry,) = desk.collector.state.data.audits
    assert (entry["actor"], entry["action"], entry["subject"]) == ("root", "agent.file_imported", "a1")
    assert entry["facts"]["sha256"] == taken.file.sha256.hex()  # type: ignore[index]  # a mapping


# ---------------------------------------------------------------------- damage


async def test_a_file_changed_anywhere_is_refused_by_name_and_nothing_is_kept(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (file,) = await host.files()
    for at in range(len(file)):
        changed = bytearray(file)
        changed[at] ^= 0x10
        with pytest.raises(FileRefused):
            desk.take(bytes(changed))
    assert desk.frames() == []
    assert desk.collector.state.data.imports == []


async def test_a_receipt_changed_anywhere_is_refused_and_releases_nothing(desk: Desk, host: Host) -> None:
    host.sweep(3)
    desk.take((await host.files())[0])
    receipt = desk.gap.receipt("a1")
    for at in range(len(receipt)):
        changed = bytearray(receipt)
        changed[at] ^= 0x10
        for damaged in (bytes(changed), receipt[:at]):
            with pytest.raises(AgentRefused):
                await host.receipt(damaged)
    assert len(host.waiting()) == 3


async def test_a_file_cut_short_or_with_something_behind_it_is_damaged(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (file,) = await host.files()
    for size in range(len(file)):
        with pytest.raises(FileDamaged):
            desk.take(file[:size])
    with pytest.raises(FileDamaged, match="something follows after its end"):
        desk.take(file + b"\x00")
    with pytest.raises(FileDamaged, match="larger than"):
        desk.take(file + bytes(9 << 20))


async def test_content_changed_before_signing_is_tampered_only_for_who_has_not_the_key(desk: Desk, host: Host) -> None:
    host.sweep(3)
    (file,) = await host.files()
    at = file.index(b"ipmi.analogue@local")
    with pytest.raises(FileTampered):
        desk.take(file[:at] + b"X" + file[at + 1 :])


async def test_a_receipt_is_no_export(desk: Desk, host: Host) -> None:
    host.sweep(1)
    (file,) = await host.files()
    desk.take(file)
    with pytest.raises(FileDamaged, match="it is a receipt, not an export"):
        desk.take(desk.gap.receipt("a1"))
    with pytest.raises(AgentRefused, match="it is an export, not a receipt"):
        await host.receipt(file)
    with pytest.raises(NotFound):
        desk.gap.receipt("nobody")


async def test_records_that_would_swell_are_counted_before_they_are_made(desk: Desk, host: Host) -> None:
    swollen = signed_export(host, [batch_of(host.epoch, b"\x1a\x00" * 30_000)], first=1, through=30_000, records=30_000)
    with pytest.raises(FileDamaged, match="over 20000 records"):
        desk.take(swollen)
    assert desk.frames() == []
