"""Every kind of secret that can be configured, planted in a real collector and agent, and looked for wherever one could
come out: arguments, environments, logs, pages, errors, the API, audit, metrics, bundles, spool and store.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.test_collector_postgres import ask_for_its_password
from tests.peers.collector import CollectorProcess, collector, wait_until
from tests.peers.connect_proxy import ConnectProxy
from tests.peers.ipmi_sim import IpmiSim
from tests.peers.postgres import postgres
from tests.peers.webhook_sink import Answer, Sink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

WITHIN_S = 120
SEEN_EVERY_S = 0.02


@dataclass
class Planted:
    """Name of each secret -> how it is written."""

    folder: Path
    words: dict[str, str] = field(default_factory=dict)

    def make(self, name: str, prefix: str = "") -> str:
        self.words[name] = f"{prefix}Pl4nted{secrets.token_hex(8)}"
        return self.words[name]

    def file(self, name: str, text: str = "") -> Path:
        path = self.folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(text or self.make(name))
        return path

    def key(self, name: str, path: Path) -> None:
        """A private key is told by a line out of its middle."""
        lines = [line for line in path.read_text().splitlines() if not line.startswith("-")]
        self.words[name] = lines[len(lines) // 2]

    def found(self, content: bytes) -> list[str]:
        """Also as they would stand in a URL, in base64 (at any offset) or in hexadecimal."""
        return [name for name, word in self.words.items() if any(form in content for form in forms(word))]


def forms(word: str) -> Iterator[bytes]:
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw)
        # What neighbours have a part in is left out at both ends.
        yield coded[4:-4]


class Watch:
    """Arguments and environments of every process that a test started, looked at again and again while it runs."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(SEEN_EVERY_S):
            for process in self._mine():
                for what in ("cmdline", "environ"):
                    try:
                        self.seen[f"{process}/{what}"] = Path(f"/proc/{process}/{what}").read_bytes()
                    except OSError:
                        continue

    @staticmethod
    def _mine() -> set[int]:
        """This test's children, and theirs."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError, IndexError):
                    continue
        mine = {os.getpid()}
        while more := {child for child, parent in parents.items() if parent in mine} - mine:
            mine |= more
        return mine - {os.getpid()}


class Site:
    def __init__(self, folder: Path, planted: Planted, desk: CollectorProcess, agent_tables: str, proxy: str) -> None:
        self.folder = folder
        self.planted = planted
        self.desk = desk
        self.config = folder / "agent.toml"
        self.log = folder / "agent.log"
        self.said: list[bytes] = []
        """What commands and requests answered."""
        ports = desk.ports
        (folder / "sys").mkdir()
        self.config.write_text(
            f'state_dir = "{folder / "state"}"\nsysfs = "{folder / "sys"}"\nwithout = ["host", "smart", "kernel"]\n'
            f'log_level = "debug"\n'
            f'[collector]\naddress = "127.0.0.1:{ports["telemetry"]}"\nenrolment = "127.0.0.1:{ports["enrolment"]}"\n'
            f'server_name = "localhost"\n{proxy}\n{agent_tables}'
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.control = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(desk.socket)), base_url="http://collector/v1", timeout=120
        )
        self.web = httpx.Client(
            verify=ssl._create_unverified_context(), base_url=desk.url, timeout=120, trust_env=False
        )

    def agent(self, *words: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "hardcase_agent", "--config", str(self.config), *words]
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=240, check=False)
        self.said += [done.stdout, done.stderr]
        return done

    def start_agent(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "hardcase_agent", "--config", str(self.config), "run"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop_agent(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=90)

    def heard(self, answer: httpx.Response) -> httpx.Response:
        """Kept, without the cookie that its owner is to have."""
        headers = [f"{name}: {value}" for name, value in answer.headers.items() if name != "set-cookie"]
        self.said.append("\n".join(headers).encode() + answer.content)
        return answer

    def command(self, *words: str, text: str | None = None) -> str:
        done = self.desk.run(*words, text=text)
        self.said += [done.stdout.encode(), done.stderr.encode()]
        return done.stdout


def until(true: Any, what: str) -> None:
    wait_until(true, within_s=WITHIN_S, what=what)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    return Planted(folder)


def collector_tables(planted: Planted, sink: Sink, port: int) -> str:
    hook = planted.file("webhook", "whsec_" + base64.b64encode(planted.make("webhook", "whole-").encode()).decode())
    return (
        "[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n[cases]\njoining_hours = 0.0\n"
        f'[state]\nurl = "postgresql+psycopg://keeper@127.0.0.1:{port}/hardcase"\n'
        f'password = "file:{planted.folder / "database.secret"}"\n'
        f'[[channel.webhook]]\nname = "desk"\nurl = "{sink.url}"\nsecret = "file:{hook}"\n'
    )


def agent_tables(planted: Planted, bmc: IpmiSim) -> str:
    """One BMC with the right password, one with a wrong one, two SNMP devices that do not answer."""
    right = planted.file("bmc", bmc.password_file.read_text().strip())
    planted.words["bmc"] = right.read_text()
    wrong = planted.file("bmc-wrong", planted.make("bmc-wrong")[:16])
    planted.words["bmc-wrong"] = wrong.read_text()
    words = [planted.file(name) for name in ("snmp-community", "snmp-auth", "snmp-priv")]
    return (
        f'[ipmi]\nlocal = "false"\nanalogue_period_s = 2.0\ndiscrete_period_s = 2.0\n'
        f'[ipmi.profiles.p]\nuser = "{bmc.user}"\npassword = "file:{right}"\n'
        f'[ipmi.profiles.w]\nuser = "{bmc.user}"\npassword = "file:{wrong}"\n'
        f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {bmc.lan_port}\nprofile = "p"\n'
        f'[[ipmi.bmc]]\nhost = "localhost"\nport = {bmc.lan_port}\nprofile = "w"\n'
        "[snmp]\nperiod_s = 2.0\ndeadline_s = 2.0\n"
        f'[snmp.profiles.two]\nversion = "2c"\ncommunity = "file:{words[0]}"\n'
        f'[snmp.profiles.three]\nversion = "3"\nuser = "u"\nauth = "SHA256"\nauth_secret = "file:{words[1]}"\n'
        f'priv = "AES"\npriv_secret = "file:{words[2]}"\n'
        '[[snmp.device]]\nname = "ups2"\nhost = "127.0.0.1"\nport = 9\nprofile = "two"\n'
        '[[snmp.device]]\nname = "ups3"\nhost = "127.0.0.1"\nport = 9\nprofile = "three"\n'
    )


def test_no_planted_secret_comes_out_anywhere(tmp_path: Path, planted: Planted) -> None:
    with ExitStack() as stack:
        watch = stack.enter_context(Watch())
        server = stack.enter_context(postgres())
        with psycopg.connect(server.new_database("hardcase"), autocommit=True) as admin:
            database = planted.file("database").read_text()
            admin.execute(f"CREATE ROLE keeper LOGIN PASSWORD '{database}'")
            admin.execute("ALTER DATABASE hardcase OWNER TO keeper")
            ask_for_its_password(admin)
        sink = stack.enter_context(Sink(f"whsec_{base64.b64encode(b'another secret, so refused').decode()}"))
        sink.script.append(Answer(410))
        bmc = stack.enter_context(IpmiSim(tmp_path / "bmc", serial="PLANTED-1"))
        password = planted.make("proxy", "p@ss:")
        proxy = stack.enter_context(ConnectProxy(user="hardcase", password=password))
        desk = stack.enter_context(collector(tmp_path, tables=collector_tables(planted, sink, server.port)))
        planted.words["administrator"] = desk.password
        desk.start()
        through = planted.file("proxy", password)
        setting = f'proxy = "http://{proxy.address}"\nproxy_user = "hardcase"\nproxy_password = "file:{through}"'
        site = Site(tmp_path, planted, desk, agent_tables(planted, bmc), setting)
        stack.callback(site.stop_agent)
        work(site)
        ask_everywhere(site)
        site.stop_agent()
        look(site, watch)
        desk.stop()
        mistakes(site, server.port)
        look(site, watch)


def work(site: Site) -> None:
    """An agent joins and streams, a person signs in and changes his password, an API token is used."""
    planted = site.planted
    token = site.desk.ask("token")["token"]
    planted.words["enrolment-token"] = token
    done = site.agent("enroll", "--fingerprint", site.desk.fingerprint, "--server-name", "localhost", text=token)
    assert done.returncode == 0, done.stderr
    site.start_agent()

    def streams() -> bool:
        return bool(site.control.get("/assets", params={"search": "PLANTED-1"}).json()["assets"])

    until(streams, "the BMC's sensors are at the collector")
    planted.words["api-token"] = site.desk.ask("api-tokens", "make", "--automation", "bridge")["token"]
    first, second = (planted.make(name, "correct horse ") for name in ("password", "new-password"))
    site.command("users", "add", "li", "--role", "manager", "--password-file", "-", text=first + "\n")
    made = site.desk.run("users", "add", "mei").stdout.split()[-1]
    planted.words["made-password"] = made
    sign_in(site, "mei", "wrong " + made)
    sign_in(site, "li", first)
    planted.words["session"] = site.web.cookies["__Host-hardcase"]
    form = {"old": first, "new": second, "again": second, "form_token": field_of(site, "/account")}
    assert site.web.post("/account/password", data=form).status_code == 303
    planted.key("ca-key", key_file(site, "ca"))
    planted.key("server-key", key_file(site, "server"))
    planted.key("agent-key", agent_key(site))


def key_file(site: Site, name: str) -> Path:
    """Of the collector: whichever private key has this word in its name."""
    found = [
        path
        for path in sorted((site.desk.folder / "data").rglob("*"))
        if path.is_file() and path.suffix in (".key", ".pem") and name in path.name
        if b"PRIVATE KEY" in path.read_bytes()
    ]
    assert found, name
    assert found[0].stat().st_mode & 0o077 == 0
    return found[0]


def agent_key(site: Site) -> Path:
    found = [path for path in sorted((site.folder / "state").rglob("*")) if b"PRIVATE KEY" in content(path)]
    assert found
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)
    return found[0]


def field_of(site: Site, path: str) -> str:
    page = site.heard(site.web.get(path)).text
    return re.findall(r'name="form_token" value="([^"]*)"', page)[-1]


def sign_in(site: Site, name: str, password: str) -> None:
    form = {"name": name, "password": password, "form_token": field_of(site, "/login")}
    answer = site.web.post("/login", data=form)
    if answer.status_code != 303:
        site.heard(answer)


def ask_everywhere(site: Site) -> None:
    """Every page, list and command that could tell."""
    for path in (
        "/",
        "/cases",
        "/cases?all=1",
        "/search?q=Planted",
        "/report",
        "/account",
        "/metrics",
        "/readyz",
        "/x",
    ):
        site.heard(site.web.get(path))
    for line in site.control.get("/assets").json()["assets"]:
        site.heard(site.web.get(f"/assets/{line['asset']['id']}"))
        site.heard(site.control.get(f"/assets/{line['asset']['id']}"))
    bearer = {"Authorization": f"Bearer {site.planted.words['api-token']}"}
    for path in ("/cases", "/openapi.json", "/audit", "/nothing"):
        site.heard(site.web.get(f"/api/v1{path}", headers=bearer))
    site.heard(site.web.post("/api/v1/reports", headers=bearer, json={"category": 1}))
    for path in (
        "/status",
        "/users",
        "/sessions",
        "/api-tokens",
        "/tokens",
        "/audit",
        "/dead-letters",
        "/agents",
        "/why",
    ):
        site.heard(site.control.get(path))
    for words in (("status",), ("users", "list"), ("audit", "export"), ("api-tokens", "list"), ("users", "sessions")):
        site.command(*words)
    site.agent("probe")
    site.agent("doctor")
    site.said.append(bundle(site))


def bundle(site: Site) -> bytes:
    """A support bundle: everything in it."""
    path = site.folder / "bundle.tar.gz"
    done = site.agent("bundle", "--output", str(path))
    assert done.returncode == 0, done.stderr
    content = b""
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        assert members
        for member in members:
            stream = archive.extractfile(member)
            content += stream.read() if stream else b""
    assert content
    return content


def mistakes(site: Site, port: int) -> None:
    """Wrong secrets and wrong files: what is said about them names the place alone."""
    wrong = site.planted.file("database-wrong")
    good = site.desk.configuration.read_text()
    site.desk.configuration.write_text(good.replace("database.secret", "database-wrong.secret"))
    refused = site.desk.run("serve")
    site.said += [refused.stdout.encode(), refused.stderr.encode()]
    assert refused.returncode != 0
    inside = good.replace("keeper@", f"keeper:{site.planted.make('url-password')}@")
    site.desk.configuration.write_text(inside)
    refused = site.desk.run("serve")
    site.said += [refused.stdout.encode(), refused.stderr.encode()]
    assert "must not hold a password" in refused.stderr
    wrong.chmod(0o644)
    site.desk.configuration.write_text(good.replace("database.secret", "database-wrong.secret"))
    refused = site.desk.run("serve")
    site.said += [refused.stdout.encode(), refused.stderr.encode()]
    assert "chmod 0600" in refused.stderr
    assert port


def look(site: Site, watch: Watch) -> None:
    planted = site.planted
    assert len(planted.words) >= 15
    assert len(watch.seen) > 10
    out = {place: planted.found(content) for place, content in dict(watch.seen).items()}
    out["commands, pages, API"] = [name for said in site.said for name in planted.found(said)]
    for log in (site.log, site.folder / "collector.log"):
        assert log.stat().st_size > 0
        out[log.name] = planted.found(log.read_bytes())
    # A token that was shown once, a password, a cookie: stored by their hashes only, and a device's not at all.
    own_files = {"ca-key", "server-key", "agent-key"}
    for folder in ("data", "state"):
        for path in (site.folder / folder).rglob("*"):
            if held := unpacked(path):
                out[str(path)] = [name for name in planted.found(held) if name not in own_files]
    assert {place: names for place, names in out.items() if names} == {}


def content(path: Path) -> bytes:
    """Of a file; of anything else, and of what its program took away meanwhile, nothing."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def unpacked(path: Path) -> bytes:
    held = content(path)
    try:
        return held + zlib.decompress(held, wbits=47)
    except zlib.error:
        return held


def test_the_looking_finds_what_is_there(planted: Planted) -> None:
    """Otherwise the test above would prove nothing."""
    word = planted.make("one")
    for content in (
        word,
        f"https://x:{word}@y",
        base64.b64encode(f"user:{word}!".encode()).decode(),
        word.encode().hex(),
    ):
        assert planted.found(content.encode()) == ["one"], content
    assert planted.found(b"Pl4nted") == []
    with Watch() as watch:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", word], env={"SECRET": word})
        try:
            deadline = time.monotonic() + 60
            while sum(planted.found(seen) == ["one"] for seen in dict(watch.seen).values()) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            child.kill()
            child.wait(60)
