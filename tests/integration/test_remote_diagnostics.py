"""Remote diagnostics end to end: real collector, agent and helper, ipmi_sim, and a smartctl that does as it is told."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.collector import CollectorProcess, collector, wait_until
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess
from tests.peers.ipmi_sim import IpmiSim
from tests.unit.agent.smart.documents import as_text, ata

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SECRET = "Tr0ub4dor3xyz"
DISK = "ST8000NM0055|ZA1SELF"


def disk_says(value: int, results: int) -> str:
    """A disk whose self-test status is `value`, with so many passed tests in its log."""
    row = {"type": {"value": 1, "string": "Short offline"}, "status": {"value": 0, "string": "Completed without error"}}
    return as_text(
        ata(
            "ZA1SELF",
            ata_smart_data={
                "self_test": {
                    "status": {"value": value, "string": "", "remaining_percent": 10 * (value & 0xF)},
                    "polling_minutes": {"short": 1, "extended": 10},
                },
                "capabilities": {"self_tests_supported": True},
            },
            ata_smart_self_test_log={"standard": {"table": [row] * results, "count": results}},
        )
    )


class Site:
    """One host with its collector."""

    def __init__(
        self, folder: Path, desk: CollectorProcess, bmc: IpmiSim, helper: HelperProcess, disks: FakeSmartctl
    ) -> None:
        self.desk = desk
        self.bmc = bmc
        self.disks = disks
        self.folder = folder
        self.config = folder / "agent.toml"
        self.state = folder / "state"
        self.log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.disk = disks.disk("sda", disk_says(0, 0))
        self.helper = helper
        self.known: dict[str, int] = {}
        self.configure()

    def configure(self, diagnostics: str = "") -> None:
        ports = self.desk.ports
        (self.folder / "sys").mkdir(exist_ok=True)
        self.config.write_text(
            f'state_dir = "{self.state}"\nsysfs = "{self.folder / "sys"}"\nwithout = ["host", "kernel", "arrays"]\n'
            f'[collector]\naddress = "127.0.0.1:{ports["telemetry"]}"\nenrolment = "127.0.0.1:{ports["enrolment"]}"\n'
            f'server_name = "localhost"\n[helper]\nsocket = "{self.helper.socket}"\n'
            f"[diagnostics]\nself_test = true\nclear_sel = true\n{diagnostics}\n"
            f'[ipmi]\nlocal = "false"\nsel_period_s = 5.0\n'
            f'[ipmi.profiles.lab]\nuser = "{self.bmc.user}"\npassword = "file:{self.bmc.password_file}"\n'
            f'privilege = "administrator"\n# a note nobody should have written: password = "{SECRET}"\n'
            f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {self.bmc.lan_port}\nprofile = "lab"\n'
            f'[smart]\nata_period_s = 30.0\ndeadline_s = 10.0\n[[smart.device]]\npath = "{self.disk}"\ntype = "sat"\n'
        )

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hardcase_agent", "--config", str(self.config), *words]

    def enrol(self) -> None:
        token = self.desk.ask("token")["token"]
        command = self.arguments("enroll", "--fingerprint", self.desk.fingerprint, "--server-name", "localhost")
        done = subprocess.run(command, input=token, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.arguments("run"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=90)

    def reload(self, diagnostics: str = "") -> None:
        """Another configuration, until it is the agent's."""
        before = self.said().count("configuration reloaded")
        self.configure(diagnostics)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.said().count("configuration reloaded") > before, "reloaded")

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def until(self, true: Callable[[], bool], what: str, within_s: float = 90) -> None:
        try:
            wait_until(true, within_s=within_s, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()[-4000:]}\n{self.desk.log[-2000:]}") from None

    # Asking

    def number(self, asset: str) -> str:
        if asset not in self.known:
            self.known = self.assets()
        return str(self.known[asset])

    def assets(self) -> dict[str, int]:
        """Serial (or "host") to number."""
        rows = [line["asset"] for line in self.desk.ask("assets", "list")]
        # The BMC is an asset with an address; the other one is the agent's own host.
        return {row["facts"]["serial"] if row["facts"]["address"] else "host": row["id"] for row in rows}

    def ask(self, kind: str, *words: str, asset: str = "") -> str:
        """Id of the request."""
        return str(self.desk.ask("diagnostics", "ask", self.number(asset or "host"), kind, *words)["id"])

    def show(self, request: str) -> dict[str, Any]:
        return dict(self.desk.ask("diagnostics", "show", request))

    def reached(self, request: str, *states: str, within_s: float = 120) -> dict[str, Any]:
        self.until(lambda: self.show(request)["state"] in states, f"{states} (is {self.show(request)})", within_s)
        return self.show(request)

    def files(self, request: str) -> dict[str, bytes]:
        folder = self.folder / f"files-{request[:12]}"
        folder.mkdir(exist_ok=True)
        done = self.desk.run("diagnostics", "download", request, str(folder))
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def audit(self, request: str) -> list[str]:
        return [line for line in self.said().splitlines() if "audit: " in line and request in line]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("diagnostics")
    parts = {name: folder / name for name in ("collector", "bmc", "tools", "agent")}
    for part in parts.values():
        part.mkdir()
    disks = FakeSmartctl(parts["tools"])
    for name in ("version", "scan-open", "scan"):
        disks.answer(name, '{"smartctl": {"version": [7, 4], "exit_status": 0}, "devices": []}')
    tools = [f"--tool={name}={path}" for name, path in disks.tools.items()]
    with (
        collector(parts["collector"]) as desk,
        IpmiSim(parts["bmc"], sensors=6) as bmc,
        HelperProcess(parts["agent"], *tools, "--device-root", str(disks.devices), "--allow-self-test") as helper,
    ):
        try:
            desk.start()
        except AssertionError:
            # A busy machine: what was started goes on starting.
            wait_until(lambda: '"ready"' in desk.log, within_s=180, what="the collector is ready")
        made = Site(parts["agent"], desk, bmc, helper, disks)
        made.enrol()
        made.start()
        try:
            made.until(lambda: {"host", "RS900042"} <= set(made.assets()), "host and BMC are known")
            yield made
        finally:
            made.kill()


