"""What pysnmp indicates of a refused SNMPv3 message is told as what it is, one by one, and names the user alone."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import AgentError, CredentialsRefused, DeviceFailed
from hardcase_agent.sensors.snmp.values import Community, UsmUser
from hardcase_agent.sensors.snmp_client import SnmpClient
from pysnmp.proto import errind

USER = UsmUser(name="monitor", auth_secret="never-shown-1", priv_secret="never-shown-2")


@pytest.mark.parametrize(
    ("indication", "error", "words"),
    [
        (
            errind.WrongDigest(),
            CredentialsRefused,
            "wrong authentication password or protocol for SNMPv3 user 'monitor'",
        ),
        (errind.AuthenticationFailure(), CredentialsRefused, "wrong authentication password"),
        (errind.UnknownUserName(), CredentialsRefused, "does not know SNMPv3 user 'monitor'"),
        (errind.UnknownSecurityName(), CredentialsRefused, "does not know SNMPv3 user 'monitor'"),
        (errind.UnsupportedSecurityLevel(), CredentialsRefused, "at this level"),
        (errind.DecryptionError(), CredentialsRefused, "wrong privacy password or protocol"),
        (errind.NotInTimeWindow(), DeviceFailed, "time window"),
        (errind.UnknownEngineID(), DeviceFailed, "engine id changes"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, errind.ErrorIndication) else None,
)
def test_a_refusal_is_told_as_what_it_is(
    indication: errind.ErrorIndication, error: type[AgentError], words: str
) -> None:
    told = SnmpClient("10.0.0.5", 161, USER)._indicated(indication)
    assert type(told) is error
    assert words in str(told)
    assert "never-shown" not in str(told)


def test_a_refused_password_is_permanent_and_a_clock_outside_the_window_is_not() -> None:
    client = SnmpClient("10.0.0.5", 161, USER)
    assert isinstance(client._indicated(errind.WrongDigest()), CredentialsRefused)
    assert not isinstance(client._indicated(errind.NotInTimeWindow()), CredentialsRefused)


def test_a_community_is_not_repeated() -> None:
    told = SnmpClient("10.0.0.5", 161, Community("never-shown"))._indicated(errind.UnknownCommunityName())
    assert isinstance(told, CredentialsRefused)
    assert "never-shown" not in str(told)
