"""A copy of sysfs in every form it is kept in gives the same readings; what it lacks is said."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hardcase_agent.domain.capture import Capture, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, States
from hardcase_agent.sensors.host.kept_tree import KeptTree, read_tree
from hardcase_agent.sensors.kernel import tree_decoding

FILES = {
    "devices/system/edac/mc/mc0/dimm0/dimm_label": "CPU_SrcID#0_MC#0_Chan#0_DIMM#0",
    "devices/system/edac/mc/mc0/dimm0/dimm_ce_count": "12",
    "devices/system/edac/mc/mc0/dimm0/dimm_ue_count": "0",
    "devices/platform/coretemp.0/hwmon/hwmon2/name": "coretemp",
    "devices/platform/coretemp.0/hwmon/hwmon2/temp1_input": "61000",
    "devices/platform/coretemp.0/hwmon/hwmon2/temp1_label": "Package id 0",
    "devices/platform/coretemp.0/hwmon/hwmon2/temp1_crit": "100000",
    "devices/virtual/block/md0/md/array_state": "clean",
    "devices/virtual/block/md0/md/level": "raid1",
    "devices/virtual/block/md0/md/raid_disks": "2",
    "devices/virtual/block/md0/md/degraded": "1",
    "devices/virtual/block/md0/md/dev-sdb1/state": "faulty",
    "class/dmi/id/sys_vendor": "Example",
    "class/dmi/id/product_serial": "EX1",
}
LINKS = {"class/hwmon/hwmon2": "../../devices/platform/coretemp.0/hwmon/hwmon2"}


def as_json(prefix: str = "sys/") -> Capture:
    tree: dict[str, dict[str, str]] = {prefix + path: {"content": f"{text}\n"} for path, text in FILES.items()}
    tree |= {prefix + path: {"symlink": target} for path, target in LINKS.items()}
    return Capture("tree.json", {"": json.dumps(tree).encode()})


def as_ttar() -> Capture:
    lines = ["# Archive created by ttar", "Directory: fixtures/sys", "Mode: 755"]
    for path, target in LINKS.items():
        lines += ["# ttar - - -", f"Path: fixtures/sys/{path}", f"SymlinkTo: {target}"]
    for path, text in FILES.items():
        lines += ["# ttar - - -", f"Path: fixtures/sys/{path}", "Lines: 1", f"{text}EOF", "Mode: 644"]
    return Capture("sys.ttar", {"": "\n".join(lines).encode()})


def as_folder() -> Capture:
    """Copied without following links to folders, as most tools do."""
    return Capture("sys", {path: f"{text}\n".encode() for path, text in FILES.items()})


def as_grep() -> Capture:
    text = "\n".join(f"/sys/{path}:{content}" for path, content in FILES.items())
    return Capture("grep.txt", {"": text.encode()})


def readings(capture: Capture) -> Mapping[str, Reading]:
    return {one.sensor.id: one.reading for one in tree_decoding.decode(capture) if isinstance(one, Seen)}


@pytest.mark.parametrize("capture", [as_json(), as_json("/sys/"), as_json(""), as_ttar(), as_folder(), as_grep()])
def test_every_form_of_a_tree_reads_the_same(capture: Capture) -> None:
    found = readings(capture)
    assert found["mc0/dimm0/corrected"] == Number(12.0)
    (temperature,) = [value for key, value in found.items() if key.startswith("coretemp@") and key.endswith("/temp1")]
    assert temperature == Number(61.0)
    assert found["md0"] == States(0b001)
    assert found["md0/sdb1"] == States(1 << 4)


def test_the_machine_is_the_captured_one() -> None:
    assets = {(one.asset.vendor, one.asset.serial, one.asset.hostname) for one in tree_decoding.decode(as_json())}  # type: ignore[union-attr]  # nothing is undecoded
    assert assets == {("Example", "EX1", "")}


def test_dmidecodes_text_beside_the_tree_names_the_slot() -> None:
    text = (
        "Handle 0x1100, DMI type 17, 84 bytes\nMemory Device\n\tSize: 16 GB\n\tLocator: P1-DIMMA1\n"
        "\tBank Locator: P0_Node0_Channel0_Dimm0\n\tSerial Number: 1A2B3C4D\n\tPart Number: PN-1\n"
    )
    files = {**as_folder().files, "dmidecode.txt": text.encode()}
    listed = [one.part for one in tree_decoding.decode(Capture("bundle", files)) if isinstance(one, Listed)]
    assert ("P1-DIMMA1", "1A2B3C4D", "PN-1") in [(part.slot, part.serial, part.part_number) for part in listed]


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (b"{broken", Flaw.MALFORMED),
        (b"[1]", Flaw.FOREIGN),
        (b'{"a": 1}', Flaw.MALFORMED),
        (b"plain words\n", Flaw.FOREIGN),
        (b"Path: sys/class/x/y\nLines: 9\nz\n", Flaw.TRUNCATED),
        (b"Path: sys/class/x/y\nLines: z\nz\n", Flaw.MALFORMED),
        (b'{"sys/class/none/x": "1"}', Flaw.NOTHING_KNOWN),
    ],
)
def test_what_is_no_tree_is_named(data: bytes, flaw: Flaw) -> None:
    flaws = [one.flaw for one in tree_decoding.decode(Capture("x", {"": data})) if isinstance(one, Undecoded)]
    assert flaw in flaws


def test_links_in_a_circle_are_nothing() -> None:
    tree = KeptTree({}, {"class/a": "b", "class/b": "a"})
    assert not (tree.root / "class" / "a").exists()
    assert (tree.root / "class" / "a").resolve().name == "a"
    with pytest.raises(FileNotFoundError):
        (tree.root / "class" / "a").read_bytes()


def test_bays_zones_and_throttles_are_read() -> None:
    files = {
        "class/enclosure/0:0:8:0/id": "0x500",
        "class/enclosure/0:0:8:0/Slot 03/fault": "1",
        "class/enclosure/0:0:8:0/Slot 03/status": "OK",
        "class/enclosure/0:0:8:0/Slot 03/type": "array device",
        "class/enclosure/0:0:8:0/Slot 03/slot": "3",
        "class/enclosure/0:0:8:0/Slot 04/fault": "0",
        "class/enclosure/0:0:8:0/Slot 04/status": "not installed",
        "class/enclosure/0:0:8:0/Slot 04/type": "array device",
        "class/thermal/thermal_zone0/type": "acpitz",
        "class/thermal/thermal_zone0/temp": "-273200",
        "class/thermal/thermal_zone1/type": "soc",
        "class/thermal/thermal_zone1/temp": "45500",
        "class/thermal/thermal_zone1/trip_point_0_type": "critical",
        "class/thermal/thermal_zone1/trip_point_0_temp": "95000",
        "devices/system/cpu/cpu0/topology/physical_package_id": "0",
        "devices/system/cpu/cpu0/topology/core_id": "0",
        "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "4",
        "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "2",
        "devices/system/cpu/cpu1/topology/physical_package_id": "0",
        "devices/system/cpu/cpu1/topology/core_id": "1",
        "devices/system/cpu/cpu1/thermal_throttle/package_throttle_count": "3",
        "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "0",
    }
    found = readings(Capture("sys", {path: text.encode() for path, text in files.items()}))
    assert found["0x500/Slot 03"] == States(0b11)
    assert found["0x500/Slot 04"] == States(0)
    gap = found["acpitz@thermal_zone0"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.ERROR
    assert found["soc@thermal_zone1"] == Number(45.5)
    assert found["package0/throttles"] == Number(4.0)
    assert found["package0/core1/throttles"] == Number(0.0)


def test_a_tree_of_a_hundred_thousand_files_is_read_in_linear_time() -> None:
    files = {f"sys/class/none/d{n}/f": b"1" for n in range(100_000)}
    tree, bad = read_tree(Capture("big", files))
    assert bad == []
    assert len(tree.files) == 100_000
