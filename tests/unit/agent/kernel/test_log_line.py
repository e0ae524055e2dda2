"""What stands before a message, in the forms that logs are kept in."""

from __future__ import annotations

import pytest
from hardcase_agent.sensors.kernel.log_line import read_line

MS = 1_737_434_504_283


@pytest.mark.parametrize(
    ("raw", "text", "when_ms"),
    [
        ("<6>[  201.650687] sysrq: SysRq : x", "sysrq: SysRq : x", 0),
        ("[   12.5] ata1: x", "ata1: x", 0),
        ("[    5.1][    T1] ata1: x", "ata1: x", 0),
        ("kern  :warn  : 2025-01-21T04:41:44,283302+00:00 NVRM: x", "NVRM: x", MS),
        ("kern  :warn  : 2025-01-21T12:41:44,283302+08:00 NVRM: x", "NVRM: x", MS),
        ("2025-01-21T04:41:44.283Z host kernel: md: x", "md: x", MS),
        ("2025-01-21T04:41:44+0000 host kernel: [ 9.1] md: x", "md: x", MS - 283),
        ("[Tue Jan 21 04:41:44 2025] nvme nvme0: x", "nvme nvme0: x", MS - 283),
        ("Jan 21 04:41:44 host kernel: [ 9.1] EDAC MC0: x", "EDAC MC0: x", 0),
        ("Jan  1 04:41:44 host smartd[811]: Device: /dev/sda, x", "Device: /dev/sda, x", 0),
        ("[Jan 21 2025 04:41:44] [ERROR] [tid 12] detected x", "detected x", MS - 283),
        ('{"MESSAGE":"md: x","__REALTIME_TIMESTAMP":"1737434504283302"}', "md: x", MS),
        ("{not json", "{not json", 0),
        ("2025-13-41T99:99:99Z x", "x", 0),
        ("block nvme0n1: no available path", "block nvme0n1: no available path", 0),
    ],
)
def test_prefix_and_time_are_taken_off(raw: str, text: str, when_ms: int) -> None:
    line = read_line(raw, 3)
    assert (line.text, line.when_ms, line.number) == (text, when_ms, 3)


def test_a_record_of_kmsg_has_its_own_number() -> None:
    line = read_line("6,1234,5678901234,-,caller=T1;md: x", 3)
    assert (line.text, line.number) == ("md: x", 1234)
