"""Whether the helper can be reached by the agent's user, and what it says."""

from __future__ import annotations

from collections.abc import Iterator

from hardcase_agent.doctor.place import Account, Place, bad, good, hint
from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceHung, MalformedAnswer
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.sensors.helper_client import HelperClient

START = "systemctl enable --now hardcase-helper.socket"
_BEYOND = str(1 << 62)
"""A record of the kernel's log that is not there yet: the smallest harmless question, whose answer is empty."""
_ASKED_S = 5.0


def socket_lines(place: Place, path: str, agent: Account | None) -> Iterator[CoverageLine]:
    """By the files alone."""
    if not path:
        yield good("devices are opened by the agent itself: helper.socket is empty")
        return
    if not place.there(path):
        # Not a fault in itself: each source says what its own rights do not reach.
        yield hint(f"no helper at {path}: devices are opened by this process, as far as its rights go", START)
        return
    status = place.at(path).stat()
    if agent is not None and not agent.may(status, write=True):
        cure = "SocketGroup=hardcase-agent and SocketMode=0660 belong in hardcase-helper.socket; systemctl revert it"
        yield bad(f"{path} ({place.owner(status)}) is closed to {agent.name}", cure)


async def ask(path: str) -> CoverageLine:
    """Raises nothing."""
    client = HelperClient(path)
    try:
        await client.run("kernel-log", (_BEYOND,), deadline_s=_ASKED_S)
    except AccessDenied as error:
        cure = "run doctor as root or as hardcase-agent; the helper takes the users of --allow-user in its unit"
        return bad(f"the helper refuses this user: {error}", cure)
    except MalformedAnswer as error:
        cure = "systemctl restart hardcase-helper hardcase-agent: one of them is of another version"
        return bad(f"the helper at {path} is not understood: {error}", cure)
    except DeviceHung:
        return bad(f"the helper at {path} takes calls and does not answer", "systemctl restart hardcase-helper")
    except AgentError as error:
        return bad(f"the helper cannot be reached: {error}", f"{START}; journalctl -u hardcase-helper says why")
    finally:
        await client.close()
    return good(f"devices are opened by the helper at {path}, which answers")
