"""The SNMP family: `[snmp]` in agent.toml, a list of devices and named credential profiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Doors, SecretReader, Source
from hardcase_agent.domain.settings import read_named, read_settings
from hardcase_agent.sensors.snmp.identity import Told
from hardcase_agent.sensors.snmp.profile import makers, shipped_profiles
from hardcase_agent.sensors.snmp.source import SnmpSource
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.values import AuthProtocol, Community, Credentials, PrivProtocol, UsmUser
from hardcase_agent.sensors.snmp_client import SnmpClient

_REFERENCE = re.compile(r"(file:/|credential:)\S")
_DEFAULT_PORT = 161


class Version(StrEnum):
    V2C = "2c"
    V3 = "3"


class AssetKind(StrEnum):
    AUTO = ""
    UPS = "ups"
    PDU = "pdu"
    SERVER = "server"
    APPLIANCE = "appliance"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialProfile:
    """`[snmp.profiles.NAME]`. Secrets are references, "file:/path" or "credential:NAME", never the secret itself."""

    version: Version = Version.V3
    """ "3" or "2c". Default "3": 2c sends its community in plain text."""
    community: str = ""
    """For 2c."""
    user: str = ""
    auth: AuthProtocol = AuthProtocol.SHA256
    auth_secret: str = ""
    priv: PrivProtocol = PrivProtocol.AES
    priv_secret: str = ""
    context: str = ""

    def __post_init__(self) -> None:
        for name in ("community", "auth_secret", "priv_secret"):
            # It may be the secret itself: never repeat it.
            if getattr(self, name) and not _REFERENCE.match(getattr(self, name)):
                raise ValueError(f"{name}: must be 'file:/path' or 'credential:NAME'")
        if self.version is Version.V2C and not self.community:
            raise ValueError("community: missing, for version 2c")
        if self.version is Version.V3 and not self.user:
            raise ValueError("user: missing, for version 3")
        if self.priv_secret and not self.auth_secret:
            raise ValueError("auth_secret: missing; SNMPv3 has no privacy without authentication")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`[[snmp.device]]`."""

    name: str
    """Unique; the source is snmp@NAME."""
    host: str
    profile: str
    """Credentials: a table [snmp.profiles.NAME]."""
    port: int = _DEFAULT_PORT
    kind: AssetKind = AssetKind.AUTO
    """Default: what its tables say it is, else appliance."""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    """Where the device tells none: without a serial its address is its identity."""

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port: must be 1 to 65535, is {self.port}")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", self.name):
            raise ValueError("name: letters, digits, dot, underscore and dash, at most 64")

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"snmp:{host}" if self.port == _DEFAULT_PORT else f"snmp:{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traps:
    """`[snmp.traps]`: listens for traps and informs of the listed devices. Off without this table."""

    address: str = "0.0.0.0"  # devices send to any address of this machine
    port: int = 9162
    """UDP. Devices send to 162, which needs a right: redirect 162 to this one. Default 9162."""
    per_second: float = 10.0
    """Of each device, on average; what is more is dropped and counted. Default 10."""
    burst: int = 100
    """Of each device at once. Default 100."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: must be 0 to 65535, is {self.port}")
        if not 0 < self.per_second <= 1000 or not 1 <= self.burst <= 10000:
            raise ValueError("per_second must be above 0 to 1000, burst 1 to 10000")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    period_s: float = 60.0
    deadline_s: float = 30.0
    device: tuple[Device, ...] = ()
    traps: Traps | None = None

    def __post_init__(self) -> None:
        if self.period_s < 1 or self.deadline_s < 1:
            raise ValueError("period_s and deadline_s must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpSettings:
    period_s: float = 60.0
    """How often each device is read. Default 60."""
    deadline_s: float = 30.0
    """After this a device counts as hung. Default 30."""
    device: tuple[Device, ...] = ()
    profiles: Mapping[str, CredentialProfile] = field(default_factory=dict)
    traps: Traps | None = None
    """None: no port is opened."""


def parse(table: Mapping[str, object], mistakes: list[str]) -> SnmpSettings:
    """`[snmp]` as settings; one line per mistake, with its key path."""
    plain = dict(table)
    profiles = read_named(CredentialProfile, plain.pop("profiles", {}), path="snmp.profiles", mistakes=mistakes)
    before = len(mistakes)
    read = read_settings(_Table, plain, path="snmp", mistakes=mistakes)
    if len(mistakes) > before:
        return SnmpSettings(profiles=profiles)
    names: set[str] = set()
    for index, device in enumerate(read.device):
        if device.profile not in profiles:
            mistakes.append(f"snmp.device[{index}].profile: there is no [snmp.profiles.{device.profile}]")
        if device.name in names:
            mistakes.append(f"snmp.device[{index}].name: {device.name!r} is there twice")
        names.add(device.name)
    return SnmpSettings(
        period_s=read.period_s, deadline_s=read.deadline_s, device=read.device, profiles=profiles, traps=read.traps
    )


def build(settings: SnmpSettings, doors: Doors) -> Sequence[Source]:
    shipped, known_makers = shipped_profiles(), makers()
    polled = []
    for device in settings.device:
        profile = settings.profiles[device.profile]
        polled.append(
            SnmpSource(
                device.name,
                _told(device),
                _connector(device, profile, doors.secrets),
                shipped,
                known_makers,
                doors.clock,
                period_s=settings.period_s,
                deadline_s=settings.deadline_s,
                warning=warning_of(profile),
            )
        )
    if settings.traps is None:
        return polled
    return [*polled, *_traps(settings, settings.traps, polled, shipped, doors)]


def _told(device: Device) -> Told:
    return Told(
        kind=device.kind.value,
        vendor=device.vendor,
        model=device.model,
        serial=device.serial,
        address=device.address,
    )


def _traps(
    settings: SnmpSettings, traps: Traps, polled: Sequence[SnmpSource], profiles: Sequence[Profile], doors: Doors
) -> list[Source]:
    """The port's sources: one a device beside the one that polls it, one for everybody else."""
    # A second engine of pysnmp's: memory that only who listens for traps pays.
    from hardcase_agent.sensors.snmp.trap_listener import TrapListener, engine_id_of
    from hardcase_agent.sensors.snmp.trap_source import StrangerSource, TrapSource
    from hardcase_agent.sensors.snmp.traps import Interpreter

    used = [settings.profiles[name] for name in dict.fromkeys(device.profile for device in settings.device)]
    host = doors.host
    listener = TrapListener(
        (traps.address, traps.port),
        {device.name: device.host for device in settings.device},
        lambda: [_credentials(profile, doors.secrets) for profile in used],
        doors.clock,
        engine_id=engine_id_of(host.machine_id or host.uuid or host.hostname),
        rate=traps.per_second,
        burst=traps.burst,
    )
    interpreter = Interpreter(profiles)
    sources: list[Source] = [StrangerSource(listener, host)]
    for device, source in zip(settings.device, polled, strict=True):
        told = _told(device)
        fallback = Asset(
            vendor=told.vendor,
            model=told.model,
            serial=told.serial,
            kind=told.kind or "appliance",
            address=told.address,
        )
        sources.append(TrapSource(device.name, listener, interpreter, _asset_of(source), fallback))
    return sources


