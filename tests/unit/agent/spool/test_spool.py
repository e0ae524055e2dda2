"""The spool on a disk that behaves, and on one that does not."""

from __future__ import annotations

import errno

import pytest
from hardcase_agent.domain.errors import RecordTooLarge
from hardcase_agent.domain.event import Loss, LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import Held, RecordKind
from hardcase_agent.spool.segment import parse_name
from hardcase_agent.spool.spool import LARGEST_RECORD, PENDING_BYTES, SpoolLimits

from tests.unit.agent.spool.builders import (
    BOOT,
    NOW,
    SMALL,
    catalogue,
    event,
    everything,
    frame,
    losses,
    open_spool,
    texts,
)
from tests.unit.agent.spool.faulty_disk import FaultyDisk


def segments(disk: FaultyDisk) -> list[str]:
    return sorted(name for name in disk.names() if parse_name(name))


def test_records_are_numbered_from_one_and_served_in_order() -> None:
    spool = open_spool(FaultyDisk())
    assert spool.append([event("a"), event("b")], NOW)
    assert spool.append([event("c")], NOW)
    assert [(record.sequence, record.payload) for record in everything(spool)] == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert spool.held() == (Held(epoch=spool.epoch, oldest=1, newest=3),)


def test_a_spool_that_holds_nothing_yet_says_so() -> None:
    spool = open_spool(FaultyDisk())
    assert spool.held() == (Held(epoch=spool.epoch, oldest=1, newest=0),)
    assert spool.read(spool.epoch, 1, max_records=9, max_bytes=9) == []


def test_one_append_is_one_sync() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event()], NOW)
    done: list[str] = []
    disk.trouble = lambda operation, number: done.append(operation) or 0
    spool.append([event(str(number)) for number in range(5)], NOW)
    assert done == ["write", "sync"]


def test_reading_stops_at_the_asked_records_and_bytes_but_gives_one_at_least() -> None:
    spool = open_spool(FaultyDisk())
    spool.append([event("12345") for _ in range(6)], NOW)
    assert len(spool.read(spool.epoch, 1, max_records=2, max_bytes=1000)) == 2
    assert len(spool.read(spool.epoch, 1, max_records=9, max_bytes=10)) == 2
    assert len(spool.read(spool.epoch, 1, max_records=9, max_bytes=1)) == 1


def test_a_record_longer_than_a_reading_piece_is_read() -> None:
    spool = open_spool(FaultyDisk())
    long = "y" * 300_000
    spool.append([catalogue("z" * 200_000), frame(long), event("after")], NOW)
    spool.append([frame(long)], NOW)
    assert [len(text) for text in texts(spool)] == [200_000, 300_000, 5, 300_000]


def test_older_epochs_are_served_first_and_keep_their_numbers() -> None:
    disk = FaultyDisk()
    first = open_spool(disk)
    first.append([event("a"), event("b")], NOW)
    disk.kill()
    second = open_spool(disk)
    second.append([event("c")], NOW)
    served = [(record.epoch, record.sequence, record.payload) for record in everything(second)]
    assert served == [(first.epoch, 1, b"a"), (first.epoch, 2, b"b"), (second.epoch, 1, b"c")]
    assert [held.epoch for held in second.held()] == [first.epoch, second.epoch]


def test_a_recreated_spool_has_a_new_epoch() -> None:
    first, second = open_spool(FaultyDisk()), open_spool(FaultyDisk())
    first.append([event("a")], NOW)
    second.append([event("b")], NOW)
    assert first.epoch != second.epoch


def test_acknowledged_segments_go_and_unacknowledged_ones_stay() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    for number in range(60):
        spool.append([event(f"record {number:03}")], NOW)
    before = len(segments(disk))
    assert before > 4
    spool.acknowledge(spool.epoch, 20)
    assert 1 < len(segments(disk)) < before
    assert texts(spool)[0] == "record 020"
    assert spool.held()[0].oldest == 21
    assert spool.state().records == 40


