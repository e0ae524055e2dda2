"""What may be attached, by name and by content, and what becomes of a name."""

from __future__ import annotations

import unicodedata

import pytest
from hardcase_collector.cases.attachment_types import NAME_KEPT, TYPES, media_of, safe_name
from hardcase_collector.domain.errors import IllegalAction
from hypothesis import example, given
from hypothesis import strategies as st

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PDF = b"%PDF-1.7\n%\xe2\xe3"
ZIP = b"PK\x03\x04\x14\x00"
GZ = b"\x1f\x8b\x08\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"


@pytest.mark.parametrize(
    ("name", "head", "media"),
    [
        ("messages.log", b"Nov 24 12:00:00 db1 kernel: ata1 \x1b[31mfailed\x1b[0m\n", "text/plain"),
        ("NOTE.TXT", "指示灯变黄".encode(), "text/plain"),
        ("note.txt", "指示灯变黄".encode("gb18030"), "text/plain"),
        ("windows.txt", "a\r\nb".encode("utf-16"), "text/plain"),
        ("sensors.csv", b"name,value\n", "text/csv"),
        ("smart.json", b'\xef\xbb\xbf {"device": {}}', "application/json"),
        ("front.png", PNG, "image/png"),
        ("front.jpg", JPEG, "image/jpeg"),
        ("front.JPEG", JPEG, "image/jpeg"),
        ("report.pdf", PDF, "application/pdf"),
        ("bundle.zip", ZIP, "application/zip"),
        ("bundle.tar.gz", GZ, "application/gzip"),
    ],
)
def test_what_is_what_it_is_called_is_taken(name: str, head: bytes, media: str) -> None:
    assert media_of(name, head) == media


@pytest.mark.parametrize(
    ("name", "head", "says"),
    [
        ("tool.exe", b"MZ\x90\x00", "type exe is not taken"),
        ("page.html", b"<html>", "type html is not taken"),
        ("logo.svg", b"<svg onload=alert(1)>", "type svg is not taken"),
        ("noextension", b"text", "noextension is not taken"),
        ("empty.log", b"", "is empty"),
        ("really.log", b"MZ\x90\x00\x03", "called log and holds something else"),
        ("really.txt", b"\x7fELF\x02\x01", "holds something else"),
        ("really.log", PDF, "holds something else"),
        ("really.csv", ZIP, "holds something else"),
        ("really.txt", b"text\x00more", "holds something else"),
        ("really.json", b"hello", "holds something else"),
        ("really.png", JPEG, "holds something else"),
        ("really.pdf", b"<html>", "holds something else"),
        ("really.gz", b"plain", "holds something else"),
    ],
)
def test_what_is_something_else_or_may_run_is_refused(name: str, head: bytes, says: str) -> None:
    with pytest.raises(IllegalAction, match=says):
        media_of(name, head)


@given(st.binary(max_size=64), st.sampled_from(sorted(TYPES)))
@example(b"\x7fELF", "zip")
def test_no_program_passes_under_any_name(tail: bytes, extension: str) -> None:
    for program in (b"\x7fELF\x02\x01\x01\x00", b"MZ\x90\x00\x03\x00"):
        with pytest.raises(IllegalAction):
            media_of(f"a.{extension}", program + tail)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("messages.log", "messages.log"),
        ("/etc/../../root/messages.log", "messages.log"),
        ("C:\\Users\\li\\front.png", "front.png"),
        ('a"; filename="evil.html\r\nX: y.log', "a__ filename=_evil.html X_ y.log"),
        ("..", "file"),
        (".log", "log"),
        ("", "file"),
        ("con.txt", "_con.txt"),
        ("\u202egpj.exe.log", "gpj.exe.log"),
        ("故障  照片.png", "故障 照片.png"),
        ("readme", "readme"),
    ],
)
def test_a_name_is_made_safe_and_stays_readable(told: str, kept: str) -> None:
    assert safe_name(told) == kept


@given(st.text(max_size=400))
@example("x" * 300 + ".log")
@example("x." + "y" * 300)
def test_a_safe_name_is_safe_whatever_it_was_and_stays_as_it_is(told: str) -> None:
    kept = safe_name(told)
    assert 0 < len(kept) <= NAME_KEPT
    assert not set(kept) & set("/\\\"<>:|?*;%'\r\n\0")
    assert not kept.startswith(".")
    assert all(unicodedata.category(char)[0] != "C" for char in kept)
    assert safe_name(kept) == kept
