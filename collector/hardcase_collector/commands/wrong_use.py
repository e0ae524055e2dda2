"""What the parser says about wrong use, in the language spoken: its own sentences are English and nothing else.

`Speaking` is the class of the command's outermost group (`cli.py`): every mistake of usage passes through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

from hardcase_collector.tongue import _, language


class Speaking(TyperGroup):
    """Finds words for mistakes of usage, of its own and of all commands below it."""

    def make_context(self, *args: Any, **named: Any) -> Any:
        with _worded():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        with _worded():
            return super().invoke(ctx)


@contextmanager
def _worded() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # The parser has no public class for all mistakes of usage; what they share is that they say it so.
        told = getattr(error, "format_message", None)
        if told is not None:
            text = said(told())
            error.format_message = lambda: text  # type: ignore[attr-defined]  # looked at above
        raise


def said(text: str) -> str:
    """A sentence of the parser; as it is where it is none that is known."""
    if language() == "en":
        return text
    for pattern, message in _sentences():
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found:
            told = {name: value if name != "why" else said(value) for name, value in found.groupdict().items()}
            return message.format(**told)
    return text


def _sentences() -> tuple[tuple[str, str], ...]:
    return (
        (r"Missing argument (?P<name>.+?)\.", _("Missing argument {name}.")),
        (r"Missing option (?P<name>.+?)\.", _("Missing option {name}.")),
        (r"No such option: (?P<name>\S+)", _("No such option: {name}")),
        (
            r"No such option: (?P<name>\S+) \(Possible options: (?P<others>.+)\)",
            _("No such option: {name} (possible: {others})"),
        ),
        (
            r"No such option: (?P<name>\S+) Did you mean (?P<others>.+)\?",
            _("No such option: {name} (possible: {others})"),
        ),
        (r"No such command (?P<name>.+?)\. Did you mean (?P<others>.+)\?", _("No such command {name}: {others}?")),
        (r"Option (?P<name>\S+) requires an argument\.", _("Option {name} needs a value.")),
        (r"Option (?P<name>\S+) does not take a value\.", _("Option {name} takes no value.")),
        (r"Got unexpected extra argument\(s\) \((?P<values>.+)\)", _("Too many arguments: {values}")),
        (r"Invalid value for (?P<name>.+?): (?P<why>.+)", _("{name} is not right: {why}")),
        (r"Input should be a valid integer.*", _("a whole number is wanted")),
        (r"Input should be a valid number.*", _("a number is wanted")),
        (r"Input should be greater than or equal to (?P<least>\S+)", _("at least {least}")),
        (r"Input should be greater than (?P<least>\S+)", _("more than {least}")),
        (r"Input should be less than or equal to (?P<most>\S+)", _("at most {most}")),
        (r"Input should be less than (?P<most>\S+)", _("less than {most}")),
        (r"Input should be (?P<known>'.+')", _("it is one of {known}")),
    )
