"""Where things are on an installed machine when nobody says otherwise. Used by `config.py` and by the commands.

Apart from `config.py`, so that a command that asks the running collector need not load the whole configuration.
"""

from __future__ import annotations

from pathlib import Path

CONFIGURATION = Path("/etc/hardcase/collector.toml")
SOCKET = Path("/run/hardcase-collector/control.sock")
