"""Opens everything that the running collector listens on, in order: sockets, agents' ports, pages with API, commands.

Called by `app.py`, which closes it all by the stack it gives. The ends themselves are `servers.py`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hardcase_collector import __version__, servers
from hardcase_collector.config import Settings, Web
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.inlet import Inlet
from hardcase_collector.roots import Roots
from hardcase_collector.rpc.enrolment import EnrolmentService
from hardcase_collector.rpc.joining import Enrolment
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.access import Sessions
from hardcase_collector.web.addresses import Addresses
from hardcase_collector.web.api import make_api
from hardcase_collector.web.control.application import make_control
from hardcase_collector.web.control.peers import listen
from hardcase_collector.web.control.ports import Control
from hardcase_collector.web.pages import make_pages
from hardcase_collector.web.ports import Health, Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What answers at the ends."""

    settings: Settings
    insecure: bool
    state: SqlStateStore
    roots: Roots
    inlet: Inlet
    shop: Shop
    health: Health
    control: Callable[[servers.Ends], Control]
    clock_ms: Callable[[], int]


async def open_ends(stack: AsyncExitStack, behind: Behind) -> tuple[servers.Ends, ssl.SSLContext]:
    """What listens where, and what the pages show new connections. Raises ConfigError.

    Listening sockets first, so that a taken address is told before anything runs.
    """
    listen_at = behind.settings.listen
    web_listener = servers.bind(listen_at.web)
    stack.callback(web_listener.close)
    try:
        control_listener = listen(listen_at.socket)
    except OSError as error:
        raise ConfigError((f"listen.socket: {listen_at.socket}: {error.strerror}",)) from error
    stack.callback(listen_at.socket.unlink, missing_ok=True)
    behind.inlet.start()
    stack.push_async_callback(behind.inlet.stop)
    enrolment_port, telemetry_port = await _open_agents_ports(stack, behind)
    ends = servers.Ends(
        telemetry=servers.at(listen_at.telemetry, telemetry_port),
        enrolment=servers.at(listen_at.enrolment, enrolment_port),
        web=servers.at(listen_at.web, servers.bound_port(web_listener)),
        socket=str(listen_at.socket),
    )
    web, control = behind.settings.web, behind.control(ends)
    tls = servers.tls_context(*shown_on_pages(web, behind.roots))
    addresses = Addresses(web.proxies)
    pages = make_pages(
        behind.shop,
        Sessions(behind.state, hours=web.session_hours, idle_minutes=web.idle_minutes),
        behind.health,
        language=web.language,
        addresses=addresses,
        api=make_api(control, addresses=addresses, per_minute=web.api_per_minute),
    )
    for end in (
        servers.HttpEnd(pages, web_listener, tls=tls),
        servers.HttpEnd(make_control(control), control_listener, tls=None),
    ):
        await end.start()
        stack.push_async_callback(end.stop)
    return ends, tls


def about(ends: servers.Ends, settings: Settings, roots: Roots, pages: str) -> Mapping[str, str]:
    """What `status` tells of this collector. `pages`: their address, as people type it."""
    return {
        "version": __version__,
        "telemetry": ends.telemetry,
        "enrolment": servers.reached_at(roots.names[0], ends.enrolment),
        "web": ends.web,
        "pages": f"{pages}/",
        "ca_fingerprint": f"sha256:{roots.fingerprint}",
        "data_dir": str(settings.data_dir),
    }


async def _open_agents_ports(stack: AsyncExitStack, behind: Behind) -> tuple[int, int]:
    """Of enrolment, of telemetry."""
    listen_at, roots = behind.settings.listen, behind.roots
    joining = EnrolmentService(Enrolment(behind.state, roots), clock_ms=behind.clock_ms, issuer_of=roots.issuer_of)
    enrolment, enrolment_port = servers.enrolment_server(joining, listen_at.enrolment, roots.shown_to_joining)
    telemetry, telemetry_port = servers.telemetry_server(
        behind.inlet.service,
        listen_at.telemetry,
        None if behind.insecure else roots.shown,
        joining=joining if roots.takes_site_certificates else None,
    )
    joining.telemetry_port = telemetry_port
    joining.start()
    stack.push_async_callback(joining.stop)
    for server in (enrolment, telemetry):
        await server.start()
        stack.push_async_callback(server.stop, 1.0)
    return enrolment_port, telemetry_port


def shown_on_pages(web: Web, roots: Roots) -> tuple[Path, Path]:
    """Chain and key: the site's own for the pages, else the collector's."""
    shown = roots.shown()
    return web.certificate or shown.chain, web.key or shown.key
