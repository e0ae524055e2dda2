"""Files that are given as backups: what no collector wrote is refused by name, with little memory."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.errors import FileDamaged
from hardcase_collector.storage.backup import archive
from hardcase_collector.storage.backup.archive import About
from hypothesis import given
from hypothesis import strategies as st

ABOUT = About(
    format=1, version="1.2.3", schema="v1", telemetry_version=1, taken_ms=1_790_000_000_000, ca_fingerprint="ab", rows=3
)
LONG = "evidence/" + "ü" * 90 + "/" + "x" * 120


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    for name in ("state.sqlite", LONG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 50)
    return b"".join(archive.stream([(name, tmp_path / name) for name in ("state.sqlite", LONG)], ABOUT))


def given_as(folder: Path, content: bytes) -> Path:
    file = folder / "given.tar"
    file.write_bytes(content)
    return file


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **pax: str) -> bytes:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.pax_headers = len(content), kind, pax
    return made.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def extended(body: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return member("pax", body, kind) + member("state.sqlite", b"abc")


def manifest(about: object, files: object = None) -> bytes:
    body = json.dumps({"about": about, "files": files or {}}).encode()
    return member(archive.MANIFEST, body)


def test_what_was_written_is_read_also_with_names_that_need_an_extended_header(tmp_path: Path, whole: bytes) -> None:
    target = tmp_path / "unpacked"
    target.mkdir()
    read = archive.unpack(given_as(tmp_path, whole), target)
    assert read.about == ABOUT
    assert set(read.files) == {"state.sqlite", LONG}
    assert (target / LONG).read_bytes() == LONG.encode() * 50
    with tarfile.open(fileobj=io.BytesIO(whole)) as ordinary:
        assert ordinary.getnames() == ["state.sqlite", LONG, archive.MANIFEST]


NOISE = hashlib.sha256(b"noise").digest() * 64


@pytest.mark.parametrize(
    "content",
    [
        NOISE,
        NOISE[:200],
        NOISE[:7],
        b"hello, this is a letter",
        b"PK\x03\x04" + NOISE,
        b"\x1f\x8b\x08" + NOISE,
        bytes(9000),
    ],
    ids=["noise", "a little of it", "a few bytes", "a text", "a zip", "a gzip", "zeros"],
)
def test_what_never_was_a_backup_is_called_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileDamaged, match=r"given\.tar: is no backup$"):
        archive.unpack(given_as(tmp_path, content), None)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(FileDamaged, match=r"given\.tar: is empty$"):
        archive.unpack(given_as(tmp_path, b""), None)


@given(data=st.data())
def test_a_backup_that_lost_its_end_is_cut_short_wherever_that_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    files = []
    for name in ("state.sqlite", LONG):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 50)
        files.append((name, folder / name))
    content = b"".join(archive.stream(files, ABOUT))
    left = data.draw(st.integers(1, content.rindex(b"}") - 1) | st.sampled_from([100, 107, 108, 511, 512, 513, 1024]))
    with pytest.raises(FileDamaged, match=r"is cut short|the last thing in it, is missing"):
        archive.unpack(given_as(folder, content[:left]), None)


STRANGE = {
    "a sparse member of GNU": member("state.sqlite", b"abc", tarfile.GNUTYPE_SPARSE),
    "a sparse map": member("state.sqlite", b"abc", **{"GNU.sparse.map": "0,1", "GNU.sparse.size": "99999999999"}),
    "a sparse map in the content": member(
        "state.sqlite", b"9" * 512, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    ),
    "a number that is none": member("state.sqlite", b"abc", size="1e9"),
    "a number with a sign": member("state.sqlite", b"abc", size="-5"),
    "a record without its length": extended(b"path=x\n"),
    "a record longer than the header": extended(b"99 path=x\n"),
    "a record of no length": extended(b"0 path=x\n"),
    "a record that is no text": extended(b"11 path=\xff\xfe\n"),
    "a header for all members": extended(b"9 path=x\n", tarfile.XGLTYPE),
    "a GNU long name": extended(b"x" * 200, tarfile.GNUTYPE_LONGNAME),
    "an extended header for itself": member("pax", b"9 path=x\n", tarfile.XHDTYPE) * 3,
    "an extended header and nothing more": member("pax", b"9 path=x\n", tarfile.XHDTYPE),
    "the folder itself": member("."),
    "a name written in two ways": member("evidence//x"),
    "a name for a terminal": member("evidence/\x1b[2J"),
    "one file twice": member("evidence/x") * 2,
    "a file that is a folder too": member("evidence/x") + member("evidence/x/y"),
    "a folder that is a file too": member("evidence/x/y") + member("evidence/x"),
    "a device": member("evidence/x", kind=tarfile.CHRTYPE),
}


@pytest.mark.parametrize("what", STRANGE)
def test_members_that_no_backup_has_are_refused_and_nothing_lies_elsewhere(tmp_path: Path, what: str) -> None:
    target = tmp_path / "unpacked"
    target.mkdir()
    file = given_as(tmp_path, STRANGE[what] + manifest(asdict(ABOUT)) + bytes(1024))
    with pytest.raises(FileDamaged, match=r"given\.tar: .*(?:backup|cut short|number|no text)") as told:
        archive.unpack(file, target)
    assert str(told.value).isprintable()
    assert {path.name for path in tmp_path.iterdir()} == {"unpacked", "given.tar"}


def test_a_size_of_less_than_nothing_is_refused(tmp_path: Path) -> None:
    block = bytearray(member("state.sqlite"))
    block[124:136] = b"\xff" * 12
    total = sum(block[:148]) + 8 * 32 + sum(block[156:512])
    block[148:156] = b"%06o\0 " % total
    with pytest.raises(FileDamaged, match="less than nothing"):
        archive.unpack(given_as(tmp_path, bytes(block)), None)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
def test_a_header_that_claims_a_gigabyte_takes_no_memory(tmp_path: Path, kind: bytes) -> None:
    head = tarfile.TarInfo(archive.MANIFEST)
    head.size, head.type = 1 << 30, kind
    file = given_as(tmp_path, head.tobuf(tarfile.USTAR_FORMAT))
    with file.open("r+b") as longer:
        longer.truncate(1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(FileDamaged):
            archive.unpack(file, None)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


ABOUTS: list[Any] = [
    None,
    [],
    "about",
    {},
    {**asdict(ABOUT), "more": 1},
    {**asdict(ABOUT), "telemetry_version": "1"},
    {**asdict(ABOUT), "telemetry_version": None},
    {**asdict(ABOUT), "taken_ms": 1e18},
    {**asdict(ABOUT), "taken_ms": True},
    {**asdict(ABOUT), "taken_ms": -1},
    {**asdict(ABOUT), "taken_ms": 1 << 50},
    {**asdict(ABOUT), "rows": 1 << 70},
    {**asdict(ABOUT), "schema": ["v1"]},
    {**asdict(ABOUT), "schema": {}},
    {**asdict(ABOUT), "version": "\x1b[2J"},
    {**asdict(ABOUT), "version": "9" * 5000},
]


@pytest.mark.parametrize("about", ABOUTS, ids=range(len(ABOUTS)))
def test_a_manifest_of_other_types_is_refused(tmp_path: Path, about: object) -> None:
    with pytest.raises(FileDamaged, match="manifest cannot be read"):
        archive.unpack(given_as(tmp_path, manifest(about)), None)


@pytest.mark.parametrize(
    "files", [[1], "x", {"a": 1}, {"a": ["1", "ab"]}, {"a": [1, 2]}, {"a": [1]}, {"a": [True, ""]}]
)
def test_a_manifest_of_other_lines_is_refused(tmp_path: Path, files: object) -> None:
    with pytest.raises(FileDamaged, match="manifest cannot be read"):
        archive.unpack(given_as(tmp_path, manifest(asdict(ABOUT), files)), None)


def test_a_manifest_that_nests_without_end_and_a_form_of_another_day_are_refused(tmp_path: Path) -> None:
    deep = member(archive.MANIFEST, b"[" * 50_000)
    with pytest.raises(FileDamaged, match="manifest cannot be read"):
        archive.unpack(given_as(tmp_path, deep), None)
    with pytest.raises(FileDamaged, match="has form 2"):
        archive.unpack(given_as(tmp_path, manifest(asdict(replace(ABOUT, format=2)))), None)


@given(data=st.data())
def test_a_backup_with_any_bytes_changed_is_read_as_it_was_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    (folder / "state.sqlite").write_bytes(b"rows" * 100)
    content = bytearray(b"".join(archive.stream([("state.sqlite", folder / "state.sqlite")], ABOUT)))
    places = st.integers(0, len(content) - 1)
    for at, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)):
        content[at] = byte
    try:
        read = archive.unpack(given_as(folder, bytes(content)), None)
    except FileDamaged:
        return
    assert set(read.files) == {"state.sqlite"}
