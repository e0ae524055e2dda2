"""Memory and CPU of the agent and its helper: 120 IPMI sensors over LAN, 12 disks, one SNMP device, TLS.

First 1,000 sweeps and 100 reconnects at short periods, for memory; then default periods for a while, for CPU. Beside
them the exporters that such a host would run, where they are installed, scraped in the same time.

Children count: memory is the whole tree's at the instant of measuring, CPU includes children that have ended. smartctl
is read each half hour, far outside of the time watched: its share is that of the first reading of all disks, spread
over half an hour. What stands for smartctl starts the real one once per call (where installed), because that start is
most of what it costs; a fake in Python would count its interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hardcase_agent.uplink import identity
from hardcase_agent.uplink.wire import grpc

from tests.bench.processes import Row
from tests.fakes.authority import Signed, make
from tests.fakes.collector_stream import FakeCollector, Session
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess
from tests.peers.ipmi_sim import IpmiSim
from tests.peers.snmpsim import snmpsim

UNITS = Path(__file__).parents[2] / "deploy" / "agent"
SWEEPS = 1000
RECONNECTS = 100
DISKS = 12
SENSORS = 120
WARM_S = 25.0
"""The first sweeps of every source, SDR and inventory reads included, are over by then."""
WATCHED_S = 120.0
RSS_BAR_MB, ANON_BAR_MB, CPU_BAR = 65.0, 45.0, 0.3
SMART_PERIOD_S = 1800.0
"""`[smart] ata_period_s` by default."""
SNMP_YML = """\
ups:
  walk: [1.3.6.1.2.1.33.1]
  version: 2
  auth: {community: ups}
  metrics:
    - {name: upsBatteryStatus, oid: 1.3.6.1.2.1.33.1.2.1, type: gauge}
    - {name: upsSecondsOnBattery, oid: 1.3.6.1.2.1.33.1.2.2, type: gauge}
    - {name: upsEstimatedMinutesRemaining, oid: 1.3.6.1.2.1.33.1.2.3, type: gauge}
    - {name: upsEstimatedChargeRemaining, oid: 1.3.6.1.2.1.33.1.2.4, type: gauge}
    - {name: upsBatteryVoltage, oid: 1.3.6.1.2.1.33.1.2.5, type: gauge}
    - {name: upsBatteryCurrent, oid: 1.3.6.1.2.1.33.1.2.6, type: gauge}
    - {name: upsBatteryTemperature, oid: 1.3.6.1.2.1.33.1.2.7, type: gauge}
    - {name: upsOutputSource, oid: 1.3.6.1.2.1.33.1.4.1, type: gauge}
    - {name: upsOutputFrequency, oid: 1.3.6.1.2.1.33.1.4.2, type: gauge}
    - {name: upsAlarmsPresent, oid: 1.3.6.1.2.1.33.1.6.1, type: gauge}
