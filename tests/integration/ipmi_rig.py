"""The IPMI family put together in front of real or fake BMCs, as `app.py` does it. Used by the tests of the family."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock, CommandRunner, Doors, IpmiDevice, Source
from hardcase_agent.domain.reading import Reading, States
from hardcase_agent.sensors.ipmi import family

from tests.fakes.secrets import FileSecrets

HOST = Asset(vendor="Example Systems", serial="LOCAL1")


class RealClock:
    def now(self) -> Moment:
        return Moment(time.time_ns() // 10**6, time.monotonic_ns() // 10**6)


def doors(state_dir: Path, *, clock: Clock | None = None, local: IpmiDevice | None = None) -> Doors:
    def local_ipmi() -> IpmiDevice:
        assert local is not None, "this test has no local BMC"
        return local

    return Doors(
        host=HOST,
        commands=cast(CommandRunner, None),
        local_ipmi=local_ipmi,
        secrets=FileSecrets(),
        state_dir=state_dir,
        sysfs=Path("/sys"),
        clock=clock or RealClock(),
    )


@dataclass(frozen=True, slots=True)
class Sources:
    analogue: Source
    discrete: Source
    sel: Source
    fru: Source
    behind: Source

    async def close(self) -> None:
        for source in (self.analogue, self.discrete, self.sel, self.fru, self.behind):
            await source.close()


def lan_sources(port: int, password_file: Path, state_dir: Path, **table: Any) -> Sources:
    """`table` overrides keys of the BMC ("interface") or of its profile ("user", "privilege", "cipher_suite")."""
    profile = {"user": "admin", "password": f"file:{password_file}"}
    profile |= {key: table.pop(key) for key in ("user", "privilege", "cipher_suite") if key in table}
    bmc = {"host": "127.0.0.1", "port": port, "profile": "lab"} | table
    mistakes: list[str] = []
    settings = family.parse({"local": False, "bmc": [bmc], "profiles": {"lab": profile}}, mistakes)
    assert mistakes == []
    return Sources(*family.build(settings, doors(state_dir)))


def local_sources(device: Any, state_dir: Path, **table: Any) -> Sources:
    """The five sources in front of a fake BMC with its own clock, as if it were /dev/ipmi0."""
    mistakes: list[str] = []
    settings = family.parse({"local": True} | table, mistakes)
    assert mistakes == []
    return Sources(*family.build(settings, doors(state_dir, clock=device.clock, local=device)))


def by_name(sweep: Sweep) -> dict[str, Reading]:
    return {sensor.name: reading for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)}


def states(sweep: Sweep, name: str) -> list[str]:
    """Names of the asserted states of one sensor."""
    index = [sensor.name for sensor in sweep.sensors].index(name)
    reading = sweep.readings[index]
    assert isinstance(reading, States)
    return [state for bit, state in enumerate(sweep.sensors[index].states) if reading.bits >> bit & 1]


async def sweep(source: Source, clock: Clock | None = None) -> Sweep:
    return await source.sweep((clock or RealClock()).now())


async def sweeps(sources: Sequence[Source]) -> list[Sweep]:
    return [await sweep(source) for source in sources]
