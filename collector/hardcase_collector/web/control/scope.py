"""`?customer=` on any route of the control socket: what is named in its path is this customer's, or is not found.

Lists narrow themselves by the same word, and whoever acts under it acts as one who sees that customer alone. Asked
before every route, so that no route can forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import Request

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web.control.joining import find_token, find_waiting
from hardcase_collector.web.control.naming import find_asset
from hardcase_collector.web.control.ports import Control, scope_of

Check = Callable[[Transaction, str, str], object]
"""(transaction, what the path names, customer); raises NotFound, or gives something that counts as false."""


def held_to_scope(control: Control) -> Callable[[Request], None]:
    """The dependency of every route."""

    def check(request: Request) -> None:
        customer = scope_of(request)
        if customer is None:
            return
        # Mounted below another path, as for the API, the whole of it is told. Not `request.url`, which is put together
        # from the Host header too: that is the asker's to choose.
        path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        _, _, noun, *rest = path.split("/")
        with control.shop.store.read() as tx:
            for place, value in request.path_params.items():
                wanted = _CHECKS.get(f"{noun}/{rest[0]}" if noun == "reports" else noun)
                if wanted is None or place not in wanted:
                    continue
                if not wanted[place](tx, str(value), customer):
                    raise NotFound("there is no {value} of customer {customer}", value=value, customer=customer)

    return check


def _is_number(text: str) -> bool:
    """One that a store could hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def _case(tx: Transaction, number: str, customer: str) -> object:
    return tx.cases.by_number(number, customer=customer)


def _asset(tx: Transaction, name: str, customer: str) -> object:
    return find_asset(tx, name, customer=customer)


def _order(tx: Transaction, number: str, customer: str) -> object:
    return _is_number(number) and tx.spares.order(int(number), customer=customer)


def _file(tx: Transaction, number: str, customer: str) -> object:
    return _is_number(number) and tx.reports.attachment(int(number), customer=customer)


def _entitlement(tx: Transaction, number: str, customer: str) -> object:
    return _is_number(number) and tx.registry.entitlement(int(number), customer=customer)


def _contact(tx: Transaction, number: str, customer: str) -> object:
    return any(str(one.id) == number for one in tx.registry.contacts(customer=customer))


def _himself(tx: Transaction, name: str, customer: str) -> object:
    return name == customer


def _window(tx: Transaction, id: str, customer: str) -> object:
    try:
        known = bytes.fromhex(id)
    except ValueError:
        return False
    return tx.noise.window(known, customer=customer) or tx.noise.host_window(known, customer=customer)


def _agent(tx: Transaction, name: str, customer: str) -> object:
    return any(name in (one.id, one.hostname) for one in tx.agents.all(customer=customer))


def _diagnostic(tx: Transaction, id: str, customer: str) -> object:
    return tx.diagnostics.find(id, customer=customer)


def _user(tx: Transaction, name: str, customer: str) -> object:
    return any(one.name == name for one in tx.access.users(customer=customer))


def _api_token(tx: Transaction, number: str, customer: str) -> object:
    return any(str(one.id) == number for one in tx.access.api_tokens(customer=customer))


def _token(tx: Transaction, id: str, customer: str) -> object:
    return find_token(tx, id, customer=customer)


def _waiting(tx: Transaction, name: str, customer: str) -> object:
    return find_waiting(tx, name, customer=customer)


_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "agents": {"name": _agent},
    "api-tokens": {"id": _api_token},
    "air-gap": {"name": _agent},
    "assets": {"name": _asset},
    "attachments": {"number": _case, "id": _file},
    "cases": {"number": _case},
    "contacts": {"number": _contact},
    "customers": {"name": _himself},
    "diagnostics": {"id": _diagnostic},
    "entitlements": {"number": _entitlement},
    "part-orders": {"order": _order},
    "repairs": {"number": _case},
    "reports/around": {"name": _asset},
    "reports/identify": {"number": _case},
    "reports/join": {"number": _case},
    "sites": {"customer": _himself},
    "tokens": {"token": _token},
    "waiting": {"host": _waiting},
    "users": {"name": _user},
    "windows": {"id": _window},
}
"""First word of a path -> its parameters that name a customer's thing. A test walks every route with one."""
