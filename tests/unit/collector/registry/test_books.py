"""The books from files: every mistake told at once, a dry run that tells what the real one does, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hardcase_collector.domain import identity
from hardcase_collector.domain.asset import AssetFacts, AssetMode, IdentityBasis
from hardcase_collector.domain.customer import Custody, Customer
from hardcase_collector.domain.errors import NotAllowed, NotBound, NotFound, SheetError
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.priority import Importance
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.registry import csv_text, toml_text
from hardcase_collector.registry.changes import apply
from hardcase_collector.registry.keeper import Keeper, Outcome, export
from hardcase_collector.registry.written import Kind, World
from hardcase_collector.storage.state import SqlStateStore

from tests.contracts.state_store import NOON, a_case, an_agent, an_asset
from tests.fakes.empty_store import empty_store

WORLD = World(
    plans=("gold-7x24x4", "bronze"),
    calendars=("works",),
    country_trouble=lambda country, subdivision: "" if country in ("CN", "DE") else f"no country {country}",
)
CUSTOMERS = "name,title,language\nnorth,North AG,en\nsouth,南方,zh\n"
SITES = """customer,name,title,time_zone,country,calendar
north,ber1,Berlin,Europe/Berlin,DE,
south,bj,北京,Asia/Shanghai,CN,works
"""
ASSETS = """customer,vendor,serial,node,model,site,rack,unit,feeds,group,tags,importance,installed
north,Dell Inc.,7abc123,,R750,ber1,R07,12,pdu-b;pdu-a,web,shop;pci,high,2024-02-29
south,Inspur,21E9X4417,2,NF5280M6,bj,A1,3,,,,,
"""
CONTACTS = """customer,scope,subject,name,mail,phone,language,may_consent
north,customer,,Ada,ada@north.example,'+49 30 1,en,yes
north,asset,7ABC123,Bob,,,,no
south,site,bj,王芳,wang@south.example,,zh,
"""
ENTITLEMENTS = """asset,part,plan,vendor,starts,ends,price,currency,contract
dell|7ABC123,,gold-7x24x4,dell,2026-01-01,2028-12-31,1400.50,CNY,C-1
7abc123,psu@PSU 2,bronze,third,2026-01-01,2026-12-31,,,
21E9X4417,,bronze,inspur,2026-03-01,2027-02-28,0,CNY,
"""
ALL = {
    "customers.csv": CUSTOMERS,
    "sites.csv": SITES,
    "assets.csv": ASSETS,
    "contacts.csv": CONTACTS,
    "entitlements.csv": ENTITLEMENTS,
}
TOML = """
[[customer]]
name = "north"

[[site]]
customer = "north"
name = "ber1"
time_zone = "Europe/Berlin"
country = "DE"

[[asset]]
customer = "north"
vendor = "Dell"
serial = "7ABC123"
site = "ber1"
rack = "R07"
unit = 12
tags = ["shop"]
installed = 2024-02-29

[[contact]]
customer = "north"
scope = "group"
subject = "web"
name = "Ada"

[[entitlement]]
asset = "7ABC123"
plan = "bronze"
starts = 2026-01-01
ends = 2026-12-31
price = "10"
currency = "EUR"
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


def load(
    tx: Transaction,
    files: Mapping[str, str],
    *,
    customer: str | None = None,
    remove: bool = False,
    dry_run: bool = False,
) -> Outcome:
    return Keeper().run(tx, files, WORLD, customer=customer, remove=remove, dry_run=dry_run)


def loaded(tx: Transaction, files: Mapping[str, str] = ALL) -> None:
    outcome = load(tx, files)
    assert outcome.mistakes == ()


def turns(outcome: Outcome) -> list[str]:
    assert outcome.mistakes == ()
    return [f"{change.turn} {change.kind} {' '.join(change.key)}".strip() for change in outcome.changes]


