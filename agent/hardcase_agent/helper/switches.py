"""What the helper does only where its own command line says so: nobody at its socket can turn one of these on.

Set by `__main__.py`, asked by `allowed_ipmi.py` and `table.py`. All are off in the shipped unit.
"""

from __future__ import annotations

IDENTIFY = "identify"
"""Lights lamps that find a machine or a drive bay, for a bounded time."""
SELF_TEST = "self-test"
"""Starts and aborts self-tests of disks."""
SEL_CLEAR = "sel-clear"
"""Erases the BMC's event log."""
JMB39X = "jmb39x"
"""Reads disks behind a JMicron JMB39x through sector 33 of their volume, which smartctl writes to and restores."""
SWITCHES = (IDENTIFY, SELF_TEST, SEL_CLEAR, JMB39X)


def option(switch: str) -> str:
    return f"--allow-{switch}"


def off(what: str, switch: str) -> str:
    """The sentence of a refusal."""
    return f"{what} is off: it needs {option(switch)} on the helper's own command line (/etc/hardcase/helper.conf)"
