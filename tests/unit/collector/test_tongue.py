"""The language of the command line, and catalogues that miss nothing the sources say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
import typer
from hardcase_collector import tongue
from hardcase_collector.cli import app
from hardcase_collector.commands import talk
from hardcase_collector.domain.errors import IllegalAction
from typer.testing import CliRunner

from tests.texts import catalogues

EVERY = list(catalogues.catalogues())
IDS = [f"{domain}-{language}" for domain, language, _, _ in EVERY]


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    tongue.speak("en")


@pytest.mark.parametrize(("domain", "language", "wanted", "only"), EVERY, ids=IDS)
def test_catalogues_say_all_that_the_sources_want(
    domain: str, language: str, wanted: catalogues.Wanted, only: bool
) -> None:
    assert catalogues.mistakes(domain, language, wanted) == [], "run `make texts` and fill in what it lists"


@pytest.mark.parametrize(("domain", "language", "wanted", "only"), EVERY, ids=IDS)
def test_catalogues_are_as_make_texts_writes_them(
    domain: str, language: str, wanted: catalogues.Wanted, only: bool
) -> None:
    path = catalogues.po_path(domain, language)
    fresh = catalogues.updated(catalogues.read(domain, language), wanted, language, only=only)

    assert path.read_bytes() == catalogues.as_po(fresh), "run `make texts`"
    assert path.with_suffix(".mo").read_bytes() == catalogues.as_mo(fresh), "run `make texts`"


@pytest.mark.parametrize(("domain", "language"), [(one[0], one[1]) for one in EVERY], ids=IDS)
def test_the_head_of_a_catalogue_names_no_person_date_tool_or_machine(domain: str, language: str) -> None:
    head = catalogues.po_path(domain, language).read_text(encoding="utf-8").split("\n\n")[0]

    assert re.findall(r'"([A-Za-z-]+):', head) == [
        "Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Plural-Forms",
    ]  # fmt: skip


def test_mistakes_are_found_in_a_bad_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    wanted = catalogues.Wanted()
    for message in ("absent", "empty", "unsure", "{who} said {what}", "right"):
        wanted.add(message)
    bad = catalogues.Plain("zh")
    bad.add("empty", "")
    bad.add("unsure", "也许", flags=("fuzzy",))
    bad.add("{who} said {what}", "{who} 说")
    bad.add("right", "对")
    catalogues.write(catalogues.po_path("messages", "zh"), catalogues.as_po(bad))

    assert sorted(catalogues.mistakes("messages", "zh", wanted)) == [
        "fuzzy: 'unsure'",
        "not in the catalogue: 'absent'",
        "not translated: 'empty'",
        "other placeholders: '{who} said {what}'",
    ]


@pytest.mark.parametrize(
    ("given", "environment", "spoken"),
    [
        ("zh", {"LANG": "en_US.UTF-8"}, "zh"),
        ("", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("", {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ("", {"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, "zh"),
        ("", {"LANG": "zh"}, "zh"),
        ("", {"LANG": "de_DE.UTF-8"}, "en"),
        ("", {}, "en"),
    ],
)
def test_the_language_is_the_option_then_the_environment_then_english(
    given: str, environment: dict[str, str], spoken: str
) -> None:
    assert tongue.chosen(given, environment) == spoken


@pytest.mark.parametrize(
    ("arguments", "language"),
    [(["--lang", "zh", "status"], "zh"), (["--lang=zh"], "zh"), (["status"], ""), (["--lang"], "")],
)
def test_the_option_is_read_ahead_of_the_parser(arguments: list[str], language: str) -> None:
    assert tongue.asked(arguments) == language


def test_a_command_answers_in_the_language_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LANG", raising=False)
    where = ["--socket", str(tmp_path / "nothing")]

    assert "采集中心没有运行" in CliRunner().invoke(app, ["--lang", "zh", *where, "status"]).output
    assert "the collector is not running" in CliRunner().invoke(app, [*where, "status"]).output
    assert "en or zh" in CliRunner().invoke(app, ["--lang", "tlh", "status"]).output


def test_what_a_command_itself_is_refused_for_is_told_in_the_language_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for language, told in (("zh", "state.sqlite 已存在"), ("en", "state.sqlite exists: say --replace")):
        tongue.speak(language)

        with pytest.raises(typer.Exit), talk.named_errors():
            raise IllegalAction("{file} exists: say --replace to put it aside", file="state.sqlite")

        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cases", "show"], "缺少参数"),
        (["cases", "queue", "--limit", "many"], "须为整数"),
        (["cases", "queue", "--limit", "0"], "至少为 1"),
        (["cases", "queue", "--nonsense"], "没有选项 --nonsense"),
        (["cases", "refuse", "HC-1"], "缺少选项"),
        (["cases", "show", "HC-1", "HC-2"], "多余的参数"),
    ],
)
def test_wrong_use_is_told_in_the_language_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    tongue.speak("zh")

    wrong = CliRunner().invoke(app, ["--lang", "zh", *arguments])

    assert (wrong.exit_code, told in wrong.output) == (2, True), wrong.output
    tongue.speak("en")
    assert told not in CliRunner().invoke(app, ["--lang", "en", *arguments]).output


def test_plurals_and_words_of_closed_sets_are_said_in_both_languages() -> None:
    one, many = "Good for {uses} use until {until}.", "Good for {uses} uses until {until}."
    assert (tongue.ngettext(one, many, 1), tongue.ngettext(one, many, 2)) == (one, many)
    assert (tongue.word("state.new"), tongue.heads("case", "")) == ("new", ("case", ""))

    tongue.speak("zh")

    assert tongue.ngettext(one, many, 1) == tongue.ngettext(one, many, 2) == "可使用 {uses} 次，有效期至 {until}。"
    assert (tongue.word("state.new"), tongue.heads("case", "")) == ("新建", ("工单", ""))
    assert tongue.word("state.never_heard_of") == "never_heard_of"


def calls(path: Path) -> Iterator[tuple[ast.Call, str, bool]]:
    """Every call in a module with its function's name, and whether the language is chosen when it runs."""

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[ast.Call, str, bool]]:
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield node, name, inside
        for field, value in ast.iter_fields(node):
            within = inside or (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and field == "body"
            )
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child, within)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False)


