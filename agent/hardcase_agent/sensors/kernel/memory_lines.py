"""Lines about memory: EDAC in its three generations, memory failure handling, rasdaemon and ras-mc-ctl.

Machine-check records and APEI blocks take several lines and are in `machine_check.py`, `ghes.py` and `log_reader.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Counted, Found, LineRule, Outcome, nothing, rule

MANY = 100
"""Corrected errors told by one line from which it counts as a burst: a scrubber that found a failing row, a driver that
polls once a second and met a storm."""


def memory_event(label: str, *, corrected: bool, count: int = 1) -> Found:
    code = "memory.uncorrectable_ecc"
    if corrected:
        code = "memory.correctable_ecc_burst" if count >= MANY else "memory.correctable_ecc"
    return Found(code, Part(component=Component.MEMORY, slot=clean_label(label)))


_NO_LABEL = re.compile(r"(unknown memory|unknown label|any memory|n/a|all memory|memory)?", re.IGNORECASE)


def clean_label(label: str) -> str:
    """The label; "" where the driver says that it does not know."""
    label = " ".join(label.replace('"', " ").split()).strip(" ,:")
    # A controller in lock-step names both modules; a driver that cannot tell says so in words.
    return "" if _NO_LABEL.fullmatch(label) else label[:120]


def _edac(match: re.Match[str]) -> Iterable[Outcome]:
    label = match["label"] or ""
    place = match["place"] or ""
    row = re.search(r"csrow:? ?(\d+)", place)
    channel = re.search(r"channel:? ?(\d+)", place)
    if not clean_label(label) and row:
        label = f"MC{match['mc']} csrow{row[1]}" + (f" ch{channel[1]}" if channel else "")
    # skx of some kernels writes a count of 0 for the one error that it tells.
    yield memory_event(label, corrected=match["kind"].upper() == "CE", count=int(match["count"] or 1))


def _old_edac(match: re.Match[str]) -> Iterable[Outcome]:
    label = match["label"] or ""
    if not clean_label(label) and match["row"]:
        label = f"MC{match['mc']} csrow{match['row']}" + (f" ch{match['channel']}" if match["channel"] else "")
    yield memory_event(label, corrected=match["kind"].upper() == "CE")


def _counted(match: re.Match[str]) -> Iterable[Outcome]:
    yield memory_event(match["label"], corrected=match["kind"].lower() == "corrected", count=int(match["count"]))


def _totals(match: re.Match[str]) -> Iterable[Outcome]:
    part = Part(component=Component.MEMORY, slot=match["label"])
    yield Counted("memory.corrected", part, float(match["ce"]))
    yield Counted("memory.uncorrected", part, float(match["ue"]))


def _unplaced(match: re.Match[str]) -> Iterable[Outcome]:
    yield memory_event("", corrected=False)


def _offlined(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("memory.page_offlined", Part(component=Component.MEMORY))


def _threshold(match: re.Match[str]) -> Iterable[Outcome]:
    """mcelog's own thresholds; corrected errors that passed one are many."""
    corrected = match["kind"].lower() == "corrected"
    yield memory_event("", corrected=corrected, count=MANY)


def _i7core(match: re.Match[str]) -> Iterable[Outcome]:
    """ "New Corrected error(s): dimm0: +511, dimm1: +0, dimm2 +0" """
    for one in re.finditer(r"dimm(\d):? \+(\d{1,9})", match[0], re.IGNORECASE):
        if int(one[2]):
            yield memory_event(f"dimm{one[1]}", corrected=True, count=int(one[2]))


RULES: tuple[LineRule, ...] = (
    # EDAC MC1: 1 CE memory scrubbing error on CPU_SrcID#1_Ha#0_Chan#0_DIMM#0 (channel:0 slot:0 page:...)
    rule(
        "edac mc",
        r"EDAC MC(?P<mc>\d+): (?P<count>\d+) (?P<kind>CE|UE) (?:[^(]*?\bon )?(?P<label>[^(]*?)? ?(?P<place>\(.*)?$",
        _edac,
    ),
    # EDAC MC0: CE page 0x1e38, offset 0x0, grain 1073741824, syndrome 0xf4, row 0, channel 1, label "DIMM_A1": k8_edac
    rule(
        "edac ",
        r"EDAC (?:[a-z0-9_]+ )?MC(?P<mc>\d+): (?P<kind>CE|UE)\b(?!-).*?(?:\brow (?P<row>\d+))"
        r"(?:, channel(?:-[ab])? (?P<channel>\d+))?.*?labels? \"(?P<label>[^\"]*)\"",
        _old_edac,
    ),
    rule(
        "edac mc",
        r"EDAC MC(?P<mc>\d+): (?P<kind>CE|UE) - no information available(?P<row>)(?P<channel>)(?P<label>)",
        _old_edac,
    ),
    # rasdaemon: mc_event: 2022-.. 1 Corrected error: memory read error on DIMM_A1 (mc: 0 location: 0:1 ...)
    # ras-mc-ctl: 1 2022-.. 181 Corrected error(s): memory scrubbing error at CPU_SrcID#1_... location: 3:1:0:-1
    rule(
        " error",
        r"(?P<count>\d+) (?P<kind>Corrected|Uncorrected|Fatal|Deferred) (?:DRAM )?errors?(?:\(s\))?: "
        r"[^:]{0,80}? (?:on|at) (?P<label>.+?)(?: location:| \(|, mc|$)",
        _counted,
    ),
    rule("new corrected", r"EDAC i7core: New Corrected error\(s\): .*", _i7core),
    # mcelog's daemon
    rule(
        "exceed",
        r"(?P<kind>Uncorrected|Corrected) (?:DIMM memory error count (?:\d+ )?|memory errors on page [0-9a-f]+ )exceed",
        _threshold,
    ),
    # ras-mc-ctl --summary
    rule(
        "on dimm label",
        r"(?P<kind>Corrected|Uncorrected|Fatal) on DIMM Label\(s\): '(?P<label>[^']*)'.* errors: (?P<count>\d+)",
        _counted,
    ),
    # ras-mc-ctl --error-count: label, corrected, uncorrected
    rule("dimm#", r"^\s*(?P<label>CPU_?\S*DIMM#\d+)\s+(?P<ce>\d+)\s+(?P<ue>\d+)\s*$", _totals),
    rule("hardware memory error", r"mce: Uncorrected hardware memory error in (?:user|kernel)-access", _unplaced),
    rule(
        "memory failure",
        r"Memory failure: 0x[0-9a-f]+: (?:Killing|recovery action|.*unrecoverable|.*poison)",
        _unplaced,
    ),
    rule("killing", r"MCE 0x[0-9a-f]+: (?:Killing|.*hardware memory corruption)", _unplaced),
    rule("hardware memory corruption", r"Killing [^ ]+ due to hardware memory corruption", _unplaced),
    rule(
        "offline",
        r"(?:soft[_ ]offline: (?:page )?(?:0x)?[0-9a-f]+: (?!.*(?:failed|busy|thp split))"
        r"|Offlining page [0-9a-f]+|page_offline.*success)",
        _offlined,
    ),
    rule("edac", r"EDAC .*(?:Ver:|Giving out device|HANDLING MCE|Decoding supported|DEVICE unused)", nothing),
)
