"""The rehearsal family: `[rehearsal]` in agent.toml plays a timeline as if it were hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.ports import Doors, Source
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.rehearsal.source import Playhead, RehearsalSource
from hardcase_agent.sensors.rehearsal.timeline import Timeline, parse_timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalSettings:
    timeline: Path
    """TOML file of the drill. Required."""
    speed: float = 1.0
    """How many seconds of the drill pass in one second. Default 1."""

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError("speed must be above 0")


def parse(table: Mapping[str, object], mistakes: list[str]) -> RehearsalSettings:
    return read_settings(RehearsalSettings, table, path="rehearsal", mistakes=mistakes)


def build(settings: RehearsalSettings, doors: Doors) -> Sequence[Source]:
    """Raises ConfigError with every mistake of the timeline."""
    try:
        text = settings.timeline.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"rehearsal.timeline: {settings.timeline} cannot be read: {error}",)) from error
    return sources_of(parse_timeline(text, path=str(settings.timeline)), speed=settings.speed)


def sources_of(timeline: Timeline, *, speed: float = 1.0) -> tuple[RehearsalSource, ...]:
    """The sources of one drill, sharing one playhead."""
    playhead = Playhead(speed=speed, repeat_ms=timeline.repeat_ms)
    return tuple(RehearsalSource(timeline, source, playhead) for source in timeline.sources)
