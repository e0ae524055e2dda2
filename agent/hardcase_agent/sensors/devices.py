"""BMCs as `IpmiDevice`: /dev/ipmi0 directly, and over LAN by RMCP+ or RMCP, both through python-ipmi.

The IPMI family asks them; the helper-backed device is in `command.py`. A session over LAN: `lan_session.py`. What the
bytes mean is in `ipmi/`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    ConfigError,
    CredentialsRefused,
    DeviceAbsent,
    DeviceFailed,
    DeviceHung,
)
from hardcase_agent.domain.ports import Controller, IpmiAnswers, IpmiRequest, SecretReader
from hardcase_agent.sensors.device_thread import DeviceThread
from hardcase_agent.sensors.lan_session import (
    BMC_ADDRESS,
    GOODBYE_S,
    SILENT,
    LanSession,
    LanTarget,
    LevelRefused,
    Privilege,
    named_errors,
)

REQUEST_S = 5.0
"""One request with its repetitions; a BMC busy with its flash answers after 2 to 3 s."""
IDLE_S = 45.0
"""BMCs drop a session that said nothing for 60 s +-3 s (IPMI 2.0, 6.12.15): ours is opened anew before that."""
MAX_PASSWORD = 20


class _Threaded(ABC):
    """The shared half: every blocking call on one thread, answers kept when the rest fails."""

    def __init__(self, name: str, monotonic: Callable[[], float]) -> None:
        self._name = name
        self._monotonic = monotonic
        self._thread = DeviceThread(name, self._release)

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        request = IpmiRequest(netfn, command, data, lun)
        until = self._monotonic() + deadline_s
        answer = b""

        def ask() -> None:
            nonlocal answer
            answer = self._ask(request, until)

        await self._thread.call(ask, deadline_s)
        return answer

    async def request_many(self, requests: Sequence[IpmiRequest], *, deadline_s: float) -> IpmiAnswers:
        answers: list[bytes] = []
        until = self._monotonic() + deadline_s

        def ask_all() -> None:
            for request in requests:
                now = self._monotonic()
                if now >= until:
                    return
                answers.append(self._ask(request, now + REQUEST_S))

        try:
            await self._thread.call(ask_all, deadline_s + REQUEST_S)
        except AgentError as error:
            return IpmiAnswers(tuple(answers), error)
        return IpmiAnswers(tuple(answers))

    async def request_behind(self, controller: Controller, request: IpmiRequest, *, deadline_s: float) -> bytes:
        until = self._monotonic() + deadline_s
        answer = b""

        def ask() -> None:
            nonlocal answer
            answer = self._ask_behind(controller, request, until)

        await self._thread.call(ask, deadline_s)
        return answer

    async def close(self) -> None:
        """Returns at once; the thread says goodbye to the BMC on its own time."""
        self._thread.close()

    @abstractmethod
    def _ask(self, request: IpmiRequest, until: float) -> bytes:
        """One answer. Called in the device's thread; raises AgentError."""

    @abstractmethod
    def _ask_behind(self, controller: Controller, request: IpmiRequest, until: float) -> bytes:
        """The same of a controller behind the BMC; its silence is an answer."""

    @abstractmethod
    def _release(self) -> None:
        """Gives back what is open. Called in the device's thread."""


