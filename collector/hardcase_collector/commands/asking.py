"""`hardcase-collector rules why` and `rules replay`: why a case was (not) opened, and what other sheets would open."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, language, word

LOOK_EVERY_S = 0.5

CustomerOption = Annotated[str | None, typer.Option(help="Only this customer's.")]
AssetOption = Annotated[str, typer.Option(help="Number, host name, serial or key of an asset.")]
FromOption = Annotated[str, typer.Option("--from", help="From this time on, as 2026-01-31 or 2026-01-31T08:00.")]
UntilOption = Annotated[str, typer.Option("--until", help="Until before this time.")]


def why(
    ctx: typer.Context,
    asset: AssetOption = "",
    case: Annotated[str, typer.Option(help="Number of a case.")] = "",
    part: Annotated[str, typer.Option(help='A part as "psu@PSU2", or a component as "disk".')] = "",
    rule: Annotated[str, typer.Option(help="Name of a rule.")] = "",
    reason: Annotated[str, typer.Option(help="Code of the answer, as window, joining, opened.")] = "",
    begins: FromOption = "",
    ends: UntilOption = "",
    opened: Annotated[bool | None, typer.Option("--opened/--not-opened", help="With a case, or without.")] = None,
    customer: CustomerOption = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The newest so many.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Why did this (not) open a case?"""
    found = talk.get(
        ctx, "/why", asset=asset, case=case, part=part, rule=rule, reason=reason, from_ms=at_ms(begins),
        until_ms=at_ms(ends), opened=opened, customer=customer, limit=limit,
    )["whys"]  # fmt: skip
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (talk.time(row["time_ms"]), row["asset"], row["case_number"] or "-", row["sentence"][language()])
        for row in found
    )
    talk.show_table("", heads("time", "asset", "case", "answer"), rows, empty=_("No decision yet."))


def at_ms(text: str) -> int | None:
    """A date, with or without time, local where it has no offset; None for nothing. Ends the command for others."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        talk.fail(_("{text} is no date and time; write 2026-01-31T08:00").format(text=text), 2)
    # The first and the last year have times that no zone can be told of.
    with contextlib.suppress(ValueError, OverflowError):
        if (told := round(moment.astimezone().timestamp() * 1000)) >= 0:
            return told
    talk.fail(_("{text} is too early or too late: times are from 1970 on").format(text=text), 2)


def replay(
    ctx: typer.Context,
    sheets: Annotated[
        Path,
        typer.Option(help="Folder with your sheets as they would be; judged in place of the configured folder."),
    ],
    begins: FromOption = "",
    ends: UntilOption = "",
    asset: AssetOption = "",
    customer: CustomerOption = None,
    show_same: Annotated[bool, typer.Option("--same", help="List also the cases that stay as they are.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Judge stored telemetry by changed sheets: which cases would have been opened, or not (default: last 7 days)."""
    texts = _texts(sheets)
    started = talk.post(
        ctx, "/replays", sheets=texts, from_ms=at_ms(begins), until_ms=at_ms(ends), customer=customer, asset=asset
    )
    try:
        report = _finished(ctx, started["id"])
    except KeyboardInterrupt:
        talk.post(ctx, f"/replays/{started['id']}/cancel")
        talk.fail(_("cancelled"))
    if as_json:
        talk.show_json(report)
    elif report["state"] == "done":
        _show(report, show_same)
    if report["state"] != "done":
        talk.fail(_("the replay did not finish: {error}").format(error=report["error"] or report["state"]))


def _texts(folder: Path) -> dict[str, str]:
    """Every sheet of the folder, or the one file. Ends the command where there is none or it cannot be read."""
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else [folder]
    if not files:
        talk.fail(_("{path}: there is no sheet (*.toml)").format(path=folder))
    try:
        return {file.name: file.read_text(encoding="utf-8") for file in files}
    except (OSError, UnicodeDecodeError) as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=folder, error=error))


def _finished(ctx: typer.Context, id: str) -> dict[str, Any]:
    """Waits; says on a terminal how far it is."""
    told = -1
    while True:
        report: dict[str, Any] = talk.get(ctx, f"/replays/{talk.in_path(id)}")
        if report["state"] != "running":
            return report
        if sys.stderr.isatty() and report["done_days"] != told:
            told = report["done_days"]
            talk.complain(_("day {done} of {days}").format(done=told, days=report["days"] or "?"))
        time.sleep(LOOK_EVERY_S)


def _show(report: dict[str, Any], show_same: bool) -> None:
    if not (report["frames"] or report["events"] or report["cases"]):
        talk.say(_("Nothing is stored of this time that could be judged."))
        return
    counts = Counter(case["verdict"] for case in report["cases"])
    shown = [case for case in report["cases"] if show_same or case["verdict"] != "same"]
    rows = (
        (
            word(f"verdict.{case['verdict']}"),
            case["number"] or "-",
            talk.severity(case["severity"]),
            case["asset_name"],
            talk.part(case["part"]),
            case["title"][language()],
            ", ".join(case["rules"]),
            talk.time(case["since_ms"]),
            word(f"untold.{case['untold']}") if case["untold"] else "",
        )
        for case in shown
    )
    columns = heads("verdict", "case", "severity", "asset", "part", "fault", "rules", "since", "why not")
    talk.show_table("", columns, rows, empty=_("No difference: these sheets open the same cases."))
    told = _(
        "{new} only with these sheets, {old} only now, {same} the same, {rest} not compared; {frames} sweeps judged"
    )
    talk.say(
        told.format(
            new=counts["only_new"],
            old=counts["only_old"],
            same=counts["same"],
            rest=counts["not_compared"],
            frames=report["frames"],
        )
    )
