"""What may be run: every tool with its whole argument list, and which devices it may be given.

Used by the helper and by the direct runner (`sensors/command.py`), so that both refuse the same things.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence, Set

from hardcase_agent.domain.errors import AccessDenied, DeviceAbsent, ToolMissing
from hardcase_agent.helper import array_tools, bays, switches
from hardcase_agent.helper.kmsg import KernelLog

STANDBY_STATUS = 3
"""smartctl's exit status for a sleeping disk: bit 0 (bad command line) never comes with another, so 3 is its own."""

SEARCHED = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where tools are looked for: root's directories only, whatever PATH says."""

_DISK = re.compile(
    r"(sd[a-z]{1,3}|hd[a-z]|sg\d{1,4}|nvme\d{1,4}(n\d{1,4})?|bus/\d{1,3}|cciss/c\dd\d{1,2}|tw[ael]\d{1,2})", re.ASCII
)
_TYPE = re.compile(
    r"auto|ata|scsi|nvme|marvell|(sat|sat,auto|sat,12|sat,16)(\+(megaraid|cciss),\d{1,3})?|(megaraid|cciss),\d{1,3}"
    r"|aacraid,\d{1,3},\d{1,3},\d{1,3}|3ware,\d{1,3}|areca,\d{1,3}(/\d)?|hpt,\d(/\d{1,3}){1,2}"
    r"|usb(cypress|prolific|sunplus)|usbjmicron(,[01])?|snt(asmedia|jmicron|realtek)|sssraid,\d{1,3},\d{1,3}",
    re.ASCII,
)
# It talks to that port multiplier through a sector of the volume, 33, which a killed run would not restore. Without its
# ",sLBA" and ",force" smartctl does so only where that sector is empty, so that no data is written over.
_MAILBOX = re.compile(r"jmb39x(-q)?,[0-4]", re.ASCII)
_CONTROLLER = re.compile(r"/nvme\d{1,4}$", re.ASCII)
_SEQUENCE = re.compile(r"\d{1,19}", re.ASCII)
_DMI_TYPE = re.compile(r"\d{1,2}", re.ASCII)


Output = tuple[int, bytes, bytes]
"""Exit status, stdout, stderr."""


class Command:
    """One permitted call: what to execute, and the device that no second call may touch before it has ended.

    `read`: no process at all, but a file of the kernel's that never waits; `argv` then says which. `bay`: a drive bay's
    lamp and how many seconds it is to be lit.
    """

    __slots__ = ("argv", "bay", "device", "read")

    def __init__(
        self,
        argv: tuple[str, ...],
        device: str,
        *,
        read: Callable[[], Output] | None = None,
        bay: tuple[str, int] | None = None,
    ) -> None:
        self.argv = argv
        self.device = device
        self.read = read
        self.bay = bay


