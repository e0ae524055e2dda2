"""The fixed table of tools: which names, devices and types pass, and that no argument list could wake a disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, ToolMissing
from hardcase_agent.helper.switches import IDENTIFY, JMB39X, SELF_TEST, SWITCHES
from hardcase_agent.helper.table import STANDBY_STATUS, Table
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    for name in ("sda", "sdab", "nvme0", "nvme0n1", "sg12"):
        (tmp_path / name).symlink_to("/dev/null")
    return tmp_path


@pytest.fixture
def table(devices: Path) -> Table:
    return Table(tools={"smartctl": "/bin/true", "dmidecode": "/bin/true"}, device_root=str(devices))


def test_a_report_never_wakes_a_disk(table: Table, devices: Path) -> None:
    argv = table.command("smartctl-report", (f"{devices}/sda", "sat")).argv
    asleep = f"standby,{STANDBY_STATUS}"
    assert argv == (*("/bin/true", "--json=c", "-n", asleep, "-a", "-l", "devstat,4", "-d", "sat", f"{devices}/sda"),)


def test_the_status_of_a_sleeping_disk_cannot_be_made_by_anything_else() -> None:
    # smartctl(8): bit 0 means that the command line did not parse, and then nothing else was done.
    assert STANDBY_STATUS & 1
    assert STANDBY_STATUS != 1


@pytest.mark.parametrize("name", ["sda", "sdab", "nvme0", "nvme0n1", "sg12"])
def test_disks_pass_by_their_kernel_names(table: Table, devices: Path, name: str) -> None:
    assert table.command("smartctl-report", (f"{devices}/{name}",)).device == f"{devices}/{name}"


@pytest.mark.parametrize(
    "kind",
    ["auto", "sat", "scsi", "nvme", "sat,12", "megaraid,12", "sat+megaraid,3", "cciss,0", "usbjmicron,1", "3ware,2"],
)
def test_device_types_of_the_closed_set_pass(table: Table, devices: Path, kind: str) -> None:
    assert kind in table.command("smartctl-report", (f"{devices}/sda", kind)).argv


@pytest.mark.parametrize("kind", ["jmb39x,0", "jmb39x-q,1", "sat+jmb39x,0", "test", "sat,33", "marvell,1", "auto,x"])
def test_types_by_which_smartctl_would_write_to_a_disk_and_unknown_ones_do_not_pass(
    table: Table, devices: Path, kind: str
) -> None:
    with pytest.raises(AccessDenied, match="type"):
        table.command("smartctl-report", (f"{devices}/sda", kind))


@pytest.mark.parametrize("kind", ["jmb39x,0", "jmb39x,4", "jmb39x-q,1"])
def test_a_type_that_writes_passes_by_its_own_switch_alone_and_never_twice_at_once(devices: Path, kind: str) -> None:
    others = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on=set(SWITCHES) - {JMB39X})
    with pytest.raises(AccessDenied, match="--allow-jmb39x"):
        others.command("smartctl-report", (f"{devices}/sda", kind))
    table = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on={JMB39X})
    command = table.command("smartctl-report", (f"{devices}/sda", kind))
    assert command.argv[-3:] == ("-d", kind, f"{devices}/sda")
    assert command.device == table.command("smartctl-report", (f"{devices}/sda", "jmb39x,2")).device


@pytest.mark.parametrize(
    "kind", ["jmb39x,5", "jmb39x,0,s1024", "jmb39x,0,force", "jmb39x,0,s33,force", "sat+jmb39x,0", "jms56x,0", "jmb39x"]
)
def test_nobody_chooses_the_sector_or_forces_it(devices: Path, kind: str) -> None:
    table = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on=set(SWITCHES))
    with pytest.raises(AccessDenied, match="not in the table"):
        table.command("smartctl-report", (f"{devices}/sda", kind))


def test_only_ascii_digits_are_digits(table: Table, devices: Path) -> None:
    for arguments in ((f"{devices}/bus/\u0663", "megaraid,1"), (f"{devices}/sda", "megaraid,\u0663")):
        with pytest.raises(AccessDenied):
            table.command("smartctl-report", arguments)
    with pytest.raises(AccessDenied):
        table.command("dmidecode", ("\u0661",))


def test_disks_behind_one_controller_are_devices_of_their_own(table: Table, devices: Path) -> None:
    first, second = (table.command("smartctl-report", (f"{devices}/sda", f"megaraid,{n}")) for n in (1, 2))
    assert first.device != second.device


def test_a_controllers_bus_needs_no_node(table: Table, devices: Path) -> None:
    assert table.command("smartctl-report", (f"{devices}/bus/0", "megaraid,1")).argv[-1] == f"{devices}/bus/0"


@pytest.mark.parametrize(("arguments", "scan"), [((), "--scan-open"), (("listed",), "--scan")])
def test_a_scan_may_be_told_to_open_nothing(table: Table, arguments: tuple[str, ...], scan: str) -> None:
    assert table.command("smartctl-scan", arguments).argv[-1] == scan
    with pytest.raises(AccessDenied):
        table.command("smartctl-scan", ("--scan-open",))


@pytest.mark.parametrize(
    "path",
    [
        "sda",
        "/sda",
        "/etc/shadow",
        "/dev/mem",
        "/dev/sda",
        "/dev/../etc/shadow",
        "",
        "-a",
        "/dev/disk/by-id/x",
        "/dev/sda1",
    ],
)
def test_other_names_do_not_pass(table: Table, path: str) -> None:
    with pytest.raises(AccessDenied):
        table.command("smartctl-report", (path,))


def test_a_missing_node_is_an_absent_device(table: Table, devices: Path) -> None:
    with pytest.raises(DeviceAbsent):
        table.command("smartctl-report", (f"{devices}/sdz",))


def test_a_tool_that_is_not_installed_is_named_with_where_it_was_looked_for(devices: Path) -> None:
    with pytest.raises(ToolMissing, match="smartctl is not installed"):
        Table(tools={"smartctl": "/nowhere/smartctl"}, device_root=str(devices)).command("smartctl-scan", ())


ASLEEP = ("--json=co", "-n", f"standby,{STANDBY_STATUS}")


@pytest.mark.parametrize(("test", "words"), [("short", ("-t", "short")), ("long", ("-t", "long")), ("abort", ("-X",))])
def test_a_self_test_is_one_of_three_and_wakes_no_disk(devices: Path, test: str, words: tuple[str, ...]) -> None:
    table = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on={SELF_TEST})
    command = table.command("smartctl-selftest", (f"{devices}/sda", "sat", test))
    assert command.argv == ("/bin/true", *ASLEEP, *words, "-d", "sat", f"{devices}/sda")
    assert command.device == table.command("smartctl-report", (f"{devices}/sda", "sat")).device


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("sda", "sat"),
        ("sda", "sat", "offline"),
        ("sda", "sat", "select,0-max"),
        ("sda", "sat", "short", "-C"),
        ("sda", "sat", "conveyance"),
        ("sda", "sat", "vendor,0x40"),
        ("sda", "jmb39x,0", "short"),
        ("sda", "", "short"),
    ],
)
def test_no_other_self_test_passes(devices: Path, said: tuple[str, ...]) -> None:
    table = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on=set(SWITCHES))
    with pytest.raises(AccessDenied):
        table.command("smartctl-selftest", [f"{devices}/{word}" if word == "sda" else word for word in said])


@pytest.mark.parametrize("bay", ["/dev/sda", "/dev/nvme0n1", "0:0:8:0/Slot 01", "10:0:1:0/ArrayDevice00"])
def test_a_lamp_is_that_of_a_disk_or_of_a_named_bay(bay: str) -> None:
    assert Table(on={IDENTIFY}).command("identify-bay", (bay, "60")).bay == (bay, 60)


@pytest.mark.parametrize(
    ("bay", "seconds"),
    [
        ("/dev/sda", "3601"),
        ("/dev/sda", "-1"),
        ("/dev/sda", "for ever"),
        ("/dev/../etc/x", "60"),
        ("/etc/passwd", "60"),
        ("0:0:8:0/..", "60"),
        ("0:0:8:0/.", "60"),
        ("0:0:8:0/a/b", "60"),
        ("../0:0:8:0/Slot 01", "60"),
        ("0:0:8:0/" + "x" * 70, "60"),
        ("0:0:8:0/a\nb", "60"),
        ("0:0:8:0", "60"),
    ],
)
def test_no_other_bay_and_no_lamp_without_an_end_passes(bay: str, seconds: str) -> None:
    with pytest.raises(AccessDenied):
        Table(on=set(SWITCHES)).command("identify-bay", (bay, seconds))


@pytest.mark.parametrize("on", [frozenset(), {IDENTIFY}, {SELF_TEST}])
def test_what_a_switch_would_turn_on_is_off_without_it(devices: Path, on: set[str]) -> None:
    table = Table(tools={"smartctl": "/bin/true"}, device_root=str(devices), on=on)
    asked = {
        SELF_TEST: ("smartctl-selftest", (f"{devices}/sda", "sat", "short")),
        IDENTIFY: ("identify-bay", (f"{devices}/sda", "60")),
    }
    for switch, (tool, said) in asked.items():
        if switch in on:
            table.command(tool, said)
        else:
            with pytest.raises(AccessDenied, match=f"--allow-{switch}"):
                table.command(tool, said)


@pytest.mark.parametrize(("disk", "asked"), [("sda", "sda"), ("nvme0", "nvme0n1"), ("nvme0n1", "nvme0n1")])
def test_ledctl_is_given_the_disks_block_device_and_touches_no_other_lamp(devices: Path, disk: str, asked: str) -> None:
    table = Table(tools={"ledctl": "/bin/true"}, device_root=str(devices), on={IDENTIFY})
    for lit, word in ((True, "locate"), (False, "locate_off")):
        argv = table.ledctl(f"{devices}/{disk}", lit=lit).argv
        assert argv == ("/bin/true", "--listed-only", f"{word}={devices}/{asked}")
    with pytest.raises(AccessDenied, match="--allow-identify"):
        Table(tools={"ledctl": "/bin/true"}, device_root=str(devices)).ledctl(f"{devices}/{disk}", lit=True)


def test_the_list_of_pci_devices_takes_no_argument() -> None:
    table = Table(tools={"lspci": "/bin/true"})
    assert table.command("lspci", ()).argv == ("/bin/true", "-D", "-nn", "-vv", "-k")
    with pytest.raises(AccessDenied):
        table.command("lspci", ("-H1",))


def test_files_of_the_kernel_are_read_without_a_process() -> None:
    for tool, said in (("kernel-log", ("0",)), ("smbios-table", ())):
        assert Table().command(tool, said).read is not None


_TOOLS = st.sampled_from(["smartctl-report", "smartctl-scan", "dmidecode", "smartctl-version", "smartctl-selftest"])
_WORDS = {"-n", "-a", "-l", "-d", "-t", "-X", "--json=c", "--json=co", "--scan-open", "--scan", "--version"}


@settings(deadline=None)
@given(tool=_TOOLS | st.text(max_size=12), arguments=st.lists(st.text(max_size=20), max_size=4))
def test_whatever_is_asked_is_refused_by_name_or_runs_only_the_table(tool: str, arguments: list[str]) -> None:
    table = Table(tools={"smartctl": "/bin/true", "dmidecode": "/bin/true"}, device_root="/dev", on=set(SWITCHES))
    try:
        argv = table.command(tool, arguments).argv
    except AgentError:
        return
    assert argv[0] == "/bin/true"
    assert {word for word in argv if word.startswith("-")} <= _WORDS