def test_five_files_make_the_books(store: SqlStateStore) -> None:
    with store.write() as tx:
        loaded(tx)
        books = tx.registry
        asset = tx.assets.by_key("dell|7ABC123")
        assert asset is not None
        custody = books.custody(asset.id)
        assert custody is not None
        assert (custody.feeds, custody.tags) == (("pdu-a", "pdu-b"), ("pci", "shop"))
        assert (custody.importance, custody.installed) == (Importance.HIGH, date(2024, 2, 29))
        assert [(one.part, one.price) for one in books.entitlements(asset.id)] == [
            ("", Decimal("1400.50")),
            ("psu@2", None),
        ]
        phones = {one.name: one.phone for one in books.contacts(customer="north")}
        assert phones == {"Ada": "+49 30 1", "Bob": ""}
        assert {one.name: one.may_consent for one in books.contacts(customer=None)} == {
            "Ada": True,
            "Bob": False,
            "王芳": True,
        }
        site = books.site(customer="south", name="bj")
        assert site is not None
        assert (site.title, site.calendar, site.time_zone) == ("北京", "works", "Asia/Shanghai")
        assert tx.assets.by_key("inspur|21E9X4417|2") is not None


def test_a_dry_run_tells_what_the_real_one_does_and_changes_nothing(store: SqlStateStore) -> None:
    with store.read() as seen:
        told = turns(load(seen, ALL, dry_run=True))
    with store.read() as seen:
        assert not seen.registry.customers(customer=None)
    with store.write() as tx:
        assert turns(load(tx, ALL)) == told
    assert told[:2] == ["added customer north", "added customer south"]
    assert len(told) == 2 + 2 + 2 + 3 + 3


def test_the_same_files_again_change_nothing(store: SqlStateStore) -> None:
    with store.write() as tx:
        loaded(tx)
    with store.write() as tx:
        assert turns(load(tx, ALL)) == []


def test_what_is_exported_changes_nothing_when_it_is_imported(store: SqlStateStore) -> None:
    with store.write() as tx:
        loaded(tx)
        books = export(tx, customer=None)
        assert turns(load(tx, csv_text.texts_of(books), remove=True)) == []
        assert turns(load(tx, {"books.toml": toml_text.text_of(books)}, remove=True)) == []


def test_what_is_exported_makes_the_same_books_elsewhere(store: SqlStateStore, tmp_path: Path) -> None:
    with store.write() as tx:
        loaded(tx)
        books = export(tx, customer=None)
    for number, files in enumerate((csv_text.texts_of(books), {"books.toml": toml_text.text_of(books)})):
        other = empty_store(tmp_path / f"other{number}.db")
        with other.write() as tx:
            loaded(tx, files)
            assert export(tx, customer=None) == books
        other.close()


def test_every_mistake_is_told_with_file_line_and_key_and_nothing_is_kept(store: SqlStateStore) -> None:
    files = {
        "customers.csv": "name,titel\nnorth,North\n,Nobody\nnorth,Again\n",
        "sites.csv": "customer,name,time_zone,country,calendar\n"
        "north,a,Europe/Berlln,DE,\nnorth,b,UTC,XX,\neast,c,UTC,,none\nnorth,d,,DE,\n",
        "assets.csv": "customer,vendor,serial,site,rack,unit,importance,installed\n"
        'north,Dell,To be filled by O.E.M.,,,,,\nnorth,Dell,7ABC123,"nowhere",,200,great,29.02.2024\n'
        "north,Dell,8ABC123,,,3,,\n",
        "contacts.csv": "customer,scope,subject,name,mail\n"
        "north,site,,Ada,\nnorth,group,none,Bob,bob\nnorth,asset,GONE,Cid,\n",
        "entitlements.csv": "asset,part,plan,starts,ends,price,currency\n"
        "8ABC123,Disk 3,golden,2026-01-01,2025-01-01,-5,Yuan\n8ABC123,,bronze,2026-01-01,,5,\nGONE,,bronze,x,y,,\n",
        "odd.csv": "colour,shape\nred,round\n",
        "broken.toml": "[[asset]\n",
        "strange.toml": "[[server]]\nname = 1\n\n[[contact]]\ncustomer = 5\nname = 'x'\nscope = 'all'\n",
    }
    with store.write() as tx:
        outcome = load(tx, files)
        assert not tx.registry.customers(customer=None)
        assert not tx.assets.all(customer=None)
    told = "\n".join(outcome.mistakes)
    for wanted in (
        "customers.csv:1: titel: unknown column",
        "customers.csv:3: customer.name: is missing",
        "customers.csv:4: customer: is the same customer as in customers.csv, line 2",
        "sites.csv:2: site.time_zone: 'Europe/Berlln' is no time zone",
        "sites.csv:3: site.country: no country XX",
        "sites.csv:4: site.calendar: no sheet has a calendar 'none'; known: works",
        "sites.csv:4: site.customer: there is no customer 'east'",
        "sites.csv:5: site.time_zone: is missing",
        "assets.csv:2: asset.serial: 'To be filled by O.E.M.' is a placeholder",
        "assets.csv:3: asset.site: customer north has no site 'nowhere'",
        "assets.csv:3: asset.unit: must be a whole number from 0 to 100",
        "assets.csv:3: asset.importance: must be one of high, normal, low",
        "assets.csv:3: asset.installed: must be a date such as 2026-01-31",
        "assets.csv:4: asset.unit: is one of no rack",
        "contacts.csv:2: contact.subject: names the asset, group or site",
        "contacts.csv:3: contact.mail: is no mail address",
        "contacts.csv:3: contact.subject: no asset of customer north is in group 'none'",
        "contacts.csv:4: contact.subject: no asset is called 'GONE'",
        "entitlements.csv:2: entitlement.part: must be a component",
        "entitlements.csv:2: entitlement.plan: no sheet has a plan 'golden'; known: bronze, gold-7x24x4",
        "entitlements.csv:2: entitlement.ends: 2025-01-01 lies before its start",
        "entitlements.csv:2: entitlement.price: must be an amount",
        "entitlements.csv:2: entitlement.currency: must be three letters",
        "entitlements.csv:3: entitlement.ends: is missing",
        "entitlements.csv:4: entitlement.starts: must be a date",
        "entitlements.csv:4: entitlement.ends: must be a date",
        "odd.csv:1: : the header is of no kind",
        "broken.toml:1: : not TOML",
        "strange.toml:1: server: unknown",
        "strange.toml:5: contact.customer: must be a text",
        "strange.toml:7: contact.scope: must be one of",
    ):
        assert wanted in told, f"{wanted}\nnot in\n{told}"


