"""The one list of sensor families. Adding a family = its folder, one line here, a golden folder.

`config.py` reads each family's table of agent.toml by it, `app.py` builds the sources by it. A family's modules are
imported only when its table is there (pysnmp alone costs more memory than the rest of the agent).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from hardcase_agent.domain.ports import Doors, Source


class FamilyModule(Protocol):
    """What `hardcase_agent.sensors.<family>.family` offers."""

    def parse(self, table: Mapping[str, object], mistakes: list[str]) -> Any:
        """agent.toml's `[<family>]` table as the family's frozen settings; appends mistakes with key paths."""

    def build(self, settings: Any, doors: Doors) -> Sequence[Source]:
        """The sources these settings ask for. No device is touched before the first sweep."""


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    """Folder under `sensors/` and table in agent.toml."""
    default: bool
    """Present without a table in agent.toml."""

    def module(self) -> FamilyModule:
        module: Any = import_module(f"hardcase_agent.sensors.{self.name}.family")
        return module  # type: ignore[no-any-return]  # a module is no Protocol to mypy


FAMILIES: tuple[Family, ...] = (
    Family("host", default=True),
    Family("ipmi", default=True),
    Family("smart", default=True),
    Family("arrays", default=True),
    Family("kernel", default=True),
    Family("snmp", default=False),
    Family("rehearsal", default=False),
)