class Table:
    """What comes from a command line or a test, never from the socket: `tools` (name to path), `device_root`, and `on`,
    the switches that are on."""

    __slots__ = ("_device_root", "_kernel_log", "_on", "_tools")

    def __init__(
        self, *, tools: Mapping[str, str] | None = None, device_root: str = "/dev", on: Set[str] = frozenset()
    ) -> None:
        self._tools = dict(tools or {})
        self._device_root = device_root.rstrip("/")
        self._on = on
        self._kernel_log = KernelLog()

    def command(self, tool: str, arguments: Sequence[str]) -> Command:
        """Raises AccessDenied (not in the table), DeviceAbsent, ToolMissing."""
        build = _BUILDERS.get(tool)
        if build is None and tool in array_tools.TOOLS:
            return self._array_tool(tool, arguments)
        if build is None:
            raise AccessDenied(f"{tool[:40]!r} is not in the table of tools")
        return build(self, arguments)

    def close(self) -> None:
        """Lets go of the kernel's log."""
        self._kernel_log.close()

    def smartctl_version(self, arguments: Sequence[str]) -> Command:
        _expect(not arguments, "smartctl-version takes no argument")
        return Command((self._find("smartctl"), "--version"), "tool:smartctl-version")

    def smartctl_scan(self, arguments: Sequence[str]) -> Command:
        """No argument: each disk is opened, so that its type is known. "listed": none is."""
        _expect(list(arguments) in ([], ["listed"]), "smartctl-scan takes nothing or 'listed'")
        scan = "--scan" if arguments else "--scan-open"
        return Command((self._find("smartctl"), "--json=c", "-n", _NO_WAKE, scan), "tool:smartctl-scan")

    def smartctl_report(self, arguments: Sequence[str]) -> Command:
        """Arguments: device, and optionally smartctl's -d type."""
        _expect(1 <= len(arguments) <= 2, "smartctl-report takes a device and a type")
        kind = arguments[1] if len(arguments) == 2 else "auto"
        mailbox = is_mailbox(kind)
        if mailbox:
            self._expect_on(f"device type {kind}", switches.JMB39X)
        _expect(mailbox or _TYPE.fullmatch(kind) is not None, f"device type {kind[:40]!r} is not in the table")
        device = self._device(arguments[0])
        argv = (self._find("smartctl"), "--json=c", "-n", _NO_WAKE, "-a", *_STATISTICS, "-d", kind, device)
        # Two at one mailbox would read each other's answers.
        return Command(argv, f"{device} {kind}" if "," in kind and not mailbox else device)

    def smartctl_selftest(self, arguments: Sequence[str]) -> Command:
        """Arguments: device, smartctl's -d type, and short, long or abort. How far it is stands in the report."""
        self._expect_on("smartctl-selftest", switches.SELF_TEST)
        _expect(len(arguments) == 3, "smartctl-selftest takes a device, a type, and short, long or abort")
        device, kind, test = arguments
        _expect(_TYPE.fullmatch(kind) is not None, f"device type {kind[:40]!r} is not in the table")
        _expect(test in _SELF_TESTS, f"self-test {test[:40]!r} is not one of {', '.join(_SELF_TESTS)}")
        path = self._device(device)
        argv = (self._find("smartctl"), "--json=co", "-n", _NO_WAKE, *_SELF_TESTS[test], "-d", kind, path)
        return Command(argv, f"{path} {kind}" if "," in kind else path)

    def dmidecode(self, arguments: Sequence[str]) -> Command:
        """Arguments: SMBIOS structure types, decimal; none = all."""
        _expect(len(arguments) <= 16, "dmidecode takes at most 16 types")
        _expect(all(_DMI_TYPE.fullmatch(argument) for argument in arguments), "dmidecode takes decimal types")
        types = tuple(word for argument in arguments for word in ("-t", argument))
        return Command((self._find("dmidecode"), *types), "tool:dmidecode")

    def lspci(self, arguments: Sequence[str]) -> Command:
        """Every PCI device with numbers, names, capabilities, link and error registers, and its driver."""
        _expect(not arguments, "lspci takes no argument")
        return Command((self._find("lspci"), "-D", "-nn", "-vv", "-k"), "tool:lspci")

    def smbios_table(self, arguments: Sequence[str]) -> Command:
        """The firmware's raw table, which the kernel shows to root alone; dmidecode need not be installed for it."""
        _expect(not arguments, "smbios-table takes no argument")
        return Command((SMBIOS_TABLE,), "tool:smbios-table", read=_read_smbios)

    def kernel_log(self, arguments: Sequence[str]) -> Command:
        """Arguments: number of the first record wanted, decimal."""
        _expect(len(arguments) == 1, "kernel-log takes a record's number")
        _expect(_SEQUENCE.fullmatch(arguments[0]) is not None, "kernel-log takes a decimal number")
        first = int(arguments[0])
        return Command(("/dev/kmsg",), "tool:kernel-log", read=lambda: self._kernel_log.read(first))

    def identify_bay(self, arguments: Sequence[str]) -> Command:
        """Arguments: a disk, or ENCLOSURE/BAY as sysfs names them; seconds that its lamp is lit, 0 = out."""
        self._expect_on("identify-bay", switches.IDENTIFY)
        _expect(len(arguments) == 2, "identify-bay takes a bay and seconds")
        bay, seconds = arguments
        before, _, name = bay.partition(f"{self._device_root}/")
        is_disk = not before and _DISK.fullmatch(name) is not None
        _expect(is_disk or _BAY.fullmatch(bay) is not None, f"{bay[:60]!r} is not a disk and not ENCLOSURE/BAY")
        fits = _LAMP_S.fullmatch(seconds) is not None and int(seconds) <= bays.LONGEST_S
        _expect(fits, f"identify-bay takes 0 to {bays.LONGEST_S} seconds")
        return Command(("identify-bay", bay), "tool:identify-bay", bay=(bay, int(seconds)))

    def ledctl(self, disk: str, *, lit: bool) -> Command:
        """For a disk whose bay has no SES. Not an entry of its own: `server.py` also puts the lamp out again."""
        self._expect_on("identify-bay", switches.IDENTIFY)
        word = "locate" if lit else "locate_off"
        if _CONTROLLER.search(disk):
            disk += "n1"  # ledctl knows block devices alone; a controller's first name space is in the same bay
        return Command((self._find("ledctl"), "--listed-only", f"{word}={self._device(disk)}"), f"ledctl:{disk}")

    @staticmethod
    def check_type(kind: str) -> None:
        """Raises ValueError for a -d type that is not in the table."""
        if _TYPE.fullmatch(kind) is None:
            raise ValueError(f"type {kind[:40]!r} is not one of smartctl's device types")

    def _array_tool(self, tool: str, said: Sequence[str]) -> Command:
        """One call of a tool at a time: a RAID controller's firmware answers its callers one after the other."""
        entry = array_tools.TOOLS[tool]
        arguments = array_tools.arguments_of(tool, said)
        return Command((self._find(tool, entry.names, entry.places), *arguments), f"tool:{tool}")

    def _expect_on(self, what: str, switch: str) -> None:
        _expect(switch in self._on, switches.off(what, switch))

    def _find(self, name: str, names: Sequence[str] = (), places: Sequence[str] = ()) -> str:
        given = self._tools.get(name)
        usual = (*(f"{directory}/{one}" for one in names or (name,) for directory in SEARCHED), *places)
        for path in (given,) if given else usual:
            if os.access(path, os.X_OK):
                return path
        raise ToolMissing(f"{name} is not installed (looked in {given or ', '.join((*SEARCHED, *places))})")

    def _device(self, path: str) -> str:
        root, _, name = path.partition(f"{self._device_root}/")
        _expect(not root and _DISK.fullmatch(name) is not None, f"{path[:60]!r} is not a disk's name")
        if name.startswith("bus/"):
            return path  # A RAID controller's bus has no node of its own; smartctl goes through the driver's.
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise DeviceAbsent(f"{path}: {error.strerror}") from error
        _expect(stat.S_ISBLK(mode) or stat.S_ISCHR(mode), f"{path} is not a device")
        return path


