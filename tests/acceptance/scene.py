"""A collector, a signed-webhook receiver and agents on loopback, for the acceptance tests; on `deploy/demo/stage.py`.

Everything is the real program with its own files below one directory; nothing of it is left running afterwards.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.spool import segment
from hardcase_protos.v1 import reading_pb2

from deploy.demo.stage import AgentStage, CollectorStage, wait_until
from tests.peers.ipmi_sim import IpmiSim
from tests.peers.webhook_sink import SECRET, Received, Sink

WITHIN_S = 240.0
"""Catches what hangs; a loaded machine stays far below."""
CPU_1, CPU_2, NORMAL_RAW, CRITICAL_RAW = 1, 2, 44, 98
"""Sensors of the simulated BMC; their upper critical limit is 95 degrees, one step a degree."""


HOST = "HOST-000001"
"""Serial number of the host that the agents of a scene run on: they are one after the other the agent of one host."""


class Scene:
    """Entered with a stack that ends everything."""

    def __init__(self, directory: Path, stack: ExitStack, *, settings: str = "", tables: str = "") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._stack = stack
        self.sink = stack.enter_context(Sink(SECRET))
        secret = directory / "webhook.secret"
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
        self.collector = CollectorStage(
            directory / "collector",
            settings=settings,
            tables="[cases]\njoining_hours = 0.0\n"
            f'[[channel.webhook]]\nname = "sink"\nurl = "{self.sink.url}"\nsecret = "file:{secret}"\n'
            + (tables or "[disk]\nreserve_percent = 0.0\nreserve_mb = 64\n"),
        )
        stack.callback(self.collector.program.kill)
        self._control = stack.enter_context(
            httpx.Client(
                transport=httpx.HTTPTransport(uds=str(self.collector.directory / "control.sock")),
                base_url="http://collector/v1/",
                timeout=90,
            )
        )

    def open(self) -> None:
        """Founds and starts the collector."""
        self.collector.found()
        self.start_collector()

    def start_collector(self) -> None:
        """Until its socket answers."""
        self.collector.program.start()

        def answers() -> bool:
            self.collector.program.check()
            return bool(self.ask("status"))

        self.until(answers, "the collector answers")

    def bmc(self, name: str, serial: str) -> IpmiSim:
        bmc: IpmiSim = self._stack.enter_context(IpmiSim(self.directory / name, serial=serial))
        return bmc

    def sysfs(self, name: str) -> Path:
        """A sysfs that knows nothing but who the host is: what this machine has is not part of the scene."""
        tree = self.directory / f"{name}-sys"
        told = {"sys_vendor": "Example Systems", "product_name": "ES-1", "product_serial": HOST}
        for file, text in told.items():
            path = tree / "class" / "dmi" / "id" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tree

    def agent(
        self, name: str, tables: str, *, without: str = '"host", "smart"', root: Path | None = None
    ) -> AgentStage:
        """Enrolled, in the place of the agent before it, and not yet started. `root`: the folder of its files, else one
        of the scene's."""
        agent = AgentStage(
            name,
            root or self.directory / name,
            self.collector,
            tables,
            settings=f'sysfs = "{self.sysfs(name)}"\nwithout = [{without}]',
        )
        self._stack.callback(agent.program.kill)
        agent.enrol(self.token())
        return agent

    def token(self) -> str:
        """For one enrolment, also of a host that is bound."""
        made = self._control.post("tokens", json={"uses": 1, "replace": True})
        made.raise_for_status()
        token: str = made.json()["token"]
        return token

    # What the collector says

    def ask(self, path: str, **query: str | int | bool) -> Any:
        answer = self._control.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def cases(self) -> list[dict[str, Any]]:
        """Open and closed ones."""
        found: list[dict[str, Any]] = self.ask("cases", all=True)["cases"]
        return found

    def cases_of(self, serial: str) -> list[dict[str, Any]]:
        number = self.asset(serial)["line"]["asset"]["id"]
        return [case for case in self.cases() if case["asset"] == number]

    def asset(self, name: str) -> dict[str, Any]:
        """By serial or host name; {} while nobody knows it."""
        try:
            found: dict[str, Any] = self.ask(f"assets/{name}")
        except httpx.HTTPStatusError as error:
            if error.response.status_code == 404:
                return {}
            raise
        return found

    def reading(self, asset: str, name: str) -> dict[str, Any]:
        """What a sensor said last, {} where it is not known."""
        readings = self.asset(asset).get("readings", ())
        return next((reading for reading in readings if reading["name"] == name), {})

    def findings(self, asset: str, fault_class: str) -> list[dict[str, Any]]:
        return [found for found in self.asset(asset).get("findings", ()) if found["fault_class"] == fault_class]

    def numbers(self) -> dict[str, float]:
        found: dict[str, float] = self.ask("status")["numbers"]
        return found

    def until(self, true: Callable[[], object], what: str, *, within_s: float = WITHIN_S) -> None:
        """Until it is true; a collector that does not run (yet) makes it false."""

        def quietly() -> bool:
            try:
                return bool(true())
            except httpx.TransportError:
                return False

        wait_until(quietly, within_s=within_s, what=what)

    def told(self) -> list[Received]:
        """Webhooks that came with a right signature; the sink refuses every other one."""
        assert not self.sink.refused
        return [one for one in self.sink.received if 200 <= one.status < 300]


def reads(bmc: IpmiSim, *more: IpmiSim, period_s: float = 1.0) -> str:
    """Tables of agent.toml that read these BMCs over LAN; each has a password of its own."""
    tables = [
        '[helper]\nsocket = ""\n',
        f'[ipmi]\nlocal = "false"\nanalogue_period_s = {period_s}\n'
        f"discrete_period_s = {period_s}\nsel_period_s = 1.0\n",
    ]
    for number, one in enumerate((bmc, *more)):
        tables.append(
            f'[ipmi.profiles.p{number}]\nuser = "{one.user}"\npassword = "file:{one.password_file}"\n'
            f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {one.lan_port}\nprofile = "p{number}"\n'
        )
    return "".join(tables)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A frame that lies in an agent's spool: wall time, and the numbers by sensor name."""

    wall_ms: int
    numbers: dict[str, float]


def spooled(agent: AgentStage, source: str) -> list[Spooled]:
    """Frames of a source (the part of its name before "@") that are in the agent's spool now, in order."""
    catalogues: dict[bytes, Any] = {}
    frames: list[Spooled] = []
    for path in sorted((agent.directory / "state" / "spool").glob("*.seg")):
        for entry in segment.entries(path.read_bytes()):
            if not isinstance(entry, segment.Entry) or entry.kind not in (RecordKind.CATALOGUE, RecordKind.FRAME):
                continue
            record = reading_pb2.Record.FromString(entry.payload)
            if entry.kind is RecordKind.CATALOGUE and record.catalogue.source.partition("@")[0] == source:
                catalogues[entry.tag] = record.catalogue
            elif entry.kind is RecordKind.FRAME and entry.tag in catalogues:
                frames.append(Spooled(record.wall_ms, _numbers(catalogues[entry.tag], record.frame.values)))
    return frames


def _numbers(catalogue: Any, values: bytes) -> dict[str, float]:
    """Numbers stand before states in every catalogue; a gap is whatever its place holds."""
    names = [sensor.name for sensor in catalogue.sensors]
    form = f"<{len(values) // catalogue.value_width}{'f' if catalogue.value_width == 4 else 'd'}"
    return dict(zip(names, struct.unpack(form, values), strict=False))
