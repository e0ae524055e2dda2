"""Who is at the other end of the control socket, by the kernel's word. Used by `app.py` for the socket's server."""

from __future__ import annotations

import array
import asyncio
import errno
import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

ADMIN_GROUP = "hardcase-admin"
REFUSAL_S = 5.0  # How long a refused peer may take to ask before it is cut off.
_SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
_REFUSAL = (
    b'{"error": "NotAllowed", "detail": "only root, the collector\'s own user and members of hardcase-admin '
    b'may use this socket"}'
)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, as it was then."""

    pid: int
    uid: int
    groups: frozenset[int]

    @property
    def name(self) -> str:
        """What timelines and the audit log call it."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"


def peer_of(connection: socket.socket) -> Peer:
    """Raises OSError where the socket is no connected unix socket."""
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    groups = array.array("I")
    try:
        # 1024 bytes is what Python lets through: 256 groups. The kernel answers ERANGE where there are more.
        groups.frombytes(connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 1024))
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
    return Peer(pid, uid, frozenset({gid, *groups}))


def admin_group() -> int | None:
    """Number of group hardcase-admin, None where this machine has none."""
    try:
        return grp.getgrnam(ADMIN_GROUP).gr_gid
    except KeyError:
        return None


def allowed(peer: Peer, *, own_uid: int, admins: int | None) -> bool:
    return peer.uid in (0, own_uid) or (admins is not None and admins in peer.groups)


class PeerCheckedProtocol(H11Protocol):
    """HTTP/1.1 that answers nobody but the allowed, and tells the application who asks (as `client`)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        super().connection_made(transport)
        try:
            peer = peer_of(cast(socket.socket, transport.get_extra_info("socket")))
            welcome = allowed(peer, own_uid=os.geteuid(), admins=admin_group())
        except OSError as error:
            # Whoever cannot be told is nobody.
            self.logger.error("control socket: a peer could not be told and is refused: %s", error)
            transport.abort()
            return
        if not welcome:
            self.logger.warning("control socket: refused pid %d of %s", peer.pid, peer.name)
            self.loop.call_later(REFUSAL_S, transport.abort)
            return
        self.client = (peer.name, peer.pid)

    def data_received(self, data: bytes) -> None:
        # Unset, `client` means that nobody was let in. Answered only now, so that who asks can read why.
        if self.client is not None:
            super().data_received(data)
        elif not self.transport.is_closing():
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {len(_REFUSAL)}"
            self.transport.write(head.encode("ascii") + b"\r\nConnection: close\r\n\r\n" + _REFUSAL)
            self.transport.close()


def listen(path: Path) -> socket.socket:
    """A listening unix socket in place of a dead one. The caller holds the store lock, so no live one is replaced.

    Raises OSError.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        # Born closed to all but the owner, opened to the group once it belongs to it.
        umask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(umask)
        group = admin_group()
        if group is not None:
            _give_to_group(path, group)
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


def _give_to_group(path: Path, group: int) -> None:
    try:
        os.chown(path, -1, group)
    except PermissionError:
        # The service is no member of the group (its unit's SupplementaryGroups= was taken out): root and own user stay.
        return
    path.chmod(0o660)
