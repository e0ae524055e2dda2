"""What a fault does to what its asset is for, and so how urgent a case is. The rows are data: `sheets/service.toml`.

Asked by `opening.py` and `placing.py`. The table of severity, service state and importance is `plans/priority.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hardcase_collector.domain.advice import Firing
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.priority import ServiceState
from hardcase_collector.plans.reader import choice, tables
from hardcase_collector.sheets.files import parse, read_texts
from hardcase_collector.sheets.table import Mistakes, Table

SHIPPED = Path(__file__).with_name("sheets")
SECTION = "service"
_WORST_FIRST = tuple(ServiceState)
_KEYS = ("classes", "with", "with_other")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    name: str
    classes: tuple[str, ...]
    """Fault classes; `*` stands for anything."""
    state: ServiceState
    together: tuple[str, ...] = ()
    """One of these must fire on the asset too."""
    elsewhere: tuple[str, ...] = ()
    """One of these must fire on another part of the asset."""


@dataclass(frozen=True, slots=True)
class ServiceSheet:
    rows: tuple[ServiceRow, ...]

    def state_of(
        self, classes: Collection[str], part: Part, firing: Callable[[], Iterable[Firing]]
    ) -> tuple[ServiceState, str]:
        """The worst of these classes, and the row that says so. `firing`: asked only where a row wants to know."""
        best = min(
            (self._row(fault_class, classes, part, firing) for fault_class in classes),
            key=lambda row: _WORST_FIRST.index(row.state),
            default=_UNTOLD,
        )
        return best.state, best.name

    def _row(
        self, fault_class: str, classes: Collection[str], part: Part, firing: Callable[[], Iterable[Firing]]
    ) -> ServiceRow:
        for row in self.rows:
            if _among(fault_class, row.classes) and _holds(row, classes, part, firing):
                return row
        return _UNTOLD


_UNTOLD = ServiceRow(name="", classes=(), state=ServiceState.REDUNDANCY_HOLDS)


def _among(fault_class: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(fault_class, pattern) for pattern in patterns)


def _holds(row: ServiceRow, classes: Collection[str], part: Part, firing: Callable[[], Iterable[Firing]]) -> bool:
    together = not row.together or any(
        _among(one, row.together) for one in (*classes, *(other.fault_class for other in firing()))
    )
    return together and (
        not row.elsewhere
        or any(_among(one.fault_class, row.elsewhere) and one.part.place() != part.place() for one in firing())
    )


def load_service(paths: Iterable[Path] = ()) -> ServiceSheet:
    """The site's rows before the shipped ones: the first that fits counts. Raises SheetError with every mistake."""
    mistakes = Mistakes()
    own = read_service(read_texts(None, paths, mistakes), mistakes, ("window", "calendar", "plan"))
    ours = read_service(read_texts(SHIPPED, (), mistakes), mistakes)
    if mistakes.found:
        raise SheetError(mistakes.lines())
    return ServiceSheet((*own, *ours))


def read_service(texts: Mapping[str, str], mistakes: Mistakes, others: Collection[str] = ()) -> tuple[ServiceRow, ...]:
    """`others`: sections that somebody else reads. What is wrong goes to `mistakes`."""
    rows: list[ServiceRow] = []
    for file, text in texts.items():
        tree, lines = parse(file, text, (SECTION, *others), mistakes)
        for table in tables(Table(file, (), tree, lines, mistakes), SECTION):
            rows.append(_row(table))
    return tuple(rows)


def _row(table: Table) -> ServiceRow:
    classes, together, elsewhere = (table.words(key) for key in _KEYS)
    if not classes:
        table.wrong("classes", "must be a list that is not empty")
    row = ServiceRow(
        name=table.path[-1],
        classes=classes,
        state=choice(table, "state", ServiceState, ServiceState.REDUNDANCY_HOLDS),
        together=together,
        elsewhere=elsewhere,
    )
    table.done()
    return row
