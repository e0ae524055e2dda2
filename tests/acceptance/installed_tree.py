"""What `python3 -m venv /opt/hardcase` and `pip install '.[agent]'` leave behind, made without a package index.

The packages are those of the running environment, the agent's extra with what it brings along and nothing else.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

LAUNCHER = "#!/opt/hardcase/bin/python\nfrom hardcase_agent.cli import main\nmain()\n"


def closure(distribution: str, extra: str) -> set[str]:
    """Names of the distributions that an extra of one brings along, without the one itself."""
    found: set[str] = set()
    waiting = [Requirement(f"{distribution}[{extra}]")]
    asked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        if (wanted.name, frozenset(wanted.extras)) in asked:
            continue
        asked.add((wanted.name, frozenset(wanted.extras)))
        if wanted.name != distribution:
            found.add(wanted.name)
        for text in metadata.requires(wanted.name) or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in (*wanted.extras, "")):
                waiting.append(needed)
    return found


def make_tree(tree: Path, root: Path) -> None:
    """A virtual environment for the system's python3 as /opt/hardcase, with the agent's packages, compiled."""
    site = tree / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    site.mkdir(parents=True)
    for name in closure("hardcase", "agent"):
        for file in metadata.distribution(name).files or ():
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.locate(), target)
    for package in ("agent/hardcase_agent", "protos/hardcase_protos"):
        shutil.copytree(root / package, site / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(site, quiet=2, workers=os.cpu_count() or 1)
    (tree / "bin").mkdir()
    (tree / "bin" / "python").symlink_to("/usr/bin/python3")
    (tree / "bin" / "hardcase-agent").write_text(LAUNCHER)
    (tree / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")


def open_to_all(tree: Path) -> None:
    """Modes as an installer under umask 022 leaves them."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