def test_an_acknowledgement_never_goes_back_nor_beyond_what_was_written() -> None:
    spool = open_spool(FaultyDisk())
    spool.append([event(str(number)) for number in range(5)], NOW)
    spool.acknowledge(spool.epoch, 4)
    spool.acknowledge(spool.epoch, 2)
    assert texts(spool) == ["4"]
    spool.acknowledge(spool.epoch, 1000)
    assert texts(spool) == []
    spool.append([event("new")], NOW)
    assert [(record.sequence, record.payload) for record in everything(spool)] == [(6, b"new")]


def test_an_epoch_that_is_acknowledged_whole_is_forgotten() -> None:
    disk = FaultyDisk()
    first = open_spool(disk)
    first.append([event("a")], NOW)
    disk.kill()
    second = open_spool(disk)
    second.acknowledge(first.epoch, 1)
    assert [held.epoch for held in second.held()] == [second.epoch]
    assert segments(disk) == []


def test_a_full_spool_drops_whole_segments_and_the_loss_travels() -> None:
    limits = SpoolLimits(max_bytes=2000, max_age_ms=1 << 60, segment_bytes=400)
    disk = FaultyDisk()
    spool = open_spool(disk, limits)
    for number in range(100):
        spool.append([event(f"record {number:03}")], NOW)
        assert sum(disk.size(name) for name in segments(disk)) <= 2000 + 200
    kept = [record.sequence for record in everything(spool)]
    lost = losses(spool)
    assert {loss.cause for loss in lost} == {LossCause.SPOOL_FULL}
    covered = {sequence for loss in lost for sequence in range(loss.first, loss.through + 1)}
    assert covered | set(kept) == set(range(1, kept[-1] + 1))
    assert not covered & set(kept)
    assert spool.state().lost == len(covered)


def test_losses_merge_so_that_they_do_not_fill_the_spool_themselves() -> None:
    limits = SpoolLimits(max_bytes=2000, max_age_ms=1 << 60, segment_bytes=400)
    spool = open_spool(FaultyDisk(), limits)
    for number in range(2000):
        spool.append([event(f"record {number:05}")], NOW)
    assert len(losses(spool)) == 1
    assert len(texts(spool)) > 5


def test_what_was_acknowledged_is_not_counted_as_lost() -> None:
    limits = SpoolLimits(max_bytes=1 << 30, max_age_ms=10_000, segment_bytes=1 << 20)
    spool = open_spool(FaultyDisk(), limits)
    spool.append([event(str(number)) for number in range(10)], NOW)
    spool.acknowledge(spool.epoch, 7)
    spool.append([event("new")], Moment(NOW.wall_ms, NOW.boot_ms + 20_000))
    (loss,) = losses(spool)
    assert loss == Loss(epoch=spool.epoch, first=8, through=10, records=3, cause=LossCause.TOO_OLD)
    assert texts(spool) == ["new"]


def test_a_wall_clock_that_jumps_makes_nothing_old_within_a_boot() -> None:
    spool = open_spool(FaultyDisk(), SpoolLimits(max_age_ms=10_000))
    spool.append([event("a")], NOW)
    spool.append([event("b")], Moment(NOW.wall_ms + 10**12, NOW.boot_ms + 1))
    assert texts(spool) == ["a", "b"]


@pytest.mark.parametrize(("written_ms", "kept"), [(NOW.wall_ms - 20_000, False), (1000, True)])
def test_age_across_boots_is_by_wall_clock_unless_that_was_never_set(written_ms: int, kept: bool) -> None:
    disk = FaultyDisk()
    open_spool(disk).append([event("a")], Moment(written_ms, 10))
    disk.kill()
    now = Moment(NOW.wall_ms, 5_000)
    spool = open_spool(disk, SpoolLimits(max_age_ms=10_000), now=now, boot_id=bytes(16))
    assert (texts(spool) == ["a"]) is kept


