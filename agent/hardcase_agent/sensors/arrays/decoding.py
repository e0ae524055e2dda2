"""Kind `arrays` of `hardcase-agent decode`: whatever RAID tools printed, several outputs in one file. Called through
`sensors/decoders.py`; the parsers are those of the live source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Listed, Seen
from hardcase_agent.domain.part import Asset
from hardcase_agent.sensors.arrays.measure import measure
from hardcase_agent.sensors.arrays.recognise import read_text

SOURCE = "arrays"


def decode(capture: Capture) -> Iterable[Decoded]:
    """See `DecoderModule`. A tree of files is read as the outputs of one machine."""
    return list(_decode(capture))


def _decode(capture: Capture) -> Iterator[Decoded]:
    text = "\n".join(Capture(name, {"": content}).text for name, content in capture.files.items())
    report = read_text(text)
    asset = Asset(serial=report.host_serial, hostname=report.hostname)
    measured = measure(report)
    for part in measured.parts:
        yield Listed(asset=asset, source=SOURCE, part=part)
    for sensor, reading in measured.pairs:
        yield Seen(asset=asset, source=SOURCE, sensor=sensor, reading=reading)
    yield from report.flaws
