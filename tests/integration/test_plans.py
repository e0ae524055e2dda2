"""The plan commands as support engineers use them: no collector runs, a case comes from a file."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CASE = """\
[case]
number = "HC-20261120-0001"
severity = "major"
service_state = "redundancy_lost"
entitled_from = 2026-01-01

[site]
time_zone = "Asia/Shanghai"
country = "CN"

[[event]]
at = 2026-11-20T17:30:00+08:00
code = "opened"
actor = "collector"

[[event]]
at = 2026-11-20T17:50:00+08:00
code = "acknowledged"
actor = "wang"

[[event]]
at = 2026-11-20T18:30:00+08:00
code = "paused"
reason = "no_site_access"
actor = "=wang"
text = "Night shift of the data centre has no key"

[[event]]
at = 2026-11-20T20:00:00+08:00
code = "resumed"
reason = "no_site_access"
actor = "wang"
"""
NOW = "2026-11-20T21:00+08:00"


def plans(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("hardcase-collector")), "plans", *arguments]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)


@pytest.fixture
def case(tmp_path: Path) -> str:
    path = tmp_path / "case.toml"
    path.write_text(CASE, encoding="utf-8")
    return str(path)


def test_plans_are_listed_and_compared_in_both_languages() -> None:
    listed = plans("list")
    assert listed.returncode == 0, listed.stderr
    assert "gold-7x24x4" in listed.stdout
    assert "4h of 7x24 from the report" in listed.stdout
    told = plans("compare", "standard-3y", "gold-7x24x4", "--lang", "zh")
    assert told.returncode == 0, told.stderr
    on_site = next(line for line in told.stdout.splitlines() if line.startswith("到场 P1"))
    assert "第 1 个服务日" in on_site
    assert "4h（7x24，自报告起）" in on_site
    assert "1,400 - 6,220 CNY" in told.stdout


def test_a_plan_is_shown_with_the_source_of_its_figures() -> None:
    shown = json.loads(plans("show", "gold-repair", "--json").stdout)
    repairs = [row for row in shown["promises"] if row["clock"] == "repair"]
    assert [(row["priority"], row["within_s"], row["set_up_days"]) for row in repairs] == [
        (["P1", "P2"], 21600, 30),
        (["P3", "P4"], 86400, 30),
    ]
    assert "call-to-repair" in shown["source"]
    assert "call-to-repair" in plans("show", "gold-repair").stdout


def test_the_clocks_of_a_case_are_told_with_every_minute(case: str) -> None:
    done = plans("ledger", case, "--plan", "gold-7x24x4", "--now", NOW, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["priority"] == "P2"
    clocks = {clock["clock"]: clock for clock in told["clocks"]}
    assert {name: clock["state"] for name, clock in clocks.items()} == {
        "acknowledge": "met",
        "remote_response": "breached",
        "dispatch": "running",
        "on_site": "running",
    }
    assert clocks["on_site"]["due"] == "2026-11-20T23:00:00+08:00"
    assert [(line["reason"], line["ms"] // 60_000) for line in clocks["on_site"]["ledger"]] == [
        ("counted", 60),
        ("no_site_access", 90),
        ("counted", 60),
    ]


def test_the_same_case_under_another_plan_waits_for_monday(case: str) -> None:
    done = plans("ledger", case, "--plan", "standard-3y", "--now", NOW, "--lang", "zh")
    assert done.returncode == 0, done.stderr
    on_site = next(line for line in done.stdout.splitlines() if line.startswith("到场"))
    assert "已暂停" in on_site
    assert "非服务时段" in on_site
    assert "2026-11-23T18:00:00+08:00" in on_site


def test_the_ledger_is_exported_as_csv_that_no_spreadsheet_runs(case: str) -> None:
    done = plans("ledger", case, "--plan", "gold-7x24x4", "--now", NOW, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["case"] for row in rows} == {"HC-20261120-0001"}
    assert {row["actor"] for row in rows if row["reason"] == "no_site_access"} == {"'=wang"}
    counted = [float(row["seconds"]) for row in rows if row["clock"] == "on_site" and row["counts"] == "1"]
    assert sum(counted) == 7200


def test_sheets_are_checked_and_ones_own_plan_is_used(tmp_path: Path, case: str) -> None:
    sheet = tmp_path / "plans" / "own.toml"
    sheet.parent.mkdir()
    text = """
[plan.own]
title = { en = "Own", zh = "自有" }
source = "Contract 7"
[plan.own.coverage]
labour_years = 1
[plan.own.promise.on_site]
clock = "on_site"
priority = ["P2"]
start = "reported"
stop = ["arrived"]
within = "90m"
window = "7x24"
"""
    sheet.write_text(text, encoding="utf-8")
    assert plans("check", str(sheet)).stdout == "The sheets are right.\n"
    done = plans("ledger", case, "--plan", "own", "--sheets", str(sheet.parent), "--now", NOW, "--json")
    assert [clock["state"] for clock in json.loads(done.stdout)["clocks"]] == ["breached"]
    sheet.write_text(text.replace("90m", "soon"), encoding="utf-8")
    wrong = plans("check", str(sheet))
    assert wrong.returncode == 1
    assert f"{sheet}:12: plan.own.promise.on_site.within: must be a duration" in wrong.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "platinum"), 1, "no plan 'platinum'; there are bronze,"),
        (("compare", "gold-repair"), 2, "two different plans"),
        (("list", "--lang", "fr"), 2, "en or zh"),
        (("ledger", "/nonexistent.toml", "--plan", "silver"), 1, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_not_a_traceback(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = plans(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_without_offset_is_wrong_use(case: str) -> None:
    done = plans("ledger", case, "--plan", "silver", "--now", "2026-11-20T21:00")
    assert done.returncode == 2
    assert "offset" in done.stderr
