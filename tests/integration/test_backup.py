"""Backups of real stores: one moment of both, taken while they are written to, put back into either database."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.errors import ConfigError, DiskFull, FileDamaged, IllegalAction, StoreFailed
from hardcase_collector.domain.ports import CaseFilter, Recount
from hardcase_collector.storage import migrations
from hardcase_collector.storage.backup import restoring
from hardcase_collector.storage.backup.archive import FORMAT, About
from hardcase_collector.storage.backup.begun import begin
from hardcase_collector.storage.backup.taking import Backups, Origin
from hardcase_collector.storage.state.models.columns import Model
from hardcase_collector.storage.state.snapshot import StateSnapshot
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.storage.telemetry.snapshot import TelemetrySnapshot
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from hardcase_collector.storage.telemetry.tables import VERSION
from sqlalchemy import create_engine, select

from tests.contracts.telemetry_store import DAY, KEY, NOON, mark
from tests.fakes.empty_store import empty_store
from tests.fakes.frames import catalogue, frame
from tests.peers.postgres import Postgres
from tests.unit.collector import scene_of_two_customers as scene

NOW = NOON + 3 * DAY
Rows = dict[str, list[Any]]


@dataclass
class House:
    """A collector's data directory with everything in it."""

    folder: Path
    state: SqlStateStore
    telemetry: DuckTelemetryStore
    url: str

    def freeze_state(self) -> StateSnapshot:
        return self.state.freeze()

    def freeze_telemetry(self, folder: Path) -> TelemetrySnapshot:
        return self.telemetry.freeze(folder)

    def backups(self, *, between: Callable[[Callable[[], object]], object] | None = None, trouble: str = "") -> Backups:
        return Backups(
            Origin(
                data_dir=self.folder,
                stores=self,
                between_groups=between or (lambda work: work()),
                trouble=lambda: trouble,
                about=lambda taken_ms: about(taken_ms),
            )
        )

    def write_to(self, file: Path, backups: Backups | None = None) -> None:
        with file.open("xb") as target:
            target.writelines((backups or self.backups()).take(NOW))

    def close(self) -> None:
        self.state.close()
        self.telemetry.close()


def about(taken_ms: int, *, schema: str = "", telemetry_version: int = VERSION) -> About:
    return About(
        format=FORMAT,
        version="1.2.3",
        schema=schema or migrations.newest(),
        telemetry_version=telemetry_version,
        taken_ms=taken_ms,
        ca_fingerprint="ab",
        rows=0,
    )