def test_one_toml_file_holds_all_kinds_and_its_mistakes_have_their_lines(store: SqlStateStore) -> None:
    with store.write() as tx:
        outcome = load(tx, {"books.toml": TOML})
        assert outcome.mistakes == ("books.toml:24: contact.subject: no asset of customer north is in group 'web'",)
        assert turns(load(tx, {"books.toml": TOML.replace("tags =", "group = 'web'\ntags =")})) == [
            "added customer north",
            "added site north ber1",
            "added asset dell|7ABC123",
            "added contact north group web Ada",
            "added entitlement dell|7ABC123  bronze 2026-01-01",
        ]


def test_a_column_that_is_left_out_keeps_what_is_there_and_an_empty_cell_empties(store: SqlStateStore) -> None:
    with store.write() as tx:
        loaded(tx)
        outcome = load(tx, {"assets.csv": "asset,rack,tags,installed\ndell|7ABC123,R08,,\n"})
        (change,) = outcome.changes
        assert change.fields == {
            "rack": ("R07", "R08"),
            "tags": (("pci", "shop"), ()),
            "installed": (date(2024, 2, 29), None),
        }


def test_lines_that_no_file_has_go_only_when_asked_and_only_of_the_same_kind_and_customer(
    store: SqlStateStore,
) -> None:
    fewer = {"contacts.csv": "customer,scope,subject,name\nnorth,customer,,Ada\n"}
    with store.write() as tx:
        loaded(tx)
        assert turns(load(tx, fewer)) == []
        assert turns(load(tx, fewer, remove=True)) == ["removed contact north asset dell|7ABC123 Bob"]
        assert {one.name for one in tx.registry.contacts(customer=None)} == {"Ada", "王芳"}


def test_a_site_where_something_stands_is_not_taken_away(store: SqlStateStore) -> None:
    other = {"sites.csv": "customer,name,time_zone\nnorth,ber2,Europe/Berlin\n"}
    with store.write() as tx:
        loaded(tx)
        outcome = load(tx, other, remove=True)
        assert outcome.mistakes == (
            "books:0: asset dell|7ABC123: stands at site 'ber1', which customer north would not have",
        )


