"""From the tables of files to rows of typed values: each row by itself, whatever else there is. Pure.

`csv_text.py` and `toml_text.py` make the tables; what rows say of each other is checked by `checking.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.customer import ContactScope
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.places import place_name
from hardcase_collector.domain.priority import Importance
from hardcase_collector.registry import cells
from hardcase_collector.registry.written import COLUMNS, Key, Kind, Row
from hardcase_collector.sheets.table import LANGUAGES, Table

HIGHEST_UNIT = 100
"""The tallest racks sold have 60 height units."""
MAX_ASSET = 200
_MAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PART = re.compile(r"[a-z]+(@\S.*|:.*\|\S.*)?")
_IDENTITY = ("vendor", "serial", "node")


def read_rows(tables: Iterable[tuple[Kind, Table]]) -> list[Row]:
    """In the order of `Kind`. A row without its key is told and left out; so is a key's second row."""
    rows: list[Row] = []
    known: dict[tuple[Kind, Key], Table] = {}
    for kind, table in sorted(tables, key=lambda one: tuple(Kind).index(one[0])):
        row = _READERS[kind](table)
        for column in COLUMNS[kind]:
            table.used.add(column)
        table.done()
        if row is None:
            continue
        first = known.setdefault((kind, row.key), table)
        if first is table:
            rows.append(row)
        else:
            table.wrong("", f"is the same {kind} as in {first.file}, line {first.line}")
    return rows


def _given(**values: object) -> Mapping[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _customer(table: Table) -> Row | None:
    name = cells.name(table, "name")
    values = _given(title=cells.text(table, "title"), language=_language(table))
    return None if name is None else Row(Kind.CUSTOMER, (name,), values, table)


def _site(table: Table) -> Row | None:
    customer, name = cells.name(table, "customer"), cells.name(table, "name")
    if cells.emptied(table, "time_zone"):
        table.wrong("time_zone", "is missing")
    values = _given(
        title=cells.text(table, "title"),
        time_zone=cells.text(table, "time_zone"),
        country=_upper(cells.text(table, "country", most=2)),
        subdivision=cells.text(table, "subdivision", most=8),
        calendar=cells.text(table, "calendar", most=cells.MAX_NAME),
        address=cells.text(table, "address", lines=True),
        depot=cells.text(table, "depot", most=cells.MAX_NAME),
    )
    return None if customer is None or name is None else Row(Kind.SITE, (customer, name), values, table)


def _contact(table: Table) -> Row | None:
    customer, name = cells.name(table, "customer"), cells.name(table, "name")
    if not table.values.get("scope"):
        table.wrong("scope", "is missing")
    scope = cells.choice(table, "scope", ContactScope)
    subject = cells.asset(table, "subject")
    mail = cells.text(table, "mail", most=254)
    if mail and not _MAIL.fullmatch(mail):
        table.wrong("mail", "is no mail address")
    values = _given(
        mail=mail,
        phone=cells.text(table, "phone", most=cells.MAX_NAME),
        language=_language(table),
        may_consent=cells.flag(table, "may_consent"),
    )
    if customer is None or scope is None or name is None:
        return None
    if (scope is ContactScope.CUSTOMER) != (not subject):
        table.wrong("subject", "names the asset, group or site; it is empty for scope customer alone")
        return None
    return Row(Kind.CONTACT, (customer, scope.value, subject, name), values, table)


def _asset(table: Table) -> Row | None:
    said = {key: cells.text(table, key, most=MAX_ASSET) for key in _IDENTITY}
    key = cells.asset(table, "asset") or _key_of(table, said)
    values = _given(
        **{name: said[name] for name in _IDENTITY},
        model=cells.text(table, "model", most=MAX_ASSET),
        kind=cells.text(table, "kind", most=cells.MAX_NAME),
        customer=cells.name(table, "customer") if "customer" in table.values else None,
        site=cells.text(table, "site", most=cells.MAX_NAME),
        rack=cells.text(table, "rack", most=cells.MAX_NAME),
        unit=cells.number(table, "unit", high=HIGHEST_UNIT),
        feeds=cells.words(table, "feeds"),
        group=cells.text(table, "group", most=cells.MAX_NAME),
        tags=cells.words(table, "tags"),
        importance=cells.choice(table, "importance", Importance)
        or (Importance.NORMAL if cells.emptied(table, "importance") else None),
        installed=cells.day(table, "installed") or ("" if cells.emptied(table, "installed") else None),
    )
    return Row(Kind.ASSET, (key,), values, table) if key else None


def _key_of(table: Table, said: Mapping[str, str | None]) -> str:
    """From vendor, serial and node; "" and a mistake where they name no asset."""
    facts = AssetFacts(vendor=said["vendor"] or "", serial=said["serial"] or "", node=said["node"] or "")
    key, basis = identify(facts)
    if not facts.vendor or not facts.serial:
        table.wrong("vendor" if facts.serial else "serial", "is missing: give vendor and serial, or the key in asset")
    elif basis != "serial":
        table.wrong("serial", f"{facts.serial!r} is a placeholder that many machines have: give the key in asset")
    else:
        return key
    return ""


def _entitlement(table: Table) -> Row | None:
    asset, plan = cells.asset(table, "asset"), cells.name(table, "plan")
    if not asset:
        table.wrong("asset", "is missing")
    part = cells.text(table, "part", most=MAX_ASSET) or ""
    if part and not _PART.fullmatch(part):
        table.wrong("part", 'must be a component ("disk"), a slot ("psu@PSU2") or model and serial ("disk:ST4000|ZC1")')
    starts = cells.day(table, "starts")
    if cells.emptied(table, "starts") or "starts" not in table.values:
        table.wrong("starts", "is missing")
    if cells.emptied(table, "ends"):
        table.wrong("ends", "is missing")
    currency = cells.text(table, "currency")
    if currency and not _CURRENCY.fullmatch(currency):
        table.wrong("currency", "must be three letters, as CNY")
    values = _given(
        vendor=cells.text(table, "vendor", most=cells.MAX_NAME),
        ends=cells.day(table, "ends"),
        price=cells.money(table, "price") if not cells.emptied(table, "price") else "",
        currency=currency,
        contract=cells.text(table, "contract", most=MAX_ASSET),
    )
    if not asset or plan is None or starts is None:
        return None
    return Row(Kind.ENTITLEMENT, (asset, _slot_named(part), plan, starts.isoformat()), values, table)


def _slot_named(part: str) -> str:
    """ "psu@PSU 2" and "psu@2" are one slot: by the name that findings go by."""
    component, at, slot = part.partition("@")
    return f"{component}@{place_name(component, slot)}" if at else part


def _language(table: Table) -> str | None:
    said = cells.text(table, "language")
    if said and said not in LANGUAGES:
        table.wrong("language", f"must be one of {', '.join(LANGUAGES)}")
        return None
    return said or None


def _upper(said: str | None) -> str | None:
    return None if said is None else said.upper()


_READERS: Mapping[Kind, Callable[[Table], Row | None]] = {
    Kind.CUSTOMER: _customer,
    Kind.SITE: _site,
    Kind.CONTACT: _contact,
    Kind.ASSET: _asset,
    Kind.ENTITLEMENT: _entitlement,
}
