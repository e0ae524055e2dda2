"""The agent runs with its own extra only: nothing of the collector's is imported, and nothing it does not need."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed here", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv = ["hardcase-agent", *{arguments!r}]
"""
RUN = BLOCKER + "from hardcase_agent.cli import main\nmain()\n"
LOADED = (
    BLOCKER
    + """
import asyncio, json
import hardcase_agent.app
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[;<>=!~(]", name, maxsplit=1)[0]).lower()


def closure(names: list[str]) -> set[str]:
    """Distributions that these bring along, themselves included."""
    found: set[str] = set()
    while names:
        name = normal(names.pop())
        if name in found:
            continue
        found.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        names += [one for one in needed if "extra ==" not in one]
    return found


def forbidden_modules(root: Path) -> list[str]:
    """Top modules of every distribution here that the agent's own extra does not bring."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = ["python-ipmi", "cryptography"]
    allowed = closure([*project["dependencies"], *project["optional-dependencies"]["agent"], *extras, "hardcase"])
    modules: set[str] = set()
    kept: set[str] = set()
    for module, owners in metadata.packages_distributions().items():
        (kept if any(normal(owner) in allowed for owner in owners) else modules).add(module)
    return sorted(modules - kept - {"hardcase_agent", "hardcase_protos"} | {"hardcase_collector"})


def run(root: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = script.format(forbidden=set(forbidden_modules(root)), arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_what_is_forbidden_here_is_the_collectors(root: Path) -> None:
    assert {"numpy", "sqlalchemy", "fastapi", "duckdb", "pyarrow", "jinja2", "hardcase_collector"} <= set(
        forbidden_modules(root)
    )
    assert not {"grpc", "google", "psutil", "pyipmi", "pysnmp", "cryptography"} & set(forbidden_modules(root))


def test_probe_and_doctor_run_without_anything_of_the_collector(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f'state_dir = "{tmp_path}"\n[snmp]\n')
    probed = run(root, RUN, "--config", str(config), "probe", "--json")
    assert probed.returncode == 0, probed.stderr
    assert "host.filesystems@local" in {one["source"] for one in json.loads(probed.stdout)}
    examined = run(root, RUN, "--config", str(config), "doctor", "--json")
    assert examined.returncode in (0, 1), examined.stderr
    assert json.loads(examined.stdout)[0]["source"] == "agent"


def test_the_service_loads_no_heavy_library_before_something_asks_for_it(root: Path) -> None:
    loaded = run(root, LOADED)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"pysnmp", "pyipmi", "cryptography", "hardcase_collector"} & set(json.loads(loaded.stdout))


async def test_a_wheel_made_here_holds_the_agent_and_its_command(root: Path, tmp_path: Path) -> None:
    if not (root / "pyproject.toml").exists():
        pytest.skip("not a source tree")
    build = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "-w", str(tmp_path), str(root)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )
    async with asyncio.timeout(90):
        said, _ = await build.communicate()
    assert build.returncode == 0, said.decode()
    (wheel,) = [name for name in os.listdir(tmp_path) if name.endswith(".whl")]
    target = tmp_path / "site"
    install = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"),
        *("--target", str(target), str(tmp_path / wheel)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        said, _ = await install.communicate()
    assert install.returncode == 0, said.decode()
    script = f"import sys; sys.path.insert(0, {str(target)!r})\n" + RUN.format(
        forbidden=set(forbidden_modules(root)), arguments=["--version"]
    )
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path
    )
    async with asyncio.timeout(90):
        out, err = await ran.communicate()
    assert (ran.returncode, out.decode().startswith("hardcase-agent ")) == (0, True), err.decode()