def test_an_asset_taken_out_of_the_books_goes_with_its_entitlements_or_not_at_all(store: SqlStateStore) -> None:
    another = "customer,vendor,serial\nnorth,Dell,5ABC123\n"
    with store.write() as tx:
        loaded(tx)
        assert any("is not in the books" in one for one in load(tx, {"assets.csv": another}, remove=True).mistakes)
        files = {
            "assets.csv": another,
            "entitlements.csv": "asset,plan,starts,ends\n5ABC123,bronze,2026-01-01,2026-12-31\n",
            "contacts.csv": "customer,scope,subject,name\nnorth,customer,,Ada\n",
        }
        assert turns(load(tx, files, remove=True)) == [
            "added asset dell|5ABC123",
            "added entitlement dell|5ABC123  bronze 2026-01-01",
            "removed entitlement dell|7ABC123 psu@2 bronze 2026-01-01",
            "removed entitlement dell|7ABC123  gold-7x24x4 2026-01-01",
            "removed contact north asset dell|7ABC123 Bob",
            "removed asset dell|7ABC123",
        ]
        assert tx.assets.by_key("dell|7ABC123") is None


def test_an_asset_that_was_seen_or_has_a_case_stays_when_it_leaves_the_books(store: SqlStateStore) -> None:
    only = "customer,vendor,serial\nnorth,Dell,5ABC123\n"
    with store.write() as tx:
        an_asset(tx)
        loaded(tx, {"customers.csv": CUSTOMERS, "assets.csv": only + "north,Dell,7ABC123\nnorth,Dell,6ABC123\n"})
        worked = tx.assets.by_key("dell|6ABC123")
        assert worked is not None
        tx.cases.add(a_case(worked))
        assert len(turns(load(tx, {"assets.csv": only}, remove=True))) == 2
        assert {one.key for one in tx.assets.all(customer="north")} == {"dell|5ABC123", "dell|6ABC123", "dell|7ABC123"}
        assert {one.asset for one in tx.registry.custodies(customer="north")} == {
            asset.id for asset in tx.assets.all(customer="north") if asset.key == "dell|5ABC123"
        }


def test_what_stands_for_assets_that_callers_could_not_name_is_in_no_file(store: SqlStateStore) -> None:
    with store.write() as tx:
        loaded(tx)
        stand_in = tx.assets.add(
            key="unknown|north|ber1",
            basis=IdentityBasis.UNKNOWN,
            facts=AssetFacts(kind="unknown"),
            customer="north",
            mode=AssetMode.LIVE,
            joined_ms=0,
            live_from_ms=0,
        )
        tx.registry.save_custody(Custody(asset=stand_in.id, site="ber1"))
        assert turns(load(tx, ALL)) == []
        assert "unknown" not in toml_text.text_of(export(tx, customer=None))


def test_within_one_customers_scope_nothing_of_another_is_taken_or_told(store: SqlStateStore) -> None:
    theirs = "customer,vendor,serial,node\nnorth,Inspur,21E9X4417,2\n"
    with store.write() as tx:
        loaded(tx)
        outcome = load(tx, {"sites.csv": "customer,name,time_zone\nsouth,x,UTC\n"}, customer="north")
        assert "sites.csv:2: site: is not of customer north" in outcome.mistakes
        outcome = load(
            tx,
            {"assets.csv": theirs},
            customer="north",
        )
        assert outcome.mistakes == ("assets.csv:2: asset.asset: inspur|21E9X4417|2 belongs to another customer",)
        outcome = load(
            tx, {"e.csv": "asset,plan,starts,ends\n21E9X4417,bronze,2026-01-01,2026-02-01\n"}, customer="north"
        )
        assert outcome.mistakes == (
            "e.csv:2: entitlement.asset: no asset is called '21E9X4417', neither here nor in the store",
        )
        books = export(tx, customer="north")
        text = toml_text.text_of(books) + "".join(csv_text.texts_of(books).values())
        assert "7ABC123" in text
        for word in ("south", "南方", "21E9X4417", "北京", "王芳", "inspur"):
            assert word not in text


def test_spreadsheets_of_other_countries_are_read(store: SqlStateStore) -> None:
    with store.write() as tx:
        semicolons = "\ufeffname;title;language\r\nnorth;North, AG;en\r\n"
        assert turns(load(tx, {"Kunden.csv": semicolons})) == ["added customer north"]
        assert tx.registry.customer("north") == Customer(name="north", title="North, AG")


def test_a_formula_never_reaches_a_spreadsheet(store: SqlStateStore) -> None:
    title = '=HYPERLINK("http://evil.example")'
    with store.write() as tx:
        tx.registry.save_customer(Customer(name="north", title=title))
        tx.registry.save_customer(Customer(name="south", title="'t Zand"))
        files = csv_text.texts_of(export(tx, customer=None))
        assert "'=HYPERLINK" in files["customers.csv"]
        assert ",=" not in files["customers.csv"]
        assert "'t Zand" in files["customers.csv"]
        assert turns(load(tx, files)) == []