"""
ATTRIBUTES = [(5, "Reallocated_Sector_Ct", 10), (9, "Power_On_Hours", 0), (197, "Current_Pending_Sector", 0)]


def run() -> list[Row]:
    return asyncio.run(_run())


async def _run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        smart = FakeSmartctl(folder)
        smart.path.write_text(_native_smartctl(folder))
        disks = [smart.disk(f"sd{letter}", _report(letter)) for letter in "abcdefghijkl"[:DISKS]]
        smart.answer("scan-open", '{"devices": []}')
        smart.answer("version", "smartctl 7.3 2022-02-28")
        options = [f"--tool={tool}={path}" for tool, path in smart.tools.items()]
        (folder / "sim").mkdir()
        with (
            IpmiSim(folder / "sim", SENSORS) as sim,
            snmpsim(folder / "snmp") as device,
            HelperProcess(folder, "--device-root", str(smart.devices), *options) as helper,
        ):
            _secrets(folder)
            tables = _tables(sim, device.port, disks, folder)
            return await _measure(folder, tables, helper, sim, device.port)


async def _measure(
    folder: Path, tables: Callable[[bool], str], helper: HelperProcess, sim: IpmiSim, snmp_port: int
) -> list[Row]:
    authority, own = _authority(folder)
    credentials = grpc.ssl_server_credentials([(own.key_pem, own.pem)], authority.pem, require_client_auth=True)
    async with FakeCollector(credentials=credentials) as collector:
        head = f'state_dir = "{folder / "state"}"\n[collector]\naddress = "{collector.target}"\n'
        head += f'[helper]\nsocket = "{helper.socket}"\n'
        forced = await _forced(folder, head + tables(True), collector, helper)
        collector.answer = lambda session, batch: None
        return [*forced, *await _default(folder, head + tables(False), helper, sim, snmp_port)]


async def _forced(folder: Path, text: str, collector: FakeCollector, helper: HelperProcess) -> list[Row]:
    def cut(session: Session, batch: object) -> list[object] | None:
        return [grpc.StatusCode.UNAVAILABLE] if len(session.batches) > 6 and session.number <= RECONNECTS else None

    collector.answer = cut  # type: ignore[assignment]  # a status ends the scripted stream
    process = await _start(folder, text)
    try:
        await collector.until(
            lambda: len(collector.payloads("frame")) >= SWEEPS and len(collector.sessions) > RECONNECTS, within_s=600
        )
        sources = {one.catalogue.source for one in collector.payloads("catalogue")}
        agent, helped = memory_mb(process.pid), memory_mb(helper.pid)
    finally:
        await _stop(process)
    rss, anon = agent[0] + helped[0], agent[1] + helped[1]
    detail = f"agent {agent[0]:.1f} + helper {helped[0]:.1f}"
    what = f"agent and helper RSS after {SWEEPS} sweeps of {len(sources)} sources and {RECONNECTS} reconnects"
    return [
        Row(what, f"{rss:.1f} MB ({detail})", f"<= {RSS_BAR_MB:g} MB", rss <= RSS_BAR_MB),
        Row("agent and helper RssAnon", f"{anon:.1f} MB", f"<= {ANON_BAR_MB:g} MB", anon <= ANON_BAR_MB),
    ]


async def _default(folder: Path, text: str, helper: HelperProcess, sim: IpmiSim, snmp_port: int) -> list[Row]:
    idle = cpu_s(helper.pid)
    process = await _start(folder, text)
    exporters = await _start_exporters(folder, sim, snmp_port)
    try:
        await asyncio.sleep(WARM_S)
        smart = (cpu_s(helper.pid) - idle) / SMART_PERIOD_S * 100
        before = {pid: cpu_s(pid) for pid in (process.pid, helper.pid, *(one.process.pid for one in exporters))}
        values: dict[str, int] = {}
        for _ in range(2):
            for one in exporters:
                values[one.name] = await asyncio.to_thread(_scrape, one)
            await asyncio.sleep(WATCHED_S / 2)
        used = {pid: (cpu_s(pid) - start) / WATCHED_S * 100 for pid, start in before.items()}
        memory = {pid: memory_mb(pid) for pid in used}
    finally:
        await _stop(process)
        for one in exporters:
            await _stop(one.process)
    agent, helped = used[process.pid], used[helper.pid]
    cpu = agent + helped + smart
    measured = f"{cpu:.2f} % of a core (agent {agent:.2f}, helper {helped:.2f}, {DISKS} x smartctl {smart:.3f})"
    what = "agent and helper CPU at default periods"
    rows = [Row(what, measured, f"<= {CPU_BAR} %", cpu <= CPU_BAR)]
    return [*rows, *_beside(exporters, values, used, memory)]


def _beside(
    exporters: list[Exporter], values: dict[str, int], used: dict[int, float], memory: dict[int, tuple[float, float]]
) -> list[Row]:
    rows, total = [], [0.0, 0.0, 0.0]
    for one in exporters:
        figures = (*memory[one.process.pid], used[one.process.pid])
        total = [sum(pair) for pair in zip(total, figures, strict=True)]
        got = f"{values[one.name]} values" if values[one.name] else "COULD NOT BE SCRAPED"
        rows.append(Row(f"beside it: {one.name}, scraped once a minute ({one.covers}; {got})", _figures(*figures)))
    if rows:
        rows.append(Row(f"beside it: the {len(rows)} exporters together", _figures(*total)))
    return rows


def _figures(rss: float, anon: float, share: float) -> str:
    return f"RSS {rss:.1f} MB, RssAnon {anon:.1f} MB, {share:.2f} % of a core"


async def _start(folder: Path, text: str) -> asyncio.subprocess.Process:
    config = folder / "agent.toml"
    config.write_text(text)
    log = os.open(folder / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hardcase_agent", "--config", str(config), "run"),
            stdout=log,
            stderr=log,
            env={**os.environ, **unit_environment("hardcase-agent")},
        )
    finally:
        os.close(log)


def unit_environment(name: str) -> dict[str, str]:
    """What the shipped unit sets."""
    lines = (UNITS / f"{name}.service").read_text().splitlines()
    words = [line.removeprefix("Environment=") for line in lines if line.startswith("Environment=")]
    return dict(word.split("=", 1) for word in words)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Exporter:
    name: str
    process: asyncio.subprocess.Process
    url: str
    prefix: str
    """Of the lines that are values of the hardware."""
    covers: str


async def _start_exporters(folder: Path, sim: IpmiSim, snmp_port: int) -> list[Exporter]:
    ipmi, snmp = folder / "ipmi.yml", folder / "snmp.yml"
    for file, text in ((ipmi, _ipmi_yml(sim)), (snmp, SNMP_YML)):
        file.touch(mode=0o600)
        file.write_text(text)
    wanted = (
        ("node_exporter", (), "/metrics", "node_", "its default collectors; no disk health"),
        (
            "ipmi_exporter",
            (f"--config.file={ipmi}",),
            f"/ipmi?target=127.0.0.1:{sim.lan_port}",
            "ipmi_",
            f"the same BMC, {SENSORS} sensors by ipmimonitoring; no events",
        ),
        (
            "snmp_exporter",
            (f"--config.file={snmp}",),
            f"/snmp?target=127.0.0.1:{snmp_port}&module=ups",
            "ups",
            "the same UPS",
        ),
    )
    started = []
    for name, options, path, prefix, covers in wanted:
        command = f"prometheus-{name.replace('_', '-')}"
        if shutil.which(command) is None:
            continue
        port = _free_port()
        null = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *(command, f"--web.listen-address=127.0.0.1:{port}", *options),
            stdout=null,
            stderr=null,
            # FreeIPMI keeps its copy of the sensor records below the home folder.
            env={**os.environ, "HOME": str(folder)},
        )
        await asyncio.sleep(0.5)
        if process.returncode is None:
            started.append(Exporter(name, process, f"http://127.0.0.1:{port}{path}", prefix, covers))
    return started


def _ipmi_yml(sim: IpmiSim) -> str:
    return (
        f"modules:\n  default:\n    user: {sim.user}\n    pass: {sim.password}\n    driver: LAN_2_0\n"
        "    privilege: user\n    timeout: 10000\n    collectors: [ipmi]\n    workaround_flags: [opensesspriv]\n"
    )


def _scrape(exporter: Exporter) -> int:
    """How many values of the hardware it gave."""
    try:
        with urllib.request.urlopen(exporter.url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0
    return sum(line.startswith(exporter.prefix) for line in lines)


def memory_mb(pid: int) -> tuple[float, float]:
    """RSS and RssAnon of the process and its children."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    rss, anon = int(told["VmRSS"].split()[0]) / 1024, int(told["RssAnon"].split()[0]) / 1024
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            with contextlib.suppress(OSError, KeyError):
                more = memory_mb(int(child))
                rss, anon = rss + more[0], anon + more[1]
    return rss, anon


