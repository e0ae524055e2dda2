"""A sysfs tree that somebody brought along: a folder, a JSON map of paths, node_exporter's .ttar, or `grep -r` text.

It answers like the part of `pathlib.Path` in `tree.Folder`, links included, and touches no file. Used by the decoder of
the kind `edac`.
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from hardcase_agent.domain.capture import Capture, Flaw, Undecoded, is_cut_json

T = TypeVar("T")

_MOST_LINKS = 40
"""As the kernel: more are a circle."""
_ROOTS = ("class", "devices", "block", "bus", "firmware", "module")
_CLASSES = ("hwmon", "net", "thermal", "power_supply", "enclosure", "nvme")
"""Classes whose links are made where a copy of the tree left them out."""


class KeptTree:
    """Files and links by their path below the root of sysfs, without a slash at the beginning."""

    def __init__(self, files: Mapping[str, bytes], links: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.links = dict(links)
        self.children: dict[str, set[str]] = {"": set()}
        self._real: dict[str, str | None] = {}
        for path in (*self.files, *self.links):
            self._list(path)
        for path, target in class_links(self.files, self.children).items():
            if path not in self.children and path not in self.links:
                self.links[path] = target
                self._list(path)

    def _list(self, path: str) -> None:
        while path:
            parent, _, name = path.rpartition("/")
            known = self.children.setdefault(parent, set())
            if name in known:
                return
            known.add(name)
            path = parent

    def real(self, path: str) -> str | None:
        """The path with its links followed; None where they go in a circle."""
        if path not in self._real:
            self._real[path] = self._follow(path)
        return self._real[path]

    def _follow(self, path: str) -> str | None:
        left, done, links = [part for part in path.split("/") if part], "", 0
        left.reverse()
        while left:
            part = left.pop()
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            done = f"{done}/{part}" if done else part
            target = self.links.get(done)
            if target is None:
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if target.startswith("/"):
                done = ""
                target = target.removeprefix("/sys")
            else:
                done = done.rpartition("/")[0]
            left += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
        return done

    @property
    def root(self) -> KeptFolder:
        return KeptFolder(self, "")


class KeptFolder:
    """One place in the tree; it need not exist."""

    __slots__ = ("_path", "_tree")

    def __init__(self, tree: KeptTree, path: str) -> None:
        self._tree = tree
        self._path = path

    def __str__(self) -> str:
        return f"/{self._path}"

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    @property
    def parent(self) -> KeptFolder:
        return KeptFolder(self._tree, self._path.rpartition("/")[0])

    def __truediv__(self, name: str, /) -> KeptFolder:
        return KeptFolder(self._tree, posixpath.join(self._path, name))

    def with_name(self, name: str, /) -> KeptFolder:
        return self.parent / name

    def exists(self) -> bool:
        real = self._tree.real(self._path)
        return real is not None and (real in self._tree.files or real in self._tree.children)

    def is_dir(self) -> bool:
        return self._tree.real(self._path) in self._tree.children

    def resolve(self) -> KeptFolder:
        real = self._tree.real(self._path)
        return KeptFolder(self._tree, self._path if real is None else real)

    def glob(self, pattern: str, /) -> Iterator[KeptFolder]:
        real = self._tree.real(self._path)
        names = self._tree.children.get(real, ()) if real is not None else ()
        return (self / name for name in sorted(names) if fnmatchcase(name, pattern))

    def read_bytes(self) -> bytes:
        """Raises FileNotFoundError."""
        real = self._tree.real(self._path)
        if real is None or real not in self._tree.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return self._tree.files[real]


def class_links(files: Mapping[str, bytes], children: Mapping[str, set[str]]) -> dict[str, str]:
    """Links that a real tree has: class/hwmon/hwmon0 to the device's own folder, and block/sda."""
    made: dict[str, str] = {}
    for path in children:
        if not path.startswith("devices/"):
            continue
        parts = path.split("/")
        if len(parts) < 3:
            continue
        group, name = parts[-2], parts[-1]
        if group in _CLASSES:
            made.setdefault(f"class/{group}/{name}", f"/{path}")
        elif group == "block":
            made.setdefault(f"block/{name}", f"/{path}")
    return made


