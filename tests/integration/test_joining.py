"""Joining with real programs: by command and by file, approval, lost answers, clones, rollover of the CA, revocation,
expired certificates, proxies, IPv6, the site's own CA."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hardcase_agent.uplink import identity, keys
from hardcase_collector import pki

from deploy.demo.stage import AgentStage, CollectorStage, StageError, wait_until
from tests.fakes import site_ca
from tests.integration.joining_ground import WITHIN_S, Ground, founded, mark, new_lines, tells
from tests.peers.connect_proxy import ConnectProxy

pytestmark = pytest.mark.timeout(900)
"""Many programs are started one after the other, each in seconds on a busy machine."""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with founded(tmp_path) as made:
        yield made


def test_one_command_joins_and_the_service_needs_no_further_setting(ground: Ground) -> None:
    host = ground.host("web1")
    said = ground.enroll(host)
    assert said.startswith("enrolled as ")
    state = host.directory / "state"
    assert (state / identity.FILE).stat().st_mode & 0o777 == 0o600
    assert not (state / identity.KEY_FILE).exists()

    host.program.start()
    ground.streams(host)
    assert [agent["id"] for agent in ground.agents()] == [ground.id_of(host)]
    life_days = (identity.load(state).not_after_ms - identity.load(state).not_before_ms) / 86_400_000  # type: ignore[union-attr]  # it was loaded above
    assert 396 < life_days < 398


def test_a_file_joins_by_itself_waits_for_a_person_and_is_needed_no_longer(ground: Ground) -> None:
    ground.collector.command("customers", "add", "default")
    ground.collector.command("sites", "add", "default", "berlin", "--time-zone", "Europe/Berlin", "--country", "DE")
    host = ground.host("web1")
    ground.drop(host, ground.token("--approve", "--site", "berlin", "--network", "127.0.0.0/8"))
    host.program.start()
    wait_until(lambda: len(ground.waiting()) == 1, within_s=WITHIN_S, what="the host waits")
    (waiting,) = ground.waiting()
    held = identity.stored_key(host.directory / "state")
    assert held is not None
    assert (waiting["key"], waiting["address"]) == (keys.fingerprint(held), "127.0.0.1")
    tells(host, f"waits for approval as {waiting['id']}")

    ground.collector.command("token", "approve", waiting["id"])
    ground.streams(host)
    assert ground.waiting() == []
    (host.directory / "join.toml").unlink()
    host.program.stop()
    mark(host)
    host.program.start()
    ground.streams(host)
    assert {row["action"] for row in ground.audit("agent.approved")} == {"agent.approved"}


def test_a_refused_file_is_not_tried_again_before_it_is_another_one(ground: Ground) -> None:
    host = ground.host("web1")
    ground.drop(host, "hct_guessed")
    host.program.start()
    tells(host, "token-unknown")
    host.program.stop()
    mark(host)
    host.program.start()
    tells(host, "agent runs")
    ground.drop(host, ground.token())
    ground.streams(host)
    refusals = ground.audit("agent.enrolment_refused")
    assert [row["facts"]["reason"] for row in refusals] == ["token-unknown"]


def test_a_host_that_starts_before_its_collector_joins_when_it_is_there(ground: Ground) -> None:
    token = ground.token()
    ground.collector.program.stop()
    host = ground.host("web1")
    ground.drop(host, token)
    host.program.start()
    tells(host, "cannot join yet")
    ground.collector.start()
    ground.streams(host)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--network", "192.0.2.0/24"), "network-not-allowed"),
        (("--serial", "7ABC123"), "serial-not-listed"),
        (("--approve",), "waits for approval"),
    ],
)
def test_what_a_token_asks_for_is_told_by_name_and_takes_no_use(
    ground: Ground, options: tuple[str, ...], name: str
) -> None:
    host = ground.host("web1")
    token = ground.token(*options)
    with pytest.raises(StageError, match=name):
        ground.enroll(host, token=token)
    assert [one["uses_left"] for one in ground.tokens()] == [1]
    assert token not in (ground.collector.program.log.read_text() + str(ground.audit("agent.enrolment_refused")))


def test_the_certificate_is_renewed_by_a_host_that_was_off_when_it_expired(ground: Ground) -> None:
    host = ground.host("web1")
    ground.enroll(host)
    age(ground, host, days=440)
    host.program.start()
    ground.streams(host)
    held = identity.load(host.directory / "state")
    assert held is not None
    assert held.not_after_ms > datetime.now(UTC).timestamp() * 1000
    (renewed,) = ground.audit("agent.renewed")
    assert 42 < renewed["facts"]["days_after_its_end"] < 44


def test_a_certificate_too_long_expired_is_refused_by_name_on_both_sides(ground: Ground) -> None:
    host = ground.host("web1")
    ground.enroll(host)
    age(ground, host, days=397 + 91)
    host.program.start()
    tells(host, "certificate-expired")
    assert ground.audited("agent.enrolment_refused") == {"certificate-expired"}


def age(ground: Ground, host: AgentStage, *, days: int) -> None:
    """Its certificate was issued so many days ago, by the collector's own CA."""
    path = host.directory / "state" / identity.FILE
    held = json.loads(path.read_text())
    authority = pki.Authority.load(pki.ServerFiles.below(ground.collector.directory / "data"))
    present = x509.load_pem_x509_certificate(held["certificate_pem"].encode())
    issued = authority.issue_client(
        keys.request_pem(held["key_pem"].encode(), host.name),
        held["agent_id"],
        enrolment=authority.enrolment_of(present) or 0,
        now=datetime.now(UTC) - timedelta(days=days),
    )
    before_ms, after_ms = keys.validity_ms(issued.certificate, held["key_pem"].encode())
    held |= {
        "certificate_pem": issued.certificate.decode(),
        "not_before_ms": before_ms,
        "not_after_ms": after_ms,
    }
    path.write_text(json.dumps(held))


