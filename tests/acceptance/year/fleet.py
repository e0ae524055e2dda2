"""Who and what the year is about: customers, sites, 200 machines with their plans, engineers, depots and spares."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.service_terms import Team
from hardcase_collector.domain.spares import Depot, Service, Spare, SpareFit
from hardcase_collector.domain.visit import Engineer
from hardcase_collector.parts.stock import Stock
from hardcase_collector.registry.keeper import Keeper
from hardcase_collector.registry.written import World

from tests.acceptance.year.people import MANAGER

BEGINS = date(2026, 7, 1)
VENDORS = {
    "Dell": "PowerEdge R740", "HPE": "ProLiant DL380 Gen10", "Inspur": "NF5280M5", "Lenovo": "SR650",
    "Huawei": "2288H V5", "Supermicro": "SYS-6029",
}  # fmt: skip
SITES = (
    ("han", "beijing", "Asia/Shanghai", "CN"),
    ("han", "chengdu", "Asia/Shanghai", "CN"),
    ("nord", "berlin", "Europe/Berlin", "DE"),
)
PLANS = ("standard-1y", "standard-3y", "gold-7x24x4", "gold-repair", "silver")
SPARES = {"disk": "SP-DISK", "psu": "SP-PSU", "fan": "SP-FAN", "memory": "SP-DIMM"}
COVERED = 190
"""Of the 200; the rest is in the books of nobody."""


@dataclass(frozen=True, slots=True)
class Machine:
    key: str
    vendor: str
    serial: str
    customer: str
    site: str
    rack: str

    def part(self, component: str, slot: str, generation: int = 0) -> Part:
        serial = "" if component == "fan" else f"{self.serial}-{component}{slot}-{generation}"
        return Part(component=component, slot=slot, model=f"{component.upper()}-1", serial=serial)


def machines(count: int = 200) -> list[Machine]:
    found = []
    for at in range(count):
        vendor = tuple(VENDORS)[at % len(VENDORS)]
        customer, site, _, _ = SITES[at % len(SITES)]
        serial = f"SN{at:05d}"
        found.append(Machine(f"{vendor.lower()}|{serial}", vendor, serial, customer, site, f"R{at // 36:02d}"))
    return found


def books(fleet: list[Machine], rng: random.Random) -> str:
    """The books as a site would write them."""
    lines = [
        '[[customer]]\nname = "han"\ntitle = "汉云"\nlanguage = "zh"\n',
        '[[customer]]\nname = "nord"\ntitle = "Nord AG"\n',
    ]
    for customer, site, zone, country in SITES:
        lines.append(
            f'[[site]]\ncustomer = "{customer}"\nname = "{site}"\ntitle = "{site}"\n'
            f'time_zone = "{zone}"\ncountry = "{country}"\n'
        )
        lines.append(
            f'[[contact]]\ncustomer = "{customer}"\nscope = "site"\nsubject = "{site}"\nname = "ops {site}"\n'
            f'mail = "ops@{site}.example"\n'
        )
    for at, one in enumerate(fleet[:COVERED]):
        lines.append(
            f'[[asset]]\nasset = "{one.key}"\ncustomer = "{one.customer}"\nvendor = "{one.vendor}"\n'
            f'model = "{VENDORS[one.vendor]}"\nserial = "{one.serial}"\nsite = "{one.site}"\nrack = "{one.rack}"\n'
            f"unit = {1 + at % 12 * 2}\n"
            f'importance = "{rng.choice(("high", "normal", "normal", "low"))}"\ninstalled = 2025-01-15\n'
        )
        lines.append(
            f'[[entitlement]]\nasset = "{one.key}"\nplan = "{PLANS[at % len(PLANS)]}"\nvendor = "{one.vendor}"\n'
            f'starts = 2026-01-01\nends = {2027 if at % 7 else 2026}-12-31\ncontract = "C-{at:04d}"\n'
        )
    return "\n".join(lines)


def found(tx: Transaction, fleet: list[Machine], world: World, stock: Stock, rng: random.Random, now_ms: int) -> None:
    """Books, duty, engineers, depots, stock: everything a desk has on its first day."""
    outcome = Keeper().run(tx, {"books.toml": books(fleet, rng)}, world, customer=None, remove=False, dry_run=False)
    assert not outcome.mistakes, outcome.mistakes[:5]
    tx.clocks.save_team(
        Team(name="china", title="中国", zone="Asia/Shanghai", people=("li", "wang", "chen"), manager="gao",
             country="CN", customers=("han",), unacknowledged_s=1800)
    )  # fmt: skip
    tx.clocks.save_team(
        Team(name="europe", title="Europe", zone="Europe/Berlin", people=("anna", "max"), manager="gao", country="DE",
             default=True)
    )  # fmt: skip
    for name, home in (("li", "han/beijing"), ("wang", "han/chengdu"), ("anna", "nord/berlin"), ("max", "nord/berlin")):
        tx.repairs.add_engineer(Engineer(name=name, title=name.title(), home=home, sites=(home,)))
    for customer, site, _, country in SITES:
        tx.spares.save_depot(Depot(name=f"depot-{site}", title=site, country=country))
        tx.spares.save_service(Service(depot=f"depot-{site}", customer=customer, site=site, rank=1, travel_minutes=40))
    # Machines that are in no books stand nowhere that is known.
    tx.spares.save_service(Service(depot="depot-beijing", customer="han", site="", rank=9, travel_minutes=900))
    tx.spares.save_service(Service(depot="depot-berlin", customer="nord", site="", rank=9, travel_minutes=900))
    # The second Chinese depot helps out the first.
    tx.spares.save_service(Service(depot="depot-chengdu", customer="han", site="beijing", rank=2, travel_minutes=600))
    for component, number in SPARES.items():
        tx.spares.save_spare(Spare(part_number=number, component=component, return_days=14, warranty_days=365))
        tx.spares.save_fit(SpareFit(spare=number, component=component, part_model=f"{component.upper()}-*"))
        for _, site, _, _ in SITES:
            count = 1
            stock.receive(tx, f"depot-{site}", number, count=count, by=MANAGER, now_ms=now_ms,
                          serials=[f"{number}-{site}-{at}" for at in range(count)])  # fmt: skip
            stock.mark(tx, f"depot-{site}", number, minimum=1, reorder_point=2, by=MANAGER, now_ms=now_ms)
