"""The kernel's IPMI driver in memory, in front of any BMC: `ioctl` for `helper/ipmi.py` and a node that polls like it.

The node is a FIFO: a byte in it for every answer that waits, so that the helper's loop sees it readable.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from hardcase_agent.domain.ports import IpmiRequest
from pyipmi.interfaces import ipmidev


class DriverOverBmc:
    """`answer` gives a BMC's answer, or None for one that stays silent."""

    def __init__(self, node: Path, answer: Callable[[IpmiRequest], bytes | None]) -> None:
        os.mkfifo(node)
        self.node = node
        self._answer = answer
        self._waiting: deque[tuple[int, bytes]] = deque()

    def ioctl(self, fd: int, number: int, packed: bytearray) -> None:
        if number == ipmidev.IPMICTL_SEND_COMMAND:
            asked = ipmidev.IpmiReq.from_buffer_copy(packed)
            address = ipmidev.IpmiSystemInterfaceAddr.from_address(asked.addr)
            data = ctypes.string_at(asked.msg.data, asked.msg.data_len)
            answer = self._answer(IpmiRequest(asked.msg.netfn, asked.msg.cmd, data, address.lun))
            if answer is not None:
                self._waiting.append((asked.msgid, answer))
                os.write(fd, b"!")
            return
        os.read(fd, 1)
        message_id, answer = self._waiting.popleft()
        received = ipmidev.IpmiRecv.from_buffer(packed)
        ctypes.memmove(received.msg.data, answer, len(answer))
        received.recv_type, received.msgid, received.msg.data_len = 1, message_id, len(answer)
