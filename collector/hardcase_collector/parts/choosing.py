"""From which depot a part comes: the nearest of those that meet the clock, else the nearest that has one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.spares import Service

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One part number at one depot."""

    depot: str
    part_number: str
    travel_minutes: int
    meets_clock: bool
    """True also where no clock runs."""


def in_order(
    services: Iterable[Service],
    wanted: Sequence[str],
    free: Callable[[str, str], int],
    *,
    now_ms: int,
    due_ms: int | None,
) -> Iterator[Choice]:
    """Every depot and part number that has one free, the best first.

    `due_ms`: when the part has to be on site; None = no clock asks for it. Within one depot the order of `wanted`.
    """
    ranked = sorted(
        services,
        key=lambda one: (not _meets(one, now_ms, due_ms), one.rank, one.travel_minutes, one.depot),
    )
    for service in ranked:
        for part_number in wanted:
            if free(service.depot, part_number) > 0:
                yield Choice(
                    depot=service.depot,
                    part_number=part_number,
                    travel_minutes=service.travel_minutes,
                    meets_clock=_meets(service, now_ms, due_ms),
                )


def _meets(service: Service, now_ms: int, due_ms: int | None) -> bool:
    return due_ms is None or now_ms + service.travel_minutes * MINUTE_MS <= due_ms