def test_the_whole_event_log_comes_as_a_file(site: Site) -> None:
    site.bmc.set_reading(1, 250)
    request = site.ask("read_sel", asset="RS900042")
    done = site.reached(request, "done", "failed", "refused")
    assert done["state"] == "done", done
    files = site.files(request)
    assert set(files) == {"sel.jsonl", "sel.bin"}
    lines = [json.loads(line) for line in files["sel.jsonl"].splitlines()]
    assert lines
    assert len(files["sel.bin"]) == 16 * len(lines)

    def audited() -> list[str]:
        return [line.split("audit: diagnostics ")[1].split(":")[0] for line in site.audit(request)]

    site.until(lambda: len(audited()) == 2, "it is in the journal too")
    assert audited() == ["asked", "done"]


def test_every_sensor_is_read_at_once(site: Site) -> None:
    done = site.reached(site.ask("read_sensors"), "done", "failed")
    assert done["state"] == "done", done
    request = site.ask("inventory")
    assert site.reached(request, "done", "failed")["state"] == "done"
    assert "ZA1SELF" in json.dumps(site.show(request))


def test_a_self_test_is_begun_once_whatever_kills_the_agent(site: Site) -> None:
    before = len(started(site))
    request = site.ask("self_test", "--disk", DISK, "--test", "short", "--reason", "noise")
    site.until(lambda: len(started(site)) == before + 1, "the test is started")
    site.kill()
    site.disks.disk("sda", disk_says(0xF5, 0))
    site.start()
    ended = site.reached(request, "failed", "done", "refused")
    assert ended["state"] == "failed"
    assert "interrupted" in json.dumps(ended)
    assert len(started(site)) == before + 1

    def told_why_not() -> str:
        again = site.ask("self_test", "--disk", DISK, "--test", "short", "--reason", "again")
        return json.dumps(site.reached(again, "refused"))

    # Until the agent has looked at disks and arrays once since its start, that is why it refuses.
    site.until(lambda: "under way" in told_why_not(), "the disk's own test is why not")
    site.disks.disk("sda", disk_says(0, 1))
    third = site.ask("self_test", "--disk", DISK, "--test", "short", "--reason", "now")
    site.until(lambda: len(started(site)) == before + 2, "the test is started")
    site.disks.disk("sda", disk_says(0xF2, 1))
    site.disks.disk("sda", disk_says(0, 2))
    done = site.reached(third, "done", "failed", within_s=180)
    assert done["state"] == "done", done


