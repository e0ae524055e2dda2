"""One package from sources to file, made anew only when something that goes into it changed. Tests call `make` too."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.packages import deb, rpm, staging, wheelhouse
from deploy.packages.product import ROOT, Product

FORMS = ("deb", "rpm")
SHARED_SOURCES = (
    "protos",
    "deploy/packages",
    "pyproject.toml",
    "requirements.lock",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
)


def make(product: Product, form: str, out: Path, *, revision: int = 1) -> Path:
    """The package's file below `out`. Raises BuildError, LockError, FetchError."""
    out.mkdir(parents=True, exist_ok=True)
    stamp = out / f".{product.name}-{revision}.{form}"
    with _alone(out):
        state = _state(product)
        if stamp.exists():
            known, _, name = stamp.read_text(encoding="utf-8").partition(" ")
            if known == state and (out / name).exists():
                return out / name
        wheels = wheelhouse.wheels(product)
        with tempfile.TemporaryDirectory(prefix=f"{product.name}-") as folder:
            tree = Path(folder) / "tree"
            tree.mkdir()
            staging.stage(product, wheels, tree)
            if form == "deb":
                path = deb.build(product, tree, f"{staging.version()}-{revision}", out)
            else:
                path = rpm.build(product, tree, staging.version(), revision, out)
        stamp.write_text(f"{state} {path.name}", encoding="utf-8")
    return path


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Tests of several processes may want one at once."""
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _state(product: Product) -> str:
    """Hash of everything that goes into the product's packages."""
    found = hashlib.sha256(str(staging.source_date()).encode())
    for name in _names((product.short, f"deploy/{product.short}", *SHARED_SOURCES)):
        found.update(f"{name}\0".encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return found.hexdigest()


def _names(sources: tuple[str, ...]) -> list[str]:
    """Files below, as git knows them; without git (an archive of a release) all but what was compiled."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *sources],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 0:
        names = set(done.stdout.split("\0")) - {""}
    else:
        paths = [ROOT / source for source in sources]
        files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
        names = {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    return sorted(name for name in names if (ROOT / name).is_file())
