"""How a command talks to the running collector, says what it answered, and ends. Used by every module beside it.

Tables are `tables.py`, imported when one is shown: with the standard library's HTTP client a command starts in a
fraction of a second, and a broken collector.toml does not keep anybody from asking the collector that runs.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 collector not running, 77 no right to its socket,
78 configuration wrong (as in sysexits.h).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn
from urllib.parse import quote, urlencode

import typer

from hardcase_collector import places
from hardcase_collector.domain.errors import CollectorError, ConfigError
from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.tongue import _, language, word

if TYPE_CHECKING:
    from hardcase_collector.config import Settings

FAILED = 1
NOT_RUNNING = 69
NO_RIGHT = 77
BAD_CONFIG = 78
TIMEOUT_S = 60.0
PIECE = 65_536

# ECMA-48 control characters and overrides of direction (UAX 9): a terminal obeys them, and a caller may write them.
_ORDERS = {n: f"\\u{n:04x}" for n in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_LINES = {n: order for n, order in _ORDERS.items() if chr(n) not in "\n\t"}

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True, slots=True)
class Where:
    """What the options before the command said."""

    config: Path | None
    socket: Path | None
    customer: str | None = None
    """The only one whose things are shown and touched."""


@dataclass(frozen=True, slots=True)
class Severity:
    """A word that tables colour."""

    word: str
    table: str = "severity"


def harmless(text: str) -> str:
    """Told, not obeyed: what would move the cursor, colour or retitle the terminal is written out."""
    return text.translate(_LINES)


def say(text: object = "") -> None:
    """One line, as it is."""
    sys.stdout.write(f"{harmless(str(text))}\n")


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{harmless(text)}\n")


def fail(message: str, code: int = FAILED) -> NoReturn:
    complain(f"hardcase-collector: {message}")
    raise typer.Exit(code)


@contextmanager
def named_errors() -> Iterator[None]:
    """Errors of the collector's own kind end the command with their message, not with a traceback."""
    try:
        yield
    except ConfigError as error:
        for mistake in error.mistakes:
            complain(mistake)
        raise typer.Exit(BAD_CONFIG) from None
    except CollectorError as error:
        # What it takes to put a refusal into words is loaded when there is one.
        from hardcase_collector.web.refusals import told

        fail(told(error, language()))


def settings_of(ctx: typer.Context) -> Settings:
    """The whole configuration, checked."""
    from hardcase_collector import config

    where: Where = ctx.obj
    with named_errors():
        return config.load(where.config)


def get(ctx: typer.Context, path: str, **query: str | int | bool | None) -> Any:
    words = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in query.items()
        if value is not None
    }
    return _ask(ctx, "GET", f"{path}?{urlencode(words)}" if words else path, None)


def post(ctx: typer.Context, path: str, **body: object) -> Any:
    where: Where = ctx.obj
    if where.customer is not None and "customer" in body:
        body["customer"] = body["customer"] or where.customer
    return _ask(ctx, "POST", path, body)


class _Connection(http.client.HTTPConnection):
    """HTTP over the collector's unix socket."""

    def __init__(self, path: Path, wait_s: float) -> None:
        super().__init__("collector", timeout=wait_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _held(where: Where, path: str) -> str:
    """The path with the customer that `--customer` before the command names, unless the command names one itself."""
    if where.customer is None or re.search(r"[?&]customer=", path):
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'customer': where.customer})}"


def _socket(where: Where) -> Path:
    """Where the running collector listens; of the configuration only this is looked at."""
    if where.socket is not None:
        return where.socket
    chosen = where.config or places.CONFIGURATION
    try:
        listen = tree_of(chosen.read_text(encoding="utf-8")).get("listen", {})
        named = listen.get("socket", places.SOCKET) if isinstance(listen, dict) else places.SOCKET
    except FileNotFoundError:
        if where.config is None:
            return places.SOCKET
        fail(_("{path}: no such file").format(path=chosen), BAD_CONFIG)
    except PermissionError:
        fail(_("{path}: not readable; name the socket with --socket").format(path=chosen), NO_RIGHT)
    except (OSError, ValueError, AttributeError) as error:
        fail(_("{path}: cannot be read: {error}").format(path=chosen, error=error), BAD_CONFIG)
    return Path(str(named))


def send_file(ctx: typer.Context, path: str, file: Path, **query: str | bool) -> Any:
    """The content of a file as the body, in pieces."""
    return _accepted(*offer_file(ctx, path, file, **query))


def offer_file(ctx: typer.Context, path: str, file: Path, **query: str | bool) -> tuple[int, Any]:
    """As `send_file`, where a refusal does not end the command: status and what was answered."""
    words = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
    try:
        opened = file.open("rb")
        size = os.fstat(opened.fileno()).st_size
    except OSError as error:
        fail(_("{path}: cannot be read: {error}").format(path=file, error=error.strerror))
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    with opened, _answered(ctx, "POST", f"{path}?{urlencode(words)}", opened, headers) as answer:
        return answer.status, _json(answer.status, answer.read())


