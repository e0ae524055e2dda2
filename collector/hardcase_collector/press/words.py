"""The words on a service report, in English and Chinese. Used by `sheet.py`."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, str]] = {
    "service_report": ("Service report", "服务单"),
    "rehearsal": ("Rehearsal: no real fault", "演练：并非真实故障"),
    # headings
    "what": ("Case", "报修"),
    "where": ("Equipment", "设备"),
    "times": ("Times", "时间"),
    "found": ("Found", "故障现象与诊断"),
    "done": ("Done", "处理过程"),
    "parts": ("Replaced parts", "更换配件"),
    "cost": ("Cost", "费用"),
    "result": ("Result", "处理结果"),
    "signature": ("Customer's signature", "客户签字"),
    # rows
    "case": ("Case", "单号"),
    "customer": ("Customer", "客户"),
    "fault": ("Fault", "故障类别"),
    "part": ("Part", "部件"),
    "plan": ("Service plan", "服务等级"),
    "contract": ("Contract", "合同号"),
    "machine": ("Machine", "机型"),
    "serial": ("Serial number", "序列号"),
    "hostname": ("Host name", "主机名"),
    "site": ("Site", "机房"),
    "address": ("Address", "地址"),
    "place": ("Rack, unit", "机柜 / U 位"),
    "reported": ("Reported", "报修时间"),
    "arrived": ("Arrived", "到场时间"),
    "finished": ("Finished", "完成时间"),
    "time_zone": ("Time zone", "时区"),
    "engineer": ("Engineer", "工程师"),
    "signed_by": ("Name", "姓名"),
    "signed_at": ("Time", "时间"),
    "signed_how": ("Signed", "签字方式"),
    "not_signed": ("not signed", "未签字"),
    "none": ("none", "无"),
    # columns
    "name": ("Part", "配件"),
    "slot": ("Slot", "槽位"),
    "part_number": ("Part number", "部件号"),
    "old_serial": ("Old serial", "旧序列号"),
    "new_serial": ("New serial", "新序列号"),
    "item": ("Item", "项目"),
    "reason": ("Why", "说明"),
    "amount": ("Amount", "金额"),
    "total": ("Total", "合计"),
    # closed sets
    "result.repaired": ("Repaired", "已修复"),
    "result.partly": ("Partly repaired", "部分修复"),
    "result.not_repaired": ("Not repaired", "未修复"),
    "result.no_fault_found": ("No fault found", "未发现故障"),
    "kind.labour": ("Labour", "人工费"),
    "kind.travel": ("Travel", "差旅费"),
    "kind.part": ("Part", "配件成本费"),
    "why.covered": ("covered by the plan", "服务等级包含"),
    "why.phone_for_life": ("remote help is free for life", "终身免费远程支持"),
    "why.goodwill": ("goodwill", "优惠免收"),
    "why.no_plan": ("no service plan", "无服务等级"),
    "why.ended": ("plan not in force", "不在服务期内"),
    "why.quoted": ("charged under the plan", "按服务等级另行收费"),
    "why.not_included": ("not part of the plan", "服务等级不包含"),
    "why.years_over": ("free years are over", "免费年限已过"),
    "why.carry_in": ("carry-in plan", "送修服务"),
    "channel.phone": ("by phone", "电话"),
    "channel.mail": ("by mail", "邮件"),
    "channel.chat": ("by chat", "在线聊天"),
    "channel.in_person": ("in person", "当面"),
    "channel.page": ("signed in", "登录页面"),
    "channel.link": ("through the link sent to him", "通过专属链接"),
    "channel.plan": ("by the plan", "按服务等级"),
}
_COLUMN = {"en": 0, "zh": 1}


def word(key: str, language: str) -> str:
    """Raises KeyError for a word that is not of this paper."""
    return _WORDS[key][_COLUMN[language]]