COMMANDS = [path for path in catalogues.sources() if path.parent.name == "commands" or path.name == "cli.py"]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_messages_are_literal_and_marked_where_the_language_is_known(path: Path) -> None:
    wrong = []
    for call, name, inside in calls(path):
        if name in ("_", "heads", "ngettext"):
            texts = call.args[:2] if name == "ngettext" else call.args
            if not inside or not all(isinstance(text, ast.Constant) for text in texts):
                wrong.append(f"line {call.lineno}: {name}() of what is no literal, or outside a function")
        elif name in ("say", "complain", "fail") and call.args and says_english(call.args[0]):
            wrong.append(f"line {call.lineno}: {name}() says a sentence that is not marked with _")
        elif name == "show_table":
            empty = [keyword.value for keyword in call.keywords if keyword.arg == "empty"]
            if any(says_english(text) for text in [*call.args[:1], *empty]) or says_heads(call.args[1:2]):
                wrong.append(f"line {call.lineno}: a table's title, headings or empty text is not marked")
    assert wrong == []


@pytest.mark.parametrize("path", catalogues.refusing(), ids=lambda path: path.stem)
def test_what_is_refused_is_a_literal_sentence_and_its_values(path: Path) -> None:
    """A sentence put together where it is refused would reach every reader in English."""
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        sentence = catalogues.sentence_of(node)
        if sentence is None:
            continue
        if not isinstance(sentence, ast.Constant):
            wrong.append(f"line {sentence.lineno}: {ast.unparse(sentence)}")
        elif (fillings := named(node)) is not None:
            places = {field for _, field, _, _ in Formatter().parse(str(sentence.value)) if field}
            if places != fillings and fillings:
                wrong.append(f"line {sentence.lineno}: {sorted(places)} filled with {sorted(fillings)}")
    assert wrong == []


def named(node: ast.AST) -> set[str] | None:
    """The names of what fills a sentence; None where it comes as a mapping."""
    assert isinstance(node, ast.Call)
    names = {keyword.arg for keyword in node.keywords}
    return None if None in names else {str(name) for name in names}


def says_english(node: ast.AST) -> bool:
    """A text, or text around values, with words of its own."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(re.search(r"[a-z]{2} [a-z]{2}|^[A-Z][a-z]+", node.value))
    if isinstance(node, ast.JoinedStr):
        said = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)).strip()
        # The programs' names, and what to type with them, are the same in every language.
        return bool(re.search(r"[a-z]{2}", said)) and not said.startswith("hardcase-")
    return isinstance(node, ast.IfExp) and (says_english(node.body) or says_english(node.orelse))


def says_heads(nodes: list[ast.expr]) -> bool:
    return any(
        isinstance(node, ast.Tuple | ast.List)
        and any(isinstance(word, ast.Constant) and word.value for word in node.elts)
        for node in nodes
    )
