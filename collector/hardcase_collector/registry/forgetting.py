"""Forgetting a person or a customer: told before it is done, and what stays is told as well. Pure but for the ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.registry_store import Paper
from hardcase_collector.domain.state_store import Transaction


class Stays(StrEnum):
    """What forgetting does not reach, and until when it stays."""

    FREE_TEXT = "free_text"
    """A part of a name, or another way to write it, inside of what somebody wrote."""
    NOTIFICATIONS = "notifications"
    """What channels were sent."""
    DOCUMENTS = "documents"
    """Attached files, and signed service reports: whoever signed has a copy."""
    TELEMETRY = "telemetry"
    """Samples are numbers without a name now; their files go whole, by age."""
    JOURNAL = "journal"
    BACKUPS = "backups"


MAX_PAPERS = 500
"""Of each kind that are listed: who has more of them looks at his cases."""

OF_PERSON = (Stays.FREE_TEXT, Stays.NOTIFICATIONS, Stays.DOCUMENTS, Stays.JOURNAL, Stays.BACKUPS)
OF_CUSTOMER = (Stays.TELEMETRY, Stays.NOTIFICATIONS, Stays.JOURNAL, Stays.BACKUPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was found, or what is gone."""

    traces: Mapping[str, int]
    """Table -> rows."""
    stays: tuple[Stays, ...]
    pseudonym: str = ""
    agents: tuple[int, ...] = ()
    """Numbers of agents whose streams must end."""
    files: tuple[str, ...] = ()
    """SHA-256 of files that may have nobody any more."""
    papers: tuple[Paper, ...] = ()
    """Files that may go on naming him, for a person to look at."""


def person(tx: Transaction, name: str, *, customer: str | None, pseudonym: str, dry_run: bool) -> Forgotten:
    """He becomes the pseudonym in every field that names people and in what was written; his user and contacts go.

    `customer`: the one whose contact he is; needed where several have one of that name. Raises NotFound, NotAllowed.
    """
    _check_person(tx, name, customer)
    traces = tx.forgetting.traces_of_person(name, customer=customer)
    if not traces:
        raise NotFound("nothing names {name!r}", name=name)
    # Looked up before: after it nobody could tell any more which.
    papers = tuple(tx.forgetting.papers_of_person(name, customer=customer, limit=MAX_PAPERS, pseudonym=pseudonym))
    if dry_run:
        return Forgotten(traces=traces, stays=OF_PERSON, papers=papers)
    tx.forgetting.replace_person(name, pseudonym, customer=customer)
    return Forgotten(traces=traces, stays=OF_PERSON, pseudonym=pseudonym, papers=papers)


def _check_person(tx: Transaction, name: str, customer: str | None) -> None:
    if tx.registry.customer(name) is not None:
        raise NotAllowed("{name} is a customer as well; a person of that name cannot be told from him", name=name)
    known = tx.forgetting.customers_of(name)
    if customer is None and len(known) > 1:
        raise NotAllowed("{customers} each have a {name}: say whose with --customer", customers=tuple(known), name=name)
    user = tx.access.user(name)
    others = (one for one in tx.access.users(customer=None) if one.name != name)
    if user is not None and user.role == Role.ADMINISTRATOR and not any(o.role == Role.ADMINISTRATOR for o in others):
        raise NotAllowed("{name} is the last administrator; make another one first", name=name)


def customer(tx: Transaction, name: str, *, dry_run: bool) -> Forgotten:
    """All that is his goes: books, assets, agents, cases with everything on them, users, entries of the audit log.

    Raises NotFound; NotAllowed while spare parts are on their way for him, for they are in the depots' counts.
    """
    traces = tx.forgetting.traces_of_customer(name)
    if not traces:
        raise NotFound("nothing is of a customer {name!r}", name=name)
    open_orders = tx.forgetting.open_part_orders(name)
    if open_orders:
        raise NotAllowed(
            "{found} part orders for {name} are open: end them first, for depots count them",
            found=open_orders,
            name=name,
        )
    _keep_an_administrator(tx, name)
    files = tuple(tx.forgetting.files_of_customer(name))
    agents = tuple(agent.number for agent in tx.agents.all(customer=name))
    if not dry_run:
        _leave_teams(tx, name)
        tx.forgetting.erase_customer(name)
    return Forgotten(traces=traces, stays=OF_CUSTOMER, agents=agents, files=files)


def _keep_an_administrator(tx: Transaction, name: str) -> None:
    administrators = [one for one in tx.access.users(customer=None) if one.role == Role.ADMINISTRATOR]
    if administrators and all(one.customer == name for one in administrators):
        raise NotAllowed("the last administrator is of customer {name}; make another one first", name=name)


def _leave_teams(tx: Transaction, name: str) -> None:
    for team in tx.clocks.teams():
        if name in team.customers:
            left = tuple(one for one in team.customers if one != name)
            # Without any it would be a team for everybody; nobody is called "".
            tx.clocks.save_team(replace(team, customers=left or ("",)))
