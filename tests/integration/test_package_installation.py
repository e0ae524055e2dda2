"""Both packages through their lives on one machine: installed, used, upgraded, removed, installed again, purged.

In a Debian root without systemd running, as an image is built; a booted machine is `tests/vm`'s matter.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.peers.debian_root import DebianRoot, roomy_folder
from tests.peers.packages import AGENT, COLLECTOR, newer, package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2700), pytest.mark.xdist_group("packages")]

NAMES = (AGENT.name, COLLECTOR.name)
USERS = ("hardcase-agent", "hardcase-helper", "hardcase-collector")
EDITED = 'log_level = "debug"\n'
# Not what a tool of its own imports: __main__, and alembic its environment.
IMPORT_ALL = """
import importlib, pkgutil, sys
count = 0
for package in {packages!r}:
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not found.name.endswith(("__main__", "migrations.env")):
            importlib.import_module(found.name)
            count += 1
print(count)
"""


@dataclass
class Life:
    """What was seen after each step."""

    root: DebianRoot
    before: set[str]
    accounts: dict[str, list[str]]
    said: dict[str, str] = field(default_factory=dict)
    users: dict[str, dict[str, tuple[int, int] | None]] = field(default_factory=dict)
    folders: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    left: dict[str, set[str]] = field(default_factory=dict)

    def step(self, step: str, do: Callable[[], str]) -> None:
        self.said[step] = do()
        self.users[step] = {name: self.root.user(name) for name in USERS}
        self.left[step] = self.root.files() - self.before
        self.kept[step] = {
            name: self.root.path(name).read_text() for name in self.mine() if self.root.path(name).exists()
        }

    @staticmethod
    def mine() -> tuple[str, ...]:
        """What a site made: identity, a record in the spool, an edited configuration, a secret, the CA."""
        return (
            "var/lib/hardcase-agent/identity.json",
            "var/lib/hardcase-agent/spool/0001",
            "var/lib/hardcase-collector/pki/ca.key",
            "etc/hardcase/agent.toml",
            "etc/hardcase/collector.toml",
            "etc/hardcase/bmc.secret",
        )


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    packages = [package(name) for name in NAMES]
    with roomy_folder() as folder:
        root = DebianRoot(folder)
        upgrades = [newer(one, folder) for one in packages]
        made = Life(root, root.files(), root.accounts())
        made.step("installed", lambda: root.install(*packages))
        for name in ("etc/hardcase", "var/lib/hardcase-agent", "var/lib/hardcase-collector"):
            status = root.path(name).stat()
            made.folders[name] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
        made.step("used", lambda: use(root))
        made.step("upgraded", lambda: root.install(*upgrades))
        made.step("agent removed", lambda: root.run("dpkg", "-r", AGENT.name))
        made.step("agent installed again", lambda: root.install(upgrades[0]))
        made.step("agent purged", lambda: root.run("dpkg", "-P", AGENT.name))
        made.step("collector removed", lambda: root.run("dpkg", "-r", COLLECTOR.name))
        made.step("purged", lambda: root.run("dpkg", "-P", COLLECTOR.name))
        yield made


def use(root: DebianRoot) -> str:
    """What programs say, and what a site leaves behind; as the services' users where it is theirs."""
    said = [root.run(name, "--version") for name in NAMES]
    for product in (AGENT, COLLECTOR):
        script = IMPORT_ALL.format(packages=product.modules)
        said.append(root.run(f"{product.prefix}/bin/python", "-I", "-c", script))
    said.append(root.run("hardcase-collector", "init", "--name", "collector.example.com"))
    agent = root.user("hardcase-agent")
    assert agent is not None
    for name in ("identity.json", "spool/0001"):
        path = root.path(f"var/lib/hardcase-agent/{name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"of this machine: {name}\n")
        os.chown(path, *agent)
    for name in ("agent", "collector"):
        sample = root.path(f"etc/hardcase/{name}.toml")
        sample.write_text(re.sub(r"^log_level = .*\n", EDITED, sample.read_text(), flags=re.MULTILINE))
    root.path("etc/hardcase/bmc.secret").write_text("not told\n")
    wanted = root.path("etc/systemd/system/multi-user.target.wants/hardcase-agent.service")
    wanted.symlink_to("/usr/lib/systemd/system/hardcase-agent.service")
    override = root.path("etc/systemd/system/hardcase-helper.service.d/override.conf")
    override.parent.mkdir()
    override.write_text("[Service]\nUser=root\n")
    return "".join(said)


def test_the_programs_run_and_every_module_of_theirs_is_found(life: Life) -> None:
    version = re.findall(r"^hardcase-(?:agent|collector) (\S+)$", life.said["used"], re.MULTILINE)
    counts = [int(number) for number in re.findall(r"^(\d+)$", life.said["used"], re.MULTILINE)]

    assert len(version) == 2
    assert len(set(version)) == 1
    assert min(counts) > 100
    assert "sha256:" in life.said["used"]


def test_users_and_folders_are_made_for_the_services_alone(life: Life) -> None:
    users = life.users["installed"]

    assert None not in users.values()
    assert len({user[0] for user in users.values() if user}) == 3
    assert life.folders["etc/hardcase"] == (0o755, 0, 0)
    for name in ("hardcase-agent", "hardcase-collector"):
        assert life.folders[f"var/lib/{name}"] == (0o700, *(users[name] or ()))


def test_the_installation_says_what_comes_next_and_an_upgrade_does_not_repeat_it(life: Life) -> None:
    for step in ("hardcase-agent enroll", "systemctl enable --now hardcase-agent", "hardcase-collector init"):
        assert step in life.said["installed"]
        assert step not in life.said["upgraded"]
    # Who is enrolled is not told to enrol either.
    assert "enroll" not in life.said["agent installed again"]


def test_an_upgrade_keeps_spool_certificates_and_configuration(life: Life) -> None:
    assert set(life.kept["used"]) == set(life.mine())
    assert life.kept["upgraded"] == life.kept["used"]
    assert EDITED in life.kept["upgraded"]["etc/hardcase/agent.toml"]
    assert life.users["upgraded"] == life.users["installed"]


def test_a_removal_keeps_what_a_later_installation_goes_on_with(life: Life) -> None:
    assert life.kept["agent removed"] == life.kept["used"]
    assert life.kept["agent installed again"] == life.kept["used"]
    assert life.users["agent removed"] == life.users["installed"]
    assert life.kept["collector removed"] == life.kept["agent purged"]
    for step, name in (("agent removed", AGENT.name), ("collector removed", COLLECTOR.name)):
        assert not [file for file in life.left[step] if file.startswith(("opt/", "usr/")) and name in file]


def test_using_the_programs_leaves_nothing_below_opt(life: Life) -> None:
    made = {name for name in life.left["used"] - life.left["installed"] if name.startswith("opt/")}
    assert made == set()


def test_purging_one_of_two_leaves_the_other_whole(life: Life) -> None:
    users = life.users["agent purged"]

    assert users == {"hardcase-agent": None, "hardcase-helper": None, "hardcase-collector": users["hardcase-collector"]}
    assert users["hardcase-collector"] is not None
    assert {name for name in life.kept["agent purged"]} == {
        "var/lib/hardcase-collector/pki/ca.key",
        "etc/hardcase/collector.toml",
        # Whose it is cannot be told; the last of the two takes it.
        "etc/hardcase/bmc.secret",
    }
    assert not [name for name in life.left["agent purged"] if "hardcase-agent" in name or "hardcase-helper" in name]


def test_purging_leaves_nothing_behind(life: Life) -> None:
    assert life.left["purged"] == set()
    assert life.root.accounts() == life.accounts
    assert life.before - life.root.files() == set()


def test_no_device_stays_with_a_group_that_is_gone() -> None:
    """A group's number is given again some day."""
    with roomy_folder() as folder:
        root = DebianRoot(folder)
        root.install(package(AGENT.name))
        helper = root.user("hardcase-helper")
        assert helper is not None
        device = root.path("dev/ipmi0")
        os.mknod(device, 0o660 | stat.S_IFCHR, os.makedev(1, 3))
        os.chown(device, 0, helper[1])
        root.run("dpkg", "-P", AGENT.name)
        status = device.stat()

    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o600)


def test_a_host_with_the_drop_in_file_is_enabled_by_the_installation() -> None:
    with roomy_folder() as folder:
        root = DebianRoot(folder)
        join = root.path("etc/hardcase/join.toml")
        join.parent.mkdir()
        join.write_text("# of the site\n")
        join.chmod(0o600)
        said = root.install(package(AGENT.name))
        status = join.stat()
        wanted = root.path("etc/systemd/system/multi-user.target.wants/hardcase-agent.service")
        enabled = wanted.is_symlink()
        agent = root.user("hardcase-agent")
        root.run("dpkg", "-P", AGENT.name)
        left = [path for path in (join, wanted) if path.exists() or path.is_symlink()]

    assert "enroll" not in said
    assert enabled
    assert agent is not None
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, agent[1], 0o640)
    assert left == []
