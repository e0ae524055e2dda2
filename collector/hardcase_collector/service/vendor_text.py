"""What a vendor asks for when a case is handed to him, to be copied into his form, in English and Chinese. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.observation import Event
from hardcase_collector.domain.ports import FindingRow, Transaction
from hardcase_collector.domain.repair import HandOff
from hardcase_collector.registry.resolution import contacts_of, site_of
from hardcase_collector.service.served import served

_LOG_LINES = 20
"""Of the newest: what a form's field takes."""
_FINDINGS = 10
_WORDS: Mapping[str, tuple[str, str]] = {
    "subject": ("Hardware fault, request for service under contract", "硬件故障报修"),
    "our_case": ("Our case", "我方单号"),
    "vendor_case": ("Your case", "贵方单号"),
    "rma": ("RMA", "RMA 号"),
    "contract": ("Contract", "合同号"),
    "machine": ("Machine", "机型"),
    "serial": ("Serial number", "序列号"),
    "hostname": ("Host name", "主机名"),
    "site": ("Site", "机房"),
    "address": ("Address", "地址"),
    "contact": ("Contact on site", "现场联系人"),
    "part": ("Failed part", "故障部件"),
    "slot": ("Slot", "槽位"),
    "part_model": ("Part model", "部件型号"),
    "part_number": ("Part number", "部件号"),
    "part_serial": ("Part serial number", "部件序列号"),
    "firmware": ("Part firmware", "部件固件"),
    "fault": ("Fault", "故障"),
    "since": ("Faulty since", "故障起始"),
    "evidence": ("Evidence", "证据"),
    "log": ("Hardware log, newest first", "硬件日志（最新在前）"),
}
Titles = Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    case: Case
    asset: Asset
    part: Part
    hand_off: HandOff | None
    findings: Sequence[FindingRow]
    events: Sequence[Event]
    contract: str
    site: str
    address: str
    contact: str


def vendor_text(tx: Transaction, case: Case, titles: Titles, components: Titles, language: str) -> str:
    """`titles`: (fault class, language) -> its title; `components` likewise.

    Raises KeyError for another language than en and zh.
    """
    told = _gather(tx, case)
    lines = [_word("subject", language), ""]
    lines += [f"{_word(key, language)}: {value}" for key, value in _facts(told, titles, components, language) if value]
    if told.findings:
        lines += ["", f"{_word('evidence', language)}:"]
        lines += [_finding(row, titles, language) for row in told.findings[:_FINDINGS]]
    if told.events:
        lines += ["", f"{_word('log', language)}:", *(_event(event) for event in told.events)]
    return "\n".join(lines) + "\n"


def _gather(tx: Transaction, case: Case) -> _Told:
    asset = tx.assets.by_number(case.asset)
    handed = tx.repairs.hand_offs(case.id)
    site, terms, contacts = site_of(tx, asset), served(tx, case), contacts_of(tx, asset)
    first = contacts[0] if contacts else None
    return _Told(
        case=case,
        asset=asset,
        part=_known(tx, case),
        hand_off=handed[-1] if handed else None,
        findings=[row for row in tx.findings.of_asset(asset.id, firing=None) if row.case == case.id],
        events=tx.assets.events(asset.id, limit=_LOG_LINES),
        contract=(handed[-1].contract if handed else "") or terms.contract,
        site=site.title or site.name,
        address=site.address,
        contact=", ".join(filter(None, (first.name, first.phone, first.mail))) if first else "",
    )


def _known(tx: Transaction, case: Case) -> Part:
    """Inventory tells part number and firmware where the finding did not."""
    if case.part.part_number and case.part.firmware:
        return case.part
    for _, part, _ in tx.assets.inventory(case.asset):
        if part.component == case.part.component and (
            part.key() == case.part.key() or part.place() == case.part.place()
        ):
            return part
    return case.part


def _facts(told: _Told, titles: Titles, components: Titles, language: str) -> Sequence[tuple[str, str]]:
    facts, part = told.asset.facts, told.part
    return (
        ("our_case", told.case.number),
        ("vendor_case", told.hand_off.vendor_case if told.hand_off else ""),
        ("rma", told.hand_off.rma if told.hand_off else ""),
        ("contract", told.contract),
        ("machine", " ".join(filter(None, (facts.vendor, facts.model)))),
        ("serial", facts.serial),
        ("hostname", facts.hostname),
        ("site", told.site),
        ("address", told.address),
        ("contact", told.contact),
        ("part", components(part.component, language) if part.component else ""),
        ("slot", part.slot),
        ("part_model", part.model),
        ("part_number", part.part_number),
        ("part_serial", part.serial),
        ("firmware", part.firmware),
        ("fault", ", ".join(titles(fault, language) for fault in told.case.fault_classes)),
        ("since", _time(told.case.since_ms)),
    )


def _finding(row: FindingRow, titles: Titles, language: str) -> str:
    facts = ", ".join(f"{name}={value}" for name, value in row.evidence.items() if value not in (None, ""))
    return f"- {_time(row.since_ms)} {titles(row.fault_class, language)}: {facts}"


def _event(event: Event) -> str:
    return f"- {_time(event.stamp.time_ms)} {event.log}: {event.text or event.raw.hex()}"


def _time(at_ms: int) -> str:
    """UTC: a vendor's support sits in another time zone than the site."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _word(key: str, language: str) -> str:
    return _WORDS[key][("en", "zh").index(language)]
