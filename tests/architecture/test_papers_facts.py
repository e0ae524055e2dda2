"""What the papers state is so: numbers, lists, examples, links. Files and commands are `test_papers.py`'s matter."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.capture import Flaw
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason, Kind
from hardcase_agent.helper import allowed_ipmi, array_tools, table
from hardcase_agent.sensors.catalogue import FAMILIES
from hardcase_agent.sensors.decoders import DECODERS
from hardcase_agent.sensors.snmp import profile_tables
from hardcase_agent.sensors.snmp.profile import shipped_profiles
from hardcase_collector.domain.advice import Safety
from hardcase_collector.rules import vocabulary
from hardcase_collector.rules.sheet import Condition
from hardcase_collector.rules.sheet_reader import check_sheets, load_sheets

PROFILES = "agent/hardcase_agent/sensors/snmp/profiles/README.md"
PAPERS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "agent/README.md",
    "collector/README.md",
    "protos/README.md",
    PROFILES,
)
WORD = re.compile(r"`([^`]+)`")


def read(root: Path, paper: str) -> str:
    return (root / paper).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {heading!r}"
    return found[1]


def first_column(text: str) -> set[str]:
    """Words in backticks of the first cell of each row."""
    return {word for row in re.findall(r"^\| (.*?) \|", text, re.MULTILINE) for word in WORD.findall(row)}


def table_of(text: str, heading: str) -> str:
    """The rows of the table whose first heading is this."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None, f"no table {heading!r}"
    return found[1]


