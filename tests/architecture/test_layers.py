"""The layering, the house rules and the generated code are tests."""

from __future__ import annotations

import ast
import filecmp
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = ("agent", "collector")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "misc"}


def sources(root: Path) -> list[Path]:
    return [
        path
        for package in SOURCES
        for path in sorted((root / package).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def test_the_layers_hold(root: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_says_what_lives_in_it(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path in sources(root)
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_no_module_has_a_name_where_things_go_to_be_lost(root: Path) -> None:
    lost = [str(path.relative_to(root)) for path in sources(root) if {path.stem, path.parent.name} & FORBIDDEN_NAMES]
    assert lost == []


def test_no_file_is_too_long_to_read(root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for path in sources(root)
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert long == {}


def test_the_lock_files_name_no_registry_and_pin_every_hash(root: Path) -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (root / lock).read_text(encoding="utf-8")
        assert not re.search(r"https?://|--index-url|--find-links", text)
        requirements = re.findall(r"^([a-z0-9][^\s=]*)==", text, re.MULTILINE)
        assert len(requirements) > 20
        blocks = re.split(r"^(?=[a-z0-9][^\s=]*==)", text, flags=re.MULTILINE)[1:]
        assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_generated_code_is_what_the_protos_say(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")
    protos = sorted((root / "protos/hardcase_protos/v1").glob("*.proto"))
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I", str(root / "protos")),
            *(f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}"),
            *map(str, protos),
        ],
        check=True,
        timeout=240,
    )
    made = sorted((tmp_path / "hardcase_protos/v1").glob("*.py"))
    assert len(made) == 2 * len(protos)
    stale = [
        one.name for one in made if not filecmp.cmp(one, root / "protos/hardcase_protos/v1" / one.name, shallow=False)
    ]
    assert stale == [], "run `make proto` and commit what it changes"


def test_every_message_and_field_of_the_wire_has_a_comment(root: Path) -> None:
    bare = []
    for proto in sorted((root / "protos/hardcase_protos/v1").glob("*.proto")):
        previous = ""
        for number, line in enumerate(proto.read_text(encoding="utf-8").split("\n"), 1):
            text = line.strip()
            declares = re.match(r"(message|service|enum|rpc) \w+|.* = \d+;", text)
            described = "//" in text or previous.startswith("//")
            if declares and not described and not text.startswith(("//", "reserved")):
                bare.append(f"{proto.name}:{number} {text}")
            previous = text
    assert bare == []
