"""What a vendor's own tool collected goes on a case: an archive, larger than other files, and counted apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.cases.attachments import AttachmentLimits, Attachments
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.report import Attachment, AttachmentKind
from hardcase_collector.storage.state.store import SqlStateStore

from tests.fakes.empty_store import empty_store
from tests.fakes.evidence import MemoryEvidence
from tests.unit.collector.cases.bench import LI, NOON, Bench, raised

BUNDLE = AttachmentKind.VENDOR_BUNDLE
TAR = bytes(257) + b"ustar\x0000" + bytes(250)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def bench(store: SqlStateStore) -> Bench:
    made = Bench(store)
    made.apply(raised(made.asset()))
    return made


def attach(bench: Bench, name: str, content: bytes, kind: AttachmentKind = BUNDLE) -> Attachment:
    limits = AttachmentLimits(file_bytes=1000, case_bytes=1000, bundle_bytes=5000)
    files = Attachments(bench.store, MemoryEvidence(), bench.announcements, limits)
    upload = files.receive(bench.only_case().number, by=LI, name=name, kind=kind)
    try:
        upload.write(content)
        return upload.finish(now_ms=NOON)
    finally:
        upload.abandon()


@pytest.mark.parametrize(
    ("name", "content", "media"),
    [
        ("TSR_7ABC123.zip", b"PK\x03\x04" + bytes(4000), "application/zip"),
        ("ahs.tgz", b"\x1f\x8b\x08" + bytes(4000), "application/gzip"),
        ("onekeylog.tar", TAR, "application/x-tar"),
        ("dump.7z", b"7z\xbc\xaf\x27\x1c" + bytes(10), "application/x-7z-compressed"),
        ("sosreport.tar.xz", b"\xfd7zXZ\x00" + bytes(10), "application/x-xz"),
    ],
)
def test_an_archive_is_taken_up_to_a_limit_of_its_own(bench: Bench, name: str, content: bytes, media: str) -> None:
    made = attach(bench, name, content)
    assert (made.kind, made.media) == (BUNDLE, media)
    with bench.store.read() as tx:
        entry = tx.cases.timeline(bench.only_case().id)[-1]
    assert entry.parameters["attachment"] == "vendor_bundle"


@pytest.mark.parametrize(
    ("name", "content"), [("a.tar", b"not a tar"), ("a.exe", b"MZ"), ("a.txt", b"text"), ("a.zip", b"\x7fELF")]
)
def test_what_is_no_archive_is_no_bundle(bench: Bench, name: str, content: bytes) -> None:
    with pytest.raises(IllegalAction):
        attach(bench, name, content)


def test_bundles_and_files_have_room_apart(bench: Bench) -> None:
    attach(bench, "a.zip", b"PK\x03\x04" + bytes(4000))
    attach(bench, "a.txt", b"x" * 1000, AttachmentKind.FILE)
    with pytest.raises(IllegalAction):
        attach(bench, "b.zip", b"PK\x03\x04" + bytes(1000))
    with pytest.raises(IllegalAction):
        attach(bench, "c.tgz", b"\x1f\x8b\x08" + bytes(100), AttachmentKind.FILE)
