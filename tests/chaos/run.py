"""One run of chaos: real collector, agents, helper and simulated BMC; kill -9 of any of them at random instants.

At the end the faults are counted against cases, the kept frames against the stored ones, and the case events against
the webhooks that arrived. Called by `__main__.py` and `test_chaos.py`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardcase_agent.sensors.rehearsal.load import LoadFault, load_timeline

from deploy.demo.bmc import SimulatedBmc
from deploy.demo.ports import free_port
from deploy.demo.stage import AgentStage, CollectorStage, Program, StageError, wait_until, webhook_secret
from tests.chaos.keeper import Keeper, owed_events, stored_frames

ROOT = Path(__file__).resolve().parent.parent.parent
CPU_TEMPERATURE, CPU_NORMAL_RAW, CPU_CRITICAL_RAW = 1, 44, 98
SETTLES_WITHIN_S = 180.0
LATE_SWEEPS = 3
PLAYED_COMPONENTS = ("board", "cpu")
"""What `load_timeline` gives its faults to, and the simulated BMC's processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to start and how often to kill. `agents` rehearse; one more reads the simulated BMC."""

    agents: int
    kills: int
    seed: int
    sensors: int = 20
    period_s: float = 2.0
    faults: int = 2
    """Per rehearsing agent; each is one part, so each is to become one case."""
    pause_s: float = 0.6
    """Mean time between kills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    kills: Counter[str]
    kept: int
    """Frames that agents had on their disks."""
    waiting: int
    """Of these, taken in the last moment and still in a spool when the agents were stopped."""
    lost: int
    doubled: int
    faults: int
    cases: int
    surplus_cases: int
    events: int
    """Case events owed to the webhook."""
    untold: tuple[str, ...]
    """Events that never arrived, as number and version of the case."""
    ids_shared: int
    """Events that arrived under more than one id."""
    seconds: float
    listed: tuple[str, ...]
    """The cases, for whoever has to find out why they are too many."""

    @property
    def wrong(self) -> tuple[str, ...]:
        """One line for each promise that was broken; none = all is well."""
        faults = [
            f"{what}: {count}"
            for what, count in (
                ("frames lost", self.lost),
                ("frames stored twice", self.doubled),
                ("cases too many for their part", self.surplus_cases),
                ("events under more than one id", self.ids_shared),
            )
            if count
        ]
        if self.untold:
            faults.append("events never told: " + ", ".join(self.untold))
        if self.cases != self.faults:
            faults.append(f"{self.faults} faults, {self.cases} parts with a case: " + "; ".join(self.listed))
        return tuple(faults)


class Chaos:
    """The cast of one run, below one directory."""

    def __init__(self, directory: Path, plan: Plan, stack: ExitStack) -> None:
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.directory = directory
        self.told = directory / "webhooks.jsonl"
        self.kills: Counter[str] = Counter()
        self.bmc = stack.enter_context(SimulatedBmc(directory / "bmc"))
        self.collector = self._collector(stack)
        self.helper = self._helper(stack)
        self.agents = [self._drill(number) for number in range(plan.agents)] + [self._reader()]
        token = self.collector.token(uses=len(self.agents))
        for agent in self.agents:
            stack.callback(agent.program.kill)
            agent.enrol(token)
        self.keeper = Keeper([agent.directory / "state" / "spool" for agent in self.agents], directory / "kept")
        stack.callback(self.keeper.stop)
        for agent in self.agents:
            agent.program.start()

    def _collector(self, stack: ExitStack) -> CollectorStage:
        secret, port = webhook_secret(self.directory), free_port()
        sink = Program(
            "sink",
            [
                *(sys.executable, str(ROOT / "deploy/demo/sink.py"), "--port", str(port)),
                *("--secret-file", str(secret), "--log", str(self.told)),
            ],
            self.directory / "sink.log",
        )
        stack.callback(sink.kill)
        sink.start()
        collector = CollectorStage(
            self.directory / "collector",
            tables="[cases]\njoining_hours = 0.0\n[disk]\nreserve_percent = 0.0\nreserve_mb = 64\n"
            f'[[channel.webhook]]\nname = "sink"\nurl = "http://127.0.0.1:{port}/"\nsecret = "file:{secret}"\n',
        )
        collector.found()
        stack.callback(collector.program.kill)
        collector.start()
        return collector

    def _helper(self, stack: ExitStack) -> Program:
        socket = self.directory / "helper.sock"
        helper = Program(
            "helper",
            [sys.executable, "-m", "hardcase_agent.helper", "--socket", str(socket)],
            self.directory / "helper.log",
        )
        stack.callback(helper.kill)
        helper.start()
        return helper

    def _drill(self, number: int) -> AgentStage:
        plan = self.plan
        faults = [LoadFault(sensor=index, at_s=3 + 2 * index) for index in range(plan.faults)]
        timeline = self.directory / f"timeline-{number}.toml"
        timeline.write_text(load_timeline(number, sensors=plan.sensors, period_s=plan.period_s, faults=faults))
        return AgentStage(
            f"agent-{number}",
            self.directory / f"agent-{number}",
            self.collector,
            f'[rehearsal]\ntimeline = "{timeline}"\n[helper]\nsocket = ""\n',
            mode="drill",
        )

    def _reader(self) -> AgentStage:
        bmc = self.bmc
        return AgentStage(
            "agent-bmc",
            self.directory / "agent-bmc",
            self.collector,
            f'[helper]\nsocket = "{self.directory / "helper.sock"}"\n'
            "[smart]\nnvme_period_s = 6.0\nata_period_s = 6.0\ndeadline_s = 2.0\n"
            '[ipmi]\nlocal = "false"\nanalogue_period_s = 1.0\ndiscrete_period_s = 1.0\nsel_period_s = 1.0\n'
            f'[ipmi.profiles.chaos]\nuser = "{bmc.user}"\npassword = "file:{bmc.password_file}"\n'
            f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {bmc.lan_port}\nprofile = "chaos"\n',
        )

    # The run

    def kill_at_random(self) -> None:
        programs: list[tuple[str, Program]] = [
            ("collector", self.collector.program),
            ("helper", self.helper),
            *(("agent", agent.program) for agent in self.agents),
        ]
        # The collector is one of many processes and the heart of the matter: every third kill is its.
        weights = [len(self.agents) / 2, len(self.agents) / 6, *[1.0] * len(self.agents)]
        for number in range(self.plan.kills):
            time.sleep(self.chance.expovariate(1 / self.plan.pause_s))
            ((kind, program),) = self.chance.choices(programs, weights)
            program.kill()
            self.kills[kind] += 1
            if number % 3 == 0:
                self.move_bmc(CPU_CRITICAL_RAW if number % 2 else CPU_NORMAL_RAW)
            time.sleep(self.chance.uniform(0, self.plan.pause_s))
            program.start()

    def move_bmc(self, raw: int) -> None:
        self.bmc.set_reading(CPU_TEMPERATURE, raw)

    def settle(self) -> None:
        """Until every fault has its case, every agent has caught up and nothing is owed to the webhook."""
        self.move_bmc(CPU_CRITICAL_RAW)
        expected = self.faults
        self._until(lambda: len(self.open_cases()) >= expected, "every fault has a case")
        self._until(self.caught_up, "every agent has caught up")
        for agent in self.agents:
            agent.program.stop()
        self._until(lambda: self.owed() == 0, "every webhook was delivered")

    def _until(self, true: Callable[[], bool], what: str) -> None:
        def quietly() -> bool:
            try:
                return true()
            except StageError:
                return False

        wait_until(quietly, within_s=SETTLES_WITHIN_S, what=what, every_s=0.5)

    @property
    def faults(self) -> int:
        return self.plan.agents * self.plan.faults + 1

    def all_cases(self) -> Sequence[dict[str, Any]]:
        """Cases of what was played; this machine's hardware, and an agent that was dead for long, have their own."""
        cases: list[dict[str, Any]] = self.collector.ask("cases", "list", "--all", "--limit", "5000")
        return [case for case in cases if case["part"]["component"] in PLAYED_COMPONENTS]

    def open_cases(self) -> Sequence[dict[str, Any]]:
        return [case for case in self.all_cases() if case["state"] not in ("closed", "cancelled")]

    def caught_up(self) -> bool:
        """The newest stored record of each agent is not older than a few sweeps."""
        numbers = self.collector.ask("status")["numbers"]
        late_s = numbers.get("spool_age_seconds", float("inf"))
        streams: int = numbers["streams"]
        return streams == len(self.agents) and late_s < LATE_SWEEPS * self.plan.period_s

    def owed(self) -> int:
        owed: int = self.collector.ask("status")["numbers"]["outbox_owed"]
        return owed

    # The count

    def count(self, seconds: float) -> Outcome:
        cases = self.all_cases()
        parts = Counter(
            (case["asset"], json.dumps(case["part"], sort_keys=True), case["repair_group"]) for case in cases
        )
        self.collector.program.stop()
        self.keeper.stop()
        owed = owed_events(self.collector.directory / "data", {case["number"] for case in cases})
        kept, stored = self.keeper.frames(), Counter(stored_frames(self.collector.directory / "data" / "telemetry"))
        waiting = self.keeper.waiting() - set(stored)
        told: dict[tuple[str, int], set[str]] = {}
        for line in self.told.read_text().splitlines():
            delivery = json.loads(line)
            case = delivery["body"]["data"]["case"]
            told.setdefault((case["number"], case["version"]), set()).add(delivery["id"])
        return Outcome(
            kills=self.kills,
            kept=len(kept),
            waiting=len(waiting),
            lost=len(kept - set(stored) - waiting),
            doubled=sum(times - 1 for times in stored.values()),
            faults=self.faults,
            cases=len(parts),
            surplus_cases=sum(times - 1 for times in parts.values()),
            events=len(owed),
            untold=tuple(f"{number} v{version}" for number, version in sorted(owed - set(told))),
            ids_shared=sum(len(ids) > 1 for ids in told.values()),
            seconds=seconds,
            listed=tuple(
                f"{case['number']} {case['title']} {case['asset_name']} {case['part']['slot']}" for case in cases
            ),
        )


def run(directory: Path, plan: Plan) -> Outcome:
    """Raises StageError when something does not come back within its bound."""
    started = time.monotonic()
    with ExitStack() as stack:
        chaos = Chaos(directory, plan, stack)
        chaos.kill_at_random()
        chaos.settle()
        return chaos.count(time.monotonic() - started)
