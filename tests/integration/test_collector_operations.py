"""One drilled server watched by a real agent, and what operators do to the collector while it runs: reload, revoke,
settle, resend, people and their passwords.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.stage import AgentStage, CollectorStage, StageError, wait_until
from tests.peers.ipmi_sim import IpmiSim
from tests.peers.webhook_sink import SECRET, Answer, Sink

pytestmark = pytest.mark.timeout(900)

WITHIN_S = 120.0
DRILLED = "DRILL-OPS-0001"
CRITICAL_RAW = 98
"""Above the upper critical limit of the simulated BMC's processors, 95 degrees."""
DRILL = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill 2U"
serial = "DRILL-OPS-0001"
hostname = "drill-ops"

[[source]]
name = "sensors"
period_s = 1.0

[[source.sensor]]
id = "disk1/health"
name = "Health"
kind = "state"
quantity = "disk.health"
states = ["failed"]
on = ["failed"]
part = { component = "disk", slot = "Bay 1", model = "DRILL-HDD", serial = "DRILLHDD1" }

[[source.sensor]]
id = "disk2/reallocated"
name = "Reallocated sectors"
kind = "count"
unit = "1"
quantity = "disk.reallocated"
value = 96
part = { component = "disk", slot = "Bay 2", model = "DRILL-HDD", serial = "DRILLHDD2" }

