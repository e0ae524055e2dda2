"""One run of a tool: own process group, bounded output, killed as a group, reaped whenever it lets go.

Used by the helper's loop and by the direct runner; both only add waiting. Nothing here blocks: a process in
uninterruptible wait stays behind as `Run.gone() == False`.
"""

from __future__ import annotations

import contextlib
import os
import signal

from hardcase_agent.domain.errors import AccessDenied, DeviceFailed, ToolMissing
from hardcase_agent.helper.table import Command

STDOUT_LIMIT = 4 << 20
"""Bytes. The longest real answer seen (a SAS disk's full report) is 60 kB."""
STDERR_LIMIT = 64 << 10
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_CHUNK = 64 << 10


class Run:
    """A started tool. The owner waits until `pipes` are readable and calls `pump`, then `settle` until it is True."""

    __slots__ = ("_reaped", "device", "flooded", "pid", "pipes", "status", "stderr", "stdout")

    def __init__(self, command: Command) -> None:
        """Raises ToolMissing, AccessDenied, DeviceFailed."""
        self.device = command.device
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.flooded = False
        self.status = 0
        self._reaped = False
        self.pipes: dict[int, bytearray] = {}
        out_read, out_write, err_read, err_write = _pipes(command.argv[0])
        try:
            self.pid = _spawn(command.argv, out_write, err_write)
        except OSError as error:
            os.close(out_read)
            os.close(err_read)
            raise _spawn_error(command.argv[0], error) from error
        finally:
            os.close(out_write)
            os.close(err_write)
        for fd, buffer in ((out_read, self.stdout), (err_read, self.stderr)):
            os.set_blocking(fd, False)
            self.pipes[fd] = buffer

    def pump(self, fd: int) -> bool:
        """Takes what is there. True = this pipe is at its end: stop watching it, then `close_pipe`."""
        buffer = self.pipes[fd]
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            return True
        buffer += chunk
        limit = STDOUT_LIMIT if buffer is self.stdout else STDERR_LIMIT
        if len(buffer) > limit:
            self.flooded = True
        return False

    def close_pipe(self, fd: int) -> None:
        del self.pipes[fd]
        os.close(fd)

    def settle(self) -> bool:
        """True = both pipes are at their end and the process is reaped; `status` is final."""
        if self.pipes or not self._exited():
            return False
        self._kill()  # what the tool left in its group; the leader, a zombie yet, keeps the group's number ours
        self._reap()
        return True

    def abandon(self) -> None:
        """Kills the group and lets go of the pipes; waits for nothing."""
        for fd in self.pipes:
            os.close(fd)
        self.pipes = {}
        self._kill()

    def gone(self) -> bool:
        """After `abandon`: True = nothing of the group is left."""
        if not self._reaped:
            if not self._exited():
                return False
            self._reap()
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _exited(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _reap(self) -> None:
        self._reaped = True
        try:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            self.status = -signal.SIGKILL  # somebody else reaped it: its own status is lost

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _pipes(path: str) -> tuple[int, int, int, int]:
    opened: tuple[int, ...] = ()
    try:
        opened = os.pipe()
        return (*opened, *os.pipe())
    except OSError as error:
        for fd in opened:
            os.close(fd)
        raise _spawn_error(path, error) from error


def _spawn(argv: tuple[str, ...], stdout: int, stderr: int) -> int:
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, stdout, 1),
        (os.POSIX_SPAWN_DUP2, stderr, 2),
    ]
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if fd > 2 and os.get_inheritable(fd):
                actions.append((os.POSIX_SPAWN_CLOSE, fd))
        except OSError:
            continue  # the directory's own descriptor, closed by now
    # posix_spawn and not fork: the agent has gRPC's threads, and a fork would copy their locks.
    return os.posix_spawn(
        argv[0],
        argv,
        _ENVIRONMENT,
        file_actions=actions,
        setpgroup=0,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT),
    )


def _spawn_error(path: str, error: OSError) -> ToolMissing | AccessDenied | DeviceFailed:
    if isinstance(error, FileNotFoundError):
        return ToolMissing(f"{path}: {error.strerror}")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{path}: {error.strerror}")
    return DeviceFailed(f"{path} could not be started: {error.strerror}")
