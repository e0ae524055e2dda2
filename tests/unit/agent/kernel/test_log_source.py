"""The live log: from where the last sweep stopped, over boots and restarts, bounded, with parts by their serials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, DeviceFailed
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.helper import kmsg
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.kernel.dmi_source import DmiSource
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables
from hardcase_agent.sensors.kernel.log_source import MOST, SAME, KernelLogSource

from tests.golden.host.trees import write_files
from tests.unit.agent.kernel.test_dmi import TEXT, table

NOW = Moment(wall_ms=1_700_000_000_000, boot_ms=100_000)


class Ring:
    """A `CommandRunner` over a list of kernel records."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first = 0
        self.status = 0
        self.asked: list[int] = []
        self.dmi = TEXT
        self.table = b""

    def log(self, *messages: str) -> None:
        for message in messages:
            self.lines.append(f"4,{self.first + len(self.lines)},90000000,-;{message}")

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        if tool == "smbios-table":
            return CommandResult(0 if self.table else 1, self.table, b"")
        if tool == "dmidecode":
            return CommandResult(0, self.dmi.encode(), b"")
        assert tool == "kernel-log"
        self.asked.append(int(arguments[0]))
        if self.status:
            return CommandResult(self.status, b"", b"/dev/kmsg: Operation not permitted\n")
        wanted = [line for line in self.lines if int(line.split(",")[1]) >= int(arguments[0])]
        return CommandResult(0, "".join(f"{line}\n" for line in wanted).encode(), b"")


class StillClock:
    def now(self) -> Moment:
        return NOW


def source(ring: Ring, root: Path, boot: str = "boot-1") -> KernelLogSource:
    (root / "sys/class/dmi/id").mkdir(parents=True, exist_ok=True)
    (root / "boot_id").write_text(boot + "\n")
    return KernelLogSource(
        Asset(serial="EX1"),
        ring,
        DmiTables(root / "sys", ring, StillClock()),
        sysfs=root / "sys",
        state=StateFile(root / "state" / "kernel-log.json"),
        period_s=30.0,
        boot_id=root / "boot_id",
    )


async def test_each_record_is_told_once_with_the_time_it_was_written(tmp_path: Path) -> None:
    ring = Ring()
    ring.log("EDAC MC0: 1 CE memory read error on DIMM_A1 (channel:0 slot:0)", "hello")
    log = source(ring, tmp_path)
    first = await log.sweep(NOW)
    assert [(event.code, event.record_id) for event in first.events] == [("memory.correctable_ecc", 0)]
    assert first.events[0].device_ms == NOW.wall_ms - 10_000
    assert (await log.sweep(NOW)).events == ()
    ring.log("EDAC MC0: 1 UE on DIMM_A1 (channel:0 slot:0)")
    assert [event.code for event in (await log.sweep(NOW)).events] == ["memory.uncorrectable_ecc"]
    assert ring.asked == [0, 2, 2]
    await log.close()


async def test_a_restart_goes_on_where_the_log_was_spooled_and_a_boot_begins_anew(tmp_path: Path) -> None:
    ring = Ring()
    ring.log("EDAC MC0: 1 UE on DIMM_A1 (channel:0)")
    before = source(ring, tmp_path)
    await before.sweep(NOW)
    # Not written down yet: a restart here sends it again rather than losing it.
    again = await source(ring, tmp_path).sweep(NOW)
    assert len(again.events) == 1
    await before.sweep(NOW)
    assert (await source(ring, tmp_path).sweep(NOW)).events == ()
    after = await source(ring, tmp_path, boot="boot-2").sweep(NOW)
    assert len(after.events) == 1
    assert after.events[0].erase_stamp != again.events[0].erase_stamp


async def test_parts_are_named_by_what_this_machine_knows_of_them(tmp_path: Path) -> None:
    device = tmp_path / "sys/devices/pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0"
    write_files(device, {"model": "ST4000NM0035", "rev": "TN03"})
    (device / "vpd_pg80").write_bytes(b"\0\x80\0\x08ZC10ABCD")
    (device / "block" / "sda").mkdir(parents=True)
    (device / "block" / "sda" / "device").symlink_to(device)
    (tmp_path / "sys/block").mkdir()
    (tmp_path / "sys/block/sda").symlink_to(device / "block" / "sda")
    write_files(tmp_path / "sys/class/nvme/nvme1", {"model": "EXAMPLE NVME  ", "serial": "NV0001  "})
    ring = Ring()
    ring.log("ata3.00: error: { UNC }", "nvme nvme1: Disabling device after reset failure: -19")
    log = source(ring, tmp_path)
    sweep = await log.sweep(NOW)
    assert [(event.part.model, event.part.serial) for event in sweep.events] == [
        ("ST4000NM0035", "ZC10ABCD"),
        ("EXAMPLE NVME", "NV0001"),
    ]
    await log.close()


