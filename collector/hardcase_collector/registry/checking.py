"""Lines against each other and against what the books may name: every mistake that only shows there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from hardcase_collector.domain.customer import Contact, ContactScope, Site
from hardcase_collector.registry.written import Booked, Books, Entitled, Kind, Line, World, customer_of, place_of
from hardcase_collector.sheets.table import Mistakes, Table

STORE = "books"
"""In place of a file's name, for what follows from a change without standing in any file."""


@dataclass(slots=True)
class Checking:
    """Checks lines of the books as they would be. Mistakes go to the line's row."""

    books: Books
    world: World
    customer: str | None
    """No line may be another's. None = all customers."""
    _groups: set[tuple[str, str]] = field(default_factory=set)

    def check(self, line: Line, row: Table) -> None:
        kind, _ = place_of(line)
        if kind in _CHECKS:
            _CHECKS[kind](self, line, row)
        if self.customer is not None and customer_of(line, self.books) not in ("", self.customer):
            row.wrong("", f"is not of customer {self.customer}")

    def site(self, line: Line, row: Table) -> None:
        assert isinstance(line, Site)
        self._owned(line.customer, row)
        if not _is_zone(line.time_zone):
            row.wrong("time_zone", f"{line.time_zone!r} is no time zone of IANA, as Asia/Shanghai")
        trouble = self.world.country_trouble(line.country, line.subdivision) if line.country else ""
        if trouble:
            row.wrong("country", trouble)
        if line.subdivision and not line.country:
            row.wrong("subdivision", "is one of no country")
        if line.calendar and line.calendar not in self.world.calendars:
            known = ", ".join(sorted(self.world.calendars)) or "there is none"
            row.wrong("calendar", f"no sheet has a calendar {line.calendar!r}; known: {known}")

    def asset(self, line: Line, row: Table) -> None:
        assert isinstance(line, Booked)
        self._owned(line.customer, row)
        if line.custody.site and not self.books.has_site(line.customer, line.custody.site):
            row.wrong("site", f"customer {line.customer} has no site {line.custody.site!r}")
        if line.custody.unit and not line.custody.rack:
            row.wrong("unit", "is one of no rack")

    def contact(self, line: Line, row: Table) -> None:
        assert isinstance(line, Contact)
        self._owned(line.customer, row)
        if line.scope is ContactScope.GROUP and (line.customer, line.subject) not in self._all_groups():
            row.wrong("subject", f"no asset of customer {line.customer} is in group {line.subject!r}")
        elif trouble := _dangles(line, self.books):
            row.wrong("subject", trouble)

    def _all_groups(self) -> set[tuple[str, str]]:
        if not self._groups:
            self._groups = {(one.customer, one.custody.group) for one in self.books.assets()}
        return self._groups

    def entitlement(self, line: Line, row: Table) -> None:
        assert isinstance(line, Entitled)
        held = line.entitlement
        if held.plan not in self.world.plans:
            row.wrong("plan", f"no sheet has a plan {held.plan!r}; known: {', '.join(sorted(self.world.plans))}")
        if held.ends < held.starts:
            row.wrong("ends", f"{held.ends} lies before its start, {held.starts}")
        if (held.price is None) != (not held.currency):
            row.wrong("currency" if held.price is not None else "price", "price and currency go together")
        if trouble := _dangles(line, self.books):
            row.wrong("asset", trouble)

    def _owned(self, customer: str, row: Table) -> None:
        if (customer,) not in self.books.lines[Kind.CUSTOMER]:
            row.wrong("customer", f"there is no customer {customer!r} in the books")


_CHECKS: Mapping[Kind, Callable[[Checking, Line, Table], None]] = {
    Kind.SITE: Checking.site,
    Kind.ASSET: Checking.asset,
    Kind.CONTACT: Checking.contact,
    Kind.ENTITLEMENT: Checking.entitlement,
}


def check_the_rest(
    before: Books, after: Books, rows: Mapping[tuple[Kind, tuple[str, ...]], Table], to: Mistakes
) -> None:
    """Lines in no file that name what they do not find any more: the site was removed, the asset moved."""
    for kind, lines in after.lines.items():
        for key, line in lines.items():
            if (kind, key) in rows:
                continue
            trouble = _dangles(line, after)
            if trouble and not _dangles(line, before):
                to.add(STORE, 0, f"{kind} {' '.join(key)}", trouble)


def _dangles(line: Line, books: Books) -> str:
    """ "" or what this line names in vain."""
    match line:
        case Booked() if line.custody.site and not books.has_site(line.customer, line.custody.site):
            return f"stands at site {line.custody.site!r}, which customer {line.customer} would not have"
        case Contact() if line.scope is ContactScope.SITE and not books.has_site(line.customer, line.subject):
            return f"customer {line.customer} has no site {line.subject!r}"
        case Contact() if line.scope is ContactScope.ASSET:
            asset = books.asset(line.subject)
            return "" if asset and asset.customer == line.customer else _not_theirs(line)
        case Entitled() if books.asset(line.key) is None:
            return f"{line.key} is not in the books; give it a row in assets"
        case _:
            return ""


def _not_theirs(line: Contact) -> str:
    return f"asset {line.subject} is not in the books of customer {line.customer}"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        # Not there is a KeyError, a folder's name an OSError, one that leaves the folder a ValueError.
        return False
    return bool(name)
