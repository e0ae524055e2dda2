"""agent.toml as frozen settings. Every mistake is reported together, with its key. Called by `app.py` and `cli.py`.

Families read their own tables (`sensors/<family>/family.py`); defaults are the defaults of the fields here and there,
and deploy/agent/agent.toml shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.domain.toml_tree import tree_of
from hardcase_agent.sensors.catalogue import FAMILIES, Family
from hardcase_agent.uplink.endpoint import parse_proxy

DEFAULT_PATH = Path("/etc/hardcase/agent.toml")


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogForm(StrEnum):
    TEXT = "text"
    JSON = "json"


class Mode(StrEnum):
    NORMAL = "normal"
    DRILL = "drill"
    """Only rehearses: reads no hardware of its own and presents itself as a rehearsal host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    address: str = ""
    """host:port of the telemetry port; "" = what the collector told at enrolment."""
    enrolment: str = ""
    """host:port of the enrolment port, for `enroll` and renewal; "" = what `enroll --server` used."""
    server_name: str = ""
    """What the collector's certificate must say; "" = the host of the address."""
    join: Path = Path("/etc/hardcase/join.toml")
    """By this file a host joins by itself at its first start; a systemd credential "hardcase.join" goes before it."""
    proxy: str = ""
    """http://host:port of a proxy that passes connections on by CONNECT; "" = as https_proxy says; "none" = none."""
    proxy_user: str = ""
    proxy_password: str = ""
    """Its place: "file:/path" (mode 0600) or "credential:NAME"."""

    def __post_init__(self) -> None:
        if self.proxy not in ("", "none"):
            parse_proxy(self.proxy)
        if bool(self.proxy_user) != bool(self.proxy_password):
            raise ValueError("proxy_user and proxy_password are given together or not at all")
        if self.proxy_password and not self.proxy_password.startswith(("file:", "credential:")):
            raise ValueError(
                "proxy_password must be file:/path or credential:NAME, the password itself never stands here"
            )
        for name in ("address", "enrolment"):
            value = getattr(self, name)
            host, colon, port = value.rpartition(":")
            if value and not (host and colon and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{name} must be host:port, is {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    max_mib: int = 256
    """Disk space for records that were not acknowledged, MiB; a week of a large server is about 40."""
    max_age_days: float = 7.0
    """Older records are dropped and counted, days."""

    def __post_init__(self) -> None:
        if self.max_mib < 4:
            raise ValueError("max_mib must be 4 or more")
        if self.max_age_days <= 0:
            raise ValueError("max_age_days must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperSettings:
    socket: str = "/run/hardcase/helper.sock"
    """The helper's socket. Where there is none, or with "", devices are opened by the agent itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """Everything of agent.toml but the families' tables."""

    state_dir: Path = Path("/var/lib/hardcase-agent")
    """Spool, identity and caches; private to the agent."""
    log_level: LogLevel = LogLevel.INFO
    log_form: LogForm = LogForm.TEXT
    mode: Mode = Mode.NORMAL
    without: tuple[str, ...] = ()
    """Families that are on by default and are not wanted here."""
    sysfs: Path = Path("/sys")
    """Root of sysfs."""
    collector: CollectorSettings = field(default_factory=CollectorSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    helper: HelperSettings = field(default_factory=HelperSettings)
    diagnostics: DiagnosticsSettings = field(default_factory=DiagnosticsSettings)

    def __post_init__(self) -> None:
        names = [family.name for family in FAMILIES]
        for name in self.without:
            if name not in names:
                raise ValueError(f"without: {name!r} is not a family; known are {', '.join(names)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    core: CoreSettings
    families: Mapping[str, Any]
    """Settings of each family that is on, by its name."""


def load_config(path: Path, *, missing_is_default: bool = False) -> Settings:
    """Raises ConfigError with every mistake, the file's name first."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not missing_is_default:
            raise ConfigError((f"{path}: no such file",)) from error
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path}: cannot be read: {error}",)) from error
    try:
        return parse_config(text)
    except ConfigError as error:
        raise ConfigError(tuple(f"{path}: {mistake}" for mistake in error.mistakes)) from error


def parse_config(text: str) -> Settings:
    """Raises ConfigError with every mistake."""
    try:
        table = tree_of(text)
    except ValueError as error:
        raise ConfigError((f"not TOML: {error}",)) from error
    mistakes: list[str] = []
    known = {field.name for field in fields(CoreSettings)} | {family.name for family in FAMILIES}
    core_table = {key: value for key, value in table.items() if key not in {family.name for family in FAMILIES}}
    unknown = [key for key in core_table if key not in known]
    mistakes += [f"{key}: unknown key; known are {', '.join(sorted(known))}" for key in unknown]
    core_table = {key: value for key, value in core_table.items() if key in known}
    core = read_settings(CoreSettings, core_table, path="agent.toml", mistakes=mistakes)
    families = {
        family.name: _family(family, table.get(family.name, {}), mistakes)
        for family in FAMILIES
        if _wanted(family, table, core)
    }
    if mistakes:
        raise ConfigError(tuple(mistake.removeprefix("agent.toml.") for mistake in mistakes))
    return Settings(core=core, families=families)


def _wanted(family: Family, table: Mapping[str, object], core: CoreSettings) -> bool:
    if family.name in table:
        return True
    # After a mistake the settings are incomplete; they only serve to find more mistakes.
    without = getattr(core, "without", ())
    drill = getattr(core, "mode", Mode.NORMAL) is Mode.DRILL
    return family.default and not drill and family.name not in without


def _family(family: Family, table: object, mistakes: list[str]) -> Any:
    if not isinstance(table, Mapping):
        mistakes.append(f"{family.name}: must be a table")
        return None
    return family.module().parse(table, mistakes)
