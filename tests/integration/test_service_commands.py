"""A repair from report to satisfaction, as people work it with the commands of a running collector, and by links."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.peers.collector import CollectorProcess, collector

TODAY = datetime.now(UTC).date().isoformat()
BOOKS = {
    "customers.csv": "name,title,language\nnorth,North Data,zh\n",
    "sites.csv": "customer,name,time_zone\nnorth,sh1,Asia/Shanghai\n",
    "assets.csv": "customer,vendor,serial,site\nnorth,Dell,7ABC123,sh1\n",
    "contacts.csv": "customer,scope,subject,name,language\nnorth,customer,,Zhang Wei,zh\n",
    "entitlements.csv": "asset,part,plan,starts,ends\n7ABC123,,labour-5y,{today},2099-01-01\n",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    folder = tmp_path_factory.mktemp("service")
    with collector(folder) as made:
        made.start()
        for name, text in BOOKS.items():
            (folder / name).write_text(text.replace("{today}", TODAY), encoding="utf-8")
        done = made.run("books", "import", *(str(folder / name) for name in BOOKS))
        assert done.returncode == 0, done.stderr
        engineer = made.run(
            "engineers", "add", "wang", "--title", "王工", "--skill", "disk", "--home", "north/sh1", "--speaks", "zh",
            "--hours", "09:00-18:00", "--days", "1-7", "--zone", "Asia/Shanghai",
        )  # fmt: skip
        assert engineer.returncode == 0, engineer.stderr
        yield made


def page(running: CollectorProcess, url: str, **form: str) -> httpx.Response:
    """Behind a link, as whoever holds it: no login."""
    context = ssl.create_default_context(cafile=running.folder / "data/pki/ca.crt")
    with httpx.Client(verify=context, trust_env=False, timeout=120) as client:
        local = f"https://localhost:{running.ports['web']}/{url.split('/', 3)[3]}"
        return client.post(local, data=form, follow_redirects=True) if form else client.get(local)


def reported(running: CollectorProcess) -> str:
    made = running.ask(
        "cases", "report", "disk.reported", "故障灯亮", "--asset", "7ABC123", "--slot", "Bay 3", "--name", "Zhang"
    )
    return str(made["case"]["number"] if isinstance(made.get("case"), dict) else made["number"])


def state(running: CollectorProcess, number: str) -> str:
    return str(running.ask("cases", "show", number)["case"]["state"])


def ask(running: CollectorProcess, *arguments: str) -> Any:
    return running.ask("cases", *arguments)


def test_a_repair_goes_from_report_to_satisfaction(running: CollectorProcess, tmp_path: Path) -> None:
    number = reported(running)
    assert running.run("cases", "confirm", number).returncode == 0
    proposed = ask(running, "propose", number, "更换硬盘", "--manner", "part", "--minutes", "60")
    assert proposed["proposal"]["uncovered"] == ["part"]
    quoted = ask(running, "quote", number, "--currency", "CNY", "--part", "1250.50:00AB123", "--ask")
    assert quoted["quote"]["total"] == "1250.50"
    early = running.run("cases", "move", number, "start_repair")
    assert early.returncode == 1
    (link,) = quoted["links"]
    assert "1250.50" in page(running, link["url"]).text
    assert page(running, link["url"], act="consent", who="张伟").status_code == 200
    assert state(running, number) == "consented"
    sent = ask(running, "dispatch", number)
    assert sent["visit"]["engineer"] == "wang"
    for step in ("accept", "depart", "arrive"):
        ask(running, "visit", number, step)
    assert state(running, number) == "repairing"
    ask(running, "visit", number, "finish", "--text", "已更换")
    told = ("--found", "硬盘故障", "--done", "更换", "--result", "repaired", "--part", "disk,Bay 3,00AB123,ZC1,ZC2")
    written = ask(running, "service-report", "write", number, *told)
    assert written["number"] == f"{number}-R1"
    printed = running.run("cases", "service-report", "print", number, "--out", str(tmp_path), "--language", "zh")
    assert printed.returncode == 0, printed.stderr
    assert (tmp_path / f"{number}-R1-zh.pdf").read_bytes().startswith(b"%PDF-")
    (link,) = ask(running, "service-report", "send", number)["links"]
    page(running, link["url"], act="sign", who="张伟")
    closed = running.run("cases", "close", number, "--outcome", "repaired", "--reason", "done")
    assert closed.returncode == 0, closed.stderr
    (link,) = ask(running, "follow-up", "ask", number)["links"]
    page(running, link["url"], act="rate", score="5")
    whole = ask(running, "repair", number)
    assert whole["service_reports"][0]["signed_by"] == "张伟"
    assert whole["follow_ups"][0]["score"] == 5
    assert [one["name"] for one in running.ask("engineers", "satisfaction")] == ["wang"]


def test_no_link_stands_in_a_log_or_in_the_store(running: CollectorProcess) -> None:
    number = reported(running)
    running.run("cases", "confirm", number)
    ask(running, "propose", number, "look at it", "--manner", "remote")
    (link,) = ask(running, "ask", number)["links"]
    page(running, link["url"])
    token = link["url"].rsplit("/", 1)[1]
    assert token not in running.log
    stored = b"".join(path.read_bytes() for path in (running.folder / "data").glob("state.sqlite*"))
    assert token.encode() not in stored
    assert "hash" not in running.run("cases", "repair", number, "--json").stdout
    running.run("cases", "cancel", number, "--reason", "test")


def test_tables_speak_for_people(running: CollectorProcess) -> None:
    number = reported(running)
    running.run("cases", "confirm", number)
    ask(running, "propose", number, "look", "--manner", "on_site")
    for command in (
        ("cases", "repair", number),
        ("engineers", "list"),
        ("engineers", "suggest", number),
        ("engineers", "visits"),
        ("engineers", "satisfaction"),
        ("cases", "handoff-text", number),
        ("cases", "consent", number, "--who", "Zhang Wei", "--channel", "phone"),
        ("cases", "access", "apply", number, "--name", "Wang", "--from", "2090-01-01", "--until", "2090-01-02"),
        ("cases", "access", "approve", number, "--who", "Zhang"),
        ("cases", "handoff", "open", number, "--vendor-case", "SR-1", "--promised", "2090-01-01"),
        ("cases", "handoff", "update", number, "part sent", "--rma", "R-1"),
        ("cases", "handoff", "done", number, "replaced"),
        ("cases", "dispatch", number, "wang", "--expected", "2090-01-01T08:00"),
        ("cases", "visit", number, "cancel", "--text", "not needed"),
        ("engineers", "change", "wang", "--phone", "+86 1"),
    ):
        done = running.run("--lang", "zh", *command)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip(), command
    running.run("cases", "cancel", number, "--reason", "test")


def test_a_case_is_shown_with_all_that_was_done_and_a_link_by_the_number_that_takes_it_back(
    running: CollectorProcess,
) -> None:
    number = reported(running)
    running.run("cases", "confirm", number)
    ask(running, "propose", number, "look", "--manner", "on_site", "--minutes", "90")
    ask(running, "ask", number)
    ask(running, "access", "apply", number, "--name", "Wang Fang", "--from", "2090-01-01", "--until", "2090-01-02")
    ask(running, "handoff", "open", number, "--vendor-case", "SR-77", "--promised", "2090-01-01")
    (link,) = ask(running, "repair", number)["links"]
    shown = running.run("--lang", "zh", "cases", "repair", number).stdout
    for told in ("90", "Wang Fang", "SR-77", f"\n{link['id']} "):
        assert told in shown
    assert running.run("cases", "revoke-link", number, str(link["id"])).returncode == 0
    text = running.run("--lang", "zh", "cases", "handoff-text", number).stdout
    assert "故障部件: 硬盘" in text
    running.run("cases", "cancel", number, "--reason", "test")


def test_an_engineer_is_written_to_in_a_language_he_speaks(running: CollectorProcess) -> None:
    assert [one["language"] for one in running.ask("engineers", "list") if one["name"] == "wang"] == ["zh"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("cases", "quote", "HC-1", "--currency", "CNY", "--part", "dear"), 2),
        (("engineers", "change", "wang"), 2),
        (("engineers", "add", "x", "--hours", "9-18"), 2),
        (("engineers", "add", "x", "--days", "Mon"), 2),
        (("cases", "propose", "HC-1", "x", "--manner", "part"), 1),
        (("engineers", "change", "nobody", "--phone", "1"), 1),
        (("engineers", "add", "y", "--zone", "Mars/Base"), 1),
    ],
)
def test_what_is_wrong_is_refused_with_a_reason(running: CollectorProcess, command: tuple[str, ...], code: int) -> None:
    done = running.run(*command)
    assert (done.returncode, bool(done.stderr.strip())) == (code, True), done.stderr