def started(site: Site) -> list[list[str]]:
    return [call for call in site.disks.calls() if ("-t" in call and "short" in call) or "--test=short" in call]


def test_a_lamp_is_lit_or_the_bmcs_own_refusal_is_told(site: Site) -> None:
    request = site.ask("identify", "--seconds", "2", asset="RS900042")
    ended = site.reached(request, "done", "failed", "refused")
    # ipmi_sim has a lamp only with a program that stands for it: else it answers with a completion code.
    assert ended["state"] == "done" or "chassis identify: " in ended["detail"], ended["detail"]
    assert (ended["state"] == "done") == ("(0x" not in ended["detail"])


def test_the_helper_refuses_what_its_own_switches_leave_off(site: Site) -> None:
    request = site.ask("identify", "--disk", DISK, "--seconds", "5")
    ended = site.reached(request, "refused", "failed", "done")
    assert ended["state"] == "refused"
    assert "--allow-identify" in json.dumps(ended)


def test_a_log_is_archived_and_then_cleared(site: Site) -> None:
    for raw in (20, 250):
        site.bmc.set_reading(1, raw)
    request = site.ask("clear_sel", "--reason", "full", asset="RS900042")
    ended = site.reached(request, "done", "failed", "refused")
    assert ended["state"] == "done", ended
    archived = site.files(request)["sel.bin"]
    assert len(archived) >= 16
    again = site.ask("read_sel", asset="RS900042")
    site.reached(again, "done")
    assert len(site.files(again)["sel.bin"]) < len(archived)


def test_a_bundle_waits_for_consent_is_sent_over_a_kill_and_holds_no_secret(site: Site) -> None:
    site.reload("consent_before_sending = true\nupload_max_kib_s = 1\n")
    request = site.ask("bundle", "--reason", "vendor asks")
    waiting = site.reached(request, "awaits_consent", "failed", "refused")
    assert "agent.log" in json.dumps(waiting)
    assert waiting.get("files", []) == []
    listed = subprocess.run(
        site.arguments("diagnostics", "list", "--json"), capture_output=True, timeout=240, check=True
    )
    assert json.loads(listed.stdout)["requests"][0]["state"] == "awaits_consent"
    site.desk.ask("diagnostics", "consent", request, "--by", "ops of the site")
    partial = site.state / "diagnostics" / request
    site.until(
        lambda: "sending" in json.dumps(site.desk.ask("diagnostics", "show", request)) or partial.exists(), "sent"
    )
    site.kill()
    site.configure("consent_before_sending = true\n")
    site.start()
    done = site.reached(request, "done", "failed")
    assert done["state"] == "done", done
    ((name, content),) = site.files(request).items()
    bundle = site.folder / name
    bundle.write_bytes(content)
    with tarfile.open(bundle) as archive:
        members = {entry.name.partition("/")[2]: archive.extractfile(entry) for entry in archive.getmembers()}
        texts = {name: opened.read() for name, opened in members.items() if opened is not None}
    manifest = json.loads(texts["manifest.json"])
    for one in manifest["files"]:
        assert hashlib.sha256(texts[one["name"]]).hexdigest() == one["sha256"]
    assert {"agent.toml", "agent.log", "doctor.json"} <= set(texts)
    assert not any(SECRET.encode() in text for text in texts.values())
    site.reload()


def test_what_the_site_switches_off_is_refused_at_once(site: Site) -> None:
    site.reload("bundle = false\n")
    site.until(lambda: "bundle" not in json.dumps(allowed(site)), "the collector was told")
    refused = site.desk.run("diagnostics", "ask", site.number("host"), "bundle")
    assert refused.returncode != 0
    assert "does not allow" in refused.stderr + refused.stdout
    site.reload()


def allowed(site: Site) -> Any:
    return [row["kinds"] for row in site.desk.ask("diagnostics", "allowed", site.number("host"))]


def test_stopping_leaves_no_process_and_no_open_request_behind(site: Site) -> None:
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(timeout=120) == 0
    assert "Traceback" not in site.said()
    assert os.listdir(site.state / "diagnostics")
    assert not [path for path in (site.state / "diagnostics").iterdir() if path.is_dir()]
    site.start()
