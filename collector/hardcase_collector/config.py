"""collector.toml -> one frozen `Settings`. Called by `app.py`, `founding.py` and `cli.py`; opens no store.

Every mistake is reported together, each with its key; unknown keys are refused. The sample that shows every default
is `deploy/collector/collector.toml`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from hardcase_collector import places
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.domain.toml_tree import tree_of

_STRICT = ConfigDict(extra="forbid", strict=True)


class Mode(StrEnum):
    NORMAL = "normal"
    OBSERVE = "observe"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class MinSeverity(StrEnum):
    WARNING = "warning"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Rehearsals(StrEnum):
    """What a channel does with fire drills."""

    SEND = "send"
    SKIP = "skip"
    ONLY = "only"


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("must be HOST:PORT, with an IPv6 host in square brackets")
    return text


def _reference(text: str) -> str:
    kind, colon, rest = text.partition(":")
    if not colon or not rest or kind not in ("file", "credential"):
        raise ValueError('must be "file:/path" or "credential:NAME"; the secret itself never stands here')
    return text


def _state_url(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must be empty, sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE")
    if "@" in text and ":" in text.split("://", 1)[1].split("@", 1)[0]:
        raise ValueError("must not hold a password; name its file or credential in state.password")
    return text


def _webhook_url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("must be an http:// or https:// URL")
    return text


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"must be an address or a network: {error}") from None


def _public_url(text: str) -> str:
    if text and not text.startswith("https://"):
        raise ValueError("must be an https:// URL or empty")
    return text


Address = Annotated[str, AfterValidator(_address)]
Reference = Annotated[str, AfterValidator(_reference)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Listen:
    """Where the collector listens."""

    telemetry: Address = "0.0.0.0:4740"
    """Agents' streams: TLS 1.3 with client certificates."""
    enrolment: Address = "0.0.0.0:4741"
    """Enrolment and renewal only: TLS 1.3, server-authenticated."""
    web: Address = "0.0.0.0:4743"
    """Pages, /metrics, /livez and /readyz over HTTPS."""
    socket: Path = places.SOCKET
    """What the other commands of hardcase-collector talk to."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Tls:
    """The site's own certificates, in place of the collector's own CA. Read anew when a file changes."""

    certificate: Path | None = None
    """PEM chain that agents are shown, by streams and enrolment; the pages too, unless [web] has another."""
    key: Path | None = None
    ca: Path | None = None
    """PEM of the CA that the chain ends in: agents are told to trust it. Two while one replaces the other."""
    client_ca: Path | None = None
    """PEM of a CA whose client certificates agents may bring, beside those that the collector issues."""

    def __post_init__(self) -> None:
        given = (self.certificate is None, self.key is None, self.ca is None)
        if any(given) and not all(given):
            raise ValueError("certificate, key and ca are given together or not at all")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class State:
    """Assets, rule state, findings, cases, outbox."""

    url: Annotated[str, AfterValidator(_state_url)] = ""
    """Empty: SQLite in data_dir. Otherwise sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."""
    password: Reference | None = None
    """Password of a PostgreSQL URL."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Telemetry:
    """Samples, in DuckDB and sealed Parquet below data_dir."""

    memory_limit_mb: Annotated[int, Field(ge=64, le=65536)] = 512
    retention_days: Annotated[int, Field(ge=1, le=36500)] = 90
    """Days of sensor readings."""
    counter_retention_days: Annotated[int, Field(ge=1, le=36500)] = 1826
    """Days of SMART, ECC and other counters: five years."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Disk:
    """Below the larger of the two nothing is acknowledged; desk, notifications and pages go on."""

    reserve_percent: Annotated[float, Field(ge=0, le=50)] = 5.0
    reserve_mb: Annotated[int, Field(ge=0, le=100_000_000)] = 1024


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Rules:
    sheets_dir: Path = Path("/etc/hardcase/rules.d")
    """The site's own sheets (*.toml), read after the built-in ones; may be absent."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Plans:
    sheets_dir: Path = Path("/etc/hardcase/plans.d")
    """The site's own plans, windows, calendars and service states (*.toml), with the built-in ones; may be absent."""
    uncovered: Annotated[str, Field(min_length=1, max_length=64)] = "out-of-warranty"
    """The plan of what no entitlement of the books covers."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Cases:
    joining_hours: Annotated[float, Field(ge=0, le=8760)] = 24.0
    """How long a newly seen asset only lists what is found."""
    reopen_hours: Annotated[float, Field(ge=0, le=8760)] = 336.0
    """A fault that comes back within this time of closing opens the old case again; 14 days."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Attachments:
    """Files on cases, below data_dir/evidence."""

    max_file_mb: Annotated[int, Field(ge=1, le=4096)] = 32
    max_case_mb: Annotated[int, Field(ge=1, le=65536)] = 256
    """All files of one case."""
    max_vendor_bundle_mb: Annotated[int, Field(ge=1, le=16384)] = 512
    """What a vendor's own tool collected: all of one case, apart from the other files."""
    keep_days: Annotated[int, Field(ge=1, le=36500)] = 1095
    """After the case ended: three years."""

    def __post_init__(self) -> None:
        if self.max_file_mb > self.max_case_mb:
            raise ValueError("max_file_mb is more than max_case_mb")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Diagnostics:
    """What people ask of agents, and what these send as answers. What an agent allows stands in its own agent.toml."""

    expiry_minutes: Annotated[int, Field(ge=1, le=10080)] = 60
    """A request that its agent has not begun by then is not begun any more."""
    give_up_hours: Annotated[int, Field(ge=1, le=720)] = 216
    """So long after its expiry an answer is waited for: an agent gives a self-test, and a consent, seven days."""
    max_file_mb: Annotated[int, Field(ge=1, le=4096)] = 64
    max_request_mb: Annotated[int, Field(ge=1, le=65536)] = 128
    """All files of one answer."""
    upload_kb_per_second: Annotated[int, Field(ge=16, le=1_000_000)] = 1024
    """Of one upload; four are received at once."""
    keep_days: Annotated[int, Field(ge=1, le=36500)] = 365
    """Requests, answers and files after they ended."""

    def __post_init__(self) -> None:
        if self.max_file_mb > self.max_request_mb:
            raise ValueError("max_file_mb is more than max_request_mb")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Web:
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0
    """Who signed in signs in again after so long."""
    idle_minutes: Annotated[float, Field(gt=0, le=43_200)] = 60.0
    """And after so long without having looked at a page."""
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Reverse proxies before this port, as addresses or networks: their X-Forwarded-For says who asks."""
    api_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600
    """Requests a minute of one API token; what is over is answered 429 with a time to wait."""
    language: Language = Language.EN
    """Where neither the reader's choice nor his browser names one."""
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    """Start of the pages' address in notifications; empty: the first name of the server certificate."""
    certificate: Path | None = None
    """PEM chain for the pages, where not the collector's own."""
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key are given together or not at all")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Webhook:
    """A receiver of CloudEvents signed after Standard Webhooks."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    url: Annotated[str, AfterValidator(_webhook_url)]
    secret: Reference
    min_severity: MinSeverity = MinSeverity.MINOR
    rehearsal: Rehearsals = Rehearsals.SEND


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Channels:
    webhook: tuple[Webhook, ...] = ()

    def __post_init__(self) -> None:
        names = [hook.name for hook in self.webhook]
        if len(names) != len(set(names)):
            raise ValueError("two channels have the same name")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Settings:
    data_dir: Path = Path("/var/lib/hardcase-collector")
    """Stores, CA and server certificate; mode 0700."""
    mode: Mode = Mode.NORMAL
    """observe: nothing opens a case; the pages show what would have opened."""
    customer: Annotated[str, Field(min_length=1, max_length=64)] = "default"
    """Customer of agents whose token names none."""
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    listen: Listen = Listen()
    tls: Tls = Tls()
    state: State = State()
    telemetry: Telemetry = Telemetry()
    disk: Disk = Disk()
    rules: Rules = Rules()
    plans: Plans = Plans()
    cases: Cases = Cases()
    attachments: Attachments = Attachments()
    diagnostics: Diagnostics = Diagnostics()
    web: Web = Web()
    channel: Channels = Channels()


_ADAPTER = TypeAdapter(Settings)


def parse(text: str, *, origin: str) -> Settings:
    """Reads TOML. Raises ConfigError with one line per mistake: origin, key, what is wrong; never a value."""
    try:
        table = tree_of(text)
    except ValueError as error:
        raise ConfigError((f"{origin}: {error}",)) from error
    try:
        # Through JSON: pydantic's strict mode then takes paths and words from text and still refuses "4740" for 4740.
        return _ADAPTER.validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise ConfigError(tuple(_mistake(origin, entry["loc"], entry["msg"]) for entry in error.errors())) from None


def load(path: Path | None) -> Settings:
    """The file, or all defaults where the usual file does not exist. Raises ConfigError."""
    chosen = path or places.CONFIGURATION
    try:
        text = chosen.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return Settings()
        raise ConfigError((f"{chosen}: no such file",)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"{chosen}: cannot be read: {error}",)) from error
    return parse(text, origin=str(chosen))


def _mistake(origin: str, location: tuple[int | str, ...], message: str) -> str:
    key = ""
    for step in location:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    plain = message.removeprefix("Value error, ")
    if plain == "Unexpected keyword argument":
        plain = "unknown key"
    return f"{origin}: {key or 'file'}: {plain}"