def bullet(text: str, heading: str) -> list[str]:
    found = re.search(rf"^\* \*\*{re.escape(heading)}\*\*(.*?)(?=^\* |\n\n)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no line on {heading!r}"
    return WORD.findall(found[1])


def test_over_so_many_is_true_and_not_long_out_of_date(root: Path) -> None:
    book = load_sheets()
    there = {"profiles": len(shipped_profiles()), "rules": len(book.rules)}
    said = [
        (paper, int(number), what)
        for paper in PAPERS
        for number, what in re.findall(r"[Oo]ver (\d+) (?:TOML )?(profiles|rules|files)", read(root, paper))
    ]
    assert {what for _, _, what in said} >= set(there)
    for paper, number, what in said:
        count = there["profiles" if what == "files" else what]
        assert number < count < number * 1.5, (paper, what)


def test_the_vendor_of_every_snmp_profile_is_named(root: Path) -> None:
    named = table_of(read(root, "README.md"), "by SNMP").casefold()
    assert [one.name for one in shipped_profiles() if one.title.split()[0].casefold() not in named] == []


def test_readme_lists_the_families_and_the_kinds_of_captures(root: Path) -> None:
    text = read(root, "README.md")
    assert first_column(table_of(text, "family")) == {family.name for family in FAMILIES}
    assert first_column(table_of(text, "kind")) == {decoder.kind for decoder in DECODERS}


def output(root: Path, command: str) -> bytes:
    """What a pipe of the two programs' commands prints; no shell."""
    given = b""
    for words in (part.split() for part in command.split(" | ")):
        done = subprocess.run(
            [str(Path(sys.executable).parent / words[0]), *words[1:]],
            input=given,
            cwd=root,
            capture_output=True,
            timeout=240,
            check=False,
        )
        # 1: something is not good, and the output says so.
        assert done.returncode in (0, 1), done.stderr
        given = done.stdout
    assert given, command
    return given


def run(root: Path, command: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output(root, command).splitlines()]


def test_the_captures_in_readme_say_what_is_shown(root: Path, tmp_path: Path) -> None:
    text = section(read(root, "README.md"), "Captures from customers")
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    commands = re.search(r"```sh\n(hardcase-agent [^\n>]*?) > (\S+)\n(hardcase-collector [^\n]*?)\2\n```", text)
    assert commands is not None
    decoded = run(root, commands[1])
    judged = run(root, f"{commands[1]} | {commands[3]}-")

    assert len(shown) == 2
    assert shown[0] in decoded
    assert shown[1] in judged


def keys(line: dict[str, Any], open_ended: tuple[str, ...] = ("facts", "advice")) -> Iterator[str]:
    for key, value in line.items():
        yield key
        if isinstance(value, dict) and key not in open_ended:
            yield from value


def test_every_key_that_decode_and_judge_print_is_described(root: Path) -> None:
    text = read(root, "protos/README.md")
    decoding = section(text, "Lines of `hardcase-agent decode`")
    judging = section(text, "Lines of `hardcase-collector judge`")
    captures = {
        "ipmitool": "ipmi_text/elist.txt",
        "sel": "sel/records.bin",
        "kernel-log": "kernel/guest.kmsg",
        "smart": "smart/guest-scsi/capture.json",
        "arrays": "arrays/guest-md-failed-member/mdstat",
        "snmp": "snmp/snmpd/numeric.snmpwalk",
    }
    for kind, name in captures.items():
        decode = f"hardcase-agent decode {kind} tests/golden/{name}"
        decoded = {key for line in run(root, decode) for key in keys(line)}
        judged = {key for line in run(root, f"{decode} | hardcase-collector judge - --why") for key in keys(line)}
        assert decoded - set(WORD.findall(decoding)) == set(), kind
        assert judged - set(WORD.findall(judging)) - set(WORD.findall(decoding)) == set(), kind


def test_the_closed_words_of_the_contract_are_those_of_both_programs(root: Path) -> None:
    text = read(root, "protos/README.md")
    kinds, reasons = bullet(text, "Kinds"), bullet(text, "Gap reasons")
    assert kinds == list(Kind)
    assert set(kinds) == vocabulary.KINDS
    assert reasons == list(GapReason)
    assert set(bullet(text, "Components")) == vocabulary.COMPONENTS
    assert {one.value for one in Component if one} <= vocabulary.COMPONENTS
    assert set(bullet(text, "States of a source")) - {"liveness"} == vocabulary.STATUSES
    assert first_column(table_of(text, "`kind` of an error")) == set(Flaw)


def test_the_example_sheet_is_valid_and_has_every_section(root: Path, tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", section(read(root, "collector/README.md"), "Sheets of rules"), re.DOTALL)
    assert found is not None
    sheet = tmp_path / "site.toml"
    sheet.write_text(found[1], encoding="utf-8")
    assert check_sheets([sheet]) == ()
    assert set(tomllib.loads(found[1])) == {"group", "class", "rule", "override", "join", "safety", "advice"}


def test_every_key_of_a_sheet_is_described(root: Path) -> None:
    text = section(read(root, "collector/README.md"), "Sheets of rules")
    folder = root / "collector/hardcase_collector/rules"
    taken = {
        key
        for file in ("sheet_reader.py", "sheet_rule.py")
        for key in re.findall(
            r"(?:table|inner)\.(?!wrong)\w+\(\s*\"(\w+)\"", (folder / file).read_text(encoding="utf-8")
        )
    }
    assert len(taken) > 40
    assert [
        key for key in sorted(taken) if not re.search(rf"`{key}`|^{key} = |[{{,] {key} = ", text, re.MULTILINE)
    ] == []
    assert first_column(table_of(text, "condition")) == set(Condition)
    assert [check for check in Safety if f"`{check}`" not in text] == []


def test_every_key_of_a_profile_is_described_and_no_other(root: Path) -> None:
    text = read(root, PROFILES)
    tables = {
        "`[[part]]`": profile_tables.PartTable,
        "`[[sensor]]`": profile_tables.SensorTable,
        "`[[trap]]`": profile_tables.TrapTable,
    }
    for heading, made in tables.items():
        assert first_column(section(text, heading)) == {one.name for one in dataclasses.fields(made)}
    of_file = {re.sub(r"[][]", "", word) for word in first_column(section(text, "The file"))} - {"map"}
    assert of_file == {one.name for one in dataclasses.fields(profile_tables.ProfileTable)}


def test_profiles_that_are_called_unsure_exist(root: Path) -> None:
    named = re.findall(r"`([a-z0-9_]+)`(?=[ ,])", section(read(root, PROFILES), "How sure").split("Where such")[0])
    assert len(named) > 5
    assert [name for name in named if not (root / PROFILES).with_name(f"{name}.toml").is_file()] == []


def test_the_helper_is_as_small_and_may_run_what_is_said(root: Path) -> None:
    text = section(read(root, "agent/README.md"), "The helper")
    size = re.search(r"Under ([\d,]+) lines", text)
    commands = re.search(r"lists the (\d+) IPMI\s+commands", text)
    assert size is not None
    assert commands is not None
    lines = sum(
        len(file.read_text(encoding="utf-8").splitlines())
        for file in (root / "agent/hardcase_agent/helper").glob("*.py")
    )
    assert lines < int(size[1].replace(",", ""))
    assert int(commands[1]) == sum(map(len, allowed_ipmi.ALLOWED.values()))
    builders = {re.sub(r"^(smartctl)-.*", r"\1", name) for name in table._BUILDERS}
    assert first_column(table_of(text, "tool")) == builders | set(array_tools.TOOLS)


def test_the_layers_are_those_of_the_import_contracts(root: Path) -> None:
    text = read(root, "ARCHITECTURE.md")
    contracts = tomllib.loads(read(root, "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    for program, name in (("agent", "Agent layers"), ("collector", "Collector layers")):
        row = re.search(rf"^\| {program} \| (.*?)(?:;.*)? \|$", text, re.MULTILINE)
        assert row is not None
        said = [set(WORD.findall(layer)) for layer in row[1].split(">")]
        (layers,) = [one["layers"] for one in contracts if one["name"] == name]
        assert said == [set(layer.split(" | ")) for layer in layers]


def test_the_package_tree_names_every_folder_and_only_those_that_exist(root: Path) -> None:
    tree = re.search(r"```\n(agent/hardcase_agent/ .*?)```", read(root, "ARCHITECTURE.md"), re.DOTALL)
    assert tree is not None
    named = set(re.findall(r"(?<![\w/])([a-z_]+)/(?=[\s;:])", tree[1]))
    tops = ("agent/hardcase_agent", "agent/hardcase_agent/sensors", "collector/hardcase_collector", "tests")
    there = {
        folder.name
        for top in tops
        for folder in (root / top).iterdir()
        if folder.is_dir() and any(folder.glob("*.py")) and not folder.name.startswith(("_", "."))
    }
    assert there - named == set()
    assert named - there - {"profiles", "sheets", "deploy", "tests"} == set()


def test_decisions_are_numbered_in_their_order(root: Path) -> None:
    numbers = re.findall(r"^(\d+)\. \*\*", section(read(root, "ARCHITECTURE.md"), "5. Decisions"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))


def test_the_types_of_the_flow_exist(root: Path) -> None:
    flow = section(read(root, "ARCHITECTURE.md"), "2. The flow, and the type that passes at each arrow").split("```")[1]
    named = set(re.findall(r"─([A-Z]\w+(?:, [A-Z]\w+)*)", flow))
    types = {word for names in named for word in names.split(", ")}
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for top in ("agent", "collector")
        for file in sorted((root / top).rglob("*.py"))
    )
    assert len(types) > 10
    assert [
        name for name in sorted(types) if not re.search(rf"^(?:class {name}\b|{name} = )", code, re.MULTILINE)
    ] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_links_lead_to_files_and_headings_that_exist(root: Path, paper: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", read(root, paper)):
        name, _, anchor = target.partition("#")
        file = (root / paper).parent / name if name else root / paper
        headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        if not file.exists() or (anchor and anchor not in anchors):
            broken.append(target)
    assert broken == []


def test_every_source_of_a_machine_without_settings_has_its_rights_written_down(root: Path, tmp_path: Path) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\nsysfs = "{tmp_path}"\n[helper]\nsocket = ""\n', encoding="utf-8")
    told = json.loads(output(root, f"hardcase-agent --config {settings} doctor --json"))
    rows = section(read(root, "agent/README.md"), "Rights each source needs")
    named = [word for row in re.findall(r"^\| [^|]+ \|([^|]*)\|", rows, re.MULTILINE) for word in WORD.findall(row)]
    sources = {line["source"].removesuffix("@local") for line in told} - {"agent", "helper", "machine", "collector"}
    assert len(sources) > 10
    assert [name for name in sorted(sources) if not any(fnmatch(name, word.split("@")[0]) for word in named)] == []


def test_every_event_code_that_a_rule_hears_is_a_word_of_the_contract(root: Path) -> None:
    words = set(WORD.findall(read(root, "protos/README.md")))
    after = {word.partition(".")[2] for word in words if word.startswith(("<component>.", "."))}
    rules = [rule for rule in load_sheets().rules if rule.condition is Condition.EVENT]
    heard = {code for rule in rules for _, codes in (*rule.codes, *rule.deasserted) for code in codes}
    alarms = {f"ups.{alarm}" for alarm in vocabulary.STATES["ups.alarm"]}
    known = words | alarms
    assert len(heard) > 100
    assert [code for code in sorted(heard) if code not in known and code.partition(".")[2] not in words | after] == []
