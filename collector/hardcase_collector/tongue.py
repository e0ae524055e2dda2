"""The language a command speaks: `_("english")`, `ngettext`, `heads(...)`; `word("state.new")` of the pages' words.

Catalogues are `locale/<language>/LC_MESSAGES/{messages,pages,refusals}.po` with the compiled .mo beside them, both
checked in; `make texts` extracts, updates and compiles, a test holds them to the sources. Commands mark messages with
`_` inside functions (never in a default or on module level: no language is chosen yet there) and fill placeholders
afterwards: `_("{name} added").format(name=name)`. Help of commands is found by itself. Pages: `web/texts.py`; refusals:
`web/refusals.py`.
"""

from __future__ import annotations

import functools
import gettext
import os
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")
# The domain that click and typer ask too, so that their "Usage" and "Missing option" are translated by our catalogue.
MESSAGES = "messages"
PAGES = "pages"
REFUSALS = "refusals"
# The order in which POSIX (XBD 8.2) asks for the language of messages.
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

_spoken: ContextVar[str] = ContextVar("spoken", default="en")


class Catalogue(gettext.GNUTranslations):
    """The compiled messages of one domain in one language."""

    def entries(self) -> dict[str, str]:
        """Message by msgid, the header left out; a plural's forms are not among them."""
        found: dict[str | tuple[str, int], str] = vars(self).get("_catalog", {})
        return {key: text for key, text in found.items() if isinstance(key, str) and key}


@functools.cache
def catalogue(domain: str, language: str) -> Catalogue | None:
    """Read once. None: there is none, as for English commands, whose msgids are the messages."""
    file = resources.files("hardcase_collector").joinpath("locale", language, "LC_MESSAGES", f"{domain}.mo")
    if not file.is_file():
        return None
    with file.open("rb") as compiled:
        return Catalogue(compiled)


def chosen(given: str, environment: Mapping[str, str]) -> str:
    """The language asked for, else that of the environment, else English."""
    if given in LANGUAGES:
        return given
    wish = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    tag = wish.replace("-", "_").split("_")[0].split(".")[0].lower()
    return tag if tag in LANGUAGES else "en"


def asked(arguments: Sequence[str]) -> str:
    """What `--lang` before the command says, read ahead of the parser so that help and mistakes speak it too."""
    for position, argument in enumerate(arguments):
        if argument == "--lang":
            return next(iter(arguments[position + 1 :]), "")
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
    return ""


def speak(language: str) -> None:
    """From here on every message is in this language; also those of the parser."""
    _spoken.set(language)
    # The parser asks the standard library's gettext, which takes its language from here only.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(MESSAGES, str(resources.files("hardcase_collector").joinpath("locale")))
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding gets escapes instead of a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def language() -> str:
    return _spoken.get()


def _(message: str) -> str:
    """The message in the language spoken; itself where it has no translation."""
    found = catalogue(MESSAGES, language())
    return found.gettext(message) if found and message else message


def ngettext(one: str, many: str, count: int) -> str:
    found = catalogue(MESSAGES, language())
    return found.ngettext(one, many, count) if found else (one if count == 1 else many)


def heads(*words: str) -> tuple[str, ...]:
    """Headings of a table, each a message."""
    return tuple(map(_, words))


def word(key: str) -> str:
    """A word of a closed set as the pages say it, by its key, as "state.new". English tables keep the code itself.

    Without a word in the catalogue the code is shown, so that nothing is hidden.
    """
    code = key.rpartition(".")[2]
    found = catalogue(PAGES, language())
    if found is None or language() == "en":
        return code
    text = found.gettext(key)
    return code if text == key else text


def translate_help(command: Any) -> None:
    """Puts the help of a command, of its options and of all below it into the language spoken."""
    if language() == "en":
        return
    for holder in walk(command):
        for attribute in ("help", "short_help", "epilog"):
            text = getattr(holder, attribute, None)
            if text:
                setattr(holder, attribute, _(text))


def walk(command: Any) -> list[Any]:
    """The command, its parameters and everything below it: whatever holds a help text.

    Typer carries its parser within itself, under a name that is its own affair; hence no type.
    """
    found: list[Any] = [command, *command.params]
    for inner in getattr(command, "commands", {}).values():
        found += walk(inner)
    return found
