"""The site's data on spares from and to files: every mistake at once, the same again changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.customer import Customer, Site
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, SheetError
from hardcase_collector.parts.importing import Change, SpareSheets
from hardcase_collector.parts.sheet_text import MAX_TEXT
from hardcase_collector.rules.vocabulary import COMPONENTS

from tests.unit.collector.cases.bench import NOON
from tests.unit.collector.parts.bench import LI, NEAR, NUMBER, WEI, Storehouse

FILES = {
    "depots.csv": "depot,title,country,place,customer\nsz,深圳备件库,CN,Shenzhen,\nown,,CN,,north\n",
    "services.csv": "depot,customer,site,rank,travel_minutes\nsz,north,s1,1,30\nsz,north,,2,90\n",
    "spares.csv": "part_number,component,title,vendor,interchangeable,warranty_days,return_days\n"
    "P1,disk,4 TB SAS,Dell,P2;P3,365,10\nP2,disk,,,,,\n'=P9,fan,,,,,\n",
    "fits.csv": "spare,component,vendor,asset_model,part_model,part_number\nP1,disk,Dell,PowerEdge R7*,ST4000*,\n",
    "stock.csv": "depot,part_number,free,minimum,reorder_point,serials\nsz,P1,3,1,2,S1;S2\n",
}
TOML = """
[[depot]]
depot = "sz"
country = "CN"

[[spare]]
part_number = "P1"
component = "disk"
interchangeable = ["P2"]

[[service]]
depot = "sz"
customer = "north"
travel_minutes = 30

