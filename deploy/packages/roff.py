"""Text as the macros of man(7): what a manual page is written with. No page is known here."""

from __future__ import annotations

import re


def escaped(text: str) -> str:
    """One line that means itself."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def prose(text: str) -> str:
    """Paragraphs; one with a line that is set in stays as it is set. Words in backticks are bold."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        lines = paragraph.splitlines()
        if any(line.startswith(" ") for line in lines):
            parts.append(as_is(lines))
        else:
            parts.append(".PP\n" + _sentences(" ".join(lines)))
    return "\n".join(parts)


def as_is(lines: list[str]) -> str:
    """An example: no filling."""
    return "\n".join([".PP", ".nf", *(escaped(line) for line in lines), ".fi"])


def entry(heads: str | list[str], text: str) -> str:
    """A term, or several, and what they mean."""
    terms = [heads] if isinstance(heads, str) else heads
    lines = [".TP\n.B " + _argument(terms[0]), *(".TQ\n.B " + _argument(term) for term in terms[1:])]
    return "\n".join([*lines, _sentences(" ".join(text.split()) or "\0")])


def _argument(text: str) -> str:
    # A macro takes a quotation mark as its own.
    return escaped(text).replace('"', "\\(dq")


def section(title: str) -> str:
    return f'.SH "{escaped(title)}"'


def subsection(title: str) -> str:
    return f'.SS "{escaped(title)}"'


def _sentences(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fP", escaped(text))