def test_every_segment_holds_the_catalogues_its_frames_use() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([catalogue("old")], NOW)
    for number in range(60):
        spool.append([frame(f"frame {number:03}")], NOW)
    names = segments(disk)
    assert len(names) > 5
    assert all(disk.read(name).count(b"old") == 1 for name in names)
    assert len(texts(spool)) == 61
    spool.acknowledge(spool.epoch, 30)
    disk.kill()
    again = open_spool(disk)
    assert again.catalogue(b"c" * 16) == b"old"
    assert again.catalogue(b"?" * 16) is None


def test_a_replaced_catalogue_is_not_copied_into_later_segments() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([catalogue("OLD", b"a" * 16)], NOW)
    spool.append([catalogue("NEW", b"b" * 16)], NOW)
    for number in range(60):
        spool.append([frame(f"frame {number:03}", b"b" * 16)], NOW)
    assert sum(disk.read(name).count(b"OLD") for name in segments(disk)) == 1


def test_a_record_above_the_frame_limit_is_refused_at_the_door_and_counted() -> None:
    spool = open_spool(FaultyDisk())
    with pytest.raises(RecordTooLarge):
        spool.append([event("a"), event("x" * (LARGEST_RECORD + 1)), event("b")], NOW)
    assert texts(spool) == ["a", "b"]
    (loss,) = losses(spool)
    assert (loss.cause, loss.records, loss.first) == (LossCause.TOO_LARGE, 1, 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("operation", ["write", "sync", "create", "sync_folder"])
def test_a_disk_that_refuses_delays_records_and_writing_resumes_by_itself(operation: str, number: int) -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("before")], NOW)
    disk.trouble = lambda done, _: number if done == operation else 0
    spool.append([event("x" * 300)], NOW)
    spool.append([event("y" * 300)], NOW)
    state = spool.state()
    disk.trouble = lambda done, _: 0
    assert state.failing
    assert spool.flush(NOW)
    assert [text[:6] for text in texts(spool)] == ["before", "xxxxxx", "yyyyyy"]
    assert spool.state().failing == ""
    assert losses(spool) == []
    disk.kill()
    assert [text[:6] for text in texts(open_spool(disk))] == ["before", "xxxxxx", "yyyyyy"]


def test_what_does_not_fit_into_memory_while_the_disk_is_full_is_a_counted_loss() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk, SpoolLimits())
    disk.trouble = lambda done, _: errno.ENOSPC if done == "write" else 0
    big = "x" * (PENDING_BYTES // 4)
    for number in range(10):
        assert not spool.append([event(f"{number}{big}")], NOW)
    disk.trouble = lambda done, _: 0
    assert spool.append([event("after")], NOW)
    kept = [text[0] for text in texts(spool)]
    (loss,) = losses(spool)
    assert (loss.cause, loss.records) == (LossCause.WRITE_FAILED, 10 - (len(kept) - 1))
    assert kept == ["7", "8", "9", "a"]


def test_a_failed_write_whose_file_cannot_be_cut_serves_nothing_twice() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("first")], NOW)
    disk.trouble = lambda done, _: errno.EIO if done in ("sync", "truncate") else 0
    spool.append([event("second")], NOW)
    disk.trouble = lambda done, _: 0
    spool.append([event("third")], NOW)
    assert texts(spool) == ["first", "second", "third"]
    disk.kill()
    assert texts(open_spool(disk)) == ["first", "second", "third"]


def test_a_torn_tail_is_cut_off_silently() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("whole"), event("torn apart")], NOW)
    (name,) = segments(disk)
    disk.kill()
    disk.damage(name, disk.size(name) - 3, b"???")
    again = open_spool(disk)
    assert texts(again) == ["whole"]
    assert losses(again) == []


def test_an_unreadable_middle_is_a_stated_loss_and_the_rest_is_served() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("one"), event("two"), event("three")], NOW)
    (name,) = segments(disk)
    disk.kill()
    disk.damage(name, disk.read(name).index(b"two"), b"TWO")
    again = open_spool(disk)
    assert texts(again) == ["one", "three"]
    expected = Loss(epoch=spool.epoch, first=2, through=2, records=1, cause=LossCause.UNREADABLE)
    assert losses(again) == [expected]
    disk.kill()
    assert losses(open_spool(disk)) == [expected]


