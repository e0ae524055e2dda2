"""SpareStore over SQL: depots, the catalogue of spares and what they fit, stock. Made by the transaction of `store.py`.

Part orders and parts of known serial are in `order_store.py`. Counts move by conditional updates: two reservations of
one part cannot both find it free.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, text, update

from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.spares import Bucket, Depot, Service, Spare, SpareFit, StockLevel, StockLine
from hardcase_collector.storage.state.models import (
    DepotRow,
    DepotServiceRow,
    SpareFitRow,
    SpareRow,
    SpareTwinRow,
    StockRow,
)
from hardcase_collector.storage.state.order_store import SqlOrders
from hardcase_collector.storage.state.upserts import insert_into, table_of, upsert

_DEPOTS = table_of(DepotRow)
_SERVICES = table_of(DepotServiceRow)
_SPARES = table_of(SpareRow)
_TWINS = table_of(SpareTwinRow)
_FITS = table_of(SpareFitRow)
_STOCK = table_of(StockRow)
# Word for word the condition of the partial index.
_LOW = text("level <> ''")


class SqlSpareStore(SqlOrders):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)

    def save_depot(self, depot: Depot) -> None:
        values = {
            "name": depot.name,
            "title": depot.title,
            "country": depot.country,
            "place": depot.place,
            "customer": depot.customer,
        }
        self._connection.execute(upsert(self._connection, _DEPOTS), values)

    def depot(self, name: str) -> Depot | None:
        row = self._connection.execute(select(_DEPOTS).where(_DEPOTS.c.name == name)).mappings().first()
        return None if row is None else _depot(row)

    def depots(self, *, customer: str | None) -> Sequence[Depot]:
        query = select(_DEPOTS).order_by(_DEPOTS.c.name)
        if customer is not None:
            query = query.where(_DEPOTS.c.customer == customer)
        return [_depot(row) for row in self._connection.execute(query).mappings()]

    def save_service(self, service: Service) -> None:
        values = {
            "depot": service.depot,
            "customer": service.customer,
            "site": service.site,
            "rank": service.rank,
            "travel_minutes": service.travel_minutes,
        }
        self._connection.execute(upsert(self._connection, _SERVICES), values)

    def drop_service(self, service: Service) -> None:
        gone = delete(_SERVICES).where(_SERVICES.c.depot == service.depot, _SERVICES.c.customer == service.customer)
        self._connection.execute(gone.where(_SERVICES.c.site == service.site))

    def services(self, *, customer: str | None) -> Sequence[Service]:
        query = select(_SERVICES).order_by(_SERVICES.c.depot, _SERVICES.c.rank, _SERVICES.c.customer, _SERVICES.c.site)
        if customer is not None:
            query = query.where(_SERVICES.c.customer == customer)
        return [_service(row) for row in self._connection.execute(query).mappings()]

    def serving(self, *, customer: str, site: str) -> Sequence[tuple[Depot, Service]]:
        query = (
            select(_SERVICES, _DEPOTS.c.title, _DEPOTS.c.country, _DEPOTS.c.place, _DEPOTS.c.customer.label("owner"))
            .join(_DEPOTS, _DEPOTS.c.name == _SERVICES.c.depot)
            .where(_SERVICES.c.customer == customer, _SERVICES.c.site.in_((site, "")))
            .where(_DEPOTS.c.customer.in_(("", customer)))
            .order_by(_SERVICES.c.rank, _SERVICES.c.travel_minutes, _SERVICES.c.depot, _SERVICES.c.site.desc())
        )
        found: dict[str, tuple[Depot, Service]] = {}
        for row in self._connection.execute(query).mappings():
            known = found.get(row["depot"])
            if known is None or (not known[1].site and row["site"]):
                place = {"name": row["depot"], "title": row["title"], "country": row["country"], "place": row["place"]}
                found[row["depot"]] = (Depot(**place, customer=row["owner"]), _service(row))
        return sorted(found.values(), key=lambda one: (one[1].rank, one[1].travel_minutes, one[1].depot))

    def save_spare(self, spare: Spare) -> None:
        values = {
            "part_number": spare.part_number,
            "component": spare.component,
            "title": spare.title,
            "vendor": spare.vendor,
            "warranty_days": spare.warranty_days,
            "return_days": spare.return_days,
        }
        self._connection.execute(upsert(self._connection, _SPARES), values)
        self._connection.execute(delete(_TWINS).where(_TWINS.c.part_number == spare.part_number))
        twins = [
            {"part_number": spare.part_number, "other": other, "place": place}
            for place, other in enumerate(dict.fromkeys(spare.interchangeable))
        ]
        if twins:
            self._connection.execute(insert(_TWINS), twins)

    def spare(self, part_number: str) -> Spare | None:
        row = self._connection.execute(select(_SPARES).where(_SPARES.c.part_number == part_number)).mappings().first()
        if row is None:
            return None
        query = select(_TWINS.c.other).where(_TWINS.c.part_number == part_number).order_by(_TWINS.c.place)
        return _spare(row, tuple(self._connection.execute(query).scalars()))

    def spares(self) -> Sequence[Spare]:
        twins: dict[str, list[str]] = {}
        for one in self._connection.execute(select(_TWINS).order_by(_TWINS.c.part_number, _TWINS.c.place)):
            twins.setdefault(one.part_number, []).append(one.other)
        rows = self._connection.execute(select(_SPARES).order_by(_SPARES.c.part_number)).mappings()
        return [_spare(row, tuple(twins.get(row["part_number"], ()))) for row in rows]

    def interchangeable(self, part_number: str) -> Sequence[str]:
        query = select(_TWINS).where(or_(_TWINS.c.part_number == part_number, _TWINS.c.other == part_number))
        # What the part's own line names goes first, in its order.
        rows = sorted(
            self._connection.execute(query),
            key=lambda one: (one.part_number != part_number, one.place, one.part_number),
        )
        return list(dict.fromkeys(one.other if one.part_number == part_number else one.part_number for one in rows))

    def save_fit(self, fit: SpareFit) -> None:
        added = insert_into(self._connection.dialect.name, _FITS).values(
            spare=fit.spare,
            component=fit.component,
            vendor=fit.vendor,
            asset_model=fit.asset_model,
            part_model=fit.part_model,
            part_number=fit.part_number,
        )
        self._connection.execute(added.on_conflict_do_nothing())

    def drop_fit(self, fit: SpareFit) -> None:
        told = {
            "spare": fit.spare,
            "component": fit.component,
            "vendor": fit.vendor,
            "asset_model": fit.asset_model,
            "part_model": fit.part_model,
            "part_number": fit.part_number,
        }
        self._connection.execute(delete(_FITS).filter_by(**told))

    def fits(self, *, component: str | None) -> Sequence[SpareFit]:
        query = select(_FITS).order_by(_FITS.c.id)
        if component is not None:
            query = query.where(_FITS.c.component == component)
        return [
            SpareFit(
                spare=row["spare"],
                component=row["component"],
                vendor=row["vendor"],
                asset_model=row["asset_model"],
                part_model=row["part_model"],
                part_number=row["part_number"],
            )
            for row in self._connection.execute(query).mappings()
        ]

    def stock(self, *, customer: str | None, depot: str = "", part_number: str = "") -> Sequence[StockLine]:
        query = select(_STOCK).order_by(_STOCK.c.depot, _STOCK.c.part_number)
        if customer is not None:
            query = query.join(_DEPOTS, _DEPOTS.c.name == _STOCK.c.depot).where(_DEPOTS.c.customer == customer)
        if depot:
            query = query.where(_STOCK.c.depot == depot)
        if part_number:
            query = query.where(_STOCK.c.part_number == part_number)
        return [_line(row) for row in self._connection.execute(query).mappings()]

    def stock_line(self, depot: str, part_number: str) -> StockLine | None:
        query = select(_STOCK).where(_STOCK.c.depot == depot, _STOCK.c.part_number == part_number)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _line(row)

    def low_stock(self, *, customer: str | None) -> Sequence[StockLine]:
        query = select(_STOCK).where(_LOW).order_by(_STOCK.c.depot, _STOCK.c.part_number)
        if customer is not None:
            query = query.join(_DEPOTS, _DEPOTS.c.name == _STOCK.c.depot).where(_DEPOTS.c.customer == customer)
        return [_line(row) for row in self._connection.execute(query).mappings()]

    def set_marks(self, depot: str, part_number: str, *, minimum: int, reorder_point: int) -> None:
        self._line_for(depot, part_number)
        self._change(depot, part_number, minimum=minimum, reorder_point=reorder_point)

    def set_level(self, depot: str, part_number: str, level: StockLevel) -> None:
        self._change(depot, part_number, level=str(level), told=_STOCK.c.told + 1)

    def receive(self, depot: str, part_number: str, *, count: int, serials: Sequence[str]) -> None:
        self._line_for(depot, part_number)
        self._change(depot, part_number, free=_STOCK.c.free + count, received=_STOCK.c.received + count)
        for serial in serials:
            if not self.add_unit(depot, part_number, serial):
                raise NotAllowed(
                    "serial {serial} of {part_number} is in the books already: look where it is",
                    serial=serial,
                    part_number=part_number,
                )

    def shift(self, depot: str, part_number: str, come_from: Bucket, go_to: Bucket) -> bool:
        source, target = _STOCK.c[str(come_from)], _STOCK.c[str(go_to)]
        moved = (
            update(_STOCK)
            .where(_STOCK.c.depot == depot, _STOCK.c.part_number == part_number, source >= 1)
            .values({source: source - 1, target: target + 1})
        )
        return self._connection.execute(moved).rowcount == 1

    def _line_for(self, depot: str, part_number: str) -> None:
        counts = {str(bucket): 0 for bucket in Bucket}
        added = insert_into(self._connection.dialect.name, _STOCK).values(
            depot=depot, part_number=part_number, received=0, minimum=0, reorder_point=0, level="", **counts
        )
        self._connection.execute(added.on_conflict_do_nothing())

    def _change(self, depot: str, part_number: str, **values: object) -> None:
        changed = update(_STOCK).where(_STOCK.c.depot == depot, _STOCK.c.part_number == part_number)
        self._connection.execute(changed.values(values))


def _depot(row: RowMapping) -> Depot:
    return Depot(
        name=row["name"], title=row["title"], country=row["country"], place=row["place"], customer=row["customer"]
    )


def _service(row: RowMapping) -> Service:
    return Service(
        depot=row["depot"],
        customer=row["customer"],
        site=row["site"],
        rank=row["rank"],
        travel_minutes=row["travel_minutes"],
    )


def _spare(row: RowMapping, twins: tuple[str, ...]) -> Spare:
    return Spare(
        part_number=row["part_number"],
        component=row["component"],
        title=row["title"],
        vendor=row["vendor"],
        interchangeable=twins,
        warranty_days=row["warranty_days"],
        return_days=row["return_days"],
    )


def _line(row: RowMapping) -> StockLine:
    return StockLine(
        depot=row["depot"],
        part_number=row["part_number"],
        free=row["free"],
        reserved=row["reserved"],
        in_transit=row["in_transit"],
        at_site=row["at_site"],
        installed=row["installed"],
        returned=row["returned"],
        lost=row["lost"],
        withdrawn=row["withdrawn"],
        received=row["received"],
        minimum=row["minimum"],
        reorder_point=row["reorder_point"],
        level=StockLevel(row["level"]),
        told=row["told"],
    )
