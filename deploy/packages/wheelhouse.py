"""Which wheels a package is made of, by requirements.lock alone, and the folder they are kept in.

The only step that talks to the network. A wheel is held to the lock's hashes when it is fetched and when it is used.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.packages.product import ROOT, Product

OURS = "hardcase"
FETCHED_WITHIN_S = 900
TARGET = {
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "sys_platform": "linux",
}


class LockError(Exception):
    """requirements.lock does not hold what pyproject.toml asks for."""


class FetchError(Exception):
    """Wheels are neither kept nor could they be fetched."""


@dataclass(frozen=True)
class Pin:
    """One distribution of the lock file."""

    name: str
    version: str
    text: str
    """Its lines, without what it is there for."""
    hashes: frozenset[str]
    wanted_by: frozenset[str]


def read_lock(path: Path) -> dict[str, Pin]:
    """The pins that count on Linux with Python 3.11, by name."""
    pins = {}
    for entry in re.split(r"^(?=[a-z0-9])", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        head = re.match(r"([\w.-]+)==(\S+)(?: ; (.*?))? \\$", entry, re.MULTILINE)
        if head is None or (head[3] and not Marker(head[3]).evaluate(TARGET)):
            continue
        comments = re.findall(r"^ +# +(?:via)? *(\S.*)$", entry, re.MULTILINE)
        pins[canonicalize_name(head[1])] = Pin(
            name=canonicalize_name(head[1]),
            version=head[2],
            text="".join(line for line in entry.splitlines(keepends=True) if not line.lstrip().startswith("#")),
            hashes=frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)),
            wanted_by=frozenset(canonicalize_name(name.split(" ")[0]) for name in comments),
        )
    return pins


def closure(product: Product) -> list[Pin]:
    """What the product's extras bring along, by name. Raises LockError."""
    pins = read_lock(ROOT / "requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"]]
    for extra in product.extras:
        asked += project["optional-dependencies"][extra]
    waiting = [Requirement(line) for line in asked]
    names = {canonicalize_name(one.name) for one in waiting}
    names |= {canonicalize_name(f"{one.name}-{extra}") for one in waiting for extra in one.extras} & set(pins)
    missing = sorted(names - set(pins))
    if missing:
        raise LockError(f"requirements.lock is older than pyproject.toml (make lock): it has no {', '.join(missing)}")
    grown = True
    while grown:
        more = {pin.name for pin in pins.values() if pin.wanted_by & names} - names
        names |= more
        grown = bool(more)
    return [pins[name] for name in sorted(names - set(product.without))]


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / OURS / "packages"


def wheels(product: Product) -> list[Path]:
    """The product's wheels, fetched if they are not there yet. Raises LockError, FetchError."""
    pins = closure(product)
    folder = cache() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    found = _held(pins, folder)
    wanting = [pin for pin in pins if pin.name not in found]
    if wanting:
        _fetch(wanting, folder)
        found |= _held(wanting, folder)
    return [found[pin.name] for pin in pins]


def _fetch(pins: list[Pin], folder: Path) -> None:
    asked = folder / f"asked-{os.getpid()}.txt"
    asked.write_text("".join(pin.text for pin in pins), encoding="utf-8")
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--require-hashes"),
                *("--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"),
                *(word for tag in platforms() for word in ("--platform", tag)),
                *("--dest", str(folder), "--requirement", str(asked)),
            ],
            check=False,
            timeout=FETCHED_WITHIN_S,
        )
    finally:
        asked.unlink()
    if done.returncode:
        raise FetchError(f"pip could not fetch {', '.join(pin.name for pin in pins)}")


def platforms() -> list[str]:
    """Debian 12 has glibc 2.36, Enterprise Linux 9 has 2.34: newer wheels would not load there."""
    machine = os.uname().machine
    return [f"manylinux_2_{minor}_{machine}" for minor in range(34, 16, -1)] + [f"manylinux2014_{machine}"]


def _held(pins: list[Pin], folder: Path) -> dict[str, Path]:
    """Wheels of the folder that are what the lock says, to the last bit."""
    asked = {pin.name: pin for pin in pins}
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(path.name)
        pin = asked.get(name)
        if pin is None or str(version) != pin.version:
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() in pin.hashes:
            found[pin.name] = path
    return found
