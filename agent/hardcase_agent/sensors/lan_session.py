"""One session with a BMC over LAN by python-ipmi, RMCP+ or RMCP: who we are there, and what its refusals mean.

Opened and kept by `devices.py`, on its thread. What the bytes mean is in `ipmi/`.
"""

from __future__ import annotations

import contextlib
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hardcase_agent.domain.errors import AgentError, CredentialsRefused, DeviceFailed, DeviceHung, Unsupported
from hardcase_agent.domain.ports import Controller, IpmiRequest

# python-ipmi's debug lines print the session with its password.
logging.getLogger("pyipmi").setLevel(logging.WARNING)

BMC_ADDRESS = 0x20
CONSOLE_ADDRESS = 0x81
TRY_S = 1.0
"""Until a packet on the LAN counts as lost and is sent again."""
GOODBYE_S = 0.1
BEHIND_S = 2.0
"""A controller behind the BMC answers within 100 ms or not at all."""
SILENT = b"\xc3"
"""What stands for the answer of a controller behind the BMC that gave none: "timeout" (IPMI 2.0, table 5-2)."""

INVALID_NAME_OR_ROLE = (0x09, 0x0A, 0x0D)
"""RMCP+ status codes (table 13-15): invalid role, unauthorised role, unauthorised name."""
GET_SESSION_CHALLENGE, ACTIVATE_SESSION, SET_PRIVILEGE = 0x39, 0x3A, 0x3B
LOGGING_IN = (ACTIVATE_SESSION, SET_PRIVILEGE)
LEVEL_REFUSED = ((ACTIVATE_SESSION, 0x86), (SET_PRIVILEGE, 0x80), (SET_PRIVILEGE, 0x81), (SET_PRIVILEGE, 0x86))
"""Command and completion code: the level is above the account's or the channel's limit (22.17, 22.18)."""
USER_REFUSED = ((GET_SESSION_CHALLENGE, 0x81), (GET_SESSION_CHALLENGE, 0x82))
"""Unknown user name, null user not enabled (22.16). The same codes of Activate Session say "no free session"."""


class LanInterface(StrEnum):
    RMCPPLUS = "rmcpplus"
    """IPMI 2.0, encrypted."""
    RMCP = "rmcp"
    """IPMI 1.5: the readings travel as plain text."""


class Privilege(StrEnum):
    USER = "user"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class LanTarget:
    """Where a BMC is and who we are there."""

    host: str
    port: int = 623
    interface: LanInterface = LanInterface.RMCPPLUS
    user: str
    password: str
    """A reference for SecretReader, never the password."""
    privilege: Privilege = Privilege.USER
    cipher_suite: int | None = None
    """None: 17, then 3."""


class LevelRefused(CredentialsRefused):
    """The account exists but not with this privilege (or, by RMCP+, does not exist: the code is one)."""


