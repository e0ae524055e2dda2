"""In the guest: `keeper.py SPOOL KEPT` hard-links every segment of the agent's spool that ever was on the disk.

A link shares the segment's bytes, whatever is appended or cut off later, and stays when the spool removes its own name.
Nothing is synced here: that would make durable what the agent did not.
"""

import contextlib
import os
import sys
import time

LOOKS_EVERY_S = 0.25


def look(spool: str, kept: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(spool):
            if name.endswith(".seg"):
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    os.link(f"{spool}/{name}", f"{kept}/{name}")


if __name__ == "__main__":
    os.makedirs(sys.argv[2], exist_ok=True)
    while True:
        look(sys.argv[1], sys.argv[2])
        time.sleep(LOOKS_EVERY_S)
