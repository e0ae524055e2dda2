"""Users on the control socket: every role there is, and a customer's contact never without his customer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hardcase_collector.commands.cases import Ended
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.case import Outcome
from hardcase_collector.web.access import Sessions

from tests.fakes.empty_store import empty_store
from tests.unit.collector.web.control_client import NOW, Socket

PASSWORD = "correct horse staple"


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    store = empty_store(tmp_path / "state.db")
    yield Socket(store)
    store.close()


@pytest.mark.parametrize("role", list(Role))
def test_somebody_of_every_role_is_added_and_acts_as_that_role(socket: Socket, role: Role) -> None:
    added = socket.post("/users", name="li", role=str(role), password=PASSWORD, customer="north")
    assert added.status_code == 200, added.text
    sessions = Sessions(socket.store, hours=1)
    secret = sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW)
    assert secret is not None
    person = sessions.person(secret, now_ms=NOW)
    assert person is not None
    assert (person.actor.name, person.actor.role, person.actor.customer) == ("li", role, "north")
    assert person.may("see")
    assert person.may("manage_people") == (role is Role.ADMINISTRATOR)
    with pytest.raises(ValueError, match="explode"):
        person.may("explode")


def test_a_customers_contact_belongs_to_a_customer(socket: Socket) -> None:
    refused = socket.post("/users", name="chen", role="customer_contact", password=PASSWORD)
    assert (refused.status_code, "belongs to a customer" in refused.json()["detail"]) == (409, True)
    assert socket.post("/users", name="boss", role="administrator", password=PASSWORD).status_code == 200
    assert socket.post("/users", name="li", role="engineer", password=PASSWORD).status_code == 200
    assert socket.post("/users/li", role="customer_contact").status_code == 409
    assert socket.post("/users", name="x", role="wizard", password=PASSWORD).status_code == 400


@pytest.mark.parametrize("name", ["bridge", "Bridge"])
def test_a_user_and_an_automation_never_have_one_name_whoever_was_first(socket: Socket, name: str) -> None:
    assert socket.post("/api-tokens", automation="bridge").status_code == 200
    refused = socket.post("/users", name=name, role="engineer", password=PASSWORD)
    assert (refused.status_code, "an automation is called" in refused.json()["detail"]) == (409, True)
    assert socket.post("/users", name="Li", role="engineer", password=PASSWORD).status_code == 200
    for automation in ("Li", "li"):
        refused = socket.post("/api-tokens", automation=automation)
        assert (refused.status_code, "is a user" in refused.json()["detail"]) == (409, True)
    assert socket.post("/api-tokens", user="Li").status_code == 200


def test_the_commands_know_every_way_a_case_may_end() -> None:
    assert set(get_args(Ended)) == {str(one) for one in Outcome if one}
