"""The law of the books' files: whatever the books hold, what is exported changes nothing when it is imported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.customer import Contact, ContactScope, Custody, Customer, Entitlement, Site
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.priority import Importance
from hardcase_collector.registry import csv_text, toml_text
from hardcase_collector.registry.keeper import Keeper, export
from hardcase_collector.registry.reading import read_rows
from hardcase_collector.registry.written import Booked, Books, Entitled, Kind, World
from hardcase_collector.sheets.table import Mistakes, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.fakes.empty_store import empty_store

PLANS = ("gold-7x24x4", "bronze", "parts_only")
# What people type, and what spreadsheets and TOML could trip over.
TEXT = some.text(alphabet="aZ9é南 '\"=+-@,;|\\#[]\t\u2028\x7f\x01", max_size=12)
NAME = TEXT.map(lambda said: "".join(one for one in said if one.isprintable()).strip()).filter(bool)
WORD = NAME.map(lambda said: said.replace(";", "").strip()).filter(bool)
LINE = TEXT.map(lambda said: "".join(one for one in said if one.isprintable()).strip())
DAY = some.dates(min_value=date(2000, 1, 1), max_value=date(2060, 1, 1))
PART = some.sampled_from(["", "disk", "psu@2", "memory@P1 A1", "disk:ST4000|ZC1", 'cpu:Xeon "6"; x|A,1'])
MONEY = some.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False)


@some.composite
def all_books(draw: some.DrawFn) -> Books:
    books = Books()
    names = draw(some.lists(NAME, min_size=1, max_size=3, unique=True))
    for name in names:
        books.put(Customer(name=name, title=draw(LINE), language=draw(some.sampled_from(["en", "zh"]))))
    sites = draw(some.lists(some.tuples(some.sampled_from(names), NAME), max_size=3, unique=True))
    for customer, name in sites:
        address = "\n".join(draw(some.lists(LINE, max_size=2))).strip()
        books.put(Site(customer=customer, name=name, title=draw(LINE), time_zone="UTC", country="", address=address))
    for number in range(draw(some.integers(0, 3))):
        _put_asset(draw, books, draw(some.sampled_from(names)), number)
    for customer in names:
        for name in draw(some.lists(NAME, max_size=2, unique=True)):
            scopes = [(ContactScope.CUSTOMER, "")] + [(ContactScope.SITE, one) for own, one in sites if own == customer]
            scopes += [(ContactScope.ASSET, one.key) for one in books.assets() if one.customer == customer]
            scope, subject = draw(some.sampled_from(scopes))
            contact = Contact(id=0, customer=customer, scope=scope, subject=subject, name=name, phone=draw(LINE))
            books.put(replace(contact, may_consent=draw(some.booleans())))
    return books


def _put_asset(draw: some.DrawFn, books: Books, customer: str, number: int) -> None:
    facts = AssetFacts(vendor=draw(some.sampled_from(["Dell Inc.", "IEIT", "Odd & Co"])), serial=f"SN{number}X77")
    facts = replace(facts, node=draw(some.sampled_from(["", "2"])), model=draw(LINE))
    homes = [key[1] for key in books.lines[Kind.SITE] if key[0] == customer]
    custody = Custody(
        asset=0,
        site=draw(some.sampled_from(["", *homes])),
        rack=draw(NAME),
        unit=draw(some.integers(0, 60)),
        feeds=tuple(sorted(draw(some.sets(WORD, max_size=2)))),
        group=draw(LINE),
        tags=tuple(sorted(draw(some.sets(WORD, max_size=3)))),
        importance=draw(some.sampled_from(list(Importance))),
        installed=draw(some.none() | DAY),
    )
    key = identify(facts)[0]
    books.put(Booked(key=key, customer=customer, facts=facts, custody=custody))
    for starts in draw(some.lists(DAY, max_size=3, unique=True)):
        price = draw(some.none() | MONEY)
        books.put(
            Entitled(
                key=key,
                entitlement=Entitlement(
                    id=0,
                    asset=0,
                    part=draw(PART),
                    plan=draw(some.sampled_from(PLANS)),
                    vendor=draw(LINE),
                    starts=starts,
                    ends=date(2061, 1, 1),
                    price=price,
                    currency="" if price is None else "CNY",
                    contract=draw(LINE),
                ),
            )
        )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


class Undone(Exception):
    """Ends a transaction so that nothing of it is kept."""


@given(books=all_books())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_export_then_import_changes_nothing(books: Books, stores: Path) -> None:
    store = empty_store(stores / "state.db")
    world = World(plans=PLANS)
    keeper = Keeper()
    try:
        with store.write() as tx:
            first = keeper.run(tx, csv_text.texts_of(books), world, customer=None, remove=False, dry_run=False)
            assert first.mistakes == ()
            stored = export(tx, customer=None)
            assert stored == books
            for files in (csv_text.texts_of(stored), {"books.toml": toml_text.text_of(stored)}):
                for remove in (False, True):
                    again = keeper.run(tx, files, world, customer=None, remove=remove, dry_run=False)
                    assert (again.mistakes, again.changes) == ((), ())
            raise Undone
    except Undone:
        pass
    finally:
        store.close()


@given(said=some.text(alphabet="aZ'=+-@\" ,;\n", max_size=8).map(str.strip))
def test_a_cell_comes_back_as_it_was_and_is_no_formula(said: str) -> None:
    books = Books()
    books.put(Customer(name="x", title=said))
    text = csv_text.texts_of(books)["customers.csv"]
    ((_, table),) = csv_text.tables_of("customers.csv", text, Mistakes())
    assert table.values["title"] == said
    assert said[:1] not in tuple("=+-@") or said == "-" or ",'" in text or ",\"'" in text


@given(price=MONEY)
def test_prices_keep_their_value_in_both_forms(price: Decimal) -> None:
    mistakes = Mistakes()
    values = {"asset": "a", "plan": "p", "starts": "2026-01-01", "price": f"{price:f}"}
    for given_price in (f"{price:f}", *([int(price)] if price == int(price) else [])):
        table = Table("x", ("entitlement",), {**values, "price": given_price}, {}, mistakes)
        (row,) = read_rows([(Kind.ENTITLEMENT, table)])
        assert row.values["price"] == price
    assert not mistakes.found