def test_rot_that_appears_while_running_is_a_stated_loss() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("one"), event("two"), event("three")], NOW)
    (name,) = segments(disk)
    disk.damage(name, disk.read(name).index(b"two"), b"TWO")
    assert texts(spool) == ["one", "three"]
    assert losses(spool) == [Loss(epoch=spool.epoch, first=2, through=2, records=1, cause=LossCause.UNREADABLE)]


def test_a_lost_middle_segment_is_a_stated_loss() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    for number in range(30):
        spool.append([event(f"record {number:03}")], NOW)
    names = segments(disk)
    first = [int(name.split("-")[2].split(".")[0]) for name in names]
    disk.kill()
    disk.damage(names[1], 0, b"rotten")
    again = open_spool(disk)
    (loss,) = losses(again)
    assert (loss.first, loss.through, loss.cause) == (first[1], first[2] - 1, LossCause.UNREADABLE)
    assert names[1] + ".aside" in disk.names()


def test_a_segment_of_another_version_is_kept_aside_and_said(caplog: pytest.LogCaptureFixture) -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("a")], NOW)
    (name,) = segments(disk)
    disk.kill()
    disk.damage(name, 4, bytes([9]))
    again = open_spool(disk)
    assert texts(again) == []
    assert name + ".aside" in disk.names()
    assert "version 9" in caplog.text
    assert [loss.cause for loss in losses(again)] == [LossCause.UNREADABLE]


def test_a_segment_torn_at_its_creation_costs_nothing() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("a")], NOW)
    (name,) = segments(disk)
    disk.kill()
    disk.damage(name, 0, bytes(disk.size(name)))
    again = open_spool(disk)
    assert (texts(again), losses(again)) == ([], [])
    assert [left for left in disk.names() if left.startswith(name)] == []


def test_a_quarantined_record_is_kept_aside_stated_and_never_served_again() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("a"), event("poison"), event("c")], NOW)
    spool.give_up(spool.epoch, 2, LossCause.QUARANTINED, NOW)
    spool.give_up(spool.epoch, 2, LossCause.QUARANTINED, NOW)
    expected = [Loss(epoch=spool.epoch, first=2, through=2, records=1, cause=LossCause.QUARANTINED)]
    assert (texts(spool), losses(spool)) == (["a", "c"], expected)
    assert any(name.startswith("quarantine-") and b"poison" in disk.read(name) for name in disk.names())
    disk.kill()
    again = open_spool(disk)
    assert (texts(again), losses(again)) == (["a", "c"], expected)


def test_withheld_records_come_back_when_their_kind_is_taken() -> None:
    disk = FaultyDisk()
    spool = open_spool(disk)
    spool.append([event("a"), frame("b")], NOW)
    for record in everything(spool):
        spool.withhold(record)
        spool.withhold(record)
    spool.acknowledge(spool.epoch, 2)
    disk.kill()
    again = open_spool(disk)
    assert again.release(frozenset({RecordKind.LOSS}), NOW) == 0
    assert again.release(frozenset({RecordKind.EVENT}), NOW) == 1
    assert again.release(frozenset({RecordKind.EVENT}), NOW) == 0
    assert [record.payload for record in everything(again) if record.epoch == again.epoch] == [b"a"]


def test_the_boot_a_record_belongs_to_is_told() -> None:
    disk = FaultyDisk()
    open_spool(disk).append([event("a")], NOW)
    disk.kill()
    spool = open_spool(disk, boot_id=b"B" * 16)
    spool.append([event("b")], NOW)
    assert [record.boot_id for record in everything(spool)] == [BOOT, b"B" * 16]


def test_bounds_can_change_while_it_runs() -> None:
    spool = open_spool(FaultyDisk())
    for number in range(50):
        spool.append([event(f"record {number:03}")], NOW)
    spool.limits = SpoolLimits(max_bytes=1500, max_age_ms=1 << 60, segment_bytes=SMALL.segment_bytes)
    spool.append([event("new")], NOW)
    assert spool.state().bytes <= 1500 + 200
    assert texts(spool)[-1] == "new"
