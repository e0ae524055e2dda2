"""The doors to this machine: commands and the local BMC, through the helper where its socket is, else directly.

Used by `app.py` for the service and by `cli.py` for probe and doctor.
"""

from __future__ import annotations

import os

from hardcase_agent.config import CoreSettings, Mode
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock, CommandRunner, Doors, IpmiDevice
from hardcase_agent.host_asset import drill_host, read_host
from hardcase_agent.secrets import FileSecrets
from hardcase_agent.sensors.command import DirectCommands
from hardcase_agent.sensors.helper_client import HelperClient


class Machine:
    def __init__(self, core: CoreSettings, clock: Clock) -> None:
        self._core = core
        self._clock = clock
        self._helper = HelperClient(core.helper.socket) if self.helped else None
        self._direct = DirectCommands()

    @property
    def helped(self) -> bool:
        """True = the helper's socket is there and is used."""
        return bool(self._core.helper.socket) and os.path.exists(self._core.helper.socket)

    @property
    def commands(self) -> CommandRunner:
        return self._helper or self._direct

    async def host(self) -> Asset:
        if self._core.mode is Mode.DRILL:
            return drill_host(self._core.state_dir)
        return await read_host(self._core.sysfs, self.commands)

    def doors(self, host: Asset) -> Doors:
        return Doors(
            host=host,
            commands=self.commands,
            local_ipmi=self._local_ipmi,
            secrets=FileSecrets(),
            state_dir=self._core.state_dir,
            sysfs=self._core.sysfs,
            clock=self._clock,
        )

    def _local_ipmi(self) -> IpmiDevice:
        if self._helper is not None:
            return self._helper.ipmi()
        from hardcase_agent.sensors.devices import LocalIpmi

        return LocalIpmi()
