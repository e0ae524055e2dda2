"""Templates and what they may call. Everything is escaped; nothing is loaded from outside. Used by `pages/`."""

from __future__ import annotations

from collections.abc import Mapping

import jinja2

from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.repair import ConsentChannel
from hardcase_collector.plans.plan import Plan
from hardcase_collector.web.fact_words import fact_name, show_fact
from hardcase_collector.web.ports import Titles
from hardcase_collector.web.texts import Reader

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), fullscreen=(), "
        "geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), "
        "publickey-credentials-get=(), serial=(), usb=()"
    ),
    "Strict-Transport-Security": "max-age=31536000",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    # What is personal must not lie in any cache; what is not (style, icon) says so itself.
    "Cache-Control": "no-store",
}

_UNITS = {"Cel": "°C", "1": "", "%": "%"}


def environment(title: Titles, group: Titles) -> jinja2.Environment:
    """The one template environment. `title` of fault classes, `group` of repair groups."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("hardcase_collector.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def title_of(reader: Reader, fault_class: str) -> str:
        return title(fault_class, reader.language)

    def title_in(fault_class: str, reader: Reader) -> str:
        return title(fault_class, reader.language)

    made.globals.update(
        title_of=title_of,
        group_of=lambda reader, name: group(name, reader.language),
        show_fact=show_fact,
        fact_name=fact_name,
        evidence_line=evidence_line,
        entry_line=entry_line,
        plan_named=plan_named,
        quantity=quantity,
        size_of=_bytes,
    )
    made.filters["title_in"] = title_in
    return made


def quantity(reader: Reader, value: float | None, unit: str) -> str:
    """A number with its unit; bytes and seconds in the size people read."""
    if value is None:
        return "–"
    if unit == "s" and value >= 120:
        return reader.span(value)
    if unit == "By":
        return _bytes(value)
    shown = _UNITS.get(unit, unit)
    return f"{reader.number(value)}\u202f{shown}" if shown else reader.number(value)


_TELLING = (
    "diagnostic", "ended", "detail",
    "clock", "percent", "because", "assignee", "team", "from", "to", "priority", "engineer", "names", "manner",
    "solution", "who", "whom", "channel", "vendor", "vendor_case", "rma", "part_number", "depot", "old_serial",
    "new_serial", "tracking", "total", "currency", "score", "comment", "result", "outcome", "moment", "time_ms",
    "expected_ms", "promised_ms", "from_ms", "until_ms", "due_ms", "reason", "text", "error", "cause", "name",
)  # fmt: skip
"""What the one line of a timeline entry says, in this order; the rest is in its details."""


def entry_line(reader: Reader, facts: Mapping[str, Fact]) -> str:
    """The short form of what people and clocks told: values that speak for themselves, without their names."""
    if "fault_class" in facts or "sensor" in facts:
        return evidence_line(reader, facts)
    if facts.get("from") is not None and facts.get("to") is not None:
        moved = f"{show_fact(reader, 'from', facts['from'])} → {show_fact(reader, 'to', facts['to'])}"
        rest = (show_fact(reader, key, facts.get(key) or "") for key in ("reason", "text"))
        return " · ".join(filter(None, (moved, *rest)))
    shown = ((key, facts[key]) for key in _TELLING if facts.get(key) not in (None, "", False))
    return " · ".join(f"{show_fact(reader, key, value)}{' %' if key == 'percent' else ''}" for key, value in shown)


def plan_named(reader: Reader, facts: Mapping[str, Fact], plan: Plan | None) -> Mapping[str, Fact]:
    """The same, where the plan that the case is under is called what people call it."""
    if plan is None:
        return facts
    keys = ("plan", "who") if facts.get("channel") == ConsentChannel.PLAN else ("plan",)
    named = {key: plan.title[reader.language] for key in keys if facts.get(key) == plan.name}
    return {**facts, **named}


def evidence_line(reader: Reader, facts: Mapping[str, Fact]) -> str:
    """The short form: what, how much, against which limit from where, and what changed."""
    value, state = facts.get("value"), facts.get("state") or facts.get("states")
    said = [str(facts.get("name") or facts.get("sensor") or "")]
    if isinstance(value, int | float):
        said.append(quantity(reader, value, str(facts.get("unit") or "")))
    elif state:
        said.append(str(state).replace("_", " ").replace(",", ", "))
    parts = [" ".join(filter(None, said))]
    if facts.get("limit") is not None:
        limit = " ".join(show_fact(reader, key, facts.get(key, "")) for key in ("limit_name", "limit"))
        source = show_fact(reader, "limit_source", facts.get("limit_source", ""))
        parts.append(f"{limit} ({source})" if source else limit)
    if facts.get("from") is not None and facts.get("to") is not None:
        parts.append(f"{show_fact(reader, 'from', facts['from'])} → {show_fact(reader, 'to', facts['to'])}")
    parts += [show_fact(reader, key, facts.get(key) or "") for key in ("reason", "text", "channel", "error", "cause")]
    return " · ".join(filter(None, parts))


def render(made: jinja2.Environment, template: str, context: Mapping[str, object]) -> str:
    """A page as text. Raises UndefinedError where a template asks for what is not there."""
    return made.get_template(template).render(context)


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            return f"{value:.4g} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
