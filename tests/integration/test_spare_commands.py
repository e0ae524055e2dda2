"""Spare parts from the command line, through a running collector: from an empty shelf to the maintenance record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.collector import CollectorProcess, collector

SHEET = """
[[depot]]
depot = "sh"
title = "上海备件库"
country = "CN"

[[service]]
depot = "sh"
customer = "north"
travel_minutes = 45

[[spare]]
part_number = "P1"
component = "disk"
title = "4 TB SAS"
return_days = 10
warranty_days = 90

[[fit]]
spare = "P1"
component = "disk"
vendor = "Dell"

[[stock]]
depot = "sh"
part_number = "P1"
minimum = 1
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector(tmp_path_factory.mktemp("spares")) as made:
        made.start()
        for words in (("customers", "add", "north"), ("assets", "add", "north", "Dell", "7ABC123")):
            done = made.run(*words)
            assert done.returncode == 0, done.stderr
        yield made


def say(running: CollectorProcess, *words: str) -> str:
    done = running.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_spare_goes_from_the_sheet_into_a_machine_and_the_record(running: CollectorProcess, tmp_path: Path) -> None:
    sheet = tmp_path / "spares.toml"
    sheet.write_text(SHEET, encoding="utf-8")
    assert "dry run" in say(running, "parts", "import", str(sheet), "--dry-run")
    say(running, "parts", "import", str(sheet))
    assert running.ask("parts", "import", str(sheet))["changes"] == []

    assert "上海备件库" in say(running, "depots", "list")
    assert running.ask("parts", "low")[0]["level"] == "low"

    told = running.ask("cases", "report", "disk", "bay 3 blinks", "--asset", "7ABC123", "--slot", "Bay 3")
    number = told["case"]["number"]
    order = running.ask("parts", "reserve", number)
    assert order["state"] == "requested"
    assert running.ask("parts", "risk")[0]["to_order"] >= 1

    say(running, "parts", "receive", "sh", "P1", "--serial", "S1", "--serial", "S2")
    (order,) = running.ask("parts", "orders", "--case", number)
    assert (order["state"], order["new_serial"]) == ("reserved", "S1")
    assert running.ask("parts", "low") == []
    name = str(order["id"])
    say(running, "parts", "ship", name, "--tracking", "SF1")
    say(running, "parts", "receive-at-site", name)
    say(running, "parts", "install", name, "--serial", "S1", "--old-serial", "OLD1")
    assert "已安装" in say(running, "--lang", "zh", "parts", "orders")
    say(running, "parts", "return", name)
    assert "return_received" in say(running, "parts", "return-received", name)

    (line,) = running.ask("parts", "stock")
    assert (line["free"], line["installed"], line["serials"]) == (1, 1, ["S2"])
    (repair,) = running.ask("assets", "record", "7ABC123")["repairs"]
    assert (repair["replaced"][0]["old_serial"], repair["replaced"][0]["new_serial"]) == ("OLD1", "S1")
    assert "OLD1 → S1" in say(running, "assets", "record", "7ABC123")
    codes = [entry["code"] for entry in running.ask("cases", "show", number)["timeline"]]
    assert codes[1:] == [
        "part_requested",
        # Nothing covers this machine, and what is promised to such allows no clock to wait for a part.
        "part_short",
        "part_reserved",
        "part_there",
        "part_shipped",
        "part_received",
        "part_installed",
        "part_returned",
        "part_return_received",
    ]


def test_every_mistake_of_a_sheet_is_told_and_nothing_is_changed(running: CollectorProcess, tmp_path: Path) -> None:
    sheet = tmp_path / "spares.csv"
    sheet.write_text("part_number,component\nP7,dsik\n,disk\n", encoding="utf-8")
    done = running.run("parts", "import", str(sheet))
    assert done.returncode == 1
    assert done.stderr.count("spares.csv:") == 2
    assert all(spare["part_number"] != "P7" for spare in running.ask("parts", "list"))


def test_what_cannot_be_is_refused_in_one_line(running: CollectorProcess) -> None:
    for words in (
        ("parts", "ship", "999"),
        ("parts", "reserve", "HC-20000101-0001"),
        ("parts", "receive", "nowhere", "P1"),
        ("depots", "add", "x", "--serves", "nobody"),
        ("assets", "record", "unknown"),
    ):
        done = running.run(*words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), (words, done.stderr)


def test_the_catalogue_goes_out_as_files_that_come_back(running: CollectorProcess, tmp_path: Path) -> None:
    for form in ("csv", "toml"):
        folder = tmp_path / form
        say(running, "parts", "export", "--to", str(folder), "--form", form)
        files = [str(path) for path in sorted(folder.iterdir())]
        assert files
        assert running.ask("parts", "import", *files)["changes"] == []
