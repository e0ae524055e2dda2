"""What may be attached to a case: a closed list, by extension and by content together, and names made safe. Pure.

An attachment is never executed and never shown inline; the list keeps out what a receiver might start by a double
click, and what only pretends to be a log or a picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from hardcase_collector.domain.errors import IllegalAction

HEAD = 4096
"""Bytes of a file's beginning that are looked at."""
NAME_KEPT = 120
_SIGNATURES: Mapping[str, bytes] = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "application/pdf": b"%PDF-",
    "application/zip": b"PK\x03\x04",
    "application/gzip": b"\x1f\x8b\x08",
}
_PROGRAMS = (b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# What no text of a terminal or an editor holds; tab, line ends, form feed, backspace and escape it does.
_NO_TEXT = re.compile(rb"[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f]")
# Reserved by Windows whatever the extension.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def _is_text(head: bytes) -> bool:
    if any(head.startswith(sign) for sign in (*_SIGNATURES.values(), *_PROGRAMS)):
        return False
    return head.startswith(_UTF_16) or _NO_TEXT.search(head) is None


def _is_json(head: bytes) -> bool:
    return _is_text(head) and head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _signed(media: str) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(_SIGNATURES[media])


TYPES: Mapping[str, tuple[str, Callable[[bytes], bool]]] = {
    "txt": ("text/plain", _is_text),
    "log": ("text/plain", _is_text),
    "csv": ("text/csv", _is_text),
    "json": ("application/json", _is_json),
    "png": ("image/png", _signed("image/png")),
    "jpg": ("image/jpeg", _signed("image/jpeg")),
    "jpeg": ("image/jpeg", _signed("image/jpeg")),
    "pdf": ("application/pdf", _signed("application/pdf")),
    "zip": ("application/zip", _signed("application/zip")),
    "gz": ("application/gzip", _signed("application/gzip")),
}
"""Extension -> media type, and whether a beginning is one of it."""
BUNDLE_TYPES: Mapping[str, tuple[str, Callable[[bytes], bool]]] = {
    "zip": TYPES["zip"],
    "gz": TYPES["gz"],
    "tgz": TYPES["gz"],
    # POSIX.1-1988: the magic of a header stands at 257.
    "tar": ("application/x-tar", lambda head: head[257:262] == b"ustar"),
    "bz2": ("application/x-bzip2", lambda head: head.startswith(b"BZh")),
    "xz": ("application/x-xz", lambda head: head.startswith(b"\xfd7zXZ\x00")),
    "7z": ("application/x-7z-compressed", lambda head: head.startswith(b"7z\xbc\xaf\x27\x1c")),
    "zst": ("application/zstd", lambda head: head.startswith(b"\x28\xb5\x2f\xfd")),
}
"""What vendors' own tools make: archives alone. Never unpacked here."""


def media_of(name: str, head: bytes, *, bundle: bool = False) -> str:
    """The media type of a file called `name` that begins so. Raises IllegalAction for what may not be attached."""
    extension, types = extension_of(name), BUNDLE_TYPES if bundle else TYPES
    known = types.get(extension)
    if known is None:
        raise IllegalAction(
            "a file of type {extension} is not taken; {types} are", extension=extension or name, types=sorted(types)
        )
    if not head:
        raise IllegalAction("{name} is empty", name=name)
    media, fits = known
    if not fits(head):
        raise IllegalAction("{name} is called {extension} and holds something else", name=name, extension=extension)
    return media


def extension_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def safe_name(told: str) -> str:
    """The last step of a path, without anything that means something to a header, a shell, a page or a folder."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", told))[-1]
    kept = "".join(char if unicodedata.category(char)[0] not in "CZ" else " " for char in last)
    kept = re.sub(r'[<>:"|?*;%\']', "_", " ".join(kept.split())).strip(". ") or "file"
    if _DEVICES.match(kept):
        kept = f"_{kept}"
    if len(kept) <= NAME_KEPT:
        return kept
    stem, dot, extension = kept.rpartition(".")
    room = NAME_KEPT - len(extension) - 1
    return f"{stem[:room]}{dot}{extension}" if 0 < room < NAME_KEPT else kept[:NAME_KEPT].rstrip(". ")
