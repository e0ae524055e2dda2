"""`serve` with its state on a real PostgreSQL, whose password is named in collector.toml and stands in a file."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from deploy.demo.stage import AgentStage, CollectorStage, wait_until
from tests.peers.postgres import Postgres, postgres

pytestmark = pytest.mark.timeout(900)

HERE = Path(__file__).resolve().parents[2]
PASSWORD = "s3cret-of/the:state@store"


def ask_for_its_password(admin: psycopg.Connection[tuple[str]]) -> None:
    """Of keeper alone; everybody else is trusted as before."""
    row = admin.execute("SHOW hba_file").fetchone()
    assert row is not None
    rules = Path(row[0])
    rules.write_text("host all keeper 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    admin.execute("SELECT pg_reload_conf()")


def asked_for_a_password(server: Postgres) -> bool:
    try:
        psycopg.connect(f"host=127.0.0.1 port={server.port} user=keeper dbname=hardcase").close()
    except psycopg.OperationalError as error:
        return "password" in str(error)
    return False


def test_a_case_on_postgresql_outlives_a_restart_and_the_password_stays_in_its_file(tmp_path: Path) -> None:
    with postgres() as server:
        url = server.new_database("hardcase")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}'")
            admin.execute("ALTER DATABASE hardcase OWNER TO keeper")
            ask_for_its_password(admin)
        # A reload is a signal to the server: it is taken a moment later.
        wait_until(lambda: asked_for_a_password(server), within_s=90, what="the server asks keeper for a password")
        secret = tmp_path / "state.password"
        secret.touch(mode=0o600)
        secret.write_text(PASSWORD + "\n")
        collector = CollectorStage(
            tmp_path / "collector",
            tables="[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n[state]\n"
            f'url = "postgresql+psycopg://keeper@127.0.0.1:{server.port}/hardcase"\npassword = "file:{secret}"\n',
        )
        timeline = HERE / "deploy/demo/rehearsal_no_bmc.toml"
        agent = AgentStage(
            "drill", tmp_path / "agent", collector, f'[rehearsal]\ntimeline = "{timeline}"\nspeed = 5.0\n', mode="drill"
        )
        try:
            collector.found()
            collector.start()
            agent.enrol(collector.token())
            agent.program.start()
            wait_until(lambda: bool(collector.ask("cases", "list")), within_s=150, what="a case opens")
            case, *_ = collector.ask("cases", "list")
            environment = Path(f"/proc/{collector.program.pid}/environ").read_bytes()
            collector.program.stop()
            collector.start()
            numbers = [again["number"] for again in collector.ask("cases", "list")]
        finally:
            agent.program.stop()
            collector.program.stop()

    assert numbers.count(case["number"]) == 1
    assert not (tmp_path / "collector/data/state.sqlite").exists()
    assert PASSWORD.encode() not in environment
    assert PASSWORD not in collector.program.log.read_text()
    assert os.stat(secret).st_mode & 0o077 == 0
