"""What goes into each package: extras of the distribution, files of `deploy/`, what is left out of the wheels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"

NOT_NEEDED = (
    # To compile against, to type-check with, to test, to read.
    "*.pyi",
    "*.pxd",
    "*.pxi",
    "*.pyx",
    "*.h",
    "*.hpp",
    "*.c",
    "*.cc",
    "*.a",
    "*.proto",
    "*/py.typed",
    "*/tests/*",
    "*/testing/*",
    "*/test_*.py",
    "*/conftest.py",
    "*/include/*",
    "*/docs/*",
    # What pip keeps of an installation; dpkg and rpm have their own.
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/top_level.txt",
    "*.dist-info/direct_url.json",
    "*.dist-info/sboms/*",
)
"""Of every wheel, as patterns of fnmatch on the path below site-packages."""


@dataclass(frozen=True)
class Product:
    """One package."""

    name: str
    summary: str
    description: str
    extras: tuple[str, ...]
    """Of pyproject.toml."""
    modules: tuple[str, ...]
    """What of the distribution's own wheel goes in."""
    folder: Path
    """Units, sample configuration, users and directories."""
    recommends: tuple[str, ...]
    suggests: tuple[str, ...]
    without: tuple[str, ...]
    """Distributions of the lock file that nothing imports at run time."""
    not_needed: tuple[str, ...]
    """Beside NOT_NEEDED."""
    forms: tuple[str, ...] = ("deb",)
    effort: int = 10
    """Of zstd: more makes the package smaller and its making slower."""

    @property
    def short(self) -> str:
        return self.name.removeprefix("hardcase-")

    @property
    def prefix(self) -> str:
        """Where the virtual environment is: both packages may be on one machine."""
        return f"/opt/{self.name}"

    @property
    def scripts(self) -> Path:
        """postinst, prerm and postrm."""
        return DEPLOY / "packages" / self.short


AGENT = Product(
    name="hardcase-agent",
    summary="reads hardware sensors and streams them to a Hardcase collector",
    description="""\
Reads this machine's BMC, disks, RAID controllers and kernel, and BMCs and
SNMP devices that it is told of, keeps what it reads in a durable spool and
streams it over gRPC to a Hardcase collector, which opens fault cases by
itself. The process that talks to the network has no rights; a small helper
without network has the devices.

Everything it needs beside Python itself is in /opt/hardcase-agent.""",
    extras=("agent",),
    modules=("hardcase_agent", "hardcase_protos"),
    folder=DEPLOY / "agent",
    recommends=("smartmontools",),
    suggests=("dmidecode", "ipmitool", "pciutils"),
    # cffi's C part is what cryptography loads; the rest writes C at build time.
    without=("pycparser",),
    not_needed=("cffi/*", "cffi-*"),
    forms=("deb", "rpm"),
)

COLLECTOR = Product(
    name="hardcase-collector",
    summary="judges hardware readings of a fleet and opens fault cases by itself",
    description="""\
Takes what Hardcase agents stream, stores it, judges it by over 300 rules and
opens fault cases: what failed, in which slot, with which serial number, since
when and what to do about it. It has pages for support engineers and tells
ticket systems by signed webhooks.

Everything it needs beside Python itself is in /opt/hardcase-collector.""",
    extras=("collector", "postgresql"),
    modules=("hardcase_collector", "hardcase_protos"),
    folder=DEPLOY / "collector",
    recommends=(),
    suggests=("postgresql",),
    without=("pycparser",),
    not_needed=(
        "cffi/*",
        "cffi-*",
        # Remote file systems and its own RPC; each library thrice under other names.
        "pyarrow/libarrow_flight*",
        "pyarrow/libarrow_python_flight*",
        "pyarrow/libarrow_s3*",
        "pyarrow/libarrow_*.so",
        "pyarrow/*.so.*.*.*",
        "pyarrow/_flight*",
        "pyarrow/_s3fs*",
        "pyarrow/_gcsfs*",
        "pyarrow/_azurefs*",
        "pyarrow/_hdfs*",
        "pyarrow/_pyarrow_cpp_tests*",
        "pyarrow/src/*",
        # Pictures that no report has.
        "PIL/_avif*",
        "pillow.libs/libavif*",
    ),
    effort=6,
)

PRODUCTS = (AGENT, COLLECTOR)
