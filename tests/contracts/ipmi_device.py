"""What every `IpmiDevice` must keep, run against the fake, LAN sessions and the helper-backed one.

Subclasses give the fixture `device`: an `IpmiDevice` in front of a BMC with the standard server's sensors.
"""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.ports import BatchIpmiDevice, IpmiDevice, IpmiRequest

DEADLINE_S = 60.0


class IpmiDeviceContract:
    async def test_an_answer_begins_with_its_completion_code(self, device: IpmiDevice) -> None:
        answer = await device.request(0x06, 0x01, b"", deadline_s=DEADLINE_S)
        assert answer[0] == 0
        assert len(answer) >= 12

    async def test_a_refusal_of_the_bmc_is_an_answer_and_not_an_error(self, device: IpmiDevice) -> None:
        answer = await device.request(0x04, 0x2D, b"\xfe", deadline_s=DEADLINE_S)
        assert answer[0] != 0

    async def test_data_and_answers_are_not_mixed_up_between_requests(self, device: IpmiDevice) -> None:
        first = await device.request(0x04, 0x2D, b"\x01", deadline_s=DEADLINE_S)
        other = await device.request(0x04, 0x2D, b"\x11", deadline_s=DEADLINE_S)
        again = await device.request(0x04, 0x2D, b"\x01", deadline_s=DEADLINE_S)
        assert first == again != other

    async def test_many_requests_are_answered_in_order(self, device: IpmiDevice) -> None:
        if not isinstance(device, BatchIpmiDevice):
            pytest.skip("asks one by one")
        requests = [IpmiRequest(0x04, 0x2D, bytes((number,))) for number in (1, 0x11, 0x20, 0x30)]
        outcome = await device.request_many(requests, deadline_s=DEADLINE_S)
        assert outcome.error is None
        one_by_one = [await device.request(0x04, 0x2D, request.data, deadline_s=DEADLINE_S) for request in requests]
        assert list(outcome.answers) == one_by_one

    async def test_a_closed_device_refuses_by_name_and_closing_twice_is_harmless(self, device: IpmiDevice) -> None:
        await device.request(0x06, 0x01, b"", deadline_s=DEADLINE_S)
        await device.close()
        await device.close()
        with pytest.raises(AgentError):
            await device.request(0x06, 0x01, b"", deadline_s=DEADLINE_S)