class TestAnAssetInTheBooks:
    def binding(self, joining_ms: int = 1000) -> Binding:
        return Binding(identity.identify, JoiningPolicy(joining_ms=joining_ms))

    def test_is_bound_when_an_agent_sees_it_and_its_joining_begins_then(self, store: SqlStateStore) -> None:
        facts = AssetFacts(vendor="DELL", serial="7ABC123", hostname="web1", model="PowerEdge R750")
        with store.write() as tx:
            loaded(tx)
            agent = an_agent(tx)
            number = self.binding().asset_of(tx.assets, facts, agent=agent.number, customer="north", now_ms=NOON)
            asset = tx.assets.by_number(number)
            assert (asset.facts, asset.mode, asset.joined_ms) == (facts, AssetMode.JOINING, NOON)
            assert asset.live_from_ms == NOON + 1000
            assert tx.registry.entitlements(number)
            assert list(tx.assets.observers(number)) == [agent.number]
            again = self.binding().asset_of(tx.assets, facts, agent=agent.number, customer="north", now_ms=NOON + 9)
            assert (again, tx.assets.by_number(number).joined_ms) == (number, NOON)
            assert turns(load(tx, ALL)) == []

    def test_is_refused_to_an_agent_of_another_customer(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            loaded(tx)
            agent = an_agent(tx, customer="south")
            with pytest.raises(NotBound):
                self.binding().asset_of(
                    tx.assets,
                    AssetFacts(vendor="Dell", serial="7ABC123"),
                    agent=agent.number,
                    customer="south",
                    now_ms=NOON,
                )

    def test_that_was_seen_first_gets_its_place_and_keeps_what_its_hardware_says(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            seen = an_asset(tx)
            told = turns(load(tx, ALL))
            assert "added asset dell|7ABC123" in told
            asset = tx.assets.by_number(seen.id)
            assert (asset.facts, asset.joined_ms) == (seen.facts, NOON)
            assert tx.registry.custody(seen.id) is not None

    def test_moves_to_another_customer_with_its_agent(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx, customer="default")
            agent = an_agent(tx, customer="default")
            tx.assets.bind(asset.id, agent.number)
            loaded(tx)
            assert tx.assets.by_number(asset.id).customer == "north"
            assert tx.agents.by_number(agent.number).customer == "north"

    def test_does_not_move_without_what_its_agent_also_watches(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx, customer="default")
            for key in ("dell|7ABC123", "apc|UPS0815"):
                asset = an_asset(tx, key=key, customer="default")
                tx.assets.bind(asset.id, agent.number)
            tx.assets.update_facts(asset.id, AssetFacts(vendor="APC", serial="UPS0815"))
            outcome = load(tx, ALL)
            assert outcome.mistakes == (
                "assets.csv:2: asset.customer: agent web1 also watches apc|UPS0815: move all of them, or none",
            )
            assert tx.agents.by_number(agent.number).customer == "default"


def test_single_lines_are_added_and_changed_by_the_same_rules(store: SqlStateStore) -> None:
    keeper = Keeper()
    with store.write() as tx:
        apply(tx, keeper.put(tx, Kind.CUSTOMER, {"name": "north"}, WORLD, customer=None, fresh=True).changes)
        with pytest.raises(NotAllowed, match="already"):
            keeper.put(tx, Kind.CUSTOMER, {"name": "north"}, WORLD, customer=None, fresh=True)
        with pytest.raises(NotFound, match="add it first"):
            keeper.put(tx, Kind.CUSTOMER, {"name": "east"}, WORLD, customer=None, fresh=False)
        assert tx.registry.customer("east") is None
        with pytest.raises(SheetError, match="no time zone"):
            keeper.put(
                tx,
                Kind.SITE,
                {"customer": "north", "name": "x", "time_zone": "Mars"},
                WORLD,
                customer=None,
                fresh=None,
            )
        changed = keeper.put(
            tx, Kind.CUSTOMER, {"name": "north", "title": "North SE"}, WORLD, customer=None, fresh=False
        )
        assert changed.changes[0].fields == {"title": ("north", "North SE")}
        apply(tx, changed.changes)
        assert tx.registry.customer("north") == replace(Customer(name="north", title="North SE"))
