"""The tree that a package installs: a virtual environment from the wheels, the product itself, units and papers.

The same tree becomes the .deb (`deb.py`) and the .rpm (`rpm.py`). Nothing in it names the machine that made it, and two
builds of one commit are the same to the last bit.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from deploy.packages import manual
from deploy.packages.product import DEPLOY, NOT_NEEDED, ROOT, Product
from deploy.packages.wheelhouse import cache

DEBIAN_PYTHON = Path("/usr/bin/python3")
VERSION = (3, 11)
SITE = f"lib/python{VERSION[0]}.{VERSION[1]}/site-packages"
BUILT_WITHIN_S = 600
# -I: neither the environment nor the folder somebody stands in changes what root runs.
LAUNCHER = """\
#!{prefix}/bin/python -I
from {module}.cli import main

main()
"""


class BuildError(Exception):
    """The package could not be made."""


class CannotBuild(BuildError):
    """This machine lacks what it takes, which is told."""


def system_python() -> Path:
    """Debian's interpreter, which the packages run on. Raises CannotBuild."""
    try:
        said = subprocess.run(
            [str(DEBIAN_PYTHON), "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuild(f"{DEBIAN_PYTHON} does not run: {error}") from error
    if tuple(map(int, said.split())) != VERSION:
        raise CannotBuild(f"packages are for Python 3.11, and {DEBIAN_PYTHON} is {said.strip().replace(' ', '.')}")
    return DEBIAN_PYTHON


def stage(product: Product, wheels: list[Path], tree: Path) -> None:
    """Fills `tree`, which is empty, with what the product installs. Raises BuildError."""
    python = system_python()
    shutil.copytree(_dependencies(product, wheels, python), tree, symlinks=True, dirs_exist_ok=True)
    site = tree / product.prefix.lstrip("/") / SITE
    with tempfile.TemporaryDirectory() as folder:
        own = own_wheel(Path(folder))
        unpack(own, site, NOT_NEEDED, only=(*product.modules, own.name.split("-py3")[0] + ".dist-info"))
    for module in product.modules:
        _compile(python, tree, site / module)
    _add_system_files(product, tree)
    set_modes(tree)


def _dependencies(product: Product, wheels: list[Path], python: Path) -> Path:
    """The environment without the product itself, compiled: kept, because it changes with the lock file only."""
    said = "\0".join((*(path.name for path in wheels), *NOT_NEEDED, repr(product), Path(__file__).read_text()))
    kept = cache() / f"{product.name}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    if kept.exists():
        return kept
    for older in cache().glob(f"{product.name}-*"):
        shutil.rmtree(older)
    tree = cache() / f"making-{product.name}-{os.getpid()}"
    environment = tree / product.prefix.lstrip("/")
    _run(str(python), "-m", "venv", "--without-pip", "--symlinks", str(environment))
    _make_relocatable(product, environment)
    for wheel in wheels:
        unpack(wheel, environment / SITE, (*NOT_NEEDED, *product.not_needed))
    _compile(python, tree, environment / SITE)
    tree.rename(kept)
    return kept


def _run(*command: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(source_date())}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=BUILT_WITHIN_S, check=False
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command[:4])} ...: exit {done.returncode}\n{done.stdout}{done.stderr}")


def version() -> str:
    """Of the distribution, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def source_date() -> int:
    """Seconds since 1970 that stand in the packages: SOURCE_DATE_EPOCH, else that of the commit."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return int(done.stdout) if done.returncode == 0 else int((ROOT / "CHANGELOG.md").stat().st_mtime)


def _make_relocatable(product: Product, environment: Path) -> None:
    """Takes the building machine's paths out; leaves of bin what is run."""
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n")
    for path in (environment / "bin").iterdir():
        path.unlink()
    (environment / "bin" / "python").symlink_to(DEBIAN_PYTHON)
    for unwanted in ("include", "lib64", "share"):
        path = environment / unwanted
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    launcher = environment / "bin" / product.name
    launcher.write_text(LAUNCHER.format(prefix=product.prefix, module=product.name.replace("-", "_")))


def unpack(wheel: Path, site: Path, without: tuple[str, ...], *, only: tuple[str, ...] = ()) -> None:
    """Puts a wheel's modules below site-packages; its scripts and headers are not wanted. `only`: top-level names."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = member.filename
            top, _, rest = name.partition("/")
            if top.endswith(".data"):
                kind, _, name = rest.partition("/")
                if kind not in ("purelib", "platlib"):
                    continue
            if member.is_dir() or (only and top not in only) or _left_out(name, without):
                continue
            target = site / name
            if not target.resolve().is_relative_to(site.resolve()):
                raise BuildError(f"{wheel.name} wants to write to {name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(member))


def _left_out(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def own_wheel(folder: Path) -> Path:
    """The distribution's own wheel, made of the sources as they are."""
    _run(
        *(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--wheel-dir", str(folder), str(ROOT)),
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _compile(python: Path, tree: Path, modules: Path) -> None:
    """Shipped compiled: an installation takes a tenth of the time, and nothing is ever written below /opt afterwards.

    Unchecked: valid whatever the time stamps. Without columns of tracebacks, which are a fifth of it.
    """
    _run(
        *(str(python), "-X", "no_debug_ranges", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(tree), "-p", "/", str(modules)),
    )


def _add_system_files(product: Product, tree: Path) -> None:
    def put(source: Path, target: str) -> None:
        (tree / target).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, tree / target / source.name)

    folder = product.folder
    for pattern, target in (
        ("*.service", "usr/lib/systemd/system"),
        ("*.socket", "usr/lib/systemd/system"),
        ("sysusers.d/*.conf", "usr/lib/sysusers.d"),
        ("tmpfiles.d/*.conf", "usr/lib/tmpfiles.d"),
        ("udev/*.rules", "usr/lib/udev/rules.d"),
        ("*.toml", "etc/hardcase"),
    ):
        for source in sorted(folder.glob(pattern)):
            put(source, target)
    link = tree / "usr/bin" / product.name
    link.parent.mkdir(parents=True)
    link.symlink_to(f"{product.prefix}/bin/{product.name}")
    papers = f"usr/share/doc/{product.name}"
    put(ROOT / product.short / "README.md", papers)
    put(DEPLOY / "packages" / "copyright", papers)
    pack(tree / papers / "changelog.gz", (ROOT / "CHANGELOG.md").read_bytes())
    for name, text in manual.pages(product, version=version(), date=_day()).items():
        pack(tree / f"usr/share/man/man{name[-1]}/{name}.gz", text.encode())


def _day() -> str:
    return datetime.fromtimestamp(source_date(), UTC).date().isoformat()


def pack(target: Path, content: bytes) -> None:
    """Writes gzip without a name or a time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, 9, mtime=0))


def set_modes(tree: Path) -> None:
    """What an installer under umask 022 leaves; only what is run may be run."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
