"""`make demo`: a collector and two agents on loopback, until Ctrl-C; with ONCE=1 until the three cases are told.

One agent reads this machine. The other rehearses a server on which a power supply loses its input, a processor
gets too hot and a disk starts to fail; where ipmi_sim is installed, supply and processor belong to a simulated BMC
that is read by IPMI. Everything is the real program; only the faults are played.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from deploy.demo.bmc import SimulatedBmc
from deploy.demo.ports import free_port
from deploy.demo.stage import (
    AgentStage,
    CollectorStage,
    Program,
    Stage,
    StageError,
    wait_until,
    webhook_secret,
)

HERE = Path(__file__).resolve().parent
OPEN_WITHIN_S = 150
CPU_TEMPERATURE, CPU_CRITICAL_RAW = 1, 98
"""Sensor of the simulated BMC; its upper critical limit is 95 degrees, one step a degree."""
PSU_STATUS, PSU_NAME, INPUT_LOST_BIT = 0x31, "PSU 2 Status", 3
REPAIR_GROUPS = ("psu", "thermal", "disk")


class Stopped(Exception):
    """Ctrl-C, or SIGTERM."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


STARTED = time.monotonic()


def start_collector(stack: ExitStack, directory: Path) -> tuple[CollectorStage, Path]:
    """The collector, and the log of the sink that takes its webhooks."""
    secret = webhook_secret(directory)
    port = free_port()
    told = directory / "webhooks.jsonl"
    sink = Program(
        "sink",
        [sys.executable, str(HERE / "sink.py"), "--port", str(port), "--secret-file", str(secret), "--log", str(told)],
        directory / "sink.log",
    )
    stack.callback(sink.stop)
    sink.start()
    collector = CollectorStage(
        directory / "collector",
        tables="[cases]\njoining_hours = 0.0\n[disk]\nreserve_percent = 0.0\nreserve_mb = 64\n"
        f'[[channel.webhook]]\nname = "demo"\nurl = "http://127.0.0.1:{port}/"\nsecret = "file:{secret}"\n',
    )
    collector.found()
    stack.callback(collector.program.stop)
    collector.start()
    sink.check()
    return collector, told


def start_agents(
    stack: ExitStack, directory: Path, collector: CollectorStage, bmc: SimulatedBmc | None
) -> list[AgentStage]:
    own = AgentStage("agent of this machine", directory / "own", collector, '[helper]\nsocket = ""\n')
    timeline = HERE / ("rehearsal_no_bmc.toml" if bmc else "rehearsal.toml")
    tables = f'[rehearsal]\ntimeline = "{timeline}"\n'
    if bmc:
        tables += bmc_tables(bmc)
    drill = AgentStage("agent of the drill", directory / "drill", collector, tables, mode="drill")
    for agent in (own, drill):
        agent.enrol(collector.token())
        stack.callback(agent.program.stop)
        agent.program.start()
    return [own, drill]


def bmc_tables(bmc: SimulatedBmc) -> str:
    return (
        '[ipmi]\nlocal = "false"\nanalogue_period_s = 2.0\ndiscrete_period_s = 2.0\n'
        f'[ipmi.profiles.demo]\nuser = "{bmc.user}"\npassword = "file:{bmc.password_file}"\n'
        f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {bmc.lan_port}\nprofile = "demo"\n'
    )


def played_cases(collector: CollectorStage) -> list[dict[str, Any]]:
    """Open cases of what is played: the drill, and the simulated BMC."""
    cases: list[dict[str, Any]] = collector.ask("cases", "list")
    return [case for case in cases if case["repair_group"] in REPAIR_GROUPS]


def told_numbers(told: Path) -> set[str]:
    """Numbers of the cases whose opening the sink has taken."""
    if not told.exists():
        return set()
    lines = (json.loads(line) for line in told.read_text().splitlines() if line.strip())
    return {line["body"]["data"]["case"]["number"] for line in lines if line["body"]["type"].endswith("case.opened.v1")}


def watch(collector: CollectorStage, agents: list[AgentStage], told: Path) -> Iterator[set[str]]:
    """Prints cases as they open; yields the repair groups that are open and told, once a turn."""
    shown: set[str] = set()
    while True:
        for program in (collector.program, *(agent.program for agent in agents)):
            program.check()
        delivered = told_numbers(told)
        cases = played_cases(collector)
        for case in cases:
            if case["number"] not in shown:
                shown.add(case["number"])
                part = case["part"]
                place = " ".join(filter(None, (part["component"], part["slot"], part["serial"])))
                say(f"case {case['number']}  {case['severity']:<8}  {case['title']}  ({case['asset_name']}: {place})")
        yield {case["repair_group"] for case in cases if case["number"] in delivered}
        time.sleep(0.5)


def supply_is_read(collector: CollectorStage) -> bool:
    """The collector knows the supply with its input: one that never had any is no fault."""
    pictures = [
        collector.ask("assets", "show", str(line["asset"]["id"]))
        for line in collector.ask("assets", "list")
        if line["watched"]
    ]
    return any(row["name"] == PSU_NAME and not row["gap"] for picture in pictures for row in picture["readings"])


def play(bmc: SimulatedBmc) -> None:
    bmc.set_reading(CPU_TEMPERATURE, CPU_CRITICAL_RAW)
    bmc.set_bit(PSU_STATUS, INPUT_LOST_BIT, True)


@contextmanager
def simulated_bmc(directory: Path) -> Iterator[SimulatedBmc | None]:
    if shutil.which("ipmi_sim") is None:
        say("ipmi_sim (Debian package openipmi) is not installed: the BMC is rehearsed")
        yield None
        return
    with SimulatedBmc(directory / "bmc") as bmc:
        say("ipmi_sim plays the BMC, which is read by IPMI over LAN")
        yield bmc


def run(directory: Path, *, once: bool) -> None:
    with Stage() as stack:
        bmc = stack.enter_context(simulated_bmc(directory))
        say("starting the collector")
        collector, told = start_collector(stack, directory)
        say("enrolling two agents over TLS 1.3")
        agents = start_agents(stack, directory, collector, bmc)
        say(f"pages: {collector.url}  (user {collector.administrator}, password {collector.password})")
        say("waiting for the three faults; this takes about half a minute")
        if bmc:
            wait_until(
                lambda: supply_is_read(collector),
                within_s=OPEN_WITHIN_S,
                what="first readings",
            )
            play(bmc)
        await_cases(collector, agents, told, once=once)


def await_cases(collector: CollectorStage, agents: list[AgentStage], told: Path, *, once: bool) -> None:
    deadline = time.monotonic() + OPEN_WITHIN_S
    complete = False
    for groups in watch(collector, agents, told):
        if not complete and groups >= set(REPAIR_GROUPS):
            complete = True
            say("the three cases are open and their webhooks were delivered")
            if once:
                return
            say(f"have a look at {collector.url}; Ctrl-C stops everything")
        if once and time.monotonic() > deadline:
            missing = ", ".join(sorted(set(REPAIR_GROUPS) - groups))
            raise StageError(f"not open and told within {OPEN_WITHIN_S} s: {missing}")


def main() -> int:
    def stop(number: int, frame: object) -> None:
        raise Stopped

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    once = os.environ.get("ONCE", "") not in ("", "0")
    directory = Path(tempfile.mkdtemp(prefix="hardcase-demo-"))
    try:
        run(directory, once=once)
    except Stopped:
        say("stopped")
    except StageError as error:
        print(f"demo failed: {error}\nlogs are kept in {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
