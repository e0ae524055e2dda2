"""Records what this release's agent spools and says: `python -m tests.golden.releases.record`, once a release.

A drill is run alone, killed and run again, so that there are two epochs; the session is its spool as it would be sent.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from hardcase_agent import __version__
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.uplink import codec

from deploy.demo.stage import BIN, Program, wait_until

HERE = Path(__file__).parent
BOOT = bytes(16)
RUNS_S = 12
LIMITS = SpoolLimits(max_bytes=1 << 30, max_age_ms=1 << 60)
DRILL = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill 2U"
serial = "DRILL-RELEASE"
hostname = "release-golden"

[[source]]
name = "sensors"
period_s = 1.0

[[source.sensor]]
id = "disk1/health"
name = "Health"
kind = "state"
quantity = "disk.health"
states = ["failed"]
on = ["failed"]
part = { component = "disk", slot = "Bay 1", model = "DRILL-HDD", serial = "DRILLHDD1" }

[[source.sensor]]
id = "inlet"
name = "Inlet Temp"
kind = "temperature"
unit = "Cel"
value = 23.5
part = { component = "chassis", slot = "Inlet" }
"""


def main() -> None:
    target = HERE / __version__
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "drill.toml").write_text(DRILL)
        (folder / "agent.toml").write_text(
            f'state_dir = "{folder / "state"}"\nmode = "drill"\n[rehearsal]\ntimeline = "{folder / "drill.toml"}"\n'
        )
        program = Program(
            "agent",
            [str(BIN / "hardcase-agent"), "--config", str(folder / "agent.toml"), "run"],
            folder / "agent.log",
        )
        for _ in range(2):
            program.start()
            wait_until(lambda: "agent runs" in program.log.read_text(), within_s=60, what="the agent runs")
            time.sleep(RUNS_S)
            program.kill()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder / "state" / "spool", target / "spool")
        shutil.copytree(folder / "state" / "spool", folder / "read")
        (target / "session.bin").write_bytes(session(folder / "read"))


def session(spool_folder: Path) -> bytes:
    """Hello, every record in batches, a heartbeat, a goodbye; each message after its length in four bytes."""
    now = Moment(int(time.time() * 1000), 10_000_000)
    spool = Spool(
        DiskFiles(spool_folder), LIMITS, epoch=bytes(range(16)), boot_id=BOOT, seal_loss=codec.seal_loss, now=now
    )
    host = Asset(vendor="Hardcase Rehearsal", model="Drill 2U", serial="DRILL-RELEASE", hostname="release-golden",
                 machine_id="1" * 32)  # fmt: skip
    introduction = codec.Introduction(version=__version__, host=host, boot_id=BOOT)
    held = spool.held()
    messages = [codec.hello(introduction, held, now)]
    for one in held:
        if one.newest:
            found = spool.read(one.epoch, one.oldest, max_records=10_000, max_bytes=1 << 24)
            numbered = [(record.sequence, codec.payload_for(record, BOOT)) for record in found]
            messages.append(codec.batch(numbered, one.epoch))
    messages += [codec.heartbeat(now, 0, 0), codec.goodbye("recorded")]
    spool.close(now)
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


if __name__ == "__main__":
    main()