class LanSession:
    """One python-ipmi session. Lives and dies on the device's thread."""

    def __init__(self, target: LanTarget) -> None:
        from pyipmi import Target
        from pyipmi.interfaces.rmcp import Rmcp
        from pyipmi.interfaces.rmcpplus import RmcpPlus

        settings: dict[str, Any] = {"slave_address": CONSOLE_ADDRESS, "host_target_address": BMC_ADDRESS}
        settings["keep_alive_interval"] = 0  # Else a thread of its own asks Get Device ID every second.
        if target.interface is LanInterface.RMCPPLUS:
            self._interface: Any = RmcpPlus(**settings, cipher_suite=target.cipher_suite)
        else:
            self._interface = Rmcp(**settings)
        # The ASF ping says nothing that the first IPMI answer does not, and some BMCs never answer it.
        self._interface.ping = lambda: None
        self._target = target
        self._bmc = Target(ipmb_address=BMC_ADDRESS)
        self._open = False
        self._stage = 0
        self._note_stage()

    def open(self, password: str, level: Privilege, budget_s: float) -> None:
        from pyipmi.errors import CompletionCodeError, RetryError
        from pyipmi.session import Session

        session = Session()
        session.interface = self._interface
        session.set_session_type_rmcp(self._target.host, port=self._target.port)
        session.set_auth_type_user(self._target.user, password)
        session.set_priv_level(level.value)
        self._interface.open()
        self._patience(budget_s)
        try:
            session.establish()
        except CompletionCodeError as error:
            raise login_failure(self._target.host, self._stage, error.cc) from error
        except RetryError:
            if self._stage not in LOGGING_IN:
                raise
            # RMCP 1.5 has no way to say "wrong password": the BMC drops the packet.
            raise DeviceHung(
                f"{self._target.host}: silent during the log-in; RMCP does not tell a wrong password from a hung BMC"
            ) from None
        self._open = True

    def _note_stage(self) -> None:
        """python-ipmi's errors do not say which command of the log-in was refused."""
        send = self._interface.send_and_receive

        def send_noting(request: Any) -> Any:
            self._stage = request.cmdid
            return send(request)

        self._interface.send_and_receive = send_noting

    def _patience(self, budget_s: float) -> None:
        tries = max(1, min(3, int(budget_s / TRY_S)))
        self._interface.set_timeout(budget_s / tries if tries == 1 else TRY_S)
        self._interface.max_retries = tries - 1

    def ask(self, request: IpmiRequest, budget_s: float) -> bytes:
        self._patience(budget_s)
        answer: bytes = self._interface.send_and_receive_raw(
            self._bmc, request.lun, request.netfn, bytes((request.command,)) + request.data
        )
        if not answer:
            raise DeviceFailed(f"{self._target.host}: an answer without completion code")
        return answer

    def ask_behind(self, controller: Controller, request: IpmiRequest, budget_s: float) -> bytes:
        """The session stays, whatever the other controller does."""
        from pyipmi import Target
        from pyipmi.errors import CompletionCodeError, RetryError

        self._patience(min(budget_s, BEHIND_S))
        address = controller.address
        # From us to the BMC, which passes it on to the channel; from the BMC to the controller.
        hops = [(CONSOLE_ADDRESS, BMC_ADDRESS, controller.channel), (BMC_ADDRESS, address, None)]
        try:
            answer: bytes = self._interface.send_and_receive_raw(
                Target(ipmb_address=address, routing=hops),
                request.lun,
                request.netfn,
                bytes((request.command,)) + request.data,
            )
        except CompletionCodeError as error:
            return bytes((error.cc,))  # the BMC's own, to Send Message
        except RetryError:
            return SILENT
        return answer or SILENT

    def close(self) -> None:
        """Gives the BMC its session back (most have four) without waiting for it, and the socket always."""
        # python-ipmi raises whatever the network says here, and keeps the socket when it does.
        with contextlib.suppress(Exception):
            # A session whose privilege was refused is open at the BMC, too.
            if self._open or self._stage == SET_PRIVILEGE:
                self._interface.max_retries = 0
                self._interface.set_timeout(GOODBYE_S)
                self._interface.close_session()
        self._open = False
        self._interface.close()


@contextlib.contextmanager
def named_errors(device: str) -> Iterator[None]:
    """python-ipmi's errors, and what it lets through of the operating system's, as ours. No secret is in any."""
    from pyipmi import errors

    try:
        yield
    except AgentError:
        raise
    except (errors.AuthenticationError, errors.IpmiLongPasswordError) as error:
        raise CredentialsRefused(f"{device}: the BMC refused user or password") from error
    except errors.MessageStatusCodeError as error:
        raise _refusal(device, error.msc) from error
    except errors.CompletionCodeError as error:
        raise DeviceFailed(f"{device}: completion code {error.cc:#04x}") from error
    except errors.NotSupportedError as error:
        raise Unsupported(f"{device}: {error}; try interface = 'rmcp'") from error
    except (errors.RetryError, errors.IpmiTimeoutError, TimeoutError) as error:
        raise DeviceHung(f"{device}: no answer from the BMC") from error
    except (errors.IpmiConnectionError, ConnectionRefusedError) as error:
        raise DeviceFailed(f"{device}: nobody listens there; is the BMC restarting?") from error
    except OSError as error:
        raise DeviceFailed(f"{device}: {error.strerror or error}") from error
    except (errors.DecodingError, struct.error, IndexError, ValueError, TypeError, KeyError) as error:
        raise DeviceFailed(f"{device}: what answers does not speak IPMI") from error


def _refusal(device: str, status: int) -> AgentError:
    if status in INVALID_NAME_OR_ROLE:
        return LevelRefused(f"{device}: the BMC refused the user or its privilege level (RMCP+ status {status:#04x})")
    return DeviceFailed(f"{device}: the BMC opens no session (RMCP+ status {status:#04x})")


def login_failure(device: str, command: int, code: int) -> AgentError:
    """What a completion code in the middle of a log-in says; the same code means another thing at another command."""
    if (command, code) in LEVEL_REFUSED:
        return LevelRefused(f"{device}: the account may not have this privilege level")
    if (command, code) in USER_REFUSED:
        return CredentialsRefused(f"{device}: the BMC refused the user (completion code {code:#04x})")
    return DeviceFailed(f"{device}: the log-in failed with completion code {code:#04x}")