[[stock]]
depot = "sz"
part_number = "P1"
free = 2
"""


@pytest.fixture
def sheets(house: Storehouse) -> SpareSheets:
    with house.bench.store.write() as tx:
        tx.registry.save_customer(Customer(name="north", title="North"))
        tx.registry.save_site(Site(customer="north", name="s1", title="", time_zone="UTC", country="CN"))
    return SpareSheets(house.stock, COMPONENTS)


def load(house: Storehouse, sheets: SpareSheets, files: Mapping[str, str], by: Actor = LI) -> tuple[Change, ...]:
    with house.bench.store.write() as tx:
        changes = sheets.plan(tx, files, by=by)
        sheets.apply(tx, changes, by=by, now_ms=NOON)
    return changes


def mistakes(house: Storehouse, sheets: SpareSheets, **files: str) -> list[str]:
    named = {name.replace("_", "."): text for name, text in files.items()}
    with house.bench.store.read() as tx, pytest.raises(SheetError) as raised:
        sheets.plan(tx, named, by=LI)
    return list(raised.value.mistakes)


def test_files_of_all_kinds_are_taken_in_whatever_order(house: Storehouse, sheets: SpareSheets) -> None:
    changes = load(house, sheets, dict(reversed(FILES.items())))
    assert [str(one.kind) for one in changes] == [
        "depot", "depot", "service", "service", "spare", "spare", "spare", "fit", "stock",
    ]  # fmt: skip
    with house.bench.store.read() as tx:
        spare = tx.spares.spare("P1")
        assert spare is not None
        assert (spare.title, spare.interchangeable, spare.warranty_days) == ("4 TB SAS", ("P2", "P3"), 365)
        assert tx.spares.spare("=P9") is not None
        line = tx.spares.stock_line("sz", "P1")
        assert line is not None
        assert (line.free, line.minimum, line.reorder_point) == (3, 1, 2)
        assert [unit.serial for unit in tx.spares.units(customer=None)] == ["S1", "S2"]
        depots = [depot.name for depot, _ in tx.spares.serving(customer="north", site="s1")]
        assert depots[0] == "sz"
    assert house.audits("spares.imported") == [{"depot": 2, "service": 2, "spare": 3, "fit": 1, "stock": 1}]


def test_the_same_files_again_change_nothing(house: Storehouse, sheets: SpareSheets) -> None:
    load(house, sheets, FILES)
    assert load(house, sheets, FILES) == ()


@pytest.mark.parametrize("form", ["csv", "toml"])
def test_what_is_exported_changes_nothing_when_it_comes_back(house: Storehouse, sheets: SpareSheets, form: str) -> None:
    load(house, sheets, FILES)
    with house.bench.store.read() as tx:
        files = sheets.export(tx, by=LI, form=form)
    assert load(house, sheets, files) == ()
    assert set(files) == ({"spares.toml"} if form == "toml" else set(FILES))


def test_a_scoped_export_has_only_his_own_depots_and_stock(house: Storehouse, sheets: SpareSheets) -> None:
    load(house, sheets, FILES)
    own = Actor(name="own", role=Role.MANAGER, customer="north")
    with house.bench.store.read() as tx:
        text = sheets.export(tx, by=own, form="toml")["spares.toml"]
    assert 'depot = "own"' in text
    assert "深圳备件库" not in text
    assert "[[stock]]" not in text


def test_toml_says_the_same(house: Storehouse, sheets: SpareSheets) -> None:
    load(house, sheets, {"mine.toml": TOML})
    with house.bench.store.read() as tx:
        line = tx.spares.stock_line("sz", "P1")
    assert line is not None
    assert line.free == 2


def test_a_row_says_what_it_says_and_leaves_the_rest(house: Storehouse, sheets: SpareSheets) -> None:
    load(house, sheets, FILES)
    load(house, sheets, {"spares.csv": "part_number,title\nP1,new title\n"})
    with house.bench.store.read() as tx:
        spare = tx.spares.spare("P1")
    assert spare is not None
    assert (spare.title, spare.component, spare.warranty_days) == ("new title", "disk", 365)


def test_a_row_may_be_dropped(house: Storehouse, sheets: SpareSheets) -> None:
    load(house, sheets, FILES)
    changes = load(
        house,
        sheets,
        {
            "fits.csv": "spare,component,vendor,asset_model,part_model,drop\nP1,disk,Dell,PowerEdge R7*,ST4000*,true\n",
            "services.csv": "depot,customer,site,travel_minutes,drop\nsz,north,s1,30,yes\n",
        },
    )
    assert [(one.turn, str(one.kind)) for one in changes] == [("dropped", "service"), ("dropped", "fit")]
    with house.bench.store.read() as tx:
        assert [fit.spare for fit in tx.spares.fits(component="disk")] == [NUMBER]


def test_a_file_of_another_name_is_known_by_its_header(house: Storehouse, sheets: SpareSheets) -> None:
    changes = load(house, sheets, {"list.csv": "part_number;component\nP7;psu\n"})
    assert [one.key for one in changes] == [("P7",)]


def test_every_mistake_of_every_file_is_told_with_its_line(house: Storehouse, sheets: SpareSheets) -> None:
    told = mistakes(
        house,
        sheets,
        depots_csv="depot,country,customer\nsz,china,\nxx,CN,nobody\nsz,CN,\n",
        services_csv="depot,customer,site,travel_minutes\nnope,north,s9,30\nsz,north,,\nsz,west,,5\n",
        spares_csv="part_number,component,interchangeable,warranty_days\nP1,diks,,\n,disk,,\nP2,,,\nP3,disk,P3,soon\n",
        fits_csv="spare,component,vendor\nP9,disk,Dell\nP3,disk,\n",
        stock_csv="depot,part_number,free,serials\nsz,P3,1,A;B\nsz,P8,1,\nyy,P3,-1,\n",
    )
    for wanted in (
        "depots.csv:2: depot.country: ",
        "depots.csv:3: depot.customer: there is no customer 'nobody'",
        "depots.csv:4: depot: says again what depots.csv:2 says",
        "services.csv:2: service.depot: there is no depot 'nope'",
        "services.csv:2: service.site: north has no site 's9'",
        "services.csv:3: service.travel_minutes: is missing",
        "services.csv:4: service.customer: there is no customer 'west'",
        "spares.csv:2: spare.component: 'diks' is no component",
        "spares.csv:3: spare.part_number: is missing",
        "spares.csv:4: spare.component: is missing",
        "spares.csv:5: spare.interchangeable: ",
        "spares.csv:5: spare.warranty_days: ",
        "fits.csv:2: fit.spare: there is no spare 'P9'",
        "fits.csv:3: fit: says for no vendor, model or part number that it fits",
        "stock.csv:2: stock.serials: 2 serials are free, and only 1 parts",
        "stock.csv:3: stock.part_number: there is no spare 'P8'",
        "stock.csv:4: stock.depot: there is no depot 'yy'",
        "stock.csv:4: stock.free: ",
    ):
        assert [line for line in told if line.startswith(wanted)], (wanted, told)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "colour,size\nred,5\n", "the header is of no kind"),
        ("spares.csv", "part_number,component,colour\nP1,disk,red\n", "spares.csv:1: colour: "),
        ("spares.csv", "part_number,component\nP1\n", "has 1 cells, the header 2"),
        ("spares.csv", 'part_number,component\n"P1,disk\n', "not CSV"),
        ("a.toml", "[[spare]\n", "not TOML"),
        ("a.toml", "[[colour]]\n", "unknown; there are [[depot]]"),
        ("a.toml", "spare = 5\n", "must be an array of tables"),
        ("a.toml", '[[spare]]\npart_number = "P1"\ncomponent = "disk"\ncolour = "red"\n', "a.toml:4: spare.colour: "),
    ],
)
def test_what_is_no_such_file_is_said(house: Storehouse, sheets: SpareSheets, name: str, text: str, said: str) -> None:
    with house.bench.store.read() as tx, pytest.raises(SheetError) as raised:
        sheets.plan(tx, {name: text}, by=LI)
    assert any(said in line for line in raised.value.mistakes), raised.value.mistakes


def test_counted_parts_serve_who_waits(house: Storehouse, sheets: SpareSheets) -> None:
    order = house.request(house.case())
    load(house, sheets, {"stock.csv": f"depot,part_number,free\n{NEAR},{NUMBER},2\n"})
    assert house.order(order).state == "reserved"
    assert house.line().free == 1


def test_who_may_not_or_sees_one_customer_alone_is_refused(house: Storehouse, sheets: SpareSheets) -> None:
    with pytest.raises(NotAllowed):
        load(house, sheets, FILES, by=WEI)
    with pytest.raises(NotAllowed, match="of all customers"):
        load(house, sheets, FILES, by=Actor(name="own", role=Role.MANAGER, customer="north"))


def test_more_text_than_anybody_has_is_refused(house: Storehouse, sheets: SpareSheets) -> None:
    with pytest.raises(IllegalAction, match="give fewer files"):
        load(house, sheets, {"spares.csv": "x" * (MAX_TEXT + 1)})