def is_mailbox(kind: str) -> bool:
    """Whether smartctl's -d type asks through a sector that it writes to."""
    return _MAILBOX.fullmatch(kind) is not None


_STATISTICS = ("-l", "devstat,4")
"""General errors, which `-a` leaves out: one page of a log that is only read. Means nothing to NVMe and SCSI disks."""
_NO_WAKE = f"standby,{STANDBY_STATUS}"

_SELF_TESTS = {"short": ("-t", "short"), "long": ("-t", "long"), "abort": ("-X",)}
_BAY = re.compile(r"\d{1,5}:\d{1,5}:\d{1,5}:\d{1,20}/[^/\0\n.][^/\0\n]{0,63}", re.ASCII)
_LAMP_S = re.compile(r"\d{1,4}", re.ASCII)
SMBIOS_TABLE = "/sys/firmware/dmi/tables/DMI"
_SMBIOS_LIMIT = 1 << 20


def _read_smbios() -> Output:
    try:
        with open(SMBIOS_TABLE, "rb") as file:
            return 0, file.read(_SMBIOS_LIMIT), b""
    except OSError as error:
        return 1, b"", f"{SMBIOS_TABLE}: {error.strerror}\n".encode()


_BUILDERS: dict[str, Callable[[Table, Sequence[str]], Command]] = {
    "smartctl-version": Table.smartctl_version,
    "smartctl-scan": Table.smartctl_scan,
    "smartctl-report": Table.smartctl_report,
    "dmidecode": Table.dmidecode,
    "kernel-log": Table.kernel_log,
    "smbios-table": Table.smbios_table,
    "lspci": Table.lspci,
    "smartctl-selftest": Table.smartctl_selftest,
    "identify-bay": Table.identify_bay,
}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AccessDenied(otherwise)