def test_one_ca_follows_another_without_a_restart_and_without_a_new_enrolment(ground: Ground) -> None:
    hosts = [ground.host(f"web{number}") for number in (1, 2)]
    for host in hosts:
        ground.enroll(host)
        host.program.start()
        ground.streams(host)
    ids, pids = [ground.id_of(host) for host in hosts], [host.program.pid for host in hosts]
    first = ground.collector.fingerprint
    # One is away while it happens.
    hosts[1].program.stop()
    ground.collector.command("ca", "rotate")
    wait_until(lambda: names(ground) == [hosts_id(ground, ids[1])], within_s=WITHIN_S, what="the first is through")
    with pytest.raises(StageError, match="1 live agents still depend on the old CA"):
        ground.collector.command("ca", "retire")
    # A host that joins now is told the old fingerprint, and it is right.
    assert ground.collector.ask("token", "make")["ca_fingerprint"] == f"sha256:{first}"
    late = ground.host("late")
    ground.enroll(late)
    late.program.start()
    ground.streams(late)

    mark(hosts[1])
    hosts[1].program.start()
    wait_until(lambda: bool(ground.ca()["may_retire"]), within_s=WITHIN_S, what="all through")
    ground.collector.command("ca", "retire")
    told = ground.ca()
    assert (told["retiring"], first in told["enrolment_fingerprint"]) == ("", False)
    everybody = (*hosts, late)
    wait_until(lambda: all(len(roots(host)) == 1 for host in everybody), within_s=WITHIN_S, what="all trust one CA")
    pids[1] = hosts[1].program.pid
    assert [ground.id_of(host) for host in hosts] == ids
    assert [host.program.pid for host in hosts] == pids
    # What is printed now is right now, and the old CA's fingerprint leads nowhere.
    with pytest.raises(StageError, match="does not show a CA with this fingerprint"):
        ground.enroll(ground.host("old"))
    ground.collector.fingerprint = ground.collector.ask("token", "make")["ca_fingerprint"]
    ground.enroll(ground.host("new"))
    assert {row["action"] for row in ground.audit("ca.retired")} == {"ca.retired"}
    for host in hosts:
        mark(host)
    ground.collector.program.stop()
    ground.collector.start()
    for host in hosts:
        ground.streams(host)


def test_a_host_that_was_away_until_streams_show_the_new_ca_finds_it_at_the_enrolment_port(ground: Ground) -> None:
    host, away = ground.host("web1"), ground.host("away")
    for one in (host, away):
        ground.enroll(one)
    host.program.start()
    ground.streams(host)
    # Away for longer than a rollover waits for.
    database(ground, f"UPDATE agents SET enrolled_ms = enrolled_ms, last_seen_ms = 1 WHERE id = '{ground.id_of(away)}'")
    forget_enrolment(ground, away)
    ground.collector.command("ca", "rotate")
    wait_until(lambda: ground.ca()["streams_show"] == "new", within_s=WITHIN_S, what="the new CA")
    away.program.start()
    ground.streams(away)
    assert len(roots(away)) == 2


