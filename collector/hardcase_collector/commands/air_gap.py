"""`import` and `enrol-file`: what is carried by hand from and to agents without a network."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads

LONGEST_TOKEN = 4096
LARGEST_REQUEST = 64 << 10
RECEIPT = ".hcr"
ANSWER = ".hci"


def import_files(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files that `hardcase-agent export` made; taken in order of their names."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what was taken, instead of taking anything.")] = False,
    accept_gap: Annotated[
        bool,
        typer.Option("--accept-gap", help="Take a file although files before it are missing: their records are lost."),
    ] = False,
    receipt: Annotated[
        Path | None,
        typer.Option(help="Folder, or file, for the receipt of each agent. Default: the folder of its first file."),
    ] = None,
    receipt_for: Annotated[
        str | None, typer.Option("--receipt-for", help="Only write the receipt of this agent again: id or host name.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many --list shows.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Take files of agents without a network as if they had come by stream, and write the receipt for each agent.

    Each file is taken whole or not at all; one that was taken, or whose records were, is refused and hurts nothing.
    Carry the receipt back: `hardcase-agent receipt FILE` lets go of what it names.
    """
    if listed:
        _list(ctx, limit, as_json)
        return
    if receipt_for is not None:
        written = _write_receipt(ctx, receipt_for, receipt or Path())
        talk.say(_("receipt written: {path}").format(path=written))
        return
    if not files:
        talk.fail(_("name the files, or --list, or --receipt-for AGENT"), 2)
    _Import(ctx, files, accept_gap, receipt, as_json).run()


class _Import:
    """One call: the files by name, then a receipt for each agent that one was of."""

    def __init__(
        self, ctx: typer.Context, files: Sequence[Path], accept_gap: bool, receipt: Path | None, as_json: bool
    ) -> None:
        self._ctx = ctx
        self._files = sorted(files, key=lambda path: (path.name, str(path)))
        self._accept_gap = accept_gap
        self._receipt = receipt
        self._as_json = as_json
        self._taken: list[dict[str, Any]] = []
        self._refused: list[dict[str, str]] = []
        self._folders: dict[str, Path] = {}

    def run(self) -> None:
        for at, path in enumerate(self._files):
            self._one(path, more=at + 1 < len(self._files))
        receipts = [str(_write_receipt(self._ctx, agent, folder)) for agent, folder in self._folders.items()]
        if self._as_json:
            talk.show_json({"taken": self._taken, "refused": self._refused, "receipts": receipts})
        else:
            for written in receipts:
                talk.say(_("receipt written: {path}").format(path=written))
        if self._refused:
            raise typer.Exit(talk.FAILED)

    def _one(self, path: Path, *, more: bool) -> None:
        status, answer = talk.offer_file(self._ctx, "/air-gap/imports", path, accept_gap=self._accept_gap, more=more)
        if status >= 400:
            told = talk.detail_of(answer)
            self._refused.append({"file": str(path), "error": str(answer.get("error", "")), "detail": told})
            talk.complain(
                _("{path}: refused ({name}): {why}").format(path=path, name=answer.get("error", ""), why=told)
            )
            return
        self._taken.append({"path": str(path), **answer})
        self._folders.setdefault(answer["agent"], self._receipt or path.parent)
        if not self._as_json:
            _say_taken(path, answer)


def _say_taken(path: Path, answer: dict[str, Any]) -> None:
    file = answer["file"]
    told = _("{path}: {records} records of {host} taken ({first} to {through}; {duplicates} were here already)")
    talk.say(told.format(path=path, host=answer["hostname"] or answer["agent"], **file))
    if file["rejected"]:
        talk.say(_("  {rejected} records were rejected; see hardcase-collector import --list").format(**file))
    if file["lost"]:
        talk.say(_("  {lost} records before it are counted as lost").format(**file))


def _list(ctx: typer.Context, limit: int, as_json: bool) -> None:
    found = talk.get(ctx, "/air-gap/imports", limit=limit)["imports"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            talk.time(row["file"]["at_ms"]),
            row["hostname"] or row["agent_id"],
            f"{row['file']['epoch'][:8]} {row['file']['file']}",
            f"{row['file']['first']}-{row['file']['through']}",
            row["file"]["records"],
            row["file"]["rejected"] or "",
            row["file"]["lost"] or "",
            talk.time(row["file"]["made_ms"]),
            row["file"]["by"],
        )
        for row in found
    )
    columns = heads("taken", "host", "run, file", "sequences", "records", "rejected", "lost", "made", "by")
    talk.show_table("", columns, rows, empty=_("No file was taken yet."))


def _write_receipt(ctx: typer.Context, agent: str, target: Path) -> Path:
    content = talk.fetch(ctx, f"/air-gap/receipts/{talk.in_path(agent)}")
    path = target / f"{agent[:36]}{RECEIPT}" if target.is_dir() else target
    write_whole(path, content)
    return path


def enrol_file(
    ctx: typer.Context,
    request: Annotated[Path, typer.Argument(help="File that `hardcase-agent export --request` made.")],
    token_file: Annotated[Path, typer.Option(help="Holds the token; - reads standard input.")] = Path("-"),
    out: Annotated[Path | None, typer.Option(help="File for the answer. Default: beside the request.")] = None,
) -> None:
    """Give a host without a network its identity: exchange a token and its request for the file that answers it.

    On the host: `hardcase-agent import-identity FILE --ca-fingerprint ...`.
    """
    try:
        with request.open("rb") as file:
            asked = file.read(LARGEST_REQUEST + 1)
    except OSError as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=request, error=error.strerror))
    if len(asked) > LARGEST_REQUEST:
        talk.fail(_("{path}: is no request for an identity").format(path=request))
    token = _read_token(token_file)
    answer = talk.post(ctx, "/air-gap/identities", file=base64.b64encode(asked).decode(), token=token)
    path = out or request.with_suffix(ANSWER)
    write_whole(path, base64.b64decode(answer["answer"]))
    talk.say(_("{hostname} is enrolled as {agent}").format(**answer))
    talk.say(_("answer written: {path}").format(path=path))
    talk.complain(_("On the host, as root:"))
    talk.complain(f"  hardcase-agent import-identity {path.name} --ca-fingerprint {answer['ca_fingerprint']}")


def _read_token(path: Path) -> str:
    try:
        text = sys.stdin.read(LONGEST_TOKEN) if str(path) == "-" else path.read_text(encoding="utf-8")[:LONGEST_TOKEN]
    except (OSError, UnicodeDecodeError) as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=path, error=error))
    return text.strip()


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none, on the medium; readable by its owner. Replaces an older one."""
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        aside.unlink(missing_ok=True)
        talk.fail(_("{path}: cannot be written: {error}").format(path=path, error=error.strerror))
