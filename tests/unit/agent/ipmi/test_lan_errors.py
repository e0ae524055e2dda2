"""What python-ipmi and the operating system raise, under the agent's names."""

from __future__ import annotations

import logging
import struct

import pytest
from hardcase_agent.domain.errors import (
    AgentError,
    CredentialsRefused,
    DeviceFailed,
    DeviceHung,
    Unsupported,
)
from hardcase_agent.sensors.lan_session import login_failure, named_errors
from pyipmi import errors


@pytest.mark.parametrize(
    ("raised", "named"),
    [
        (errors.AuthenticationError("x"), CredentialsRefused),
        (errors.IpmiLongPasswordError("x"), CredentialsRefused),
        (errors.MessageStatusCodeError(0x0D), CredentialsRefused),
        (errors.MessageStatusCodeError(0x0A), CredentialsRefused),
        (errors.MessageStatusCodeError(0x01), DeviceFailed),
        (errors.MessageStatusCodeError(0x11), DeviceFailed),
        (errors.CompletionCodeError(0xC0), DeviceFailed),
        (errors.NotSupportedError("x"), Unsupported),
        (errors.RetryError("x"), DeviceHung),
        (errors.IpmiTimeoutError(), DeviceHung),
        (TimeoutError(), DeviceHung),
        (errors.IpmiConnectionError("x"), DeviceFailed),
        (ConnectionRefusedError(111, "Connection refused"), DeviceFailed),
        (OSError(113, "No route to host"), DeviceFailed),
        (errors.DecodingError("x"), DeviceFailed),
        (struct.error("x"), DeviceFailed),
        (IndexError("x"), DeviceFailed),
    ],
)
def test_a_library_error_has_a_name_of_ours(raised: Exception, named: type[AgentError]) -> None:
    with pytest.raises(named, match="bmc7"), named_errors("bmc7"):
        raise raised


def test_our_own_errors_pass_unchanged() -> None:
    ours = DeviceHung("as it is")
    with pytest.raises(DeviceHung) as caught, named_errors("bmc7"):
        raise ours
    assert caught.value is ours


def test_a_defect_of_ours_is_not_dressed_up_as_a_devices() -> None:
    with pytest.raises(ZeroDivisionError), named_errors("bmc7"):
        raise ZeroDivisionError


def test_python_ipmis_debug_lines_stay_off_because_they_hold_the_password() -> None:
    assert not logging.getLogger("pyipmi.interfaces.rmcp").isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize(
    ("command", "code", "named"),
    [
        (0x39, 0x81, CredentialsRefused),
        (0x39, 0x82, CredentialsRefused),
        (0x3A, 0x81, DeviceFailed),
        (0x3A, 0x86, CredentialsRefused),
        (0x3B, 0x81, CredentialsRefused),
        (0x38, 0xC0, DeviceFailed),
    ],
)
def test_a_code_of_the_log_in_is_read_by_its_command(command: int, code: int, named: type[AgentError]) -> None:
    assert type(login_failure("bmc7", command, code)).__mro__.count(named) == 1
