"""Clocks, duty and plans as engineers use them: commands against a running collector that has a case in its store."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.stored import User
from hardcase_collector.storage.state import SqlStateStore

from tests.peers.collector import NO_RESERVE, CollectorProcess, collector, wait_until
from tests.unit.collector.cases.bench import MINUTE, Bench, raised
from tests.unit.collector.cases.books import covered, staffed

pytestmark = pytest.mark.timeout(900)

WITHIN_S = 120.0
LONG_AGO = date(2000, 1, 3)
TEAMS = """\
[team.night]
title = "夜班"
zone = "Asia/Shanghai"
people = ["wang", "zhao"]
manager = "chen"
hand_over = "monday 08:30"
since = 2026-11-23
components = ["disk"]
unacknowledged_minutes = 10

[team.night.shift.weekend]
days = "rest_days"
hours = "00:00-24:00"
people = ["sun"]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CollectorProcess, str]]:
    """A collector whose store has a case that was opened sixteen minutes ago under the gold plan."""
    folder = tmp_path_factory.mktemp("site")
    with collector(folder, tables=NO_RESERVE) as process:
        store = SqlStateStore.open(f"sqlite:///{folder}/data/state.sqlite", migrate=False)
        bench = Bench(store)
        staffed(bench, since=LONG_AGO)
        # In force whatever day it is: the collector's clock is the machine's.
        asset = covered(bench, starts=LONG_AGO, ends=date(2099, 12, 31))
        opened = time.time_ns() // 1_000_000 - 16 * MINUTE
        bench.apply(raised(asset, at=opened), at=opened)
        with store.write() as tx:
            tx.access.add_user(User(name="wang", role=Role.ENGINEER, customer=None, password_hash="x"))
        number = bench.only_case().number
        store.close()
        process.start()
        yield process, number
        process.stop()


def timeline(process: CollectorProcess, number: str) -> list[str]:
    return [entry["code"] for entry in process.ask("cases", "show", number)["timeline"]]


def test_the_running_collector_tells_the_step_that_came_while_it_was_not_there(
    site: tuple[CollectorProcess, str],
) -> None:
    process, number = site
    wait_until(lambda: "clock_step" in timeline(process, number), within_s=WITHIN_S, what="half of 30 minutes is used")
    wait_until(lambda: "escalated" in timeline(process, number), within_s=WITHIN_S, what="the next person is called")
    assert timeline(process, number).count("clock_step") == 1


def test_the_queue_and_the_clocks_are_shown(site: tuple[CollectorProcess, str]) -> None:
    process, number = site
    queue = process.run("cases", "queue", "--site", "sh1")
    assert queue.returncode == 0, queue.stderr
    assert number in queue.stdout
    assert "acknowledge" in queue.stdout
    assert "fault" in queue.stdout
    assert "No cases." in process.run("cases", "queue", "--assignee", "nobody").stdout
    shown = process.run("--lang", "zh", "cases", "clocks", number, "--ledger")
    assert shown.returncode == 0, shown.stderr
    assert "金牌" in shown.stdout
    assert "到场" in shown.stdout
    assert "计时" in shown.stdout


def test_the_ledger_is_exported(site: tuple[CollectorProcess, str]) -> None:
    process, number = site
    rows = list(csv.DictReader(io.StringIO(process.run("cases", "clocks", number, "--csv").stdout)))
    assert {row["clock"] for row in rows} >= {"acknowledge", "on_site"}
    assert all(row["case"] == number and row["counts"] in "01" for row in rows)


def test_a_case_is_handled_from_the_command_line(site: tuple[CollectorProcess, str]) -> None:
    process, number = site
    for arguments in (
        ("priority", number, "P1", "--reason", "the till stands still"),
        ("assign", number, "wang"),
        ("contacted", number, "--channel", "phone"),
        ("expect", number, "arrived", "2099-01-01T00:00+08:00"),
        ("pause", number, "--reason", "no_site_access", "--text", "nobody has the key"),
        ("resume", number, "--reason", "no_site_access"),
        ("agree", number, "2099-01-01T08:00"),
        ("self-repair", number),
    ):
        done = process.run("cases", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert number in done.stdout
    clocks = {one["clock"]: one for one in process.ask("cases", "clocks", number)["clocks"]}
    assert clocks["remote_response"]["state"] == "met"
    assert clocks["on_site"]["reason"] == "self_repair"
    refused = process.run("cases", "pause", number, "--reason", "lunch")
    assert refused.returncode == 1
    assert "force_majeure" in refused.stderr


def test_teams_are_set_from_a_file_and_swapped(site: tuple[CollectorProcess, str], tmp_path: Path) -> None:
    process, _ = site
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS, encoding="utf-8")
    done = process.run("rota", "set", str(file))
    assert done.returncode == 0, done.stderr
    wednesday, sunday = "2026-11-25T12:00+08:00", "2026-11-29T12:00+08:00"
    assert process.ask("rota", "who", "night", "--at", wednesday)["people"] == ["wang", "zhao"]
    assert process.ask("rota", "who", "night", "--at", sunday)["people"] == ["sun"]
    swap = ("--out", "wang", "--in", "ma", "--from", "2026-11-25T00:00+08:00", "--until", "2099-01-01T00:00+08:00")
    assert process.run("rota", "swap", "night", *swap).returncode == 0
    assert process.ask("rota", "who", "night", "--at", wednesday)["people"] == ["ma", "zhao"]
    shown = process.run("rota", "show", "night").stdout
    assert "夜班" in shown
    assert "components: disk" in shown
    (made,) = process.ask("rota", "show", "night")[0]["swaps"]
    assert process.run("rota", "unswap", str(made["id"])).returncode == 0
    file.write_text("[team.x]\ntitle = 'X'\nzone = 'Moon'\npeople = []\n", encoding="utf-8")
    refused = process.run("rota", "set", str(file))
    assert refused.returncode == 1
    assert "time zone" in refused.stderr
    assert process.run("rota", "remove", "night").returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cn.toml", 'country = "CN"\n[year.2031]\ndays_off = [2031-01-01]\nworkdays = [2031-01-04]\n'),
        ("cn.csv", "date,kind\n2031-01-01,off\n2031-01-04,work\n"),
    ],
)
def test_an_official_calendar_is_imported(
    site: tuple[CollectorProcess, str], tmp_path: Path, name: str, text: str
) -> None:
    process, _ = site
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    done = process.run("plans", "calendar", "import", str(file), "--country", "CN")
    assert done.returncode == 0, done.stderr
    assert "2031" in done.stdout
    (year,) = [one for one in process.ask("plans", "calendar", "list", "--country", "CN") if one["year"] == 2031]
    assert (year["days_off"], year["workdays"]) == (["2031-01-01"], ["2031-01-04"])
    file.write_text("when,what\n", encoding="utf-8")
    assert process.run("plans", "calendar", "import", str(file), "--country", "CN").returncode == 1


def test_plans_are_compared_for_the_fleet(site: tuple[CollectorProcess, str]) -> None:
    process, _ = site
    shown = process.run("plans", "compare", "gold-7x24x4", "standard-3y", "--fleet")
    assert shown.returncode == 0, shown.stderr
    assert "1 case under each plan" in shown.stdout
    assert "paid now" in shown.stdout
    told = json.loads(process.run("plans", "compare", "gold-7x24x4", "bronze", "--customer", "south", "--json").stdout)
    assert told["cases"] == 0