def _asset_of(source: SnmpSource) -> Callable[[], Asset | None]:
    return lambda: source.asset


def _connector(device: Device, profile: CredentialProfile, secrets: SecretReader) -> Callable[[], SnmpClient]:
    return partial(_connect, device, profile, secrets)


def _connect(device: Device, profile: CredentialProfile, secrets: SecretReader) -> SnmpClient:
    """Reads the secrets; raises ConfigError where one cannot be read."""
    return SnmpClient(device.host, device.port, _credentials(profile, secrets))


def _credentials(profile: CredentialProfile, secrets: SecretReader) -> Credentials:
    if profile.version is Version.V2C:
        return Community(secrets.read(profile.community))
    return UsmUser(
        name=profile.user,
        auth=profile.auth,
        auth_secret=secrets.read(profile.auth_secret) if profile.auth_secret else "",
        priv=profile.priv,
        priv_secret=secrets.read(profile.priv_secret) if profile.priv_secret else "",
        context=profile.context,
    )


def warning_of(profile: CredentialProfile) -> str:
    if profile.version is Version.V2C:
        return "SNMP v2c: the community and all data travel in plain text; use a v3 user with auth and priv"
    if not profile.auth_secret:
        return "SNMP v3 without auth: anybody may answer in the device's place; set auth_secret and priv_secret"
    if not profile.priv_secret:
        return "SNMP v3 without priv: data travel in plain text; set priv_secret"
    if profile.auth is AuthProtocol.MD5 or profile.priv is PrivProtocol.DES:
        return "SNMP v3 with MD5 or DES: broken algorithms; use SHA256 and AES where the device can"
    return ""
