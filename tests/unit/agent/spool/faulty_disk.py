"""A folder in memory that fails, fills and loses power on demand: the `Files` port of the spool."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable


class Killed(BaseException):
    """The process died in the middle of an operation."""


class _Inode:
    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""


class FaultyDisk:
    """`trouble(operation, number)` may return an errno to raise, or -1 to die there; writes fail half-way."""

    def __init__(self) -> None:
        self._names: dict[str, _Inode] = {}
        self._durable: dict[str, _Inode] = {}
        self._open: dict[int, _Inode] = {}
        self._handles = 0
        self.operations = 0
        self.trouble: Callable[[str, int], int] = lambda operation, number: 0

    # What happens to it

    def kill(self) -> None:
        """The process is gone; the kernel keeps what was written."""
        self._open.clear()
        self.trouble = lambda operation, number: 0

    def lose_power(self, dice: random.Random) -> None:
        """Of what was not synced any part survives, or garbage in its place; names likewise."""
        self.kill()
        for name in sorted(set(self._names) | set(self._durable)):
            new, old = self._names.get(name), self._durable.get(name)
            kept = new if new is old else dice.choice((new, old))
            if kept is None:
                self._names.pop(name, None)
            else:
                self._names[name] = kept
        for inode in self._names.values():
            inode.data = self._survivor(inode, dice)
            inode.synced = bytes(inode.data)
        self._durable = dict(self._names)

    @staticmethod
    def _survivor(inode: _Inode, dice: random.Random) -> bytearray:
        synced, data = inode.synced, bytes(inode.data)
        if data == synced:
            return bytearray(data)
        if not data.startswith(synced):
            return bytearray(dice.choice((synced, data)))
        tail = data[len(synced) :]
        cut = dice.randint(0, len(tail))
        noise = dice.choice((b"", bytes(dice.randint(0, 64)), dice.randbytes(dice.randint(0, 64))))
        return bytearray(synced + tail[:cut] + noise)

    def damage(self, name: str, offset: int, data: bytes) -> None:
        """Bits rot."""
        self._names[name].data[offset : offset + len(data)] = data

    def size(self, name: str) -> int:
        return len(self._names[name].data)

    # The port

    def names(self) -> list[str]:
        return list(self._names)

    def read(self, name: str) -> bytes:
        self._step("read")
        return bytes(self._named(name).data)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        self._step("read")
        return bytes(self._named(name).data[offset : offset + size])

    def create(self, name: str) -> int:
        self._step("create")
        if name in self._names:
            raise FileExistsError(errno.EEXIST, "exists", name)
        inode = self._names[name] = _Inode()
        self._handles += 1
        self._open[self._handles] = inode
        return self._handles

    def write(self, handle: int, data: bytes) -> None:
        try:
            self._step("write")
        except BaseException:
            self._open[handle].data += data[: len(data) // 2]
            raise
        self._open[handle].data += data

    def sync(self, handle: int) -> None:
        self._step("sync")
        self._open[handle].synced = bytes(self._open[handle].data)

    def sync_file(self, name: str) -> None:
        self._step("sync")
        inode = self._named(name)
        inode.synced = bytes(inode.data)

    def truncate(self, handle: int, size: int) -> None:
        self._step("truncate")
        del self._open[handle].data[size:]

    def close(self, handle: int) -> None:
        del self._open[handle]

    def rename(self, name: str, new_name: str) -> None:
        self._step("rename")
        self._names[new_name] = self._names.pop(name)

    def remove(self, name: str) -> None:
        self._step("remove")
        self._named(name)
        del self._names[name]

    def sync_folder(self) -> None:
        self._step("sync_folder")
        self._durable = dict(self._names)

    def _named(self, name: str) -> _Inode:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return self._names[name]

    def _step(self, operation: str) -> None:
        self.operations += 1
        number = self.trouble(operation, self.operations)
        if number < 0:
            raise Killed
        if number:
            raise OSError(number, os.strerror(number))
