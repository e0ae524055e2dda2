"""A collector and hosts that join it, as real programs; what they log is read from a mark on. For `test_joining.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from hardcase_agent.uplink import identity

from deploy.demo.stage import BIN, AgentStage, CollectorStage, StageError, call, wait_until

WITHIN_S = 200.0


@dataclass
class Ground:
    """A collector, and hosts that join it."""

    folder: Path
    collector: CollectorStage
    hosts: list[AgentStage] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """From the control socket, without starting a command for each look."""
        transport = httpx.HTTPTransport(uds=str(self.collector.directory / "control.sock"))
        with httpx.Client(transport=transport, base_url="http://collector/v1", timeout=60) as client:
            return client.get(path).raise_for_status().json()

    def ca(self) -> dict[str, Any]:
        told: dict[str, Any] = self.get("/ca")
        return told

    def waiting(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/waiting")["waiting"]
        return found

    def tokens(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/tokens")["tokens"]
        return found

    def host(self, name: str, settings: str = "") -> AgentStage:
        """A drill: an agent of its own identity, whatever machine the test runs on."""
        made = AgentStage(name, self.folder / name, self.collector, "", mode="drill")
        made.configuration.write_text(
            f'state_dir = "{made.directory / "state"}"\nmode = "drill"\n[collector]\n'
            f'join = "{made.directory / "join.toml"}"\n{settings}\n'
        )
        self.hosts.append(made)
        return made

    def token(self, *options: str) -> str:
        secret: str = self.collector.ask("token", "make", *options)["token"]
        return secret

    def enroll(self, host: AgentStage, *options: str, token: str | None = None, at: str = "") -> str:
        target = at or f"127.0.0.1:{self.collector.enrolment_port}"
        return call(
            [
                *(str(BIN / "hardcase-agent"), "--config", str(host.configuration), "enroll", target, "--wait", "0"),
                *(("--fingerprint", self.collector.fingerprint) if "--ca" not in options else ()),
                *options,
            ],
            text=(self.token() if token is None else token) + "\n",
        )

    def drop(self, host: AgentStage, token: str, **more: str) -> None:
        """The one file of a fleet."""
        told = {
            "collector": f"127.0.0.1:{self.collector.enrolment_port}",
            "fingerprint": self.collector.fingerprint,
            "token": token,
            **more,
        }
        path = host.directory / "join.toml"
        aside = path.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text("".join(f'{key} = "{value}"\n' for key, value in told.items()))
        aside.replace(path)

    def agents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/agents")["agents"]
        return found

    def id_of(self, host: AgentStage) -> str:
        held = identity.load(host.directory / "state")
        assert held is not None, f"{host.name} has not joined:\n{host.program.last_words()}"
        return held.agent_id

    def streams(self, host: AgentStage) -> None:
        """Until it does, after the last word of the log so far."""
        tells(host, "stream open")

    def audit(self, action: str) -> list[dict[str, Any]]:
        return [row for row in self.get("/audit?limit=500")["audit"] if row["action"] == action]

    def audited(self, action: str) -> set[str]:
        """Reasons, once there is one: who is refused may hear of it before it is written down, and come again."""
        wait_until(lambda: bool(self.audit(action)), within_s=WITHIN_S, what=f"{action} is written down")
        return {row["facts"]["reason"] for row in self.audit(action)}


def new_lines(host: AgentStage) -> str:
    """What the agent logged since `seen`."""
    text = host.program.log.read_text() if host.program.log.exists() else ""
    return text[SEEN.get(host.name, 0) :]


def tells(host: AgentStage, words: str, *, within_s: float = WITHIN_S) -> None:
    """Until its log holds these words. Raises StageError with what it said in their place."""
    try:
        wait_until(lambda: words in new_lines(host), within_s=within_s, what=f"{host.name} tells {words!r}")
    except StageError as error:
        alive = "runs" if host.program.running else "has ended"
        raise StageError(f"{error}; it {alive} and said:\n{new_lines(host)}") from None


SEEN: dict[str, int] = {}


def mark(host: AgentStage) -> None:
    SEEN[host.name] = len(host.program.log.read_text())


@contextmanager
def founded(folder: Path, tables: str = "") -> Iterator[Ground]:
    SEEN.clear()
    collector = CollectorStage(folder / "collector", tables=tables)
    collector.found()
    made = Ground(folder, collector)
    try:
        collector.start()
        yield made
    finally:
        for host in made.hosts:
            host.program.stop()
        collector.program.stop()
