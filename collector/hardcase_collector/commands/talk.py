"""How a command talks to the running collector, prints what it says, and ends. Used by every module beside it.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 collector not running, 77 no right to its socket,
78 configuration wrong (as in sysexits.h).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hardcase_collector import config
from hardcase_collector.domain.errors import CollectorError, ConfigError

FAILED = 1
NOT_RUNNING = 69
NO_RIGHT = 77
BAD_CONFIG = 78
TIMEOUT_S = 60.0

SEVERITY_STYLE = {"critical": "bold red", "major": "dark_orange3", "minor": "yellow", "warning": "blue"}

# Into a pipe nothing is folded or cut short to a width that nobody sees.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 400)
err = Console(stderr=True, highlight=False, soft_wrap=True)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True, slots=True)
class Where:
    """What the options before the command said."""

    config: Path | None
    socket: Path | None


def fail(message: str, code: int = FAILED) -> NoReturn:
    err.print(f"hardcase-collector: {escape(message)}")
    raise typer.Exit(code)


@contextmanager
def named_errors() -> Iterator[None]:
    """Errors of the collector's own kind end the command with their message, not with a traceback."""
    try:
        yield
    except ConfigError as error:
        for mistake in error.mistakes:
            err.print(escape(mistake))
        raise typer.Exit(BAD_CONFIG) from None
    except CollectorError as error:
        fail(str(error))


def settings_of(ctx: typer.Context) -> config.Settings:
    where: Where = ctx.obj
    with named_errors():
        return config.load(where.config)


def get(ctx: typer.Context, path: str, **query: str | int | bool | None) -> Any:
    return _ask(ctx, "GET", path, params={key: value for key, value in query.items() if value is not None})


def post(ctx: typer.Context, path: str, **body: object) -> Any:
    return _ask(ctx, "POST", path, json=body)


def _ask(ctx: typer.Context, method: str, path: str, **how: Any) -> Any:
    where: Where = ctx.obj
    socket = where.socket or settings_of(ctx).listen.socket
    transport = httpx.HTTPTransport(uds=str(socket))
    try:
        with httpx.Client(
            transport=transport, base_url="http://collector", timeout=TIMEOUT_S, trust_env=False
        ) as client:
            answer = client.request(method, f"/v1{path}", **how)
    except httpx.ConnectError as error:
        if "ermission" in str(error):
            fail(f"no right to {socket}: run this as root or as a member of group hardcase-admin", NO_RIGHT)
        fail(
            f"the collector is not running (nothing answers at {socket}); "
            "start it with: systemctl start hardcase-collector",
            NOT_RUNNING,
        )
    except httpx.HTTPError as error:
        fail(f"the collector did not answer ({type(error).__name__}); see its journal", NOT_RUNNING)
    return _content(answer)


def _content(answer: httpx.Response) -> Any:
    try:
        content = answer.json()
    except ValueError:
        fail(f"the collector answered {answer.status_code} without JSON; see its journal")
    if answer.status_code == 403:
        fail(str(content.get("detail", "refused")), NO_RIGHT)
    if answer.status_code >= 400:
        fail(str(content.get("detail", content)))
    return content


def show_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Cells are text; rich's own marks in them mean nothing."""
    table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    if table.row_count:
        out.print(table)
    else:
        out.print(escape(empty))


def show_facts(facts: Mapping[str, object]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        table.add_row(Text(name, style="dim"), value if isinstance(value, Text) else Text(str(value)))
    out.print(table)


def severity(word: str) -> Text:
    return Text(word, style=SEVERITY_STYLE.get(word, ""))


def time(at_ms: int) -> str:
    if not at_ms:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def part(value: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (value["component"], value["slot"], value["model"], value["serial"]))) or "-"


def pairs(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in facts.items() if value not in (None, ""))
