"""The ledger on disk: whole or not at all, synced before it is believed, read back as it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_agent.diagnostics.ledger import Entry, Ledger, Stage, interrupted, prunable
from hardcase_agent.domain.diagnostic import AnswerFile, DiagnosticKind, ReportState
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.diagnostics.conftest import an_id

ENTRY = Entry(id=an_id(1), kind=DiagnosticKind.READ_SEL, asked_by="li", expires_ms=5, taken_ms=3)

texts = st.text(max_size=50)
entries = st.builds(
    Entry,
    id=st.binary(min_size=16, max_size=16),
    kind=st.none() | st.sampled_from(DiagnosticKind),
    arguments=st.dictionaries(texts, texts, max_size=4),
    asset=texts,
    asked_by=texts,
    reason=texts,
    expires_ms=st.integers(0, 2**63),
    taken_ms=st.integers(0, 2**63),
    stage=st.sampled_from(Stage),
    state=st.sampled_from(ReportState),
    detail=texts,
    answer=st.binary(max_size=100),
    files=st.lists(
        st.builds(AnswerFile, name=texts, size=st.integers(0, 2**40), sha256=st.binary(min_size=32, max_size=32)),
        max_size=3,
    ).map(tuple),
    wall_ms=st.integers(0, 2**63),
)


@given(entry=entries)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, entry: Entry) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "diagnostics")
    ledger.write(entry)
    assert ledger.load() == {entry.id: entry}


def test_it_is_on_disk_before_it_is_named_and_its_name_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, renamed = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append(f"sync {os.readlink(f'/proc/self/fd/{descriptor}').removeprefix(str(tmp_path))}")
        fsync(descriptor)

    def moved(source: object, target: object, **more: object) -> None:
        done.append("rename")
        renamed(source, target)  # type: ignore[call-overload]  # as it was given

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", moved)
    monkeypatch.setattr(os, "rename", moved)
    Ledger(tmp_path / "diagnostics").write(ENTRY)
    assert done == ["sync ", f"sync /diagnostics/{ENTRY.name}.new", "rename", "sync /diagnostics"]


def test_a_write_that_was_cut_off_leaves_the_entry_as_it_was(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(ENTRY)
    (tmp_path / f"{ENTRY.name}.new").write_bytes(b'{"version"')
    assert ledger.load() == {ENTRY.id: ENTRY}
    assert not list(tmp_path.glob("*.new"))


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_counts_as_begun(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger(folder)
    ledger.write(ENTRY)
    path = folder / f"{ENTRY.name}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole) - 1)])
    (entry,) = ledger.load().values()
    assert (entry.id, entry.stage) == (ENTRY.id, Stage.BEGUN)
    assert prunable({entry.id: replace(entry, stage=Stage.FINAL)}, 2**61, keep=0) == []


def test_files_of_no_request_are_removed_and_others_are_let_be(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(ENTRY)
    (ledger.folder_of(ENTRY) / "a.txt").write_text("a")
    (ledger.folder_of(replace(ENTRY, id=an_id(2))) / "b.txt").write_text("b")
    (tmp_path / "note.txt").write_text("somebody's")
    ledger.load()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{ENTRY.name}.json", ENTRY.name, "note.txt"])


def test_it_is_private(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "diagnostics")
    ledger.write(ENTRY)
    assert (tmp_path / "diagnostics").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "diagnostics" / f"{ENTRY.name}.json").stat().st_mode & 0o777 == 0o600


def test_only_finished_and_expired_requests_may_be_forgotten() -> None:
    made = {
        an_id(number): replace(ENTRY, id=an_id(number), stage=stage, expires_ms=expires, taken_ms=number)
        for number, (stage, expires) in enumerate(
            [(Stage.FINAL, 10), (Stage.FINAL, 30), (Stage.BEGUN, 10), (Stage.AWAITS, 10), (Stage.FINAL, 5)]
        )
    }
    assert [entry.id for entry in prunable(made, 20, keep=0)] == [an_id(0), an_id(4)]
    assert [entry.id for entry in prunable(made, 20, keep=1)] == [an_id(0)]


def test_an_interrupted_request_keeps_who_asked_and_tells_what_to_do() -> None:
    ended = interrupted(replace(ENTRY, stage=Stage.BEGUN), 9)
    assert (ended.stage, ended.state, ended.asked_by) == (Stage.FINAL, ReportState.FAILED, "li")
    assert "ask anew" in ended.detail
