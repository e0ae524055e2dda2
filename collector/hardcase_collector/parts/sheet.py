"""The site's own data on spares as files have it: five kinds of rows. What fits what is shipped nowhere.

Read and written as CSV and TOML by `sheet_text.py`, applied by `importing.py`. A row says what it says; what it leaves
out stays as it is in the books.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Depot, Service, Spare, SpareFit
from hardcase_collector.registry import cells
from hardcase_collector.sheets.table import Table

MAX_COUNT = 100_000
MAX_RANK = 99
MAX_TRAVEL_MINUTES = 30 * 24 * 60
MAX_DAYS = 3650
_WIDEST_PATTERN = 120


class Kind(StrEnum):
    """In the order in which rows are applied: later kinds name rows of earlier ones."""

    DEPOT = "depot"
    SERVICE = "service"
    SPARE = "spare"
    FIT = "fit"
    STOCK = "stock"


COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.DEPOT: ("depot", "title", "country", "place", "customer"),
    Kind.SERVICE: ("depot", "customer", "site", "rank", "travel_minutes", "drop"),
    Kind.SPARE: ("part_number", "component", "title", "vendor", "interchangeable", "warranty_days", "return_days"),
    Kind.FIT: ("spare", "component", "vendor", "asset_model", "part_model", "part_number", "drop"),
    Kind.STOCK: ("depot", "part_number", "free", "minimum", "reorder_point", "serials"),
}
"""The header of each kind's CSV file, and the keys of its TOML tables."""
FILES: Mapping[Kind, str] = {
    Kind.DEPOT: "depots",
    Kind.SERVICE: "services",
    Kind.SPARE: "spares",
    Kind.FIT: "fits",
    Kind.STOCK: "stock",
}
"""Stem of each kind's CSV file."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What lies in a depot free for use, as somebody counted it, and its marks."""

    depot: str
    part_number: str
    free: int = 0
    minimum: int = 0
    reorder_point: int = 0
    serials: tuple[str, ...] = ()
    """Of the free ones, as far as they are known."""


Line = Depot | Service | Spare | SpareFit | Counted


