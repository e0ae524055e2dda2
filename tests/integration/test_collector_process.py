"""The collector as its users meet it: init, token, serve, commands over the socket, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.peers.collector import CollectorProcess, collector, wait_until
from tests.peers.systemd import NotifySocket

pytestmark = pytest.mark.timeout(900)

MOST_RESERVE_MB = 100_000_000
"""More than any disk that the tests run on has free."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector(tmp_path_factory.mktemp("collector")) as made:
        made.start()
        yield made


def get(running: CollectorProcess, path: str, **headers: str) -> httpx.Response:
    context = ssl.create_default_context(cafile=running.folder / "data/pki/ca.crt")
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.get(f"https://localhost:{running.ports['web']}{path}", headers=headers, timeout=90)


def test_the_pages_port_is_trusted_through_the_collectors_own_ca(running: CollectorProcess) -> None:
    assert get(running, "/livez").text == "ok\n"


def test_ready_says_so_and_metrics_name_what_operators_watch(running: CollectorProcess) -> None:
    assert get(running, "/readyz", accept="application/json").json() == {"ready": True, "reasons": []}
    text = get(running, "/metrics").text
    for name in ("acknowledged_total", "duplicates_total", "rejected_total", "lost_total", "outbox_age_seconds"):
        assert f"\nhardcase_{name} " in text
    for name in ("silent_agents", "certificate_days", "commit_seconds", "ready"):
        assert f"\nhardcase_{name} " in text


def test_a_token_is_shown_once_and_stored_hashed(running: CollectorProcess) -> None:
    made = running.ask("token", "--uses", "3", "--hours", "2")

    assert made["token"].startswith("hct_")
    assert made["uses_left"] == 3
    assert made["ca_fingerprint"] == f"sha256:{running.fingerprint}"
    stored = b"".join(path.read_bytes() for path in (running.folder / "data").glob("state.sqlite*"))
    assert made["token"].encode() not in stored
    assert made["token"] not in running.log


def test_tables_and_json_come_over_the_socket(running: CollectorProcess) -> None:
    assert running.run("cases", "list").stdout == "No open cases.\n"
    assert running.ask("assets", "list") == []
    assert running.ask("status")["ready"] is True
    assert any(rule["rule"] == "agent-silent" for rule in running.ask("rules", "list"))


def test_what_does_not_exist_is_said_in_one_line(running: CollectorProcess) -> None:
    done = running.run("cases", "show", "HC-20000101-0001")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_user_is_added_with_a_password_from_standard_input(running: CollectorProcess) -> None:
    done = running.run(
        "users", "add", "li.lei", "--role", "viewer", "--password-file", "-", text="correct horse staple\n"
    )
    again = running.run(
        "users", "add", "li.lei", "--role", "viewer", "--password-file", "-", text="correct horse staple\n"
    )
    short = running.run("users", "add", "han", "--password-file", "-", text="short\n")

    assert done.returncode == 0, done.stderr
    assert again.returncode == 1
    assert "12 characters" in short.stderr
    assert {"li.lei", "admin"} == {user["name"] for user in running.ask("users", "list")}
    assert all("password_hash" not in user for user in running.ask("users", "list"))


def test_a_second_serve_refuses_and_harms_nothing(running: CollectorProcess) -> None:
    done = running.run("serve")

    assert done.returncode == 1
    assert "holds the stores" in done.stderr
    assert running.ask("status")["ready"] is True


def test_the_socket_is_closed_to_all_but_owner_and_group(running: CollectorProcess) -> None:
    assert stat.S_IMODE(running.socket.stat().st_mode) & 0o007 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_peer_that_is_neither_root_nor_owner_nor_administrator_is_refused(running: CollectorProcess) -> None:
    # The path is opened to everybody here, so that only the kernel's word about the peer is left.
    code = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "os.chdir(os.path.dirname(sys.argv[1]))\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s.connect(os.path.basename(sys.argv[1]))\n"
        "s.sendall(b'GET /v1/users HTTP/1.1\\r\\nHost: c\\r\\n\\r\\n')\n"
        "s.settimeout(60)\n"
        "print(s.recv(65536).decode())\n"
    )
    running.socket.chmod(0o666)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(running.socket)], capture_output=True, text=True, timeout=120
        )
    finally:
        running.socket.chmod(0o600)

    assert "403 Forbidden" in done.stdout, done.stderr
    assert "admin" not in done.stdout.replace("hardcase-admin", "")
    assert running.ask("users", "list")


def test_a_reload_with_a_mistake_keeps_everything_and_says_so(running: CollectorProcess) -> None:
    good = running.configuration.read_text(encoding="utf-8")
    assert running.process is not None
    try:
        running.configuration.write_text(good + '[cases]\njoining_hours = "long"\n', encoding="utf-8")
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload refused" in running.log, within_s=120, what="the reload is refused")
    finally:
        running.configuration.write_text(good, encoding="utf-8")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: '"reloaded"' in running.log, within_s=120, what="the reload is taken")
    assert running.ask("status")["ready"] is True


def test_the_telemetry_port_refuses_tls_1_2_and_peers_without_a_certificate(running: CollectorProcess) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for name in ("telemetry", "enrolment", "web"):
        with (
            socket.create_connection(("127.0.0.1", running.ports[name]), timeout=60) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            context.wrap_socket(plain)


def test_without_a_collector_commands_say_what_to_do(tmp_path: Path) -> None:
    with collector(tmp_path) as made:
        done = made.run("cases", "list")

    assert done.returncode == 69
    assert "systemctl start hardcase-collector" in done.stderr


def test_a_wrong_configuration_ends_with_every_mistake_and_its_own_code(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('mode = "x"\nlisten = 3\n', encoding="utf-8")
    command = [sys.executable, "-m", "hardcase_collector", "--config", str(path), "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert done.returncode == 78
    assert done.stderr.count(f"{path}: ") == 2


def test_init_twice_adds_nobody_and_keeps_the_ca(tmp_path: Path) -> None:
    with collector(tmp_path) as made:
        again = made.ask("init", "--name", "localhost")

    assert again["ca_fingerprint"] == made.fingerprint
    assert again["administrator"] is None
    assert again["password"] is None


def test_sigterm_drains_and_systemd_is_told_each_step(tmp_path: Path) -> None:
    with NotifySocket(tmp_path) as systemd, collector(tmp_path) as made:
        made.start(environment={"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "3000000"})
        systemd.wait_for("READY=1")
        systemd.wait_for("WATCHDOG=1")
        status = made.stop()
        systemd.wait_for("STOPPING=1")
        lines = [json.loads(line) for line in made.log.splitlines()]

    assert status == 0
    assert [line["message"] for line in lines][-1] == "stopped"
    assert not made.socket.exists()


def test_below_the_disk_reserve_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with collector(tmp_path, tables=f"[disk]\nreserve_percent = 0.0\nreserve_mb = {MOST_RESERVE_MB}\n") as made:
        made.start()
        answer = get(made, "/readyz")

    assert answer.status_code == 503
    assert f"the reserve is {MOST_RESERVE_MB} MiB" in answer.text
