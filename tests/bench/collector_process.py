"""A collector of the parts that ingest needs, as a process that the benchmarks start, ask and stop.

Run as `python -m tests.bench.collector_process FOLDER AGENTS [WEBHOOK]`; says its port, then answers each line on
stdin with one JSON line of what it used and what its stores hold.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hardcase_collector import pki
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.config import Channels, Webhook
from hardcase_collector.delivering import Delivering, prepare
from hardcase_collector.domain.asset import Agent
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.ports import OutboxRow, Transaction
from hardcase_collector.ingest.binding import Binding, JoiningPolicy
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.liveness import Liveness
from hardcase_collector.judging import judging
from hardcase_collector.notify.events import Sender, Title
from hardcase_collector.rpc.server import Credentials, build_server
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore


def delivering(folder: Path, state: SqlStateStore, webhook: str, title: Title) -> Delivering:
    """The outbox and one webhook, or no channel at all."""
    hooks: tuple[Webhook, ...] = ()
    if webhook:
        secret = folder / "webhook.secret"
        secret.write_text("whsec_" + base64.b64encode(b"k" * 32).decode())
        secret.chmod(0o600)
        hooks = (Webhook(name="bench", url=webhook, secret=f"file:{secret}"),)
    sender = Sender(source="urn:hardcase:bench", page_url="", title=title)
    return Delivering(prepare(Channels(webhook=hooks)), state, sender, clock_ms=lambda: time.time_ns() // 1_000_000)


def gave_up(tx: Transaction, row: OutboxRow, error: str, now_ms: int) -> None:
    raise AssertionError(f"the sink of the benchmark refused: {error}")


def enroll(folder: Path, state: SqlStateStore, agents: int) -> Credentials:
    """A CA, a server certificate, and a key and certificate for every agent."""
    now = datetime.now(UTC)
    authority = pki.Authority.create(("localhost", "127.0.0.1"), now=now)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.sign_server(key.public_key(), ("localhost", "127.0.0.1"), now=now)
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    with state.write() as tx:
        for at in range(agents):
            agent_key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
            request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(agent_key, hashes.SHA256())
            agent_id = str(uuid.UUID(int=at + 1))
            issued = authority.issue_client(
                request.public_bytes(serialization.Encoding.PEM),
                agent_id,
                enrolment=int(now.timestamp() * 1000),
                now=now,
            )
            (folder / f"agent-{at}.crt").write_bytes(issued.certificate)
            (folder / f"agent-{at}.key").write_bytes(pki.private_pem(agent_key))
            tx.agents.add(
                Agent(
                    id=agent_id,
                    number=0,
                    customer="bench",
                    hostname=f"bench{at:05d}",
                    machine_id=f"{at:032x}",
                    dmi_uuid="",
                    fingerprint=issued.fingerprint,
                    enrolled_ms=int(now.timestamp() * 1000),
                )
            )
    return Credentials(certificate=chain, key=pki.private_pem(key), ca=authority.certificate_pem)


def rss_mb() -> float:
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


async def main(folder: Path, agents: int, webhook: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    state = SqlStateStore.open(f"sqlite:///{folder / 'state.db'}", migrate=True)
    telemetry = DuckTelemetryStore(folder / "telemetry")
    credentials = await asyncio.to_thread(enroll, folder, state, agents)
    rules = judging(load_sheets(None), state)
    notifications = delivering(folder, state, webhook, rules.title)
    desk = CaseDesk(notifications.announcer, DeskSettings())
    delivery = asyncio.create_task(notifications.run(gave_up))
    intake = Intake(
        state=state,
        telemetry=telemetry,
        judge=rules.engine,
        desk=desk,
        binding=Binding(identify, JoiningPolicy(joining_ms=0)),
        liveness=Liveness(),
        disk_trouble=lambda: "",
    )

    def tick() -> None:
        with state.write() as tx:
            desk.tick(tx, now_ms=time.time_ns() // 1_000_000)

    service = TelemetryService(state, intake, collector_id="bench", tick=tick)
    server, port = build_server(service, "127.0.0.1:0", credentials)
    service.start()
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        facts: dict[str, object] = {
            "cpu_s": time.process_time(),
            "rss_mb": rss_mb(),
            "streams": service.open_streams,
            "groups": service.writer.groups,
            "busy_s": service.writer.busy_s,
            "counts": {name: getattr(intake.counts, name) for name in intake.counts.__slots__},
        }
        if line == "seal":
            # As if a week had passed: every day is over and quiet.
            ahead = time.time_ns() // 1_000_000 + 8 * 86_400_000
            for _ in range(200):
                await asyncio.to_thread(telemetry.maintain, ahead)
        if line in ("recount", "seal"):
            recount = await asyncio.to_thread(telemetry.recount)
            facts["delivered"] = notifications.delivered
            facts["sealed_bytes"] = sum(path.stat().st_size for path in (folder / "telemetry/sealed").iterdir())
            facts["telemetry"] = {"frames": recount.frames, "samples": recount.samples, "doubled": recount.doubled}
            with state.read() as tx:
                marks = [tx.feeds.marks(agent.number) for agent in tx.agents.all(customer=None)]
            facts["state_through"] = sum(mark.through for of_agent in marks for mark in of_agent.values())
        print(json.dumps(facts), flush=True)
    delivery.cancel()
    await notifications.close()
    await service.stop()
    await server.stop(1.0)
    telemetry.close()
    state.close()


if __name__ == "__main__":
    if os.environ.get("HARDCASE_PROFILE"):
        import cProfile
        import threading

        profile = cProfile.Profile()
        wrapped = threading.Thread.run

        def run(self: threading.Thread) -> None:
            if self.name == "writer":
                profile.runcall(wrapped, self)
            else:
                wrapped(self)

        threading.Thread.run = run
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
        profile.dump_stats(os.environ["HARDCASE_PROFILE"])
    else:
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