def forget_enrolment(ground: Ground, host: AgentStage) -> None:
    """As if it had joined in another year: the time of an enrolment is also in the certificate."""
    path = host.directory / "state" / identity.FILE
    held = json.loads(path.read_text())
    long_ago_ms = int((datetime.now(UTC) - timedelta(days=60)).timestamp() * 1000)
    authority = pki.Authority.load(pki.ServerFiles.below(ground.collector.directory / "data"))
    issued = authority.issue_client(
        keys.request_pem(held["key_pem"].encode(), host.name),
        held["agent_id"],
        enrolment=long_ago_ms,
        now=datetime.now(UTC),
    )
    path.write_text(json.dumps(held | {"certificate_pem": issued.certificate.decode()}))
    database(ground, f"UPDATE agents SET enrolled_ms = {long_ago_ms} WHERE id = '{held['agent_id']}'")


def database(ground: Ground, statement: str) -> None:
    """What another process that shares the store does."""
    connection = sqlite3.connect(ground.collector.directory / "data" / "state.sqlite", timeout=90)
    with connection:
        connection.execute(statement)
    connection.close()


def names(ground: Ground) -> list[str]:
    return [one["id"] for one in ground.ca()["missing"]]


def hosts_id(ground: Ground, id: str) -> str:
    return next(agent["id"] for agent in ground.agents() if agent["id"] == id)


def roots(host: AgentStage) -> tuple[bytes, ...]:
    held = identity.load(host.directory / "state")
    return () if held is None else held.roots()


def test_a_revocation_by_another_process_that_shares_the_store_ends_the_stream_within_a_minute(ground: Ground) -> None:
    host = ground.host("web1")
    ground.enroll(host)
    host.program.start()
    ground.streams(host)
    database(ground, "UPDATE agents SET revoked = 1")
    tells(host, "revoked")
    # The handshake still succeeds, for there is no list of revoked certificates: the stream is refused by name.
    host.program.stop()
    mark(host)
    host.program.start()
    tells(host, "this identity was revoked")
    assert ground.audited("agent.stream_refused") == {"revoked"}


def test_a_copied_identity_is_refused_by_name_and_audited(ground: Ground) -> None:
    host, copy = ground.host("web1"), ground.host("copy")
    ground.enroll(host)
    host.program.start()
    ground.streams(host)
    (copy.directory / "state").mkdir(mode=0o700)
    shutil.copy(host.directory / "state" / identity.FILE, copy.directory / "state")
    copy.program.start()
    tells(copy, "cloned")
    assert ground.audited("agent.stream_refused") == {"cloned"}
    assert {row["subject"] for row in ground.audit("agent.stream_refused")} == {ground.id_of(host)}
    assert "no stream" not in new_lines(host)


def test_a_cloned_image_with_a_key_of_its_own_is_refused_while_the_first_streams(ground: Ground) -> None:
    host, clone = ground.host("web1"), ground.host("clone")
    ground.enroll(host)
    host.program.start()
    ground.streams(host)
    (clone.directory / "state").mkdir(mode=0o700)
    shutil.copy(host.directory / "state" / "drill-id", clone.directory / "state")
    with pytest.raises(StageError, match=r"cloned.*streams now"):
        ground.enroll(clone)
    assert ground.audited("agent.enrolment_refused") == {"cloned"}


def test_everything_goes_through_a_proxy_that_wants_a_password(ground: Ground, tmp_path: Path) -> None:
    secret = tmp_path / "proxy.secret"
    secret.touch(mode=0o600)
    secret.write_text("p@ss:/word\n")
    with ConnectProxy(user="hardcase", password="p@ss:/word") as proxy:
        host = ground.host(
            "web1",
            f'proxy = "http://{proxy.address}"\nproxy_user = "hardcase"\nproxy_password = "file:{secret}"',
        )
        ground.enroll(host)
        host.program.start()
        ground.streams(host)
        told = ground.collector
        # The look at the CA and the call itself, then the stream.
        assert proxy.passed[:2] == [f"127.0.0.1:{told.enrolment_port}"] * 2
        assert f"127.0.0.1:{told.telemetry_port}" in proxy.passed
        host.program.stop()

        without = ground.host("without", f'proxy = "http://{proxy.address}"')
        with pytest.raises(StageError, match="wants a user and a password"):
            ground.enroll(without)
        assert proxy.turned_away == 1
        assert "p@ss" not in host.program.log.read_text()


