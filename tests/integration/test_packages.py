"""The packages as files: what is in them, what they ask for, that they are the same wherever they are made."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hardcase_agent
import hardcase_collector
import pytest

from deploy.packages import deb, making, staging, wheelhouse
from deploy.packages.product import PRODUCTS, Product
from tests.peers.debian_root import roomy_folder
from tests.peers.packages import AGENT, COLLECTOR, package

pytestmark = [pytest.mark.xdist_group("packages"), pytest.mark.timeout(1800)]

LARGEST_AGENT = 15_000_000
UNCHECKED = 1
"""Second word of a .pyc (PEP 552): found by its hash, which nobody compares."""


@dataclass(frozen=True)
class Deb:
    product: Product
    path: Path
    tree: Path
    """Unpacked."""
    control: Path
    """Control file and scripts."""
    members: list[tarfile.TarInfo]

    def field(self, name: str) -> str:
        found = re.search(rf"^{name}: (.*)$", (self.control / "control").read_text(), re.MULTILINE)
        assert found is not None, name
        return found[1]

    def files(self) -> list[Path]:
        return [path for path in self.tree.rglob("*") if path.is_file() and not path.is_symlink()]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module", params=[one.name for one in PRODUCTS])
def made(request: pytest.FixtureRequest) -> Iterator[Deb]:
    with roomy_folder() as folder:
        yield unpacked(request.param, folder)


def unpacked(name: str, folder: Path) -> Deb:
    path = package(name)
    (product,) = (one for one in PRODUCTS if one.name == name)
    run("dpkg-deb", "--control", str(path), str(folder / "control"))
    run("dpkg-deb", "--extract", str(path), str(folder / "tree"))
    content = folder / "content.tar"
    with content.open("wb") as out:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(path)], check=True, stdout=out, timeout=300)
    with tarfile.open(content) as archive:
        members = archive.getmembers()
    content.unlink()
    return Deb(product, path, folder / "tree", folder / "control", members)


def test_one_version_stands_everywhere(root: Path, made: Deb) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert newest is not None
    assert newest[1] == project
    assert (hardcase_agent.__version__, hardcase_collector.__version__) == (project, project)
    assert made.field("Version") == f"{project}-1"
    assert made.path.name == f"{made.product.name}_{project}-1_{deb.architecture()}.deb"


def test_the_package_asks_for_the_python_it_was_made_for(made: Deb) -> None:
    asked = made.field("Depends").split(", ")

    assert {"python3 (>= 3.11)", "python3 (<< 3.12)"} <= set(asked)
    assert "libc6 (>= 2.34)" in asked
    assert int(made.field("Installed-Size")) == pytest.approx(
        sum(path.stat().st_size for path in made.files()) / 1024, rel=0.1
    )


def test_everything_is_roots_and_nobody_else_may_write(made: Deb) -> None:
    for one in made.members:
        assert (one.uid, one.gid, one.uname, one.gname) == (0, 0, "root", "root"), one.name
        if one.isfile():
            runs = Path(one.name).parent.name == "bin"
            assert one.mode == (0o755 if runs else 0o644), one.name
        elif one.isdir():
            assert one.mode == 0o755, one.name
        else:
            assert one.issym(), one.name


def test_nothing_names_the_machine_that_made_it(root: Path, made: Deb) -> None:
    traces = [str(root).encode(), str(wheelhouse.cache()).encode(), f"/{made.product.name}-".encode() + b"tree"]
    found = [
        str(path.relative_to(made.tree)) for path in made.files() if any(trace in path.read_bytes() for trace in traces)
    ]
    assert found == []


def test_the_virtual_environment_is_debians_python_and_the_programs_are_linked(made: Deb) -> None:
    prefix, name = made.product.prefix.lstrip("/"), made.product.name

    assert (made.tree / prefix / "bin/python").readlink() == Path("/usr/bin/python3")
    assert (made.tree / "usr/bin" / name).readlink() == Path(f"/{prefix}/bin/{name}")
    assert (made.tree / prefix / "bin" / name).read_text().startswith(f"#!/{prefix}/bin/python -I\n")
    assert "include-system-site-packages = false" in (made.tree / prefix / "pyvenv.cfg").read_text()
    assert {path.name for path in (made.tree / prefix / "bin").iterdir()} == {"python", name}


def test_every_module_is_compiled_once_and_for_all(made: Deb) -> None:
    site = made.tree / made.product.prefix.lstrip("/") / "lib/python3.11/site-packages"
    sources = list(site.rglob("*.py"))

    assert len(sources) > 300
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
        with compiled.open("rb") as file:
            head = file.read(8)
        assert int.from_bytes(head[4:], "little") == UNCHECKED, source


def test_nothing_is_in_it_that_no_program_needs(made: Deb) -> None:
    site = made.tree / made.product.prefix.lstrip("/") / "lib/python3.11/site-packages"
    names = {path.name for path in site.iterdir()}
    other = COLLECTOR if made.product is AGENT else AGENT

    assert not names & {"pip", "setuptools", "hatchling", "pytest", "pycparser", other.modules[0]}
    assert not [path for path in site.rglob("*") if path.suffix in (".pyi", ".h", ".c", ".pyx")]
    assert not [path for path in site.rglob("tests") if path.is_dir()]
    assert [path.name for path in site.glob("hardcase-*.dist-info")]


def test_the_licence_of_everybodys_work_is_there(made: Deb) -> None:
    site = made.tree / made.product.prefix.lstrip("/") / "lib/python3.11/site-packages"
    bare = {
        folder.name.split("-")[0]
        for folder in site.glob("*.dist-info")
        if not [path for path in folder.rglob("*") if re.match(r"(?i)licen[sc]e|copying", path.name)]
    }
    # Whose wheels bring none; their meta-data name it.
    assert all("License" in (site.glob(f"{name}-*.dist-info").__next__() / "METADATA").read_text() for name in bare)
    assert (made.tree / "usr/share/doc" / made.product.name / "copyright").exists()


def test_the_agent_is_small() -> None:
    assert package(AGENT.name).stat().st_size <= LARGEST_AGENT


def test_what_a_site_changes_is_a_conffile(root: Path, made: Deb) -> None:
    listed = (made.control / "conffiles").read_text().splitlines()
    sample = f"{made.product.short}.toml"

    assert listed == [f"/etc/hardcase/{sample}"]
    assert (made.tree / "etc/hardcase" / sample).read_text() == (made.product.folder / sample).read_text()


def test_every_file_has_its_sum(made: Deb) -> None:
    sums = dict(line.split("  ", 1)[::-1] for line in (made.control / "md5sums").read_text().splitlines())

    assert set(sums) == {str(path.relative_to(made.tree)) for path in made.files()}
    for name, said in sums.items():
        assert hashlib.md5((made.tree / name).read_bytes()).hexdigest() == said, name


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_the_scripts_are_plain_shell_that_stops_at_the_first_mistake(made: Deb, script: str) -> None:
    path = made.control / script
    text = path.read_text()

    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    assert path.stat().st_mode & 0o777 == 0o755
    run("sh", "-n", str(path))
    assert not re.search(r"\[\[|\bfunction\b|\blocal\b|==", text)


def test_every_program_and_page_that_a_unit_names_is_in_the_package(made: Deb) -> None:
    units = sorted((made.tree / "usr/lib/systemd/system").iterdir())

    assert units
    for unit in units:
        text = unit.read_text()
        for program in re.findall(r"^ExecStart=(\S+)", text, re.MULTILINE):
            assert (made.tree / program.lstrip("/")).parent.is_dir(), program
            assert (made.tree / program.lstrip("/")).is_symlink() or (made.tree / program.lstrip("/")).is_file()
        pages = re.findall(r"man:([\w.-]+)\((\d)\)", text)
        assert pages, unit.name
        for name, part in pages:
            assert (made.tree / f"usr/share/man/man{part}/{name}.{part}.gz").exists(), name


def test_two_builds_of_one_commit_are_the_same_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = wheelhouse.wheels(AGENT)[0].parent
    made, sources = [], making._state(AGENT)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for name in ("one", "other"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        wheelhouse.cache().mkdir(parents=True)
        (wheelhouse.cache() / "wheels").symlink_to(wheels)
        made.append(making.make(AGENT, "deb", tmp_path / f"{name}-out").read_bytes())
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    if making._state(AGENT) != sources:
        pytest.skip("the sources were changed between the two")

    assert hashlib.sha256(made[0]).hexdigest() == hashlib.sha256(made[1]).hexdigest()


def test_a_package_is_not_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_state", lambda _product: "unchanged")
    first = package(AGENT.name, out=tmp_path)
    before = first.stat().st_mtime_ns

    assert package(AGENT.name, out=tmp_path).stat().st_mtime_ns == before
    assert package(AGENT.name, out=tmp_path, revision=2).name == first.name.replace("-1_", "-2_")


def test_the_wheels_of_a_package_are_those_that_its_extras_bring_along() -> None:
    agent = {pin.name for pin in wheelhouse.closure(AGENT)}
    collector = {pin.name for pin in wheelhouse.closure(COLLECTOR)}

    assert {"grpcio", "protobuf", "cryptography", "psutil", "pysnmp", "python-ipmi", "pyasn1", "cffi"} <= agent
    assert not agent & {"numpy", "pyarrow", "duckdb", "sqlalchemy", "pydantic", "fastapi", "pip", "hatchling", "pytest"}
    assert {"numpy", "duckdb", "sqlalchemy", "psycopg-binary", "argon2-cffi", "click"} <= collector
    assert not collector & {"hatchling", "pysnmp", "colorama", "pytest"}


def test_a_wheel_that_is_not_what_the_lock_says_is_not_taken(tmp_path: Path) -> None:
    (pin,) = (pin for pin in wheelhouse.closure(AGENT) if pin.name == "pyasn1")
    (good,) = (path for path in wheelhouse.wheels(AGENT) if path.name.startswith("pyasn1-"))
    copy = tmp_path / good.name
    shutil.copyfile(good, copy)

    assert wheelhouse._held([pin], tmp_path) == {"pyasn1": copy}
    copy.write_bytes(good.read_bytes() + b"\0")
    assert wheelhouse._held([pin], tmp_path) == {}


def test_a_lock_that_is_behind_the_project_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = wheelhouse.read_lock(wheelhouse.ROOT / "requirements.lock")
    del pins["psutil"]
    monkeypatch.setattr(wheelhouse, "read_lock", lambda _path: pins)

    with pytest.raises(wheelhouse.LockError, match="psutil"):
        wheelhouse.closure(AGENT)


def test_wheels_that_cannot_be_had_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(wheelhouse.FetchError, match="grpcio"):
        wheelhouse.wheels(AGENT)


def test_the_lines_of_the_readme_are_those_that_install_and_join(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^(The collector|Each server):\n\n```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    enrolment = subprocess.run(
        [str(Path(sys.executable).parent / "hardcase-agent"), "enroll", "--help"],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    ).stdout

    for heading, product in (("The collector", COLLECTOR), ("Each server", AGENT)):
        first, *rest = blocks[heading].splitlines()
        name = f"{product.name}_{staging.version()}-1_{deb.architecture()}.deb"
        assert first.split("#")[0].split() == ["apt", "install", f"./{name}"]
        assert f"systemctl enable --now {product.name}" in rest[1]
    (joining,) = (line for line in blocks["Each server"].splitlines() if line.startswith("hardcase-agent enroll"))
    options = re.findall(r"(--[a-z-]+)", joining)
    assert options
    assert [one for one in options if one not in enrolment] == []