def cpu_s(pid: int) -> float:
    """Its own and its ended children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _authority(folder: Path) -> tuple[Signed, Signed]:
    authority = make("ca")
    own, agent = make("collector", authority), make("agent", authority)
    held = identity.Identity(
        agent_id="agent",
        enrolment="127.0.0.1:1",
        server_name="",
        ca_pem=authority.pem.decode(),
        certificate_pem=agent.pem.decode(),
        key_pem=agent.key_pem.decode(),
        not_before_ms=0,
        not_after_ms=1 << 60,
    )
    identity.store(folder / "state", held)
    return authority, own


def _secrets(folder: Path) -> None:
    secret = folder / "community"
    secret.touch(mode=0o600)
    secret.write_text("ups\n")


def _tables(sim: IpmiSim, snmp_port: int, disks: list[str], folder: Path) -> Callable[[bool], str]:
    def tables(forced: bool) -> str:
        short = "period_s = 1.0\n" if forced else ""
        ipmi = "analogue_period_s = 1.0\ndiscrete_period_s = 1.0\nsel_period_s = 1.0\n" if forced else ""
        smart = "ata_period_s = 200.0\nnvme_period_s = 200.0\n" if forced else ""
        return (
            f'[host]\n{short}[ipmi]\nlocal = "false"\n{ipmi}'
            f'[ipmi.profiles.sim]\nuser = "{sim.user}"\npassword = "file:{sim.password_file}"\ncipher_suite = 3\n'
            f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {sim.lan_port}\nprofile = "sim"\n'
            f"[smart]\n{smart}include = []\n"
            + "".join(f'[[smart.device]]\npath = "{path}"\ntype = "sat"\n' for path in disks)
            + f'[snmp]\n{short}[snmp.profiles.sim]\nversion = "2c"\ncommunity = "file:{folder / "community"}"\n'
            f'[[snmp.device]]\nname = "ups1"\nhost = "127.0.0.1"\nport = {snmp_port}\nprofile = "sim"\n'
        )

    return tables


def _native_smartctl(folder: Path) -> str:
    real = shutil.which("smartctl") or "true"
    return (
        "#!/bin/sh\n"
        "for last; do :; done\n"
        f"{real} --version >/dev/null\n"
        "name=${last##*/}\n"
        f"exec {shutil.which('cat')} {folder}/answers/${{name#--}}\n"
    )


def _report(letter: str) -> str:
    table = [
        {
            "id": number,
            "name": name,
            "value": 100,
            "worst": 100,
            "thresh": threshold,
            "when_failed": "",
            "flags": {"value": 51, "prefailure": True},
            "raw": {"value": 0, "string": "0"},
        }
        for number, name, threshold in ATTRIBUTES
    ]
    report = {
        "json_format_version": [1, 0],
        "smartctl": {"version": [7, 3], "exit_status": 0},
        "device": {"name": f"/dev/sd{letter}", "type": "sat", "protocol": "ATA"},
        "model_name": "BENCH DISK",
        "serial_number": f"BENCH{letter.upper()}",
        "firmware_version": "1",
        "smart_status": {"passed": True},
        "temperature": {"current": 35},
        "power_on_time": {"hours": 1000},
        "ata_smart_attributes": {"table": table},
    }
    return json.dumps(report)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
