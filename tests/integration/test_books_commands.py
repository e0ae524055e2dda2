"""The books as their keeper meets them: files, single lines, one customer's view, forgetting; over the real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.collector import CollectorProcess, collector

pytestmark = pytest.mark.timeout(900)

ASSETS = "customer,vendor,serial,site,rack\nnorth,Dell,7ABC123,ber1,R7\nsouth,Inspur,21E9X44,gz1,\n"
OTHERS = {
    "customers.csv": "name,title,language\nnorth,North AG,en\nsouth,南方制造,zh\n",
    "sites.csv": "customer,name,time_zone,country\nnorth,ber1,Europe/Berlin,DE\nsouth,gz1,Asia/Shanghai,CN\n",
    "contacts.csv": "customer,scope,subject,name,phone\nnorth,customer,,Ada,'+49 30 1\nsouth,site,gz1,陈静,\n",
    "entitlements.csv": "asset,plan,starts,ends\n7ABC123,gold-7x24x4,2020-01-01,2099-12-31\n"
    "21E9X44,silver,2020-01-01,2020-12-31\n",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector(tmp_path_factory.mktemp("books")) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("files")
    for name, text in {**OTHERS, "assets.csv": ASSETS}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(str(path) for path in folder.iterdir())


def test_the_books_live_from_import_to_oblivion(running: CollectorProcess, files: list[str], tmp_path: Path) -> None:
    """One story: each step stands on the one before."""
    mistaken = tmp_path / "sites.csv"
    mistaken.write_text("customer,name,time_zone\nnorth,x,Mars/One\n", encoding="utf-8")
    refused = running.run("books", "import", *files[:1], str(mistaken))
    assert refused.returncode == 1
    assert f"{mistaken}:2: site.time_zone: 'Mars/One' is no time zone" in refused.stderr
    assert running.ask("customers", "list") == []

    tried = running.ask("books", "import", "--dry-run", *files)
    assert running.ask("customers", "list") == []
    done = running.ask("books", "import", *files)
    assert done["done"]
    assert done["changes"] == tried["changes"]
    assert running.ask("books", "import", *files)["changes"] == []

    for form in ("csv", "toml"):
        folder = tmp_path / form
        assert running.run("books", "export", "--form", form, "--to", str(folder)).returncode == 0
        exported = [str(path) for path in folder.iterdir()]
        assert running.ask("books", "import", "--remove", *exported)["changes"] == []

    assert [one["name"] for one in running.ask("contacts", "list", "--asset", "7ABC123")] == ["Ada"]
    cover = {one["key"]: one["cover"] for one in running.ask("entitlements", "cover")}
    assert cover == {"dell|7ABC123": "covered", "inspur|21E9X44": "expired"}
    listed = running.ask("assets", "list", "--customer", "south")
    assert [one["asset"]["key"] for one in listed] == ["inspur|21E9X44"]


def test_single_lines_are_changed_and_refused(running: CollectorProcess) -> None:
    said = running.run("assets", "edit", "7ABC123", "--rack", "R8", "--tag", "shop", "--tag", "pci")
    assert "rack: R7 → R8" in said.stdout.replace("\n", " ")
    assert running.run("customers", "add", "north").returncode == 1
    assert running.run("sites", "remove", "north", "ber1").returncode == 1
    added = running.run(
        "entitlements", "add", "7ABC123", "bronze", "--part", "disk", "--starts", "2026-01-01", "--ends", "2026-12-31"
    )
    assert added.returncode == 0, added.stderr
    number = running.ask("entitlements", "list", "--asset", "7ABC123")[1]["id"]
    assert running.run("entitlements", "end", str(number), "--on", "2026-06-30").stdout == (
        "bronze of dell|7ABC123 ends on 2026-06-30\n"
    )
    chinese = running.run("--lang", "zh", "entitlements", "list", "--asset", "21E9X44")
    assert "已过期" in chinese.stdout


def test_one_customers_view_holds_nothing_of_another(running: CollectorProcess) -> None:
    lists = ("customers list", "sites list", "contacts list", "entitlements list", "entitlements cover", "books export")
    for command in (*lists, "assets list", "audit", "users list"):
        shown = running.run("--customer", "north", *command.split(), "--json")
        assert shown.returncode == 0, shown.stderr
        for word in ("south", "21E9X44", "gz1", "陈静"):
            assert word not in json.dumps(json.loads(shown.stdout), ensure_ascii=False), (command, word)
    assert running.run("--customer", "north", "assets", "show", "21E9X44").returncode == 1
    assert running.run("--customer", "north", "assets", "show", "7ABC123").returncode == 0


def test_a_person_and_a_customer_are_forgotten_after_they_were_told(running: CollectorProcess) -> None:
    told = running.ask("forget", "person", "陈静", "--dry-run")
    assert told["traces"] == {"contacts": 1}
    assert running.run("forget", "customer", "south", "--json").returncode == 2
    asked = running.run("forget", "customer", "south", text="n\n")
    assert asked.returncode == 1
    assert "samples, as numbers without a name" in asked.stdout
    assert len(running.ask("customers", "list")) == 2
    assert running.run("forget", "customer", "south", text="y\n").returncode == 0
    assert [one["name"] for one in running.ask("customers", "list")] == ["north"]
    assert "21E9X44" not in json.dumps(running.ask("audit"))
