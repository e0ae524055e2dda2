"""The agent's own readings, so that the watcher is watched: source `agent@self`. Built by `app.py`, which fills the
report; nothing here measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Kind, Number, Sensor, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfReport:
    """What the agent knows of itself now."""

    cpu_s: float
    """CPU seconds used since its start, its children's included."""
    rss_bytes: int
    spool_records: int
    spool_bytes: int
    lost: int
    """Records lost since its start."""
    sweeps_s: Mapping[str, float] = field(default_factory=dict)
    """Length of the last sweep of each source, by its name."""


_PART = Part(component=Component.AGENT, slot="agent")


def _sensor(quantity: str, name: str, kind: Kind, unit: Unit, *, key: str = "") -> Sensor:
    return Sensor(id=key or quantity, name=name, kind=kind, unit=unit, part=_PART, quantity=quantity)


_FIXED = (
    _sensor("agent.cpu", "CPU used", Kind.DURATION, Unit.SECOND),
    _sensor("agent.rss", "Memory", Kind.COUNT, Unit.ONE),
    _sensor("agent.spool_records", "Records in the spool", Kind.COUNT, Unit.ONE),
    _sensor("agent.spool_bytes", "Bytes in the spool", Kind.COUNT, Unit.ONE),
    _sensor("agent.lost", "Records lost", Kind.COUNT, Unit.ONE),
)


class SelfSource:
    """`Source` over a callable that gives the report. Its asset is the host: an agent is a part of what it runs on."""

    name = "agent@self"
    device = "agent@self"
    deadline_s = 5.0

    def __init__(self, asset: Asset, report: Callable[[], SelfReport], *, period_s: float = 60.0) -> None:
        self.period_s = period_s
        self._asset = asset
        self._report = report
        self._sources: tuple[str, ...] = ()
        self._sensors: tuple[Sensor, ...] = _FIXED

    async def sweep(self, now: Moment) -> Sweep:
        report = self._report()
        sources = tuple(sorted(report.sweeps_s))
        if sources != self._sources:
            self._sources = sources
            self._sensors = _FIXED + tuple(
                _sensor("agent.sweep", f"Sweep of {name}", Kind.DURATION, Unit.SECOND, key=f"sweep/{name}")
                for name in sources
            )
        fixed = (report.cpu_s, report.rss_bytes, report.spool_records, report.spool_bytes, report.lost)
        values = (*fixed, *(report.sweeps_s[name] for name in sources))
        # Bytes pass 2^24, where singles stop being exact.
        return Sweep(
            asset=self._asset,
            sensors=self._sensors,
            readings=[Number(float(value)) for value in values],
            wide=True,
        )

    async def doctor(self) -> Sequence[CoverageLine]:
        return (CoverageLine(component=Component.AGENT, status=CoverageStatus.WATCHED),)

    async def close(self) -> None:
        return None