[[source.sensor]]
id = "inlet"
name = "Inlet Temp"
kind = "temperature"
unit = "Cel"
value = 23.0
part = { component = "chassis", slot = "Inlet" }
"""
SITE_RULE = """
[rule.site-inlet]
class = "thermal.hot"
condition = "limits"
side = "upper"
match = { kind = ["temperature"], component = ["chassis"] }
levels = { major = 20 }
"""


@dataclass
class Site:
    collector: CollectorStage
    agent: AgentStage
    sink: Sink
    sheets: Path
    control: httpx.Client

    def ask(self, path: str, **query: str | int | bool) -> Any:
        return self.control.get(path, params=query).raise_for_status().json()

    def reload(self) -> dict[str, Any]:
        """SIGHUP, and how it went."""
        before = self.ask("status")["last_reload"]
        os.kill(self.collector.program.pid, signal.SIGHUP)
        wait_until(lambda: self.ask("status")["last_reload"] != before, within_s=WITHIN_S, what="the reload is over")
        told: dict[str, Any] = self.ask("status")["last_reload"]
        return told

    def audited(self, action: str) -> list[dict[str, Any]]:
        return [entry for entry in self.ask("audit", limit=200)["audit"] if entry["action"] == action]

    def rules(self) -> set[str]:
        return {rule["rule"] for rule in self.ask("rules")["rules"]}

    def asset(self, serial: str) -> dict[str, Any]:
        """Its line of the list, or nothing."""
        lines = (line for line in self.ask("assets")["assets"] if line["asset"]["facts"]["serial"] == serial)
        return next(lines, {})

    def cases(self, serial: str) -> list[dict[str, Any]]:
        number = self.asset(serial).get("asset", {}).get("id")
        return [case for case in self.ask("cases")["cases"] if case["asset"] == number]

    def until(self, true: Callable[[], object], what: str) -> None:
        def checked() -> bool:
            self.collector.program.check()
            return bool(true())

        wait_until(checked, within_s=WITHIN_S, what=what)


def configured(sheets: Path, sink: Sink, secret: Path, *channels: str) -> str:
    hooks = "".join(
        f'[[channel.webhook]]\nname = "{name}"\nurl = "{sink.url}"\nsecret = "file:{secret}"\n' for name in channels
    )
    return f'[rules]\nsheets_dir = "{sheets}"\n[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n{hooks}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    sheets = folder / "rules.d"
    sheets.mkdir()
    secret = folder / "webhook.secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    (folder / "drill.toml").write_text(DRILL)
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(SECRET))
        collector = CollectorStage(folder / "collector", tables=configured(sheets, sink, secret, "desk"))
        collector.found()
        stack.callback(collector.program.stop)
        collector.start()
        control = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(collector.directory / "control.sock")),
            base_url="http://collector/v1/",
            timeout=90,
        )
        stack.callback(control.close)
        tables = f'[rehearsal]\ntimeline = "{folder / "drill.toml"}"\n'
        agent = AgentStage("drill", folder / "drill", collector, tables, mode="drill")
        agent.enrol(collector.token())
        stack.callback(agent.program.stop)
        agent.program.start()
        made = Site(collector, agent, sink, sheets, control)
        made.until(lambda: made.cases(DRILLED), "the drill's case is open")
        yield made


def test_a_changed_site_sheet_is_taken_and_a_broken_one_keeps_the_rules_that_were(site: Site) -> None:
    sheet = site.sheets / "site.toml"
    sheet.write_text(SITE_RULE)
    taken = site.reload()
    site.until(
        lambda: any("thermal.hot" in case["fault_classes"] for case in site.cases(DRILLED)),
        "the new rule judges what is already streaming",
    )

    sheet.write_text(SITE_RULE.replace("thermal.hot", "thermal.nonsense"))
    refused = site.reload()
    kept = site.rules()
    said = site.collector.command("status")
    sheet.unlink()
    site.reload()

    assert taken["mistakes"] == []
    assert any("site.toml" in mistake and "thermal.nonsense" in mistake for mistake in refused["mistakes"])
    assert "site-inlet" in kept
    assert "refused" in said
    assert "reload refused" in site.collector.program.log.read_text()
    assert "site-inlet" not in site.rules()


def test_a_reload_takes_channels_and_log_level_or_nothing(site: Site) -> None:
    written = site.collector.configuration
    good = written.read_text()
    secret = site.sheets.parent / "webhook.secret"

    def reloads() -> int:
        return site.collector.program.log.read_text().count("reloaded")

    second = f'[[channel.webhook]]\nname = "second"\nurl = "{site.sink.url}"\nsecret = "file:%s"\n'
    try:
        written.write_text('log_level = "error"\n' + good + second % "/nowhere/secret")
        refused = site.reload()
        before = reloads()
        written.write_text('log_level = "error"\n' + good + second % secret)
        taken = site.reload()
        [case] = [case for case in site.cases(DRILLED) if case["part"]["slot"] == "Bay 1"]
        site.collector.command("cases", "note", case["number"], "for both channels")

        def told() -> bool:
            owed = site.ask(f"cases/{case['number']}")["notifications"]
            return any(row["channel"] == "second" and row["state"] == "delivered" for row in owed)

        site.until(told, "the new channel delivers")
    finally:
        written.write_text(good)
    quiet = reloads()
    back = site.reload()

    assert any("second" in mistake for mistake in refused["mistakes"])
    assert taken["mistakes"] == back["mistakes"] == []
    assert quiet == before, "at level error a reload is not logged"
    assert reloads() == before + 1


def test_a_revoked_agent_is_cut_off_and_refused_until_it_is_enrolled_anew(site: Site) -> None:
    agent = site.agent
    [enrolled] = [one for one in site.ask("agents")["agents"] if not one["revoked"]]
    streams = site.ask("status")["numbers"]["streams"]
    site.collector.command("agents", "revoke", enrolled["id"])
    site.until(lambda: site.ask("status")["numbers"]["streams"] < streams, "its stream is closed")
    site.until(lambda: "revoked" in agent.program.log.read_text(), "the agent says why")

    agent.program.stop()
    said = len(agent.program.log.read_text())
    agent.program.start()
    site.until(lambda: "revoked" in agent.program.log.read_text()[said:], "its return is refused")
    site.until(lambda: site.ask("status")["numbers"]["streams"] == streams - 1, "it streams no more")
    assert site.audited("agent.revoked")[0]["subject"] == enrolled["id"]

    agent.program.stop()
    agent.enrol(site.collector.ask("token", "--replace")["token"])
    agent.program.start()
    site.until(lambda: site.ask("status")["numbers"]["streams"] == streams, "it streams again")


def test_a_dead_letter_is_listed_resent_with_its_own_id_and_delivered(site: Site) -> None:
    [case] = [case for case in site.cases(DRILLED) if case["part"]["slot"] == "Bay 1"]
    site.sink.script.append(Answer(410, about=case["number"]))
    site.collector.command("cases", "note", case["number"], "the receiver is gone")
    site.until(lambda: site.ask("dead-letters")["dead_letters"], "the letter is dead")
    [letter] = site.collector.ask("dead-letters", "list")
    assert letter["case_number"] == case["number"]
    assert "410" in letter["last_error"]
    [refused] = [one for one in site.sink.received if one.status == 410]

    assert site.collector.command("dead-letters", "resend", str(letter["id"])) == "1 owed again\n"
    site.until(lambda: refused.id in site.sink.ids(), "the same message is taken")

    assert site.ask("dead-letters")["dead_letters"] == []
    assert site.audited("outbox.resent")[0]["facts"] == {"letters": 1}


def test_a_counter_is_accepted_as_it_is(site: Site) -> None:
    site.collector.command(
        *("assets", "accept-baseline", DRILLED, "disk2/reallocated", "disk-reallocated-growth"),
        *("--reason", "old but stable"),
    )
    entry = site.audited("asset.baseline")[0]

    assert entry["facts"] == {
        "sensor": "disk2/reallocated",
        "rule": "disk-reallocated-growth",
        "value": 96.0,
        "reason": "old but stable",
    }
    with pytest.raises(StageError, match="no sensor nonsense"):
        site.collector.command(
            "assets", "accept-baseline", DRILLED, "nonsense", "disk-reallocated-growth", "--reason", "x"
        )


def test_people_change_and_go_but_the_last_administrator_stays(site: Site) -> None:
    run = site.collector.command
    run("users", "add", "mei", "--role", "viewer")
    password = run("users", "change", "mei", "--role", "engineer", "--new-password").split()[-1]
    assert password not in site.collector.program.log.read_text()
    with pytest.raises(StageError, match="last administrator"):
        run("users", "remove", "admin")
    with pytest.raises(StageError, match="last administrator"):
        run("users", "change", "admin", "--role", "viewer")
    run("users", "remove", "mei")
    with pytest.raises(StageError, match="no user mei"):
        run("users", "remove", "mei")

    assert [user["name"] for user in site.ask("users")["users"]] == ["admin"]
    assert site.audited("user.changed")[0]["facts"] == {"role": "engineer", "password": True}
    assert site.audited("user.removed")[0]["subject"] == "mei"


def test_what_was_found_at_joining_is_accepted_or_opened_by_command(site: Site, tmp_path: Path) -> None:
    serial = "JOINING-1"
    with ExitStack() as stack:
        bmc = stack.enter_context(IpmiSim(tmp_path / "bmc", serial=serial))
        bmc.set_reading(1, CRITICAL_RAW)
        (tmp_path / "sys").mkdir()
        agent = AgentStage(
            "bmc",
            tmp_path / "agent",
            site.collector,
            '[ipmi]\nlocal = "false"\nanalogue_period_s = 2.0\ndiscrete_period_s = 2.0\n'
            f'[ipmi.profiles.p]\nuser = "{bmc.user}"\npassword = "file:{bmc.password_file}"\n'
            f'[[ipmi.bmc]]\nhost = "127.0.0.1"\nport = {bmc.lan_port}\nprofile = "p"\n',
            settings='without = ["host", "smart"]',
        )
        agent.enrol(site.collector.ask("token", "--replace")["token"])
        stack.callback(agent.program.stop)
        agent.program.start()
        found_hot(site, serial, slot="1")
        assert site.cases(serial) == []

        site.collector.command("assets", "joining", "accept", serial, "--reason", "known, on order")
        assert site.asset(serial)["asset"]["mode"] == "live"
        assert site.cases(serial) == []

        site.collector.command("assets", "mode", serial, "joining", "--hours", "2")
        assert site.asset(serial)["asset"]["mode"] == "joining"
        bmc.set_reading(2, CRITICAL_RAW)
        found_hot(site, serial, slot="2")
        waiting = [
            finding["id"]
            for finding in site.collector.ask("assets", "show", serial)["findings"]
            if finding["held"] == "joining" and "2" in finding["part"]["slot"]
        ]
        singly = [word for finding in waiting for word in ("--finding", str(finding))]
        site.collector.command("assets", "joining", "open", serial, "--reason", "repair now", *singly)
        [case] = site.cases(serial)
        assert site.asset(serial)["asset"]["mode"] == "joining"
        with pytest.raises(StageError, match="does not fire on this asset"):
            site.collector.command("assets", "joining", "open", serial, "--reason", "why", "--finding", "999999")

    assert "2" in case["part"]["slot"]
    [opened], [accepted] = site.audited("asset.joining_open"), site.audited("asset.joining_accept")
    assert opened["facts"]["reason"] == "repair now"
    assert opened["facts"]["singly"] == ",".join(map(str, waiting))
    assert (accepted["facts"]["reason"], accepted["facts"]["singly"]) == ("known, on order", "")
    assert site.audited("asset.mode")[0]["facts"] == {"mode": "joining"}


def found_hot(site: Site, serial: str, *, slot: str) -> None:
    def found() -> bool:
        number = site.asset(serial).get("asset", {}).get("id")
        findings = site.ask(f"assets/{number}")["findings"] if number else []
        hot = [one for one in findings if one["held"] == "joining" and one["fault_class"] == "cpu.hot"]
        return any(slot in one["part"]["slot"] for one in hot)

    site.until(found, f"hot processor {slot} of {serial} is held")