def fetch(ctx: typer.Context, path: str) -> bytes:
    """What the collector sends, as it is."""
    with _answered(ctx, "GET", path, None, {}) as answer:
        body = answer.read()
        if answer.status >= 400:
            _content(answer.status, body)
        return body


def save_file(ctx: typer.Context, path: str, target: Path, *, mode: int = 0o666, wait_s: float = TIMEOUT_S) -> int:
    """What the collector sends, into a new file. How many bytes. An existing file is left alone."""
    size = 0
    with _answered(ctx, "GET", path, None, {}, wait_s=wait_s) as answer:
        if answer.status >= 400:
            _content(answer.status, answer.read())
        try:
            with open(target, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                while chunk := answer.read(PIECE):
                    size += file.write(chunk)
        except OSError as error:
            fail(_("{path}: cannot be written: {error}").format(path=target, error=error.strerror))
    return size


def _ask(ctx: typer.Context, method: str, path: str, body: Mapping[str, object] | None) -> Any:
    text = None if body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    with _answered(ctx, method, path, text, headers) as answer:
        return _content(answer.status, answer.read())


@contextmanager
def _answered(
    ctx: typer.Context,
    method: str,
    path: str,
    body: str | BinaryIO | None,
    headers: Mapping[str, str],
    *,
    wait_s: float = TIMEOUT_S,
) -> Iterator[http.client.HTTPResponse]:
    where = _socket(ctx.obj)
    connection = _Connection(where, wait_s)
    try:
        # A collector that refuses a file says so before it has all of it.
        with suppress(BrokenPipeError, ConnectionResetError):
            asked = {"Accept-Language": language(), **headers}
            connection.request(method, f"/v1{_held(ctx.obj, path)}", body=body, headers=asked)
        yield connection.getresponse()
    except PermissionError:
        told = _("no right to {socket}: run this as root or as a member of group hardcase-admin")
        fail(told.format(socket=where), NO_RIGHT)
    except (FileNotFoundError, ConnectionRefusedError):
        told = _(
            "the collector is not running (nothing answers at {socket}); "
            "start it with: systemctl start hardcase-collector"
        )
        fail(told.format(socket=where), NOT_RUNNING)
    except (OSError, http.client.HTTPException) as error:
        told = _("the collector did not answer ({error}); see its journal")
        fail(told.format(error=type(error).__name__), NOT_RUNNING)
    finally:
        connection.close()


def _content(status: int, body: bytes) -> Any:
    return _accepted(status, _json(status, body))


def _json(status: int, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        fail(_("the collector answered {status} without JSON; see its journal").format(status=status))


def _accepted(status: int, content: Any) -> Any:
    if status == 403:
        fail(detail_of(content), NO_RIGHT)
    if status >= 400:
        fail(detail_of(content))
    return content


def detail_of(content: Mapping[str, object]) -> str:
    """What the collector answered, which is in the language asked for, behind what kind of refusal it is."""
    detail = str(content.get("detail", content))
    key = f"refusal.{content.get('error', '')}"
    kind = word(key)
    return detail if kind == key.rpartition(".")[2] else f"{kind}：{detail}"


def in_path(name: str) -> str:
    """One step of a path from what somebody typed."""
    return quote(name, safe="")


def show_json(value: object) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """`empty` is said where there is no row."""
    listed = [tuple(row) for row in rows]
    if not listed:
        say(empty)
        return
    from hardcase_collector.commands import tables

    tables.show_table(title, columns, listed)


def show_facts(facts: Mapping[str, object]) -> None:
    from hardcase_collector.commands import tables

    tables.show_facts(facts)


def severity(word: str) -> Severity:
    return Severity(word)


def condition(word: str) -> Severity:
    """How an asset is: a severity, or good, watch, no data."""
    return Severity(word, "condition")


def time(at_ms: int) -> str:
    if not at_ms:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def part(value: Mapping[str, Any]) -> str:
    component = word(f"component.{value['component']}") if value["component"] else ""
    return " ".join(filter(None, (component, value["slot"], value["model"], value["serial"]))) or "-"


def pairs(facts: Mapping[str, Any], code: str = "") -> str:
    """Parameters on one line, times as the clock shows them; `code` of the timeline entry they are from."""
    return ", ".join("=".join(_pair(key, value, code)) for key, value in facts.items() if value not in (None, ""))


def _pair(key: str, value: Any, code: str) -> tuple[str, str]:
    from hardcase_collector.web import fact_words
    from hardcase_collector.web.texts import Reader

    reader = Reader(language(), UTC, 0)
    shown = time(int(value)) if fact_words.is_time(key, value) else ""
    if reader.language == "en":
        return key, shown or str(value)
    return fact_words.fact_name(reader, key, code), shown or fact_words.show_fact(reader, key, value)
