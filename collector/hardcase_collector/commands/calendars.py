"""`hardcase-collector plans calendar ...`: official years from CSV or TOML to the running collector."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.tongue import _, heads

app = typer.Typer(no_args_is_help=True, help="Official calendars: a year's days off and days worked in their place.")

Country = Annotated[str, typer.Option(help="Two letters, such as CN; where the file does not name it.")]
Subdivision = Annotated[str, typer.Option(help="A part of the country, as ISO 3166-2 names it after the dash.")]
_KINDS = {"off": "days_off", "work": "workdays"}
_COLUMNS = {"date", "kind"}


@app.command("import")
def take_in(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="TOML with tables year.2027 (days_off, workdays); or CSV with date, kind (off, work)."),
    ],
    country: Country = "",
    subdivision: Subdivision = "",
    as_json: JsonFlag = False,
) -> None:
    """Import official years; open cases that were under a provisional one are worked out anew."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        years = _from_csv(text) if file.suffix.lower() == ".csv" else _from_toml(text)
    except (OSError, ValueError) as error:
        talk.fail(_("{file} cannot be read: {error}").format(file=file, error=error))
    for year in years:
        year["country"] = country or year.get("country", "")
        year["subdivision"] = subdivision or year.get("subdivision", "")
        if not year["country"]:
            talk.fail(_("{file} names no country: give --country").format(file=file))
    if not years:
        talk.fail(_("{file} has no year").format(file=file))
    answer = talk.post(ctx, "/calendars", years=years)
    if as_json:
        talk.show_json(answer)
        return
    told = _("{years} known: {cases} open cases had them provisional, in {moved} a clock moved")
    talk.say(told.format(years=", ".join(map(str, answer["years"])), cases=answer["cases"], moved=answer["moved"]))


@app.command("list")
def show(ctx: typer.Context, country: Country, subdivision: Subdivision = "", as_json: JsonFlag = False) -> None:
    """List the official years that were imported for a country."""
    years = talk.get(ctx, "/calendars", country=country, subdivision=subdivision)["years"]
    if as_json:
        talk.show_json(years)
        return
    rows = (
        (one["year"], len(one["days_off"]), len(one["workdays"]), one["by"], talk.time(one["at_ms"])) for one in years
    )
    columns = heads("year", "days off", "days of rest worked", "imported by", "at")
    talk.show_table("", columns, rows, empty=_("No year was imported."))


def _from_toml(text: str) -> list[dict[str, Any]]:
    """Raises ValueError."""
    tree = tree_of(text)
    years = tree.get("year", {})
    if not isinstance(years, Mapping):
        raise ValueError("year must be a table of years")
    found: list[dict[str, Any]] = []
    for number, table in years.items():
        year: dict[str, Any] = {"year": int(number)}
        year.update({key: str(tree[key]) for key in ("country", "subdivision") if key in tree})
        year.update({key: _days(table.get(key, [])) for key in _KINDS.values()})
        found.append(year)
    return found


def _days(days: Iterable[object]) -> list[str]:
    found = [day.isoformat() if isinstance(day, date) else str(day) for day in days]
    for day in found:
        date.fromisoformat(day)
    return found


def _from_csv(text: str) -> list[dict[str, Any]]:
    """Raises ValueError."""
    reader = csv.DictReader(io.StringIO(text))
    if not set(reader.fieldnames or ()) >= _COLUMNS:
        raise ValueError("the first line must name the columns date and kind")
    years: dict[tuple[str, str, int], dict[str, Any]] = {}
    for number, row in enumerate(reader, 2):
        kind = (row["kind"] or "").strip()
        if kind not in _KINDS:
            raise ValueError(f"line {number}: kind must be off or work")
        day = date.fromisoformat((row["date"] or "").strip())
        place = (row.get("country") or "").strip(), (row.get("subdivision") or "").strip()
        if (*place, day.year) not in years:
            named: dict[str, Any] = {"year": day.year, "country": place[0], "subdivision": place[1]}
            years[*place, day.year] = named | {"days_off": [], "workdays": []}
        years[*place, day.year][_KINDS[kind]].append(day.isoformat())
    return list(years.values())