def speaks_ipv6() -> bool:
    """A machine may have IPv6 and no ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not speaks_ipv6(), reason="this machine has no IPv6 on its loopback")
def test_ipv6_works_everywhere(tmp_path: Path) -> None:
    collector = CollectorStage(tmp_path / "collector", names=("::1",))
    # The stage writes IPv4 addresses; the same ports on ::1.
    collector.found()
    collector.configuration.write_text(collector.configuration.read_text().replace('"127.0.0.1:', '"[::1]:'))
    made = Ground(tmp_path, collector)
    host = made.host("six")
    try:
        collector.start()
        told = collector.ask("token", "make", "--network", "::1/128")
        made.enroll(host, token=told["token"], at=f"[::1]:{collector.enrolment_port}")
        host.program.start()
        made.streams(host)
        (row,) = made.audit("agent.enrolled")
        assert row["facts"]["address"] == "::1"
    finally:
        host.program.stop()
        collector.program.stop()


def test_the_sites_own_ca_serves_both_ways_and_is_read_anew_when_its_files_change(tmp_path: Path) -> None:
    ca = site_ca.make("Site CA")
    folder = tmp_path / "tls"
    folder.mkdir()
    site_ca.write_server(folder, ca, ("localhost", "127.0.0.1"))
    tables = (
        f'[tls]\ncertificate = "{folder / "server.crt"}"\nkey = "{folder / "server.key"}"\n'
        f'ca = "{folder / "ca.crt"}"\nclient_ca = "{folder / "ca.crt"}"\n'
    )
    with founded(tmp_path / "g", tables) as made:
        # With a certificate of the collector's own CA, over the site's server certificate.
        plain = made.host("plain")
        made.enroll(plain, "--ca", str(folder / "ca.crt"))
        plain.program.start()
        made.streams(plain)
        made.collector.fingerprint = made.collector.ask("token", "make")["ca_fingerprint"]
        by_fingerprint = made.host("fingerprint")
        made.enroll(by_fingerprint)

        # With a certificate that the site issued.
        brought = made.host("brought")
        site_ca.write_client(folder, ca, "web9.example.com")
        made.enroll(
            brought,
            *("--ca", str(folder / "ca.crt"), "--certificate", str(folder / "client.crt")),
            *("--key", str(folder / "client.key")),
            at=f"127.0.0.1:{made.collector.telemetry_port}",
        )
        brought.program.start()
        made.streams(brought)
        assert made.id_of(brought) == "x509:web9.example.com"

        # The site renews all of it: nobody starts anew.
        site_ca.write_client(folder, ca, "web9.example.com")
        site_ca.write_server(folder, ca, ("localhost", "127.0.0.1"))
        shown = serial(folder / "server.crt")
        wait_until(lambda: serial_at(made.collector.telemetry_port) == shown, within_s=WITHIN_S, what="the new one")
        for host in (plain, brought):
            mark(host)
        pid = made.collector.program.pid
        made.collector.command("agents", "revoke", made.id_of(plain))
        tells(plain, "revoked")
        brought.program.stop()
        brought.program.start()
        made.streams(brought)
        assert made.collector.program.pid == pid

        # A certificate of the site that was bound by no token is somebody, but nobody here.
        stranger = made.host("stranger")
        held = json.loads((brought.directory / "state" / identity.FILE).read_text())
        site_ca.write_client(folder, ca, "stranger.example.com", file="stranger")
        held |= {"certificate_file": str(folder / "stranger.crt"), "key_file": str(folder / "stranger.key")}
        (stranger.directory / "state").mkdir(mode=0o700)
        path = stranger.directory / "state" / identity.FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps(held))
        stranger.program.start()
        tells(stranger, "did not enroll this identity")


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def serial_at(port: int) -> int:
    """Of the certificate that this port shows now."""
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2"],
        input=b"",
        capture_output=True,
        timeout=90,
        check=False,
    ).stdout
    start = shown.find(b"-----BEGIN CERTIFICATE-----")
    return x509.load_pem_x509_certificate(shown[start:]).serial_number if start >= 0 else 0


def test_a_lost_answer_takes_no_second_use(ground: Ground) -> None:
    host = ground.host("web1")
    token = ground.token()
    ground.enroll(host, token=token)
    state = host.directory / "state"
    held = identity.load(state)
    assert held is not None
    # The answer never came: only the key is there.
    identity.store_key(state, held.key_pem.encode())
    (state / identity.FILE).unlink()
    ground.enroll(host, token=token)
    again = identity.load(state)
    assert again is not None
    assert (again.agent_id, again.certificate_pem) == (held.agent_id, held.certificate_pem)
    assert [one["uses_left"] for one in ground.tokens()] == [0]
    # Another key is another host.
    with pytest.raises(StageError, match="token-used-up"):
        ground.enroll(ground.host("web2"), token=token)