def filled(folder: Path, state: SqlStateStore, url: str) -> House:
    """Rows of two customers, a sealed day, an open day, evidence, a CA."""
    scene.make(state)
    (folder / "telemetry").mkdir()
    telemetry = DuckTelemetryStore(folder / "telemetry")
    of = catalogue()
    telemetry.append([frame(of, 1 + at, NOON + at * 1000, [20.0, 1.0, 2.0]) for at in range(50)], mark(50))
    for _ in range(5):
        telemetry.maintain(NOON + 2 * DAY)
    telemetry.append([frame(of, 51 + at, NOON + 2 * DAY + at * 1000, [21.0, 1.0, 2.0]) for at in range(20)], mark(70))
    for name, content in (("pki/ca.key", "the key"), ("pki/ca.crt", "the CA"), ("evidence/ab/abcd", "a photograph")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return House(folder, state, telemetry, url)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "data"
    folder.mkdir()
    made = filled(folder, empty_store(folder / "state.sqlite"), f"sqlite:///{folder / 'state.sqlite'}")
    yield made
    made.close()


def rows_of(url: str) -> Rows:
    """Every row of every table, but for what restoring itself writes down."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in Model.metadata.sorted_tables
        }
    engine.dispose()
    for name in ("case_days", "audit_seals"):
        found.pop(name)
    found["audit"] = [row for row in found["audit"] if "collector.restored" not in row]
    return found


def recount(folder: Path) -> Recount:
    store = DuckTelemetryStore(folder / "telemetry")
    try:
        return store.recount()
    finally:
        store.close()


def restored(house: House, tmp_path: Path) -> Path:
    file, elsewhere = tmp_path / "backup.tar", tmp_path / "elsewhere"
    house.write_to(file)
    elsewhere.mkdir()
    restoring.restore(file, elsewhere, f"sqlite:///{elsewhere / 'state.sqlite'}", replace=False, now_ms=NOW)
    return elsewhere


def test_what_is_restored_elsewhere_is_what_was_there(house: House, tmp_path: Path) -> None:
    counted = house.telemetry.recount()
    elsewhere = restored(house, tmp_path)

    assert rows_of(f"sqlite:///{elsewhere / 'state.sqlite'}") == rows_of(house.url)
    assert rows_of(house.url)["cases"], "there was something to keep"
    assert recount(elsewhere) == counted
    assert counted.frames == 70
    assert (elsewhere / "pki/ca.key").read_text() == "the key"
    assert (elsewhere / "evidence/ab/abcd").read_text() == "a photograph"
    assert (elsewhere / "pki/ca.key").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in elsewhere.iterdir()) == ["evidence", "pki", "state.sqlite", "telemetry"]
    assert not (house.folder / "backup.tmp").exists()


def test_it_shows_one_moment_though_both_stores_go_on(house: House, tmp_path: Path) -> None:
    of = catalogue()

    def freeze_then_go_on(work: Callable[[], object]) -> object:
        frozen = work()
        house.telemetry.append([frame(of, 71, NOON + 2 * DAY + 90_000, [21.0, 1.0, 2.0])], mark(71))
        for _ in range(5):
            house.telemetry.maintain(NOON + 5 * DAY)
        with house.state.write() as tx:
            tx.access.audit(at_ms=NOW, actor="x", action="later", subject="", facts={})
        return frozen

    before = rows_of(house.url)
    file, elsewhere = tmp_path / "backup.tar", tmp_path / "elsewhere"
    house.write_to(file, house.backups(between=freeze_then_go_on))
    elsewhere.mkdir()
    restoring.restore(file, elsewhere, f"sqlite:///{elsewhere / 'state.sqlite'}", replace=False, now_ms=NOW)

    assert rows_of(f"sqlite:///{elsewhere / 'state.sqlite'}") == before
    store = DuckTelemetryStore(elsewhere / "telemetry")
    assert store.marks(KEY.agent)[KEY.epoch].through == 70
    assert store.recount().frames == 70
    store.close()
    assert house.telemetry.recount().frames == 71


def test_a_restored_collector_gives_no_number_that_may_have_been_given(house: House, tmp_path: Path) -> None:
    elsewhere = restored(house, tmp_path)
    store = SqlStateStore.open(f"sqlite:///{elsewhere / 'state.sqlite'}", migrate=False)
    with store.write() as tx:
        any_case = tx.cases.list(CaseFilter(customer=None))[0]
        added = tx.cases.add(replace(any_case, id=0, number="", opened_ms=NOW, repair_group="another"))
        audits = tx.access.audits(customer=None, limit=50)
    store.close()
    audited = [entry for entry in audits if entry.action == "collector.restored"]

    assert int(added.number.rpartition("-")[2]) > restoring.NUMBERS_LEFT_OUT
    assert audited[0].facts["taken_ms"] == NOW


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_file_that_was_cut_short_is_refused_and_nothing_is_changed(
    house: House, tmp_path: Path, share: float
) -> None:
    file, elsewhere = tmp_path / "backup.tar", tmp_path / "elsewhere"
    house.write_to(file)
    with file.open("r+b") as cut:
        # The last two blocks of a tar are empty: without them alone nothing is missing.
        cut.truncate(int((file.stat().st_size - 1024) * share))
    elsewhere.mkdir()

    with pytest.raises(FileDamaged, match="backup"):
        restoring.restore(file, elsewhere, f"sqlite:///{elsewhere / 'state.sqlite'}", replace=False, now_ms=NOW)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("member", ["state.sqlite", "pki/ca.key", "evidence/ab/abcd", "telemetry/telemetry.duckdb"])
def test_a_changed_byte_is_found(house: House, tmp_path: Path, member: str) -> None:
    file = tmp_path / "backup.tar"
    house.write_to(file)
    with tarfile.open(file) as archive:
        at = archive.getmember(member).offset_data
    with file.open("r+b") as changed:
        changed.seek(at)
        old = changed.read(1)
        changed.seek(at)
        changed.write(bytes([old[0] ^ 1]))

    with pytest.raises(FileDamaged, match=member):
        restoring.check(file)


def test_a_member_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    file, secret = tmp_path / "backup.tar", tmp_path / "secret"
    for name in ("../escaped", "/tmp/escaped", "pki/../../escaped"):
        member = tarfile.TarInfo(name)
        with tarfile.open(file, "w") as archive:
            archive.addfile(member, io.BytesIO())
        with pytest.raises(FileDamaged, match="does not belong"):
            restoring.check(file)
    with tarfile.open(file, "w") as archive:
        link = tarfile.TarInfo("pki/ca.key")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    with pytest.raises(FileDamaged, match="does not belong"):
        restoring.check(file)


def test_what_is_no_backup_is_named(tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    file.write_bytes(b"hello" * 1000)
    with pytest.raises(FileDamaged, match="is no backup"):
        restoring.check(file)


def test_a_collector_that_is_there_is_put_aside_only_when_told(house: House, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    house.write_to(file)
    before = rows_of(house.url)
    house.close()
    with pytest.raises(IllegalAction, match="--replace"):
        restoring.restore(file, house.folder, house.url, replace=False, now_ms=NOW)

    (house.folder / "pki/ca.key").write_text("another")
    restoring.restore(file, house.folder, house.url, replace=True, now_ms=NOW)

    assert (house.folder / "pki/ca.key").read_text() == "the key"
    assert (house.folder / f"replaced-{NOW}/pki/ca.key").read_text() == "another"
    assert (house.folder / f"replaced-{NOW}/state.sqlite").exists()
    assert rows_of(house.url) == before
    house.state, house.telemetry = empty_store(tmp_path / "x"), DuckTelemetryStore(tmp_path)


def test_a_newer_programs_backup_is_refused_by_name(house: House, tmp_path: Path) -> None:
    for at, strange in enumerate((about(NOW, schema="9999"), about(NOW, telemetry_version=VERSION + 1))):
        file = tmp_path / f"{at}.tar"
        backups = Backups(
            Origin(
                data_dir=house.folder,
                stores=house,
                between_groups=lambda work: work(),
                trouble=lambda: "",
                about=lambda taken_ms, strange=strange: strange,
            )
        )
        house.write_to(file, backups)
        with pytest.raises(ConfigError, match="newer"):
            restoring.check(file)


def test_below_the_disks_reserve_none_is_taken(house: House) -> None:
    with pytest.raises(DiskFull, match="full"):
        house.backups(trouble="the disk is full").take(NOW)


def test_two_at_once_are_not_taken_and_one_that_nobody_reads_on_is_given_up(house: House) -> None:
    backups = house.backups()
    first = backups.take(NOW)
    next(first)
    with pytest.raises(IllegalAction, match="already"):
        backups.take(NOW)
    del first
    assert not (house.folder / "backup.tmp").exists()
    assert sum(map(len, backups.take(NOW))) > 10_000


def test_one_that_fails_at_its_start_is_not_in_the_way_of_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    backups = house.backups()
    with monkeypatch.context() as disk:
        disk.setattr(os, "link", full)
        with pytest.raises(StoreFailed, match="No space left"):
            backups.take(NOW)
    assert sum(map(len, backups.take(NOW))) > 10_000


def test_a_ca_that_changes_while_it_is_copied_is_copied_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, changed = os.link, []

    def meanwhile(source: Path, target: Path) -> None:
        link(source, target)
        if Path(source).parent.name == "pki" and not changed:
            changed.append(source)
            for name in ("ca.crt", "ca.key"):
                fresh = house.folder / "pki" / f"{name}.new"
                fresh.write_text("another")
                fresh.replace(house.folder / "pki" / name)

    monkeypatch.setattr(os, "link", meanwhile)
    house.write_to(tmp_path / "backup.tar")
    assert changed
    with tarfile.open(tmp_path / "backup.tar") as archive:
        pair = [archive.extractfile(f"pki/{name}") for name in ("ca.crt", "ca.key")]
        assert [one.read() for one in pair if one is not None] == [b"another", b"another"]


def test_one_that_nobody_begins_to_read_is_given_up(house: House) -> None:
    backups = house.backups()
    unread = backups.take(NOW)
    del unread
    assert not (house.folder / "backup.tmp").exists()
    assert sum(map(len, backups.take(NOW))) > 10_000


def test_a_database_that_is_not_empty_is_refused_before_anything_is_put_aside(
    house: House, server: Postgres, tmp_path: Path
) -> None:
    file, there = tmp_path / "backup.tar", tmp_path / "there"
    house.write_to(file)
    there.mkdir()
    url = server.new_database("taken")
    restoring.restore(file, there, url, replace=False, now_ms=NOW)

    with pytest.raises(IllegalAction, match="not empty"):
        restoring.restore(file, there, url, replace=True, now_ms=NOW)

    assert (there / "pki/ca.key").read_text() == "the key"
    assert sorted(path.name for path in there.iterdir()) == ["evidence", "pki", "telemetry"]


@pytest.mark.parametrize("placed", [0, 1, 2])
def test_a_restore_that_was_cut_off_behind_its_rows_goes_on_with_the_same_file_alone(
    house: House, server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, placed: int
) -> None:
    """`placed`: how many of telemetry, evidence and CA were in their place when the power went."""
    file, other, there = tmp_path / "backup.tar", tmp_path / "other.tar", tmp_path / "there"
    house.write_to(file)
    with other.open("xb") as target:
        target.writelines(house.backups().take(NOW + 1))
    there.mkdir()
    url = server.new_database(f"cut{placed}")
    rename, renamed = os.rename, []

    def cut(source: Path, target: Path) -> None:
        if Path(target).parent == there and len(renamed) == placed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        renamed.append(target)
        rename(source, target)

    with monkeypatch.context() as power:
        power.setattr(os, "rename", cut)
        with pytest.raises(StoreFailed):
            restoring.restore(file, there, url, replace=False, now_ms=NOW)
    before = rows_of(url)
    with pytest.raises(IllegalAction, match=r"cut off, of the backup taken on 20.*give that file again"):
        restoring.restore(other, there, url, replace=True, now_ms=NOW + 5)
    restoring.restore(file, there, url, replace=False, now_ms=NOW + 5)

    assert rows_of(url) == before == rows_of(house.url)
    assert (there / "pki/ca.key").read_text() == "the key"
    left = {path.name for path in there.iterdir()} - {f"replaced-{NOW + 5}"}
    assert left == {"evidence", "pki", "telemetry"}
    with pytest.raises(IllegalAction, match="holds a collector"):
        restoring.restore(file, there, url, replace=False, now_ms=NOW + 9)


def test_rows_that_somebody_has_used_since_are_not_gone_on_with(
    house: House, server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, there = tmp_path / "backup.tar", tmp_path / "there"
    house.write_to(file)
    there.mkdir()
    url = server.new_database("used")
    restoring.restore(file, there, url, replace=False, now_ms=NOW)
    begin(there, about(NOW), NOW)
    state = SqlStateStore.open(url, migrate=False)
    with state.write() as tx:
        tx.access.audit(at_ms=NOW + 1, actor="li", action="case.closed", subject="1", facts={})
    state.close()
    with pytest.raises(IllegalAction, match="not empty"):
        restoring.restore(file, there, url, replace=True, now_ms=NOW + 5)
    assert (there / "pki/ca.key").exists()


def test_a_backup_goes_from_either_database_to_either(house: House, server: Postgres, tmp_path: Path) -> None:
    file, second = tmp_path / "backup.tar", tmp_path / "second.tar"
    house.write_to(file)
    url = server.new_database("restored")
    there = tmp_path / "there"
    there.mkdir()
    restoring.restore(file, there, url, replace=False, now_ms=NOW)
    assert rows_of(url) == rows_of(house.url)

    state = SqlStateStore.open(url, migrate=False)
    with state.write() as tx:
        any_case = tx.cases.list(CaseFilter(customer=None))[0]
        assert tx.cases.add(replace(any_case, id=0, number="", opened_ms=NOW, repair_group="new")).id > any_case.id
    moved = House(there, state, DuckTelemetryStore(there / "telemetry"), url)
    moved.write_to(second)
    moved.close()
    back = tmp_path / "back"
    back.mkdir()
    restoring.restore(second, back, f"sqlite:///{back / 'state.sqlite'}", replace=False, now_ms=NOW)

    assert rows_of(f"sqlite:///{back / 'state.sqlite'}") == rows_of(url)
    shutil.rmtree(there)
    there.mkdir()
    with pytest.raises(IllegalAction, match="not empty"):
        restoring.restore(file, there, url, replace=False, now_ms=NOW)
