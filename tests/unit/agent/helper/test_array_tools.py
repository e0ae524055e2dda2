"""RAID tools in the fixed table: whole argument lists, nothing that writes, nothing that is not one of the views."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, AgentError, ToolMissing
from hardcase_agent.helper.array_tools import TOOLS
from hardcase_agent.helper.table import Table
from hypothesis import given
from hypothesis import strategies as st

TABLE = Table(tools=dict.fromkeys(TOOLS, "/bin/true"))
READING = {"show", "all", "rebuild", "config", "detail", "ctrl", "LIST", "GETCONFIG", "AL", "DISPLAY", "status", "list"}
HARMLESS = {"J", "nolog", "nologs", "-NoLog", "-aALL", "-P", "/call", "/call/eall/sall", "/call/sall"}
MEGACLI = {"-PDList", "-LdPdInfo", "-EncInfo", "-AdpBbuCmd", "-GetBbuStatus"}


def test_every_word_of_every_view_only_reads() -> None:
    words = {word for tool in TOOLS.values() for view in tool.views.values() for word in view}
    assert {word for word in words if not word.startswith("{")} <= READING | HARMLESS | MEGACLI


@pytest.mark.parametrize("tool", ["storcli", "perccli"])
def test_tools_that_keep_logs_are_told_not_to(tool: str) -> None:
    for view in TOOLS[tool].views:
        assert TABLE.command(tool, (view,)).argv[-1] == "nolog"


def test_a_view_becomes_its_whole_argument_list() -> None:
    assert TABLE.command("storcli", ("drives",)).argv == ("/bin/true", "/call/eall/sall", "show", "all", "J", "nolog")
    assert TABLE.command("arcconf", ("config", "1")).argv == ("/bin/true", "GETCONFIG", "1", "AL", "nologs")
    assert TABLE.command("sas3ircu", ("display", "0")).argv == ("/bin/true", "0", "DISPLAY")


def test_one_tool_is_one_device_whatever_the_view() -> None:
    assert TABLE.command("storcli", ("drives",)).device == TABLE.command("storcli", ("controllers",)).device


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("storcli", ()),
        ("storcli", ("/c0", "delete")),
        ("storcli", ("drives", "delete")),
        ("ssacli", ("config", "delete")),
        ("arcconf", ("config",)),
        ("arcconf", ("config", "1 delete")),
        ("arcconf", ("config", "1", "2")),
        ("sas2ircu", ("display", "-1")),
        ("sas2ircu", ("display", "0\n")),
        ("mdadm", ("--detail", "/dev/md0")),
        ("zpool", ("destroy",)),
    ],
)
def test_what_is_no_view_is_refused(tool: str, said: tuple[str, ...]) -> None:
    with pytest.raises(AccessDenied):
        TABLE.command(tool, said)


def test_a_tool_that_is_not_installed_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="storcli is not installed"):
        Table(tools={"storcli": str(tmp_path / "nothing")}).command("storcli", ("drives",))


@given(st.sampled_from(sorted(TOOLS)), st.lists(st.text(max_size=12), max_size=3))
def test_no_other_words_ever_reach_a_tool(tool: str, said: list[str]) -> None:
    try:
        argv = TABLE.command(tool, said).argv
    except AgentError:
        return
    assert said[0] in TOOLS[tool].views
    assert len(argv) == 1 + len(TOOLS[tool].views[said[0]])