async def test_a_flood_is_told_a_few_times_and_the_rest_is_counted(tmp_path: Path) -> None:
    ring = Ring()
    ring.dmi = ""
    ring.log(*["nvme 0000:02:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer"] * 500)
    log = source(ring, tmp_path)
    assert len((await log.sweep(NOW)).events) == SAME
    assert log.dropped == 500 - SAME
    ring.log(*[f"EDAC MC0: 1 CE memory read error on DIMM_{n} (channel:0)" for n in range(MOST + 7)])
    assert len((await log.sweep(NOW)).events) == MOST
    assert log.dropped == 500 - SAME + 7


async def test_the_only_module_of_a_machine_is_the_one_that_is_meant(tmp_path: Path) -> None:
    ring = Ring()
    ring.log("EDAC MC0: 1 UE on CPU_SrcID#0_MC#0_Chan#0_DIMM#0 (channel:0)")
    (event,) = (await source(ring, tmp_path).sweep(NOW)).events
    assert (event.part.slot, event.part.serial) == ("A1", "1A2B3C4D")


async def test_without_the_right_to_read_it_is_refused_with_a_cure(tmp_path: Path) -> None:
    ring = Ring()
    ring.status = 2
    log = source(ring, tmp_path)
    with pytest.raises(AccessDenied, match="not permitted"):
        await log.sweep(NOW)
    (line,) = await log.doctor()
    assert line.status is CoverageStatus.UNREADABLE
    assert "helper" in line.cure
    ring.status = 1
    with pytest.raises(DeviceFailed):
        await log.sweep(NOW)
    ring.status = 0
    assert (await log.doctor())[0].status is CoverageStatus.WATCHED


async def test_the_firmwares_inventory_is_told_from_dmidecode_where_sysfs_is_closed(tmp_path: Path) -> None:
    ring = Ring()
    (tmp_path / "class/dmi/id").mkdir(parents=True)
    dmi = DmiSource(Asset(serial="EX1"), DmiTables(tmp_path, ring, StillClock()), period_s=86_400.0)
    sweep = await dmi.sweep(NOW)
    assert sweep.parts is not None
    assert "1A2B3C4D" in {part.serial for part in sweep.parts}
    assert (await dmi.doctor())[0].status is CoverageStatus.WATCHED


async def test_the_raw_table_through_the_helper_needs_no_dmidecode(tmp_path: Path) -> None:
    ring = Ring()
    ring.table, ring.dmi = table(), ""
    (tmp_path / "class/dmi/id").mkdir(parents=True)
    sweep = await DmiSource(Asset(), DmiTables(tmp_path, ring, StillClock()), period_s=86_400.0).sweep(NOW)
    assert sweep.parts is not None
    assert [part.part_number for part in sweep.parts if part.component.value == "memory"] == ["M386A4G40DM0-CPB"]


async def test_a_machine_without_a_table_has_no_inventory_and_no_trouble(tmp_path: Path) -> None:
    dmi = DmiSource(Asset(serial="EX1"), DmiTables(tmp_path, Ring(), StillClock()), period_s=86_400.0)
    sweep = await dmi.sweep(NOW)
    assert sweep.parts == ()
    assert (await dmi.doctor())[0].status is CoverageStatus.NOT_PRESENT


def test_only_the_kernels_own_records_pass_and_without_their_dictionary() -> None:
    assert kmsg.of_kernel(b"4,17,900,-;md: x\n SUBSYSTEM=block\n DEVICE=b8:0\n", 17) == b"4,17,900,-;md: x\n"
    assert kmsg.of_kernel(b"4,16,900,-;md: x\n", 17) == b""
    assert kmsg.of_kernel(b"30,18,900,-;systemd[1]: EDAC MC0: 1 UE on DIMM_A1\n", 0) == b""
    assert kmsg.of_kernel(b"nonsense", 0) == b""
