"""What the plan commands say, in English and Chinese: words of closed sets, headings, durations. Used by `plans.py`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from hardcase_collector.plans.plan import Coverage, Moment, Price, Promise
from hardcase_collector.plans.told import promise_facts


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


_WORDS = {
    # clocks
    "acknowledge": ("acknowledge", "受理"),
    "remote_response": ("remote response", "远程响应"),
    "dispatch": ("dispatch", "派遣"),
    "on_site": ("on site", "到场"),
    "repair": ("repair", "修复"),
    "follow_up": ("follow-up", "回访"),
    "vendor": ("waiting for vendor", "等待厂商"),
    # states and forecasts
    "running": ("running", "计时中"),
    "paused": ("paused", "已暂停"),
    "met": ("met", "已达成"),
    "breached": ("breached", "已超时"),
    "waived": ("waived", "不适用"),
    "open": ("open", "未定"),
    "in_time": ("in time", "可按时"),
    "late": ("late", "将超时"),
    "over": ("over", "已结束"),
    # moments
    "reported": ("the report", "报告"),
    "acknowledged": ("acknowledgement", "受理"),
    "contacted": ("first contact", "首次联系"),
    "confirmed": ("confirmation", "确认"),
    "consented": ("consent", "客户同意"),
    "agreed": ("the agreed time", "约定时间"),
    "dispatched": ("dispatch", "派遣"),
    "arrived": ("arrival", "到场"),
    "repaired": ("repair", "修复"),
    "verified": ("verification", "验证"),
    "handed_to_vendor": ("hand-off to the vendor", "移交厂商"),
    "vendor_done": ("the vendor's end", "厂商完成"),
    "closed": ("closing", "关闭"),
    "followed_up": ("follow-up", "回访"),
    # reasons of the ledger, pauses and waivers
    "counted": ("counted", "计时"),
    "overdue": ("overdue", "超时"),
    "outside_hours": ("outside hours", "非服务时段"),
    "day_off": ("day off", "非服务日"),
    "after_cut_off": ("after cut-off", "截止时间后"),
    "earlier_priority": ("earlier priority", "调整优先级前"),
    "customer_deferral": ("customer deferral", "客户延期"),
    "waiting_for_customer": ("waiting for customer", "等待客户"),
    "waiting_for_part": ("waiting for part", "等待备件"),
    "waiting_for_vendor": ("waiting for vendor", "等待厂商"),
    "no_site_access": ("no site access", "无法入室"),
    "force_majeure": ("force majeure", "不可抗力"),
    "self_repair": ("self-repair accepted", "客户自行更换"),
    "set_up": ("contract being set up", "合同生效初期"),
    "priority": ("priority", "优先级"),
    "cancelled": ("cancelled", "已取消"),
    "reopened": ("reopened", "重新打开"),
    "handed_on": ("handed on", "再次移交"),
    # coverage
    "parts": ("parts", "配件"),
    "labour": ("labour", "人工"),
    "travel": ("travel", "差旅"),
    "quoted": ("quoted", "另行报价"),
    "pre_consent": ("consented beforehand", "事先同意"),
    "remote": ("remote", "远程"),
    "part": ("part", "更换配件"),
    "provider": ("served by", "服务方"),
    "vendor_itself": ("the vendor itself", "原厂"),
    "agent": ("an agent", "代理商"),
    "either": ("vendor or agent", "原厂或代理商"),
    "carry_in": ("carry-in", "送修"),
    "same_engineer": ("same engineer", "同一工程师"),
    "phone_for_life": ("phone for life", "终身电话支持"),
    "price": ("price", "价格"),
    "source": ("source", "依据"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "none": ("-", "-"),
    # headings
    "plan": ("plan", "服务计划"),
    "title": ("title", "名称"),
    "promise": ("promise", "承诺"),
    "clock": ("clock", "时钟"),
    "state": ("state", "状态"),
    "why": ("why", "原因"),
    "due": ("due", "到期"),
    "left": ("left", "剩余"),
    "used": ("used", "已用"),
    "forecast": ("forecast", "预测"),
    "started": ("started", "开始"),
    "stopped": ("stopped", "结束"),
    "from": ("from", "起"),
    "to": ("to", "止"),
    "length": ("length", "时长"),
    "reason": ("reason", "原因"),
    "by": ("by", "操作人"),
    "file": ("file", "文件"),
    "provisional": ("provisional: a year's official calendar is not known", "暂定：该年度官方日历未发布"),
}


def word(name: str, language: Language) -> str:
    """Raises KeyError for a word there is none for."""
    english, chinese = _WORDS[name]
    return chinese if language is Language.ZH else english


def duration(ms: int) -> str:
    """4h, 1h30m, -20m: people read hours; half a minute and more is a minute."""
    minutes = (abs(ms) + 30_000) // 60_000
    hours, rest = divmod(minutes, 60)
    text = (f"{hours}h" if hours else "") + (f"{rest}m" if rest or not hours else "")
    return f"-{text}" if ms < 0 and minutes else text


def promise(one: Promise | None, language: Language) -> str:
    """4h of 7x24 from the report."""
    return promised(None if one is None else promise_facts(one), language)


def promised(facts: Mapping[str, Any] | None, language: Language) -> str:
    """The same of a promise as `plans/told.py` tells it."""
    if facts is None:
        return word("none", language)
    chinese = language is Language.ZH
    if facts["coverage_day"]:
        days = facts["coverage_day"]
        amount = f"第 {days} 个服务日" if chinese else f"coverage day {days}"
    else:
        amount = duration(facts["within_s"] * 1000)
    start, window, cut_off = word(facts["start"], language), facts["window"], facts["cut_off_minute"]
    parts = [f"{amount}（{window}，自{start}起）" if chinese else f"{amount} of {window} from {start}"]
    if cut_off is not None:
        cut = f"{cut_off // 60:02d}:{cut_off % 60:02d}"
        parts.append(f"截止 {cut}" if chinese else f"cut-off {cut}")
    if days := facts["set_up_days"]:
        parts.append(f"合同满 {days} 天后" if chinese else f"after {days} days of contract")
    return ("，" if chinese else ", ").join(parts)


def moment(one: Moment, language: Language) -> str:
    return word(one, language)


def coverage(one: Coverage, language: Language) -> dict[str, str]:
    """Rows by heading."""
    unit = " 年" if language is Language.ZH else " years"

    def years(count: int) -> str:
        return f"{count}{unit}" if count else word("none", language)

    def flag(value: bool) -> str:
        return word("yes" if value else "no", language)

    provider = "vendor_itself" if one.provider == "vendor" else one.provider
    return {
        word("parts", language): years(one.parts_years),
        word("labour", language): years(one.labour_years),
        word("on_site", language): years(one.on_site_years),
        word("provider", language): word(provider, language),
        word("carry_in", language): flag(one.carry_in),
        word("same_engineer", language): flag(one.same_engineer),
        word("phone_for_life", language): flag(one.phone_for_life),
        word("quoted", language): ", ".join(word(name, language) for name in one.quoted) or word("none", language),
        word("pre_consent", language): ", ".join(word(name, language) for name in one.pre_consent)
        or word("none", language),
    }


def price(one: Price, language: Language) -> str:
    amount = f"{one.low:,}" if one.low == one.high else f"{one.low:,} - {one.high:,}"
    years = f"{one.years} 年" if language is Language.ZH else f"{one.years} years"
    return f"{amount} {one.currency} / {years}: {one.machine[language]}"
