"""The IPMI family: agent.toml's `[ipmi]` table, and the sources it asks for.

`config.py` and `app.py` reach it through `sensors/catalogue.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Doors, IpmiDevice, Source
from hardcase_agent.domain.settings import read_named, read_settings
from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.ipmi.behind_source import BehindSource
from hardcase_agent.sensors.ipmi.bmc import Bmc
from hardcase_agent.sensors.ipmi.cache import StateFile
from hardcase_agent.sensors.ipmi.conversation import Conversation
from hardcase_agent.sensors.ipmi.fru_source import FruSource
from hardcase_agent.sensors.ipmi.sel_source import SelSource
from hardcase_agent.sensors.ipmi.sensor_sources import AnalogueSource, DiscreteSource
from hardcase_agent.sensors.lan_session import LanInterface, LanTarget, Privilege

CIPHER_SUITES = (1, 2, 3, 15, 16, 17)
REFERENCE = re.compile(r"(file:/|credential:)\S")
MAX_USER_BYTES = 16
DEFAULT_PORT = 623


class LocalMode(StrEnum):
    AUTO = "auto"
    """Read /dev/ipmi0 where there is one; say so once where there is none."""
    TRUE = "true"
    FALSE = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Credentials shared by BMCs: `[ipmi.profiles.NAME]`."""

    user: str
    password: str
    """ "file:/path" or "credential:NAME" (systemd), read at each log-in. Never the password itself."""
    privilege: Privilege = Privilege.USER
    """Enough for everything this agent reads; a lower one is tried where the BMC refuses it."""
    cipher_suite: int | None = None
    """RMCP+ cipher suite id; left out: 17 (SHA-256), then 3 (SHA-1). Suite 0 is never used."""

    def __post_init__(self) -> None:
        if len(self.user.encode()) > MAX_USER_BYTES:
            raise ValueError(f"user: IPMI user names have at most {MAX_USER_BYTES} bytes")
        if not REFERENCE.match(self.password):
            # It may be the password itself: never repeat it.
            raise ValueError("password: must be 'file:/path' or 'credential:NAME'")
        if self.cipher_suite is not None and self.cipher_suite not in CIPHER_SUITES:
            raise ValueError(f"cipher_suite: must be one of {', '.join(map(str, CIPHER_SUITES))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanBmc:
    """One BMC read over the LAN: `[[ipmi.bmc]]`."""

    host: str
    profile: str
    port: int = DEFAULT_PORT
    interface: LanInterface = LanInterface.RMCPPLUS

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port: must be 1 to 65535, is {self.port}")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """`[ipmi]` without its profiles, which are named by the site."""

    local: LocalMode = LocalMode.AUTO
    analogue_period_s: float = 60.0
    discrete_period_s: float = 30.0
    sel_period_s: float = 15.0
    fru_period_s: float = 86400.0
    behind: bool = True
    bmc: tuple[LanBmc, ...] = ()

    def __post_init__(self) -> None:
        for name in ("analogue_period_s", "discrete_period_s", "sel_period_s", "fru_period_s"):
            if getattr(self, name) < 1.0:
                raise ValueError(f"{name}: must be at least 1 second")


@dataclass(frozen=True, slots=True, kw_only=True)
class IpmiSettings:
    """agent.toml's `[ipmi]`."""

    local: LocalMode = LocalMode.AUTO
    """Whether to read this host's own BMC through /dev/ipmi0."""
    analogue_period_s: float = 60.0
    """Temperatures, fans, voltages: they move in minutes."""
    discrete_period_s: float = 30.0
    """States and chassis power."""
    sel_period_s: float = 15.0
    """One command that asks whether the event log changed."""
    fru_period_s: float = 86400.0
    """Inventory; also read after a change."""
    behind: bool = True
    """Whether sensors of controllers behind a BMC (an ME, a chassis manager) are asked through it."""
    bmc: tuple[LanBmc, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def parse(table: Mapping[str, object], mistakes: list[str]) -> IpmiSettings:
    """`[ipmi]` as settings; one line per mistake, with its key path."""
    plain = dict(table)
    profiles = read_named(Profile, plain.pop("profiles", {}), path="ipmi.profiles", mistakes=mistakes)
    if isinstance(plain.get("local"), bool):
        plain["local"] = str(plain["local"]).lower()
    before = len(mistakes)
    read = read_settings(_Table, plain, path="ipmi", mistakes=mistakes)
    if len(mistakes) > before:
        return IpmiSettings()
    seen: set[str] = set()
    for index, bmc in enumerate(read.bmc):
        if bmc.profile not in profiles:
            mistakes.append(f"ipmi.bmc[{index}].profile: there is no [ipmi.profiles.{bmc.profile}]")
        if bmc.address in seen:
            mistakes.append(f"ipmi.bmc[{index}].host: {bmc.address} is there twice")
        seen.add(bmc.address)
    return IpmiSettings(
        local=read.local,
        analogue_period_s=read.analogue_period_s,
        discrete_period_s=read.discrete_period_s,
        sel_period_s=read.sel_period_s,
        fru_period_s=read.fru_period_s,
        behind=read.behind,
        bmc=read.bmc,
        profiles=profiles,
    )


def build(settings: IpmiSettings, doors: Doors) -> Sequence[Source]:
    """Five sources per BMC. No device is touched before the first sweep."""
    sources: list[Source] = []
    if settings.local is not LocalMode.FALSE:
        optional = settings.local is LocalMode.AUTO
        sources += _sources(settings, doors, doors.local_ipmi(), "local", host=doors.host, optional=optional)
    for bmc in settings.bmc:
        profile = settings.profiles[bmc.profile]
        target = LanTarget(
            host=bmc.host, port=bmc.port, interface=bmc.interface, user=profile.user, password=profile.password,
            privilege=profile.privilege, cipher_suite=profile.cipher_suite,
        )  # fmt: skip
        name = bmc.host if bmc.port == DEFAULT_PORT else bmc.address
        plain_text = bmc.interface is LanInterface.RMCP
        device = LanIpmi(target, doors.secrets)
        sources += _sources(settings, doors, device, name, address=name, plain_text=plain_text)
    return sources


def _sources(
    settings: IpmiSettings, doors: Doors, device: IpmiDevice, name: str, *, host: Asset | None = None,
    address: str = "", optional: bool = False, plain_text: bool = False,
) -> list[Source]:  # fmt: skip
    file = re.sub(r"[^A-Za-z0-9.-]", "_", name)
    bmc = Bmc(
        Conversation(device), doors.clock, StateFile(doors.state_dir / f"ipmi-{file}.sdr.json"),
        host=host, address=address, optional=optional,
    )  # fmt: skip
    position = StateFile(doors.state_dir / f"ipmi-{file}.sel.json")
    return [
        AnalogueSource(bmc, name, settings.analogue_period_s, plain_text=plain_text),
        DiscreteSource(bmc, name, settings.discrete_period_s),
        SelSource(bmc, name, position, settings.sel_period_s),
        FruSource(bmc, name, settings.fru_period_s),
        BehindSource(bmc, name, settings.analogue_period_s, asked=settings.behind),
    ]
