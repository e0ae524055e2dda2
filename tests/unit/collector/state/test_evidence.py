"""Evidence as files: once by content, synced before it counts, never half, never outside its folder."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hardcase_collector.domain.errors import DiskFull, NotFound, StoreFailed
from hardcase_collector.storage.evidence import CHUNK, EvidenceFiles

BODY = b"ata1: failed command\n" * 9000
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def files(folder: Path) -> EvidenceFiles:
    return EvidenceFiles(folder, trouble=lambda: "")


def stored(files: EvidenceFiles, body: bytes = BODY) -> str:
    incoming = files.receive()
    for start in range(0, len(body), 1000):
        incoming.write(body[start : start + 1000])
    assert incoming.size == len(body)
    sha = incoming.keep()
    incoming.drop()
    return sha


def test_what_was_received_is_read_back_in_chunks(files: EvidenceFiles, folder: Path) -> None:
    assert stored(files) == SHA
    chunks = list(files.read(SHA))
    assert b"".join(chunks) == BODY
    assert max(map(len, chunks)) <= CHUNK
    path = folder / SHA[:2] / SHA
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.joinpath(SHA[:2]).stat().st_mode & 0o777 == 0o700
    assert list(folder.joinpath("incoming").iterdir()) == []


def test_one_content_is_one_file(files: EvidenceFiles) -> None:
    assert stored(files) == stored(files)
    assert list(files.hashes()) == [SHA]
    files.remove(SHA)
    files.remove(SHA)
    assert list(files.hashes()) == []


def test_a_file_is_synced_before_it_is_in_its_place(files: EvidenceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(number: int) -> None:
        done.append("fsync")
        fsync(number)

    def renamed(source: Path, place: Path) -> None:
        done.append("rename")
        rename(source, place)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    stored(files)
    assert done == ["fsync", "fsync", "rename", "fsync"]


def test_what_is_dropped_or_was_left_half_received_does_not_stay(files: EvidenceFiles, folder: Path) -> None:
    dropped = files.receive()
    dropped.write(b"half")
    dropped.drop()
    dropped.drop()
    with pytest.raises(StoreFailed, match="closed already"):
        dropped.write(b"more")
    with pytest.raises(StoreFailed, match="closed already"):
        dropped.keep()
    left = files.receive()
    left.write(b"half")
    assert EvidenceFiles(folder, trouble=lambda: "").tidy() == 1
    assert list(folder.joinpath("incoming").iterdir()) == []
    left.drop()
    assert list(files.hashes()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/x", f"{SHA}\n"])
def test_only_a_hash_ever_becomes_a_path(files: EvidenceFiles, name: str) -> None:
    with pytest.raises(NotFound):
        files.read(name)
    with pytest.raises(NotFound):
        files.remove(name)


def test_what_is_not_there_is_said_before_the_first_chunk(files: EvidenceFiles) -> None:
    with pytest.raises(NotFound, match="not there any more"):
        files.read(SHA)


def test_below_the_reserve_nothing_is_received_and_a_large_file_is_cut_off(folder: Path) -> None:
    trouble = [""]
    files = EvidenceFiles(folder, trouble=lambda: trouble[0])
    incoming = files.receive()
    incoming.write(bytes(9 << 20))
    trouble[0] = "the disk is nearly full"
    with pytest.raises(DiskFull, match="nearly full"):
        incoming.write(b"x")
    incoming.drop()
    with pytest.raises(DiskFull):
        files.receive()
    assert list(folder.joinpath("incoming").iterdir()) == []


def test_a_disk_that_refuses_is_named(files: EvidenceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming = files.receive()

    def full(number: int, chunk: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreFailed, match="No space left"):
        incoming.write(b"x")
    incoming.drop()
