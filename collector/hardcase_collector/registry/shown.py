"""A line of the books as the values of its columns: what exports write and a dry run compares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from hardcase_collector.domain.customer import Contact, Customer, Entitlement, Site
from hardcase_collector.registry.written import COLUMNS, Booked, Entitled, Line, place_of

_MOST = 200
"""Of a fact of the hardware: more than any vendor prints on a label."""


def shown(line: Line) -> Mapping[str, object]:
    """By column, in the order of `COLUMNS`. None = there is none."""
    kind, _ = place_of(line)
    values = _values(line)
    return {column: values[column] for column in COLUMNS[kind]}


def _values(line: Line) -> Mapping[str, object]:
    match line:
        case Customer() | Site() | Contact():
            return asdict(line)
        case Booked():
            custody = line.custody
            return {
                **{name: _clean(value) for name, value in asdict(line.facts).items() if isinstance(value, str)},
                "asset": line.key,
                "customer": line.customer,
                "site": custody.site,
                "rack": custody.rack,
                "unit": custody.unit,
                "feeds": custody.feeds,
                "group": custody.group,
                "tags": custody.tags,
                "importance": custody.importance.value,
                "installed": custody.installed,
            }
        case Entitled():
            held: Entitlement = line.entitlement
            return {**asdict(held), "asset": line.key}


def _clean(said: str) -> str:
    """Hardware says anything; what cannot be shown becomes a blank."""
    return "".join(one if one.isprintable() else " " for one in said).strip()[:_MOST]
