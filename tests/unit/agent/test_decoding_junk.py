"""What is no capture is told in a few printable words, whatever its bytes would do to a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hardcase_agent import decoding
from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.decoders import DECODERS

STEERING = "\x1b[31mred\x9b31m\u202eback" + "z" * 5000
JUNK = {
    "one word": STEERING,
    "columns": f" 1 | 01/01/2020 | 00:00:00 | {STEERING} | {STEERING}",
    "fields": f"Name : {STEERING}\nOther = {STEERING}",
    "a walk": f".1.3.6.1.2.1.1.1.0 = STRING: {STEERING}\n.1.3.6.{'9' * 5000} = INTEGER: 1",
    "JSON": json.dumps({"smartctl": {"messages": [{"string": STEERING, "severity": "error"}], "exit_status": 2}}),
    "JSON cut short": '{"a": "' + STEERING,
    "a command": f"sensor_add {STEERING}\nmc_add {STEERING}",
    "bytes": "".join(map(chr, range(256))) * 20,
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("kind", [decoder.kind for decoder in DECODERS])
def test_no_error_repeats_it_at_length_or_with_what_steers_a_terminal(tmp_path: Path, kind: str, junk: str) -> None:
    file = tmp_path / "capture"
    file.write_bytes(JUNK[junk].encode())
    lines = list(decoding.decode_file(kind, file))
    printed = io.BytesIO()
    decoding.write(lines, printed)

    for line in lines:
        if line["type"] == "error":
            assert line["message"].isprintable()
            assert line["at"].isprintable()
            assert len(line["message"]) < 200
            assert "z" * 90 not in line["message"]
    assert printed.getvalue().decode().replace("\n", "").isprintable()
    assert [json.loads(line) for line in printed.getvalue().decode().splitlines()] == lines


def test_the_words_and_the_path_of_a_tool_are_kept_whole() -> None:
    told = "smartctl could not open it: /sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/x"
    assert decoding.line_of(Undecoded(flaw=Flaw.REFUSED, message=told))["message"] == told
