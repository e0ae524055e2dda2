"""Windows, the question why and replays, by command against a running collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.collector import CollectorProcess, collector


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector(tmp_path_factory.mktemp("noise")) as made:
        made.start()
        yield made


def test_a_window_is_opened_listed_prolonged_and_ended(running: CollectorProcess) -> None:
    opened = running.ask("windows", "now", "--whole-customer", "--hours", "3", "-r", "fans")
    assert (opened["breadth"], opened["running"], opened["reason"]) == ("customer", True, "fans")
    assert opened["until_ms"] - opened["from_ms"] == 3 * 3_600_000
    longer = running.ask("windows", "extend", opened["id"], "--hours", "5")
    assert longer["until_ms"] > opened["until_ms"]
    assert [one["id"] for one in running.ask("windows", "list")] == [opened["id"]]
    table = running.run("--lang", "zh", "windows", "list").stdout
    assert opened["id"] in table
    assert "fans" in table
    assert not running.ask("windows", "end", opened["id"])["running"]
    assert running.ask("windows", "list") == []
    assert len(running.ask("windows", "list", "--past", "1")) == 1


def test_a_weekly_window_is_planned_in_a_zone_and_called_off(running: CollectorProcess) -> None:
    planned = running.ask(
        "windows", "plan", "--whole-customer", "--from", "2046-12-24T22:00", "--until", "2046-12-25T02:00",
        "--weekly", "--zone", "Asia/Shanghai",
    )  # fmt: skip
    assert (planned["weekly"], planned["running"], planned["last_ms"]) == (True, False, 0)
    running.ask("windows", "end", planned["id"], "--for-good")
    assert running.ask("windows", "list") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("now",), 2, "say one of"),
        (("now", "--site", "a", "--tag", "b"), 2, "say one of"),
        (("now", "--site", "nowhere"), 1, "no site nowhere"),
        (("now", "--asset", "nothing"), 1, "no asset nothing"),
        (("end", "0123"), 1, "no window 0123"),
        (("plan", "--whole-customer", "--from", "soon", "--until", "later"), 1, "is no date and time"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_said(
    running: CollectorProcess, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = running.run("windows", *arguments)
    assert done.returncode == code
    assert said in done.stderr


def test_why_takes_every_filter(running: CollectorProcess) -> None:
    assert running.ask("rules", "why", "--rule", "x", "--reason", "window", "--part", "disk", "--not-opened") == []
    assert running.ask("rules", "why", "--from", "2026-01-01", "--until", "2026-02-01T08:00", "--opened") == []
    assert running.run("rules", "why", "--from", "yesterday").returncode == 2


def test_a_replay_of_nothing_says_so_and_what_cannot_be_replayed_is_refused(
    running: CollectorProcess, tmp_path: Path
) -> None:
    sheet = tmp_path / "site.toml"
    sheet.write_text('[override.x]\nmatch = { name = ["Inlet*"] }\nupper = { major = 30 }\nreason = "hot"\n')
    report = running.ask("rules", "replay", "--sheets", str(tmp_path))
    assert (report["state"], report["cases"], report["days"] > 0) == ("done", [], True)
    shown = running.run("rules", "replay", "--sheets", str(tmp_path), "--from", "2026-01-01", "--until", "2026-01-03")
    assert "Nothing is stored of this time" in shown.stdout
    for wrong, told in (("--customer", "no customer nobody"), ("--asset", "no asset nobody")):
        refused = running.run("rules", "replay", "--sheets", str(tmp_path), wrong, "nobody")
        assert (refused.returncode, told in refused.stderr) == (1, True)
    sheet.write_text('[override.x]\nmatch = { name = ["Inlet*"] }\nupper = { hot = 30 }\n')
    refused = running.run("rules", "replay", "--sheets", str(tmp_path))
    assert refused.returncode == 1
    assert "site.toml:3" in refused.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    assert running.run("rules", "replay", "--sheets", str(empty)).returncode == 1
    actions = [one["action"] for one in running.ask("audit")]
    assert actions.count("rules.replayed") == 2
