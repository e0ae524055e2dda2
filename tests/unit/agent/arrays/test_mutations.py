"""Whatever is done to an output: no exception, no endless reading, and only named errors."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Listed, Recorded, Seen, Undecoded
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.arrays.decoding import decode

from tests.unit.agent.arrays import outputs

TEXTS = {
    "storcli": outputs.storcli(outputs.storcli_degraded()),
    "storcli text": outputs.STORCLI_TEXT,
    "megacli": "Adapter #0\n" + outputs.megacli_disk(0, "A", "Online") + outputs.megacli_battery(),
    "ssacli": outputs.ssacli(),
    "hpacucli": outputs.HPACUCLI_CONFIG,
    "arcconf": outputs.ARCCONF,
    "ircu": outputs.IRCU,
    "mdstat": outputs.MDSTAT,
    "mdadm": outputs.MDADM,
    "zpool status": outputs.ZPOOL_STATUS,
    "zpool list": outputs.ZPOOL_LIST,
    "ses": outputs.SG_SES,
}
ROUNDS = 60


def mutated(text: str, dice: random.Random) -> bytes:
    content = bytearray(text.encode())
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(content))
        match dice.randrange(5):
            case 0:
                content[at] = dice.randrange(256)
            case 1:
                del content[at:]
            case 2:
                del content[at : at + dice.randint(1, 40)]
            case 3:
                other = dice.randrange(len(content))
                content[at:at] = content[other : other + dice.randint(1, 200)]
            case 4:
                content[at:at] = dice.choice((b"\n", b"999999999999999999999", b"[" * 200, b" : ", b"%", b"\0"))
        if not content:
            break
    return bytes(content)


@pytest.mark.parametrize("name", TEXTS)
def test_mutated_outputs_raise_nothing_and_take_no_time(name: str) -> None:
    dice = random.Random(name)
    for _ in range(ROUNDS):
        content = mutated(TEXTS[name], dice)
        began = time.process_time()
        for one in decode(Capture(name, {"": content})):
            assert isinstance(one, Seen | Listed | Recorded | Undecoded)
            if isinstance(one, Seen) and isinstance(one.reading, Number):
                assert abs(one.reading.value) < 1e19
            if isinstance(one, Undecoded):
                assert len(one.message) < 200
        assert time.process_time() - began < 1.0, content


@pytest.mark.parametrize(
    "document",
    [
        "[" * 5000,
        '{"Controllers":' * 3000,
        '{"Controllers": [1, null, {"Response Data": []}]}',
        json.dumps({"Controllers": [{"Response Data": {"PD LIST": [{"EID:Slt": None}]}}]}),
    ],
)
def test_odd_documents_are_named(document: str) -> None:
    assert all(isinstance(one, Undecoded) for one in decode(Capture("x", {"": document.encode()})))


def test_a_long_text_is_read_in_time_that_grows_with_it() -> None:
    disks = "".join(outputs.megacli_disk(slot % 10, f"S{slot}", "Online, Spun Up") for slot in range(3000))
    began = time.process_time()
    list(decode(Capture("x", {"": ("Adapter #0\n" + disks).encode()})))
    assert time.process_time() - began < 5.0


def test_an_array_that_is_told_twice_drops_its_empty_places_once(root: Path) -> None:
    told = (root / "tests/golden/arrays/guest-md-failed-member/mdadm-detail").read_bytes()
    for content in (told + told, told + b"\n" + told.replace(b"faulty", b"removed")):
        assert list(decode(Capture("twice", {"": content})))
