"""All findings about machine and installation in the order people read them. Called by `probing.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hardcase_agent.config import CollectorSettings, CoreSettings, Settings
from hardcase_agent.doctor import collector_way, devices, helper_socket, own_state, units
from hardcase_agent.doctor.place import Account, Place, bad, good, hint
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.ports import Clock
from hardcase_agent.uplink import identity
from hardcase_agent.uplink.endpoint import is_loopback

AGENT, HELPER = "hardcase-agent", "hardcase-helper"


async def findings(settings: Settings, clock: Clock, place: Place) -> dict[str, list[CoverageLine]]:
    """By what they are about. Raises nothing of the machine's."""
    core = settings.core
    agent = place.account(AGENT)
    helped = bool(core.helper.socket) and place.there(core.helper.socket)
    helper = list(helper_socket.socket_lines(place, core.helper.socket, agent))
    if helped and not any(line.cure for line in helper):
        helper.append(await helper_socket.ask(str(place.at(core.helper.socket))))
    wanted = frozenset(settings.families)
    if getattr(settings.families.get("ipmi"), "local", "") == "false":
        wanted -= {"ipmi"}
    machine = [
        *own_state.container_lines(place),
        *own_state.clock_lines(time.time(), own_state.clock_state()),
        *devices.lines(place, opener(place, helped=helped), wanted=wanted, helped=helped),
    ]
    return {
        "agent": [
            *_user_lines(place, agent),
            *own_state.disk_lines(core.state_dir, core.spool.max_mib),
            *units.lines(place),
        ],
        "helper": helper,
        "machine": machine,
        "collector": await collector_lines(core, lambda: clock.now().wall_ms),
    }


def opener(place: Place, *, helped: bool) -> Account:
    """Who opens the devices: the helper's user as its unit has it, else who runs this."""
    own = Account(name="this user", uid=place.uid, gids=frozenset())
    if not helped:
        return own
    unit = units.read(place, f"{HELPER}.service")
    name = unit.last("User") or HELPER
    return place.account(name, *unit.words("SupplementaryGroups")) or own


def _user_lines(place: Place, agent: Account | None) -> Iterator[CoverageLine]:
    if agent is None:
        cure = "install the package, or: systemd-sysusers hardcase-agent.conf"
        yield hint(f"there is no user {AGENT}: the service cannot run as the one that it is meant to", cure)
    if place.uid == 0:
        yield good("asked as root: what the service's own user may do is told by files and modes")
    elif agent is not None and place.uid != agent.uid:
        cure = f"run it as root or as {AGENT}: runuser -u {AGENT} -- hardcase-agent doctor"
        yield hint("asked as neither root nor the service's user: what is refused here may work there", cure)


async def collector_lines(core: CoreSettings, wall_ms: Callable[[], int]) -> list[CoverageLine]:
    collector: CollectorSettings = core.collector
    if not collector.address:
        return [bad("no collector is configured: nothing is sent", "set collector.address")]
    found: list[CoverageLine] = []
    held = None
    try:
        held = identity.load(core.state_dir)
    except AgentError as error:
        found.append(bad(str(error), "run hardcase-agent enroll"))
    else:
        if held is not None:
            found += collector_way.certificate_lines(held, wall_ms())
        elif is_loopback(collector.address):
            found.append(hint("not enrolled; plain text to this machine with --insecure", "run hardcase-agent enroll"))
        else:
            found.append(bad("not enrolled: no client certificate", "run hardcase-agent enroll"))
    found += await collector_way.reach_lines(collector, held)
    if held is not None:
        found += await collector_way.clock_lines(collector, held, wall_ms)
    return found