def read_tree(capture: Capture) -> tuple[KeptTree, list[Undecoded]]:
    """The tree in any of the forms; what of it could not be read is told beside it."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    bad: list[Undecoded] = []
    data = capture.data
    if set(capture.files) != {""}:
        files = dict(capture.files)
    elif data.lstrip()[:1] == b"{":
        bad = _from_json(data, files, links)
    elif re.search(rb"(?m)^Path: ", data[:65536]):
        bad = _from_ttar(capture.text, files, links)
    else:
        _from_grep(capture.text, files)
    root = _root_of([*files, *links])
    if root is None:
        nothing = [] if bad else [Undecoded(flaw=Flaw.FOREIGN, message="no part of a sysfs tree was recognised")]
        return KeptTree({}, {}), [*bad, *nothing]
    return KeptTree(_below(files, root), _below(links, root)), bad


def _below(paths: Mapping[str, T], root: str) -> dict[str, T]:
    return {path.lstrip("/")[len(root) :]: item for path, item in paths.items() if path.lstrip("/").startswith(root)}


def _root_of(paths: list[str]) -> str | None:
    """What stands before class/, devices/ or block/ in the first path that has one."""
    for path in paths:
        parts = path.lstrip("/").split("/")
        for index, part in enumerate(parts[:-1]):
            if part == "sys" and parts[index + 1] in _ROOTS:
                return "/".join(parts[: index + 1]) + "/"
            if part in _ROOTS:
                return "".join(f"{one}/" for one in parts[:index])
    return None


def _from_json(data: bytes, files: dict[str, bytes], links: dict[str, str]) -> list[Undecoded]:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        flaw = Flaw.TRUNCATED if is_cut_json(data.decode("utf-8", "replace")) else Flaw.MALFORMED
        return [Undecoded(flaw=flaw, message=f"the JSON cannot be read: {str(error)[:120]}")]
    if not isinstance(tree, dict):
        return [Undecoded(flaw=Flaw.FOREIGN, message="the JSON is no map of paths")]
    bad = []
    for path, entry in tree.items():
        content = entry.get("content") if isinstance(entry, dict) else entry
        target = entry.get("symlink") if isinstance(entry, dict) else None
        if isinstance(target, str):
            links[path] = target
        elif isinstance(content, str):
            files[path] = content.encode("utf-8", "surrogatepass")
        else:
            bad.append(Undecoded(flaw=Flaw.MALFORMED, message="neither content nor link", at=path[:160]))
    return bad


_NUL = "NULLBYTE"
_EOF = "EOF"


def _from_ttar(text: str, files: dict[str, bytes], links: dict[str, str]) -> list[Undecoded]:
    """The text archive of node_exporter's tests: Path, then SymlinkTo, or Lines and so many lines."""
    lines = text.split("\n")
    path, index = "", 0
    while index < len(lines):
        key, _, value = lines[index].partition(": ")
        index += 1
        if key == "Path":
            path = value
        elif key == "SymlinkTo" and path:
            links[path] = value
        elif key == "Lines" and path:
            if not value.isdigit():
                return [Undecoded(flaw=Flaw.MALFORMED, message=f"{value[:40]!r} is no count", at=f"line {index}")]
            count = int(value)
            if index + count > len(lines):
                return [Undecoded(flaw=Flaw.TRUNCATED, message="the archive ends inside a file", at=path[:160])]
            content = "\n".join(lines[index : index + count])
            files[path] = content.removesuffix(_EOF).replace(_NUL, "\0").encode()
            index += count
    return []


_GREPPED = re.compile(
    r"(?P<path>(?:/?sys/|(?:class|devices|block)/)[^:\n]*(?::[0-9a-f]{2}(?::[0-9a-f]{2}\.[0-7])?[^:\n]*)*):(?P<text>.*)"
)


def _from_grep(text: str, files: dict[str, bytes]) -> None:
    """`grep -r . /sys/...`: a path, a colon, one line of its file. Paths of PCI devices have colons themselves."""
    for line in text.split("\n"):
        match = _GREPPED.match(line[:4096])
        if match:
            said = files.get(match["path"])
            content = match["text"].encode()
            files[match["path"]] = content if said is None else said + b"\n" + content
