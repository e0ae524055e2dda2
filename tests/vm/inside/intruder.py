"""In the guest, in the agent's place: what somebody could do who has taken over the process that talks to the network.

Prints one JSON object: for each attempt the error's name, or "done".
"""

import asyncio
import errno
import json
import os
import stat
from collections.abc import Callable

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.sensors.helper_client import HelperClient

SOCKET = "/run/hardcase/helper.sock"
REQUESTS = {
    "get device id": (0x06, 0x01, b""),
    "set user password": (0x06, 0x47, b"\x02\x02" + b"intruder".ljust(16, b"\0")),
    "set user access": (0x06, 0x43, b"\x91\x02\x04\x00"),
    "chassis control": (0x00, 0x02, b"\x00"),
    "clear sel": (0x0A, 0x47, b"\x00\x00CLR\xaa"),
    "cold reset": (0x06, 0x02, b""),
}


def attempt(deed: "Callable[[], object]") -> str:
    try:
        deed()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    return "done"


def make_node(path: str) -> None:
    with open("/sys/class/ipmi/ipmi0/dev") as told:
        major, minor = map(int, told.read().split(":"))
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(major, minor))
    os.close(os.open(path, os.O_RDWR))


async def requests() -> "dict[str, str]":
    client = HelperClient(SOCKET)
    device = client.ipmi()
    said = {}
    for name, (netfn, command, data) in REQUESTS.items():
        try:
            answer = await device.request(netfn, command, data, deadline_s=20.0)
            said[name] = f"done: {answer[:2].hex()}"
        except AgentError as error:
            said[name] = type(error).__name__
    for name in ("rm", "smartctl"):
        try:
            await client.run(name, ["-rf", "/"], deadline_s=20.0)
            said[f"run {name}"] = "done"
        except AgentError as error:
            said[f"run {name}"] = type(error).__name__
    await client.close()
    return said


def main() -> None:
    said = {
        f"open {path}": attempt(lambda path=path: os.close(os.open(path, os.O_RDWR)))
        for path in ("/dev/ipmi0", "/dev/nvme0", "/dev/sda", "/dev/mem", "/etc/shadow")
    }
    said["make a node"] = attempt(lambda: make_node("/tmp/node"))
    said["become root"] = attempt(lambda: os.setuid(0))
    said["write to the configuration"] = attempt(lambda: os.close(os.open("/etc/hardcase/agent.toml", os.O_WRONLY)))
    said |= asyncio.run(requests())
    print(json.dumps(said))


if __name__ == "__main__":
    main()