@dataclass(slots=True)
class SpareBooks:
    """All lines of all kinds, by natural key."""

    lines: dict[Kind, dict[Key, Line]] = field(default_factory=lambda: {kind: {} for kind in Kind})

    def put(self, line: Line) -> None:
        kind, key = place_of(line)
        self.lines[kind][key] = line

    def has(self, kind: Kind, *key: str) -> bool:
        return key in self.lines[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the rows may name and are not themselves."""

    components: Collection[str]
    sites: Collection[tuple[str, str]]
    """(customer, site)."""
    customers: Collection[str]


def place_of(line: Line) -> tuple[Kind, Key]:
    match line:
        case Depot():
            return Kind.DEPOT, (line.name,)
        case Service():
            return Kind.SERVICE, (line.depot, line.customer, line.site)
        case Spare():
            return Kind.SPARE, (line.part_number,)
        case SpareFit():
            key = (line.spare, line.component, line.vendor, line.asset_model, line.part_model, line.part_number)
            return Kind.FIT, key
        case Counted():
            return Kind.STOCK, (line.depot, line.part_number)


def stored(tx: Transaction, *, customer: str | None) -> SpareBooks:
    """What the store has."""
    books = SpareBooks()
    for depot in tx.spares.depots(customer=customer):
        books.put(depot)
    for service in tx.spares.services(customer=customer):
        books.put(service)
    for spare in tx.spares.spares():
        books.put(replace(spare, interchangeable=tuple(sorted(spare.interchangeable))))
    for fit in tx.spares.fits(component=None):
        books.put(fit)
    serials: dict[Key, list[str]] = {}
    for unit in tx.spares.units(customer=customer):
        if unit.order is None:
            serials.setdefault((unit.depot, unit.part_number), []).append(unit.serial)
    for line in tx.spares.stock(customer=customer):
        books.put(
            Counted(
                depot=line.depot,
                part_number=line.part_number,
                free=line.free,
                minimum=line.minimum,
                reorder_point=line.reorder_point,
                serials=tuple(sorted(serials.get((line.depot, line.part_number), ()))),
            )
        )
    return books


def line_of(kind: Kind, table: Table, books: SpareBooks, world: World) -> tuple[Line, bool] | None:
    """The line of a row, and whether it is to be dropped. None where it cannot be told which line it is."""
    made = _MAKERS[kind](table, books, world)
    dropped = bool(cells.flag(table, "drop")) if "drop" in COLUMNS[kind] else False
    table.done()
    return None if made is None else (made, dropped)


def _depot(table: Table, books: SpareBooks, world: World) -> Depot | None:
    name = cells.name(table, "depot")
    was = books.lines[Kind.DEPOT].get((name or "",))
    known = was if isinstance(was, Depot) else Depot(name=name or "")
    country = cells.text(table, "country", most=2)
    customer = cells.text(table, "customer")
    if country and not (len(country) == 2 and country.isascii() and country.isupper()):
        table.wrong("country", "must be two capital letters of ISO 3166-1, as CN")
    if customer and customer not in world.customers:
        table.wrong("customer", f"there is no customer {customer!r} in the books")
    made = replace(
        known,
        title=_or(cells.text(table, "title"), known.title),
        country=_or(country, known.country),
        place=_or(cells.text(table, "place"), known.place),
        customer=_or(customer, known.customer),
    )
    return made if name else None


def _service(table: Table, books: SpareBooks, world: World) -> Service | None:
    depot, customer = cells.name(table, "depot"), cells.name(table, "customer")
    site = cells.text(table, "site") or ""
    key = (depot or "", customer or "", site)
    was = books.lines[Kind.SERVICE].get(key)
    rank, travel = _number(table, "rank", MAX_RANK), _number(table, "travel_minutes", MAX_TRAVEL_MINUTES)
    known = was if isinstance(was, Service) else None
    if known is None and travel is None:
        table.wrong("travel_minutes", "is missing: minutes from the depot to the site")
    if depot and not books.has(Kind.DEPOT, depot):
        table.wrong("depot", f"there is no depot {depot!r}")
    if customer and customer not in world.customers:
        table.wrong("customer", f"there is no customer {customer!r} in the books")
    elif site and (customer or "", site) not in world.sites:
        table.wrong("site", f"{customer} has no site {site!r} in the books")
    if not depot or not customer:
        return None
    return Service(
        depot=depot,
        customer=customer,
        site=site,
        rank=rank if rank is not None else (known.rank if known else 1),
        travel_minutes=travel if travel is not None else (known.travel_minutes if known else 0),
    )


def _spare(table: Table, books: SpareBooks, world: World) -> Spare | None:
    number = cells.name(table, "part_number")
    was = books.lines[Kind.SPARE].get((number or "",))
    known = was if isinstance(was, Spare) else Spare(part_number=number or "", component="")
    component = _component(table, world, required=not known.component)
    others = cells.words(table, "interchangeable")
    if others and number in others:
        table.wrong("interchangeable", "a part need not be told to do in its own place")
    warranty, back = _number(table, "warranty_days", MAX_DAYS), _number(table, "return_days", MAX_DAYS)
    made = replace(
        known,
        component=component or known.component,
        title=_or(cells.text(table, "title"), known.title),
        vendor=_or(cells.text(table, "vendor"), known.vendor),
        interchangeable=known.interchangeable if others is None else others,
        warranty_days=known.warranty_days if warranty is None else warranty,
        return_days=known.return_days if back is None else back,
    )
    return made if number else None


def _fit(table: Table, books: SpareBooks, world: World) -> SpareFit | None:
    spare = cells.name(table, "spare")
    component = _component(table, world, required=True)
    if spare and not books.has(Kind.SPARE, spare):
        table.wrong("spare", f"there is no spare {spare!r} in the catalogue")
    told = {
        name: cells.text(table, name, most=_WIDEST_PATTERN) or ""
        for name in ("vendor", "asset_model", "part_model", "part_number")
    }
    if not any(told.values()):
        table.wrong("", "says for no vendor, model or part number that it fits: it would fit everything")
    if not spare or not component:
        return None
    return SpareFit(spare=spare, component=component, **told)


def _counted(table: Table, books: SpareBooks, world: World) -> Counted | None:
    depot, number = cells.name(table, "depot"), cells.name(table, "part_number")
    was = books.lines[Kind.STOCK].get((depot or "", number or ""))
    known = was if isinstance(was, Counted) else Counted(depot=depot or "", part_number=number or "")
    if depot and not books.has(Kind.DEPOT, depot):
        table.wrong("depot", f"there is no depot {depot!r}")
    if number and not books.has(Kind.SPARE, number):
        table.wrong("part_number", f"there is no spare {number!r} in the catalogue")
    free, minimum = _number(table, "free", MAX_COUNT), _number(table, "minimum", MAX_COUNT)
    reorder, serials = _number(table, "reorder_point", MAX_COUNT), cells.words(table, "serials")
    made = replace(
        known,
        free=known.free if free is None else free,
        minimum=known.minimum if minimum is None else minimum,
        reorder_point=known.reorder_point if reorder is None else reorder,
        serials=known.serials if serials is None else serials,
    )
    if len(made.serials) > made.free:
        table.wrong("serials", f"{len(made.serials)} serials are free, and only {made.free} parts")
    return made if depot and number else None


_MAKERS = {
    Kind.DEPOT: _depot,
    Kind.SERVICE: _service,
    Kind.SPARE: _spare,
    Kind.FIT: _fit,
    Kind.STOCK: _counted,
}


def _or(told: str | None, known: str) -> str:
    return known if told is None else told


def _number(table: Table, key: str, high: int) -> int | None:
    """None where the row leaves it out, or leaves the cell empty."""
    if table.values.get(key) == "":
        table.take(key)
        return None
    return cells.number(table, key, high=high)


def _component(table: Table, world: World, *, required: bool) -> str:
    said = cells.text(table, "component") or ""
    if said and said not in world.components:
        table.wrong("component", f"{said!r} is no component; there are {', '.join(sorted(world.components))}")
        return ""
    if required and not said:
        table.wrong("component", "is missing")
    return said
