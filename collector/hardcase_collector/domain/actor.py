"""Who acts on the collector: people by their role, and machines. Which role may do what is `cases/workflow.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for."""

    VIEWER = "viewer"
    ENGINEER = "engineer"
    DISPATCHER = "dispatcher"
    MANAGER = "manager"
    CUSTOMER_CONTACT = "customer_contact"
    AUTOMATION = "automation"
    ADMINISTRATOR = "administrator"
    """Runs the collector itself: people, tokens, settings; may do all that a manager may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The one behind a request."""

    name: str
    """As timelines and the audit log show it."""
    role: Role
    customer: str | None
    """The scope of everything he sees and does; None = all customers."""


def local(name: str) -> Actor:
    """Whoever asks over the control socket: he could read the stores themselves."""
    return Actor(name=name, role=Role.ADMINISTRATOR, customer=None)