class LocalIpmi(_Threaded):
    """The kernel's IPMI driver, opened by this process. Whoever may open it controls the BMC without a password."""

    def __init__(self, path: str = "/dev/ipmi0", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(path, monotonic)
        self._path = path
        self._interface: Any = None

    def _ask(self, request: IpmiRequest, until: float) -> bytes:
        from pyipmi import Target
        from pyipmi.errors import IpmiTimeoutError

        try:
            return self._exchange(Target(ipmb_address=BMC_ADDRESS), request, until)
        except IpmiTimeoutError:
            raise DeviceHung(f"{self._path}: no answer from the BMC") from None
        except OSError as error:
            self._release()
            raise DeviceFailed(f"{self._path}: {error.strerror}") from error

    def _ask_behind(self, controller: Controller, request: IpmiRequest, until: float) -> bytes:
        from pyipmi import Target
        from pyipmi.errors import IpmiTimeoutError

        hops = [(BMC_ADDRESS, BMC_ADDRESS, controller.channel), (BMC_ADDRESS, controller.address, None)]
        try:
            return self._exchange(Target(ipmb_address=controller.address, routing=hops), request, until)
        except IpmiTimeoutError:
            return SILENT
        except OSError as error:
            # A channel that is no IPMB: the driver refuses the address.
            raise DeviceFailed(f"{self._path}: {error.strerror}") from error

    def _exchange(self, target: Any, request: IpmiRequest, until: float) -> bytes:
        interface = self._opened()
        interface.timeout = max(0.05, until - self._monotonic())
        answer: bytes = interface.send_and_receive_raw(
            target, request.lun, request.netfn, bytes((request.command,)) + request.data
        )
        return answer

    def _opened(self) -> Any:
        if self._interface is None:
            from pyipmi.interfaces.ipmidev import IpmiDev

            interface = IpmiDev(port=self._path)
            try:
                interface.open()
            except PermissionError as error:
                raise AccessDenied(f"{self._path}: no right to open it") from error
            except OSError as error:
                raise DeviceAbsent(f"{self._path}: {error.strerror}; is ipmi_devintf loaded?") from error
            self._interface = interface
        return self._interface

    def _release(self) -> None:
        if self._interface is not None:
            self._interface.close()
            self._interface = None


class LanIpmi(_Threaded):
    """A BMC over LAN. One session, kept while it is used and opened anew when the BMC forgot it."""

    def __init__(
        self, target: LanTarget, secrets: SecretReader, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(f"{target.host}:{target.port}", monotonic)
        self._target = target
        self._secrets = secrets
        self._session: LanSession | None = None
        self._heard = 0.0
        self._privilege = target.privilege
        """What the BMC granted last: a refused level is not asked for at each reconnect."""
        self._refused: CredentialsRefused | None = None
        """Said at once from then on: BMCs lock an account after three wrong passwords, and five sources share this."""

    def _ask(self, request: IpmiRequest, until: float) -> bytes:
        if self._session is not None and self._monotonic() - self._heard > IDLE_S:
            self._release()
        known = self._session is not None
        try:
            return self._ask_once(request, until)
        except DeviceHung:
            # A restarted BMC is silent to a session it does not know. A hung one is silent to the log-in, too.
            if not known or until - self._monotonic() < GOODBYE_S:
                raise
        return self._ask_once(request, until)

    def _ask_behind(self, controller: Controller, request: IpmiRequest, until: float) -> bytes:
        if self._session is None or self._monotonic() - self._heard > IDLE_S:
            # The BMC's own word first: silence is the controller's only where the BMC speaks.
            self._ask(IpmiRequest(0x06, 0x01), until)
        assert self._session is not None
        with named_errors(self._name):
            return self._session.ask_behind(controller, request, max(GOODBYE_S, until - self._monotonic()))

    def _ask_once(self, request: IpmiRequest, until: float) -> bytes:
        session = self._session or self._connect(until)
        try:
            with named_errors(self._name):
                answer = session.ask(request, max(GOODBYE_S, until - self._monotonic()))
        except AgentError:
            self._release()
            raise
        self._heard = self._monotonic()
        return answer

    def _connect(self, until: float) -> LanSession:
        if self._refused is not None:
            raise CredentialsRefused(str(self._refused))
        try:
            return self._log_in(until)
        except CredentialsRefused as error:
            self._refused = error
            raise

    def _log_in(self, until: float) -> LanSession:
        levels = list(Privilege)
        for level in reversed(levels[: levels.index(self._privilege) + 1]):
            session = LanSession(self._target)
            try:
                with named_errors(self._name):
                    session.open(self._password(), level, max(GOODBYE_S, until - self._monotonic()))
            except BaseException as error:
                session.close()
                if isinstance(error, LevelRefused) and level is not Privilege.USER:
                    continue
                raise
            self._session, self._privilege = session, level
            return session
        raise AssertionError("the loop returns or raises")

    def _password(self) -> str:
        try:
            password = self._secrets.read(self._target.password)
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error
        if len(password.encode()) > MAX_PASSWORD:
            raise CredentialsRefused(f"{self._name}: IPMI passwords have at most {MAX_PASSWORD} bytes")
        return password

    def _release(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
