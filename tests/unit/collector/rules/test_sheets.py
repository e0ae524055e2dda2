"""Sheets: what they may say, that every mistake is told with its line, and that texts and words are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules import vocabulary
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.rules.sheet_reader import check_sheets, load_sheets, read_sheets
from hardcase_collector.rules.sheet_values import Mistakes
from hardcase_collector.sheets.lines import key_lines

from tests.unit.collector.rules.feeds import BOOK

PROTOS = Path(__file__).parents[4] / "protos" / "README.md"

GOOD = """\
[group.thermal]
title = { en = "Cooling", zh = "散热" }

[class."thermal.hot"]
title = { en = "Hot", zh = "过热" }
meaning = { en = "It is hot.", zh = "很热。" }
group = "thermal"
self_clearing = true
soak = "30m"

[rule.hot]
class = "thermal.hot"
condition = "limits"
side = "upper"
match = { kind = ["temperature"] }
levels = { warning = 80, major = 90 }
debounce = "2 of 3"

[safety.power_off]
text = { en = "Shut it down.", zh = "请关机。" }

[advice.heat]
classes = ["thermal.hot"]
confirm = { en = ["Touch it."], zh = ["触摸确认。"] }
likely_part = { en = "Fan", zh = "风扇" }
hot_swappable = "no"
steps = { en = ["Replace it."], zh = ["更换。"] }
vendor_asks = { en = ["Serial number"], zh = ["序列号"] }
safety = ["power_off"]
"""


def mistakes_of(text: str) -> list[str]:
    mistakes = Mistakes()
    read_sheets({"a.toml": text}, mistakes)
    return list(mistakes.lines())


def test_a_good_sheet_has_no_mistake() -> None:
    assert mistakes_of(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ('side = "upper"', 'side = "upper"\ncolour = "red"', 15, "rule.hot.colour", "unknown key"),
        ('debounce = "2 of 3"', "debounce = 2", 17, "rule.hot.debounce", "2 of 3"),
        ('debounce = "2 of 3"', 'debounce = "4 of 3"', 17, "rule.hot.debounce", "2 of 3"),
        ('debounce = "2 of 3"', 'debounce = "1 of 6"', 17, "rule.hot.debounce", "same time"),
        (
            'title = { en = "Hot", zh = "过热" }',
            'title = { en = "Hot" }',
            5,
            "class.thermal.hot.title.zh",
            "translation",
        ),
        ('meaning = { en = "It is hot.", zh = "很热。" }', "", 4, "class.thermal.hot.meaning", "text in each"),
        ('soak = "30m"', 'soak = "soon"', 9, "class.thermal.hot.soak", "duration"),
        ("self_clearing = true", 'self_clearing = "yes"', 8, "class.thermal.hot.self_clearing", "true or false"),
        ("major = 90", "major = 70", 16, "rule.hot.levels", "must lie above"),
        ("major = 90", 'major = "90"', 16, "rule.hot.levels.major", "must be a number"),
        ("major = 90", "terrible = 90", 16, "rule.hot.levels.terrible", "must be one of"),
        ('class = "thermal.hot"', 'class = "thermal.mild"', 12, "rule.hot.class", "unknown fault class"),
        ('condition = "limits"', 'condition = "magic"', 13, "rule.hot.condition", "must be one of"),
        ('["temperature"]', '["heat"]', 15, "rule.hot.match.kind", "unknown kind"),
        ('group = "thermal"', 'group = "cooling"', 7, "class.thermal.hot.group", "unknown repair group"),
        ('kind = ["temperature"]', 'quantity = ["disk.heat"]', 15, "rule.hot.match.quantity", "unknown quantity"),
        ("[group.thermal]", "[groups.thermal]", 1, "groups", "unknown key"),
    ],
)
def test_each_mistake_is_told_with_file_line_and_key(old: str, new: str, line: int, key: str, says: str) -> None:
    assert old in GOOD

    told = mistakes_of(GOOD.replace(old, new))

    assert any(entry.startswith(f"a.toml:{line}: {key}: ") and says in entry for entry in told), told


def test_a_class_without_advice_is_refused() -> None:
    told = mistakes_of(GOOD[: GOOD.index("[advice.heat]")])

    assert told == [":1: class.thermal.hot: no advice names this fault class"]


@pytest.mark.parametrize("key", ["confirm", "likely_part", "steps", "vendor_asks"])
def test_advice_in_one_language_alone_is_refused(key: str) -> None:
    text = re.sub(rf"({key} = {{ en = .*?), zh = .*", r"\1 }", GOOD)
    assert text != GOOD

    assert any(f"advice.heat.{key}.zh" in entry for entry in mistakes_of(text))


def test_a_class_that_only_people_report_needs_no_rule_and_may_have_none() -> None:
    by_people = GOOD.replace('soak = "30m"', 'soak = "0s"\nreported = "major"')
    assert mistakes_of(by_people) == [":1: class.thermal.hot: people report this fault class: no rule may show it"]

    start, end = by_people.index("[rule.hot]"), by_people.index("[safety.power_off]")
    assert mistakes_of(by_people[:start] + by_people[end:]) == []
    assert mistakes_of(GOOD[: GOOD.index("[rule.hot]")] + GOOD[GOOD.index("[safety.power_off]") :]) == [
        ":1: class.thermal.hot: no rule shows this fault class"
    ]


def test_people_may_report_every_component_into_the_group_that_telemetry_uses() -> None:
    found = {category.fault_class: category for category in BOOK.categories()}

    assert {category.component for category in found.values()} == vocabulary.COMPONENTS
    assert {f"{component}.reported" for component in vocabulary.COMPONENTS} <= set(found)
    by_rules = {rule.fault_class.name: rule.fault_class.group for rule in BOOK.rules}
    for category in found.values():
        groups = {group for name, group in by_rules.items() if name.partition(".")[0] == category.component}
        assert not groups or category.group in groups, category


def test_a_safety_check_without_a_text_is_refused() -> None:
    told = mistakes_of(GOOD.replace('[safety.power_off]\ntext = { en = "Shut it down.", zh = "请关机。" }\n', ""))

    assert told == [":1: safety.power_off: advice asks for this check, and it has no text"]


def test_an_unknown_component_is_a_mistake() -> None:
    told = mistakes_of(GOOD.replace("thermal.hot", "toaster.hot"))

    assert any("unknown component 'toaster'" in entry for entry in told)


def test_all_mistakes_of_all_sheets_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[rule.one]\nclass = "x"\n', encoding="utf-8")
    (tmp_path / "b.toml").write_text("[rule.two\n", encoding="utf-8")
    (tmp_path / "c.toml").write_text('[override.o]\nmatch = {kind = ["fan"]}\nupper = {minor = 1}\n', encoding="utf-8")

    with pytest.raises(SheetError) as caught:
        load_sheets([tmp_path])

    told = caught.value.mistakes
    assert {Path(entry.partition(":")[0]).name for entry in told} == {"a.toml", "b.toml", "c.toml"}
    assert any("b.toml:1:" in entry and "not TOML" in entry for entry in told)
    assert any("override.o.reason" in entry and "is missing" in entry for entry in told)
    assert check_sheets([tmp_path]) == told


def test_two_rules_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[rule.psu-failed]\nclass = "psu.failed"\ncondition = "state"\n'
        'match = {quantity = ["psu.status"]}\nasserted = {minor = ["inactive"]}\n',
        encoding="utf-8",
    )

    (told,) = check_sheets([site])

    assert told.startswith(f"{site}:1: rule.psu-failed: rule is defined twice, first at power.toml:")


def test_a_state_that_the_quantity_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[rule.mine]\nclass = "psu.failed"\ncondition = "state"\n'
        'match = {quantity = ["psu.status"]}\nasserted = {minor = ["on_fire"]}\n',
        encoding="utf-8",
    )

    (told,) = check_sheets([site])

    assert "site.toml:5: rule.mine.asserted.minor" in told
    assert "on_fire" in told


def test_a_missing_file_is_told_and_not_raised(tmp_path: Path) -> None:
    (told,) = check_sheets([tmp_path / "none.toml"])

    assert "cannot be read" in told


def test_a_site_rule_costs_one_table(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[rule.my-inlet]\nclass = "thermal.hot"\ncondition = "limits"\nside = "upper"\n'
        'match = {kind = ["humidity"]}\nlevels = {minor = 80}\n',
        encoding="utf-8",
    )

    book = load_sheets([site])

    rule = book.rule("my-inlet")
    assert rule is not None
    assert rule.levels == ((Severity.MINOR, 80.0),)
    assert (rule.file, rule.line) == (str(site), 1)


def test_lines_are_found_through_quotes_arrays_and_long_texts() -> None:
    text = (
        'top = 1\n[a."b.c"]\nx = [\n  "[not.a.table]",\n]\ny = """\n[nor.this]\n"""\nz = \'\'\'\nq = 1\'\'\'\nw.v = 2\n'
    )

    lines = key_lines(text)

    assert lines == {
        ("top",): 1,
        ("a", "b.c"): 2,
        ("a", "b.c", "x"): 3,
        ("a", "b.c", "y"): 6,
        ("a", "b.c", "z"): 9,
        ("a", "b.c", "w", "v"): 11,
    }


@pytest.mark.parametrize("name", sorted(BOOK.classes))
def test_every_shipped_class_has_title_and_meaning_in_both_languages(name: str) -> None:
    known = BOOK.classes[name]

    for texts in (known.title, known.meaning):
        assert set(texts) == {"en", "zh"}
        assert re.search(r"[\u4e00-\u9fff]", texts["zh"])
        assert not re.search(r"[\u4e00-\u9fff]", texts["en"])


def test_the_vocabulary_is_that_of_the_wire() -> None:
    quantities: dict[str, str] = {}
    for row in PROTOS.read_text(encoding="utf-8").partition("\n## Lines of")[0].splitlines():
        if row.startswith(('| "" |', "| `")):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            for word in re.findall(r"`([^`]+)`", cells[0]) or [""]:
                quantities[word] = " ".join(cells[1:3])
    told = {word for word in quantities if not word.startswith("ipmi.")}

    assert told == set(vocabulary.STATES) | vocabulary.NUMBERS
    for word, states in vocabulary.STATES.items():
        named = re.findall(r"`([a-z0-9_]+)`", quantities[word])
        whole = "..." not in quantities[word] and "/" not in quantities[word]
        assert list(states) == named or (not whole and set(named) <= set(states)), word


def test_the_book_describes_each_rule_for_the_rules_command() -> None:
    rows = {row["rule"]: row for row in BOOK.describe()}

    assert len(rows) == len(BOOK.rules)
    assert rows["thermal-hot"]["levels"] == "the device's own"
    assert rows["psu-not-present"]["levels"] == "major not present"
    assert rows["sel-full"]["debounce"] == "1 of 1"
    assert rows["sel-full"]["from"].startswith("firmware.toml:")
    assert all(row["title_zh"] for row in rows.values())


def test_texts_fall_back_to_english_and_to_the_code() -> None:
    assert BOOK.text("psu.failed", "zh")[0] == "电源模块故障"
    assert BOOK.text("psu.failed", "fr")[0] == "Power supply failed"
    assert BOOK.text("no.such", "en") == ("no.such", "")
    assert BOOK.group_title("disk", "zh") == "硬盘"
    assert RuleBook().rules == ()
