"""Each kind: what it does, and when it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hardcase_agent.diagnostics import self_testing
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import DiagnosticKind, KnownDisk, ReportState, SelfTestStatus, TestState
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceBusy, DeviceHung
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Asset, Component, Part

from tests.fakes.doors import DISK, FakeArrays, FakeBmcSource, FakeDisks
from tests.fakes.sources import FakeSource
from tests.unit.agent.diagnostics.conftest import HOST, Bay, an_id, request

K = DiagnosticKind
TEST = {"disk": "ST1000 Z1D5", "test": "short"}


async def ask(bay: Bay, kind: DiagnosticKind, number: int = 1, **arguments: str) -> None:
    bay.desk.asked(request(kind, number, arguments=arguments))


# Reading


async def test_sensors_are_read_at_once_and_failures_are_listed(bay: Bay) -> None:
    good, bad = FakeSource("good"), FakeSource("bad")

    async def fail() -> Sweep:
        raise DeviceHung("no answer")

    bad.act = fail
    bay.sources = [good, bad]
    await ask(bay, K.READ_SENSORS)
    said = await bay.ended()
    assert said.state is ReportState.DONE
    first, second = json.loads(said.answer)["sources"]
    assert (first["source"], first["readings"]) == ("good", 1)
    assert second == {"source": "bad", "error": "no answer"}
    assert good.asked == 1


async def test_sensors_of_an_asset_nobody_reads_are_refused(bay: Bay) -> None:
    bay.sources = [FakeSource("good")]
    bay.desk.asked(request(K.READ_SENSORS, asset="ELSEWHERE"))
    assert "ELSEWHERE" in (await bay.ended()).detail


async def test_when_every_source_fails_the_request_fails(bay: Bay) -> None:
    bad = FakeSource("bad")

    async def fail() -> Sweep:
        raise DeviceHung("no answer")

    bad.act = fail
    bay.sources = [bad]
    await ask(bay, K.READ_SENSORS)
    assert (await bay.ended()).state is ReportState.FAILED


class Parts(FakeSource):
    """Tells parts, anew after `refresh`."""

    def __init__(self, count: int) -> None:
        super().__init__("kernel.dmi")
        self.count = count
        self.refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1

    async def answer(self) -> Sweep:
        parts = [Part(component=Component.MEMORY, slot=f"DIMM {n}", serial=f"{n:08d}") for n in range(self.count)]
        return Sweep(asset=HOST, parts=tuple(parts))


async def test_the_inventory_is_read_anew_and_travels_in_the_report(bay: Bay) -> None:
    source = Parts(3)
    bay.sources = [source, FakeSource("no.parts")]
    await ask(bay, K.INVENTORY)
    content = json.loads((await bay.ended()).answer)
    assert source.refreshed == 1
    (told,) = content["sources"]
    assert [part["slot"] for part in told["parts"]] == ["DIMM 0", "DIMM 1", "DIMM 2"]


async def test_a_large_inventory_goes_as_a_file(bay: Bay) -> None:
    bay.sources = [Parts(3000)]
    await ask(bay, K.INVENTORY)
    said = await bay.ended()
    assert len(said.answer) < 65_536
    assert [file.name for file in said.files] == ["inventory.json"]
    assert len(json.loads(bay.uploader.files[an_id(1), "inventory.json"])["sources"][0]["parts"]) == 3000


async def test_the_event_log_is_that_of_the_asset_asked_about(bay: Bay) -> None:
    lan = Asset(serial="OTHER", address="10.0.0.7")
    own, other = FakeBmcSource(2), FakeBmcSource(5, asset=lan, name="ipmi.sel@10.0.0.7")
    bay.sources = [other, own]
    bay.desk.asked(request(K.READ_SEL, 1))
    bay.desk.asked(request(K.READ_SEL, 2, asset="OTHER"))
    bay.desk.asked(request(K.READ_SEL, 3, asset="NOBODY"))
    assert json.loads((await bay.ended(1)).answer)["entries"] == 2
    assert json.loads((await bay.ended(2)).answer)["entries"] == 5
    said = await bay.ended(3)
    assert (said.state, "NOBODY" in said.detail) == (ReportState.REFUSED, True)


async def test_without_a_bmc_the_reason_is_named(bay: Bay) -> None:
    await ask(bay, K.READ_SEL)
    assert "ipmi family is off" in (await bay.ended()).detail
    absent = FakeBmcSource()

    def none() -> Asset:
        raise DeviceAbsent("there is no BMC")

    absent.watched_asset = none  # type: ignore[method-assign]
    bay.sources = [absent]
    await ask(bay, K.READ_SEL, 2)
    assert "there is no BMC" in (await bay.ended(2)).detail


async def test_disks_that_are_known_are_listed_though_one_sleeps(bay: Bay) -> None:
    disks = FakeDisks()
    bay.sources = [disks]
    await ask(bay, K.INVENTORY)
    (told,) = json.loads((await bay.ended()).answer)["sources"]
    assert [part["serial"] for part in told["parts"]] == ["Z1D5"]
    assert told["complete"] is False


async def test_no_right_to_the_device_is_a_refusal_with_the_helpers_sentence(bay: Bay) -> None:
    disks = FakeDisks()

    async def refuse(disk: KnownDisk, test: str) -> str:
        raise AccessDenied("smartctl-selftest is off: it needs --allow-self-test on the helper's own command line")

    disks.self_test = refuse  # type: ignore[method-assign]
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    said = await bay.ended()
    assert (said.state, "--allow-self-test" in said.detail) == (ReportState.REFUSED, True)


# Clearing


async def test_a_log_is_cleared_only_after_the_collector_has_it(bay: Bay) -> None:
    source = FakeBmcSource(3)
    bay.sources = [source]
    bay.uploader.gate.clear()
    await ask(bay, K.CLEAR_SEL)
    await bay.until(lambda: any("archiving" in report.detail for report in bay.reports))
    assert len(source.entries) == 3
    bay.uploader.gate.set()
    said = await bay.ended()
    assert (said.state, source.entries, source.erased) == (ReportState.DONE, [], 1)
    assert {file.name for file in said.files} == {"sel.jsonl", "sel.bin"}
    assert json.loads(said.answer)["cleared"] is True


async def test_an_archive_the_collector_does_not_take_clears_nothing(bay: Bay) -> None:
    source = FakeBmcSource(3)
    bay.sources = [source]
    bay.uploader.script = [DeviceBusy("no")]
    await ask(bay, K.CLEAR_SEL)
    assert (await bay.ended()).state is ReportState.FAILED
    assert len(source.entries) == 3


async def test_what_came_while_archiving_is_archived_before_clearing(bay: Bay) -> None:
    source = FakeBmcSource(3)
    source.changes_before_clear = 1
    bay.sources = [source]
    await ask(bay, K.CLEAR_SEL)
    assert (await bay.ended()).state is ReportState.DONE
    assert len(bay.uploader.files[an_id(1), "sel-2.bin"]) == 4 * 16
    assert source.erased == 1


async def test_a_log_that_never_keeps_still_is_not_cleared(bay: Bay) -> None:
    source = FakeBmcSource(3)
    source.changes_before_clear = 99
    bay.sources = [source]
    await ask(bay, K.CLEAR_SEL)
    assert (await bay.ended()).state is ReportState.FAILED
    assert source.erased == 0


async def test_a_log_with_entries_that_cannot_be_read_is_not_cleared(bay: Bay) -> None:
    source = FakeBmcSource(3)
    source.unread = ("SEL entry 0x0002: unspecified error (0xff)",)
    bay.sources = [source]
    await ask(bay, K.CLEAR_SEL)
    assert (await bay.ended()).state is ReportState.REFUSED
    assert source.erased == 0


async def test_a_log_of_which_fewer_entries_came_than_the_bmc_counts_is_not_cleared(bay: Bay) -> None:
    source = FakeBmcSource(3)
    source.uncounted = 1
    bay.sources = [source]
    await ask(bay, K.CLEAR_SEL)
    said = await bay.ended()
    assert (said.state, "3 entries can be archived, and the BMC counts 4" in said.detail) == (ReportState.REFUSED, True)
    assert source.erased == 0
    assert bay.uploader.files == {}


# Lamps


async def test_the_chassis_lamp_burns_as_long_as_asked_and_is_put_out(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    await ask(bay, K.IDENTIFY, target="chassis", seconds="100")
    assert (await bay.ended()).state is ReportState.DONE
    assert source.lamp == [60, 55, 10, 0]
    assert sum(bay.pauses) == 100


async def test_no_lamp_burns_longer_than_the_site_allows(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(identify_max_s=120)
    source = FakeBmcSource()
    bay.sources = [source]
    await ask(bay, K.IDENTIFY, seconds="99999")
    await bay.ended()
    assert sum(bay.pauses) == 120


async def test_the_lamp_is_put_out_when_the_agent_stops(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    bay.running.clear()
    await ask(bay, K.IDENTIFY, seconds="100")
    await bay.until(lambda: bool(bay.pauses))
    await bay.desk.stop()
    assert source.lamp == [60, 0]


async def test_zero_seconds_put_a_lamp_out(bay: Bay) -> None:
    source = FakeBmcSource()
    bay.sources = [source]
    await ask(bay, K.IDENTIFY, seconds="0")
    await bay.ended()
    assert source.lamp == [0]


async def test_a_drive_bays_lamp_is_found_by_model_and_serial(bay: Bay) -> None:
    disks = FakeDisks()
    bay.sources = [disks]
    await ask(bay, K.IDENTIFY, target="disk", disk="ST1000/Z1D5", seconds="50")
    assert "lamp of 3" in (await bay.ended()).detail
    assert [seconds for _, seconds in disks.bays] == [50, 5, 0]


@pytest.mark.parametrize(
    "error",
    [AccessDenied("off: it needs --allow-identify"), DeviceAbsent("this bay has no lamp that the kernel knows")],
)
async def test_a_lamp_that_cannot_be_lit_is_refused_with_the_reason(bay: Bay, error: AgentError) -> None:
    disks, bmc = FakeDisks(), FakeBmcSource()
    disks.bay_error = bmc.lamp_error = error
    bay.sources = [disks, bmc]
    await ask(bay, K.IDENTIFY, 1, target="disk", disk="ST1000 Z1D5")
    await ask(bay, K.IDENTIFY, 2, target="chassis")
    for number in (1, 2):
        said = await bay.ended(number)
        assert said.state is ReportState.REFUSED
        assert str(error) in said.detail


@pytest.mark.parametrize("arguments", [{"target": "door"}, {"seconds": "-1"}, {"seconds": "soon"}])
async def test_what_no_lamp_can_do_is_refused(bay: Bay, arguments: dict[str, str]) -> None:
    bay.sources = [FakeBmcSource()]
    await ask(bay, K.IDENTIFY, **arguments)
    assert (await bay.ended()).state is ReportState.REFUSED


# Self-tests


async def test_a_test_is_watched_to_its_end(bay: Bay) -> None:
    disks = FakeDisks()
    running = [disks.told(TestState.RUNNING, remaining_percent=left) for left in (90, 50, 10)]
    disks.statuses += [*running, disks.told(TestState.PASSED, count="1", words="Completed without error")]
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    said = await bay.ended()
    assert (said.state, disks.tests) == (ReportState.DONE, ["short"])
    answer = json.loads(said.answer)
    assert (answer["result"], answer["disk"]["serial"]) == ("passed", "Z1D5")
    assert any("50 % done" in report.detail for report in bay.reports)
    assert set(bay.pauses) == {10.0}


async def test_a_test_that_finds_something_is_done_and_says_what(bay: Bay) -> None:
    disks = FakeDisks()
    disks.statuses.append(disks.told(TestState.FAILED, count="1", words="Completed: read failure, first at sector 7"))
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    said = await bay.ended()
    assert (said.state, json.loads(said.answer)["result"]) == (ReportState.DONE, "failed")
    assert "sector 7" in said.detail


async def test_an_aborted_test_a_dead_disk_and_one_without_end_fail(bay: Bay) -> None:
    for number, (after, words) in enumerate(
        [
            ([("told", TestState.ABORTED)], "aborted"),
            ([DeviceHung("no answer")], "does not answer"),
            ([("told", TestState.RUNNING)], "had not ended"),
            ([], "did not begin"),
        ]
    ):
        disks = FakeDisks()
        disks.statuses += [
            one if isinstance(one, AgentError) else disks.told(one[1], count="1" if one[1] is TestState.ABORTED else "")
            for one in after
        ]
        if not after:
            disks.statuses.append(disks.statuses[0])
        bay.sources = [disks]
        await ask(bay, K.SELF_TEST, number, **TEST)
        said = await bay.ended(number)
        assert said.state is ReportState.FAILED
        assert words in said.detail


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (SelfTestStatus(part=DISK.part, asleep=True), "left asleep"),
        (SelfTestStatus(part=DISK.part, supported=False, words="no log"), "no log"),
        (SelfTestStatus(part=DISK.part, newest=TestState.RUNNING, remaining_percent=30), "30 %"),
        (SelfTestStatus(part=replace(DISK.part, serial="ANOTHER")), "ANOTHER"),
    ],
)
async def test_a_disk_in_no_condition_for_it_is_not_tested(bay: Bay, status: SelfTestStatus, words: str) -> None:
    disks = FakeDisks()
    disks.statuses = [status]
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    said = await bay.ended()
    assert (said.state, words in said.detail, disks.tests) == (ReportState.REFUSED, True, [])


async def test_never_while_an_array_is_at_work_on_it(bay: Bay) -> None:
    disks, arrays = FakeDisks(), FakeArrays()
    arrays.at_work = "md0 is at work on it (recover)"
    bay.sources = [disks, arrays]
    await ask(bay, K.SELF_TEST, **TEST)
    said = await bay.ended()
    assert (said.state, disks.tests) == (ReportState.REFUSED, [])
    assert "md0" in said.detail
    assert arrays.asked == 1


async def test_behind_a_controller_nobody_tests_without_knowing_the_arrays(bay: Bay) -> None:
    behind = replace(DISK, type="megaraid,8")
    disks = FakeDisks(behind)
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    assert (await bay.ended()).state is ReportState.REFUSED
    arrays = FakeArrays()

    async def fail() -> Sweep:
        raise DeviceHung("storcli hangs")

    arrays.act = fail
    bay.sources = [disks, arrays]
    await ask(bay, K.SELF_TEST, 2, **TEST)
    assert "storcli hangs" in (await bay.ended(2)).detail
    assert disks.tests == []


@pytest.mark.parametrize(
    ("model", "kind", "site"),
    [
        ("TS32GMSM362I", "sat", ()),
        ("Seagate FireCuda 510 SSD ZP1000GM30001", "nvme", ()),
        ("ST1000", "sntjmicron", ()),
        ("ST1000", "usbjmicron,1", ()),
        ("ST1000", "sat", ("st10*",)),
    ],
)
def test_denied_models_say_why_and_where_it_is_told(model: str, kind: str, site: tuple[str, ...]) -> None:
    disk = KnownDisk(part=Part(component=Component.DISK, model=model, serial="S"), path="/dev/sda", type=kind)
    why = self_testing.why_denied(disk, site)
    assert model in why or kind in why
    assert "https://" in why or "no_self_test" in why
    assert self_testing.why_denied(DISK, ()) == ""


async def test_a_denied_model_is_not_touched(bay: Bay) -> None:
    disks = FakeDisks()
    bay.settings = DiagnosticsSettings(self_test=True, no_self_test=("ST1000",))
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, **TEST)
    assert (await bay.ended()).state is ReportState.REFUSED
    assert (disks.tests, bay.lent) == ([], [])


async def test_one_test_at_a_time_and_abort_ends_it(bay: Bay) -> None:
    disks = FakeDisks()
    disks.statuses.append(disks.told(TestState.RUNNING, remaining_percent=90))
    bay.sources = [disks]
    bay.running.clear()
    await ask(bay, K.SELF_TEST, 1, **TEST)
    await bay.until(lambda: bool(bay.pauses))
    await ask(bay, K.SELF_TEST, 2, **TEST)
    assert "under way" in (await bay.ended(2)).detail
    disks.statuses = [disks.told(TestState.RUNNING), disks.told(TestState.ABORTED, count="1", words="Aborted by host")]
    await ask(bay, K.SELF_TEST, 3, disk="ST1000 Z1D5", test="abort")
    assert json.loads((await bay.ended(3)).answer)["aborted"] is True
    assert disks.tests == ["short", "abort"]
    bay.running.set()
    assert "aborted" in (await bay.ended(1)).detail


@pytest.mark.parametrize("disk", ["", "ST1000", "Z1D5", "ST1000 OTHER", "/dev/sda"])
async def test_a_disk_is_known_by_model_and_serial_only(bay: Bay, disk: str) -> None:
    disks = FakeDisks()
    bay.sources = [disks]
    await ask(bay, K.SELF_TEST, disk=disk, test="short")
    assert (await bay.ended()).state is ReportState.REFUSED
    assert disks.tests == []
