"""Service reports on paper: what stands on them, in both languages, and that the same paper is the same bytes."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace

import pytest
from hardcase_collector.domain.repair import ConsentChannel, RepairResult, ReplacedPart, ServiceReport
from hardcase_collector.press import ReportPress
from hardcase_collector.press.sheet import Grid, lay_out
from hardcase_collector.service.paper import Paper, PaperFacts, PaperLine, facts_of

NOON = 1_795_521_600_000
"""2026-11-24 12:00:00 UTC, 20:00 in Shanghai."""
FACTS = PaperFacts(
    case="HC-20261124-0001",
    customer="华东数据",
    site="上海一号机房",
    address="张江路 1 号",
    rack="A07",
    unit=12,
    time_zone="Asia/Shanghai",
    vendor="Dell Inc.",
    model="PowerEdge R750",
    serial="7ABC123",
    hostname="db1",
    fault_classes=("disk.failed",),
    part="disk Bay 3 ST4000",
    plan="gold-7x24x4",
    contract="K-77",
    reported_ms=NOON,
    arrived_ms=NOON + 3_600_000,
    finished_ms=NOON + 7_200_000,
    written_ms=NOON + 7_300_000,
    lines=(
        PaperLine(kind="labour", text="", amount="0.00", why="covered"),
        PaperLine(kind="part", text="ST4000 <4 TB>", amount="1250.50", why="years_over"),
    ),
    total="1250.50",
    currency="CNY",
    tax_note="含 13% 增值税",
)
REPORT = ServiceReport(
    case=1,
    number="HC-20261124-0001-R1",
    found="硬盘 3 号槽位故障灯亮 <b>",
    done="更换硬盘\n阵列重建完成",
    result=RepairResult.REPAIRED,
    engineer="李工",
    parts=(ReplacedPart(name="disk", slot="Bay 3", part_number="00AB", old_serial="ZC1", new_serial="ZC2"),),
    by="li",
    made_ms=NOON + 7_300_000,
)
PAPER = Paper(report=REPORT, facts=FACTS, titles={"disk.failed": "硬盘故障"})


def text_of(html: bytes) -> str:
    return html.decode()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            ["服务单", "硬盘故障", "2026-11-24 20:00", "2026-11-24 21:00", "已修复", "合计", "免费年限已过", "未签字"],
        ),
        ("en", ["Service report", "2026-11-24 20:00", "Repaired", "Total", "free years are over", "not signed"]),
    ],
)
def test_a_report_says_everything_in_its_language_and_the_time_of_the_site(language: str, words: list[str]) -> None:
    html = text_of(ReportPress().html(PAPER, language))
    for word in [*words, "7ABC123", "ZC1", "ZC2", "1250.50 CNY", "0.00 CNY", "李工", "A07, U12", "K-77", "张江路 1 号"]:
        assert word in html


def test_what_people_wrote_is_text_and_never_markup() -> None:
    html = text_of(ReportPress().html(PAPER, "zh"))
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "&lt;4 TB&gt;" in html
    assert ReportPress().pdf(PAPER, "zh").startswith(b"%PDF-")


def test_a_signature_stands_on_it_with_name_time_and_way() -> None:
    signed = replace(REPORT, signed_ms=NOON + 9_000_000, signed_by="张伟", channel=ConsentChannel.LINK)
    html = text_of(ReportPress().html(replace(PAPER, report=signed), "zh"))
    assert "张伟" in html
    assert "2026-11-24 22:30" in html
    assert "未签字" not in html


def test_a_drill_is_marked_as_one() -> None:
    drill = replace(PAPER, facts=replace(FACTS, rehearsal=True))
    assert "演练" in text_of(ReportPress().html(drill, "zh"))
    assert "演练" not in text_of(ReportPress().html(PAPER, "zh"))


def test_the_same_paper_is_the_same_bytes_and_another_one_is_not() -> None:
    other = replace(PAPER, report=replace(REPORT, found="other"))
    for kind in ("html", "pdf"):
        first = getattr(ReportPress(), kind)(PAPER, "zh")
        assert first == getattr(ReportPress(), kind)(PAPER, "zh")
        assert first != getattr(ReportPress(), kind)(other, "zh")


def glyphs(pdf: bytes) -> str:
    """Every character that the PDF's fonts map to text."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        raw = stream.strip(b"\r\n")
        if raw.endswith(b"~>"):
            raw = base64.a85decode(raw.removesuffix(b"~>"))
        try:
            text = zlib.decompress(raw)
        except zlib.error:
            continue
        if b"beginbfrange" in text or b"beginbfchar" in text:
            found += [chr(int(code, 16)) for code in re.findall(rb"<([0-9A-Fa-f]{4})>", text)]
    return "".join(found)


def test_the_pdf_embeds_the_chinese_that_it_uses() -> None:
    pdf = ReportPress().pdf(PAPER, "zh")
    assert b"/FontFile2" in pdf
    assert len(pdf) < 200_000
    shown = glyphs(pdf)
    for character in "服务单硬盘故障已修复张江路重建":
        assert character in shown


def test_a_long_report_goes_on_over_pages() -> None:
    long = replace(PAPER, report=replace(REPORT, done="很长的处理过程。" * 1200))
    assert ReportPress().pdf(long, "zh").count(b"/Type /Page\n") > 1


def test_facts_freeze_and_thaw() -> None:
    assert facts_of(FACTS.text()) == FACTS


def test_the_total_on_the_paper_is_the_quotes() -> None:
    grids = [one for one in lay_out(PAPER, "en").sections if isinstance(one, Grid)]
    assert grids[-1].lines[-1] == ("Total", "含 13% 增值税", "1250.50 CNY")


@pytest.mark.parametrize(("language", "plan"), [("en", "Gold 7x24, 4 hours"), ("zh", "金牌 7x24 4 小时")])
def test_the_plan_is_called_what_people_call_it(language: str, plan: str) -> None:
    titles = {"en": "Gold 7x24, 4 hours", "zh": "金牌 7x24 4 小时"}
    facts = facts_of(replace(FACTS, plan_titles=titles).text())
    shown = text_of(ReportPress().html(replace(PAPER, facts=facts), language))

    assert plan in shown
    assert "gold-7x24x4" not in shown


def test_a_paper_that_was_frozen_without_the_plans_title_is_still_printed() -> None:
    stored = json.loads(FACTS.text())
    del stored["plan_titles"]
    shown = text_of(ReportPress().html(replace(PAPER, facts=facts_of(json.dumps(stored))), "en"))

    assert "gold-7x24x4" in shown
