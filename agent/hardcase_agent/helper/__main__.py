"""`python -m hardcase_agent.helper`: started by systemd with a socket, or with --socket PATH in the foreground.

--allow-user: whose connections are taken beside its own user's. --allow-identify, --allow-self-test,
--allow-sel-clear and --allow-jmb39x: the switches of `switches.py`. --lit FILE: where the lamps that are lit are kept
over a restart. --tool NAME=PATH, --device-root DIR, --sysfs DIR and --ipmi-device PATH are for tests.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import sys

from hardcase_agent.helper.bays import Bays
from hardcase_agent.helper.ipmi import LocalIpmi
from hardcase_agent.helper.journal import write
from hardcase_agent.helper.server import CONNECTIONS, Server
from hardcase_agent.helper.switches import SWITCHES, option
from hardcase_agent.helper.table import Table

_FLAGS = {option(switch): switch for switch in SWITCHES}
_VALUES = ("--socket", "--allow-user", "--ipmi-device", "--tool", "--device-root", "--sysfs", "--lit")
_USAGE = f"usage: python -m hardcase_agent.helper [--socket PATH] [--allow-user NAME|UID] [{'] ['.join(_FLAGS)}]"


def main() -> None:
    """Reads the command line, takes systemd's socket or makes one, serves until SIGTERM or SIGINT."""
    try:
        options = _options(sys.argv[1:])
    except ValueError as error:
        write(f"{error}\n{_USAGE}")
        raise SystemExit(2) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # an inherited "ignore" would reap the tools behind our back
    uids = frozenset({os.geteuid(), *(_uid(name) for name in options["--allow-user"])})
    tools = dict(entry.split("=", 1) for entry in options["--tool"])
    path = os.path.abspath(options["--socket"][-1]) if options["--socket"] else ""
    os.chdir("/")
    listener = _listener(path, shared=bool(options["--allow-user"]))
    on = frozenset(switch for flag, switch in _FLAGS.items() if options[flag])
    server = Server(
        listener,
        uids=uids,
        table=Table(tools=tools, device_root=_last(options["--device-root"], "/dev"), on=on),
        device=LocalIpmi(_last(options["--ipmi-device"], "/dev/ipmi0")),
        on=on,
        bays=Bays(sysfs=_last(options["--sysfs"], "/sys"), kept=_last(options["--lit"], "")),
    )
    try:
        server.serve()
    finally:
        if path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _options(words: list[str]) -> dict[str, list[str]]:
    # By hand: argparse alone would cost a sixth of this process's memory.
    options: dict[str, list[str]] = {name: [] for name in (*_VALUES, *_FLAGS)}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=") if not word.startswith("--tool=") else ("--tool", "=", word[7:])
        if name not in options:
            raise ValueError(f"{name} is not known")
        if name in _FLAGS:
            options[name].append("" if equals else "yes")
        else:
            options[name].append(value if equals else next(rest, ""))
        if not options[name][-1] or (name == "--tool" and "=" not in options[name][-1]):
            raise ValueError(f"{name} needs a value")
    return options


def _last(values: list[str], otherwise: str) -> str:
    return values[-1] if values else otherwise


def _uid(name: str) -> int:
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise SystemExit(f"user {name} does not exist") from error


def _listener(path: str, *, shared: bool) -> socket.socket:
    if not path:
        if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
            raise SystemExit("no socket: start it by hardcase-helper.socket, or with --socket PATH")
        listener = socket.socket(fileno=3)
        listener.set_inheritable(False)
        return listener
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    # Who may ask is decided by the peer's uid; the mode only lets the configured user reach that check.
    os.chmod(path, 0o666 if shared else 0o600)
    listener.listen(CONNECTIONS)
    return listener


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
