"""What the sources want said, and the catalogues that say it: extracting, updating, compiling, and what is missing.

Called by `make texts` and by the test that holds catalogues to sources. Reading them at run time is
`hardcase_collector/tongue.py`.
"""

from __future__ import annotations

import ast
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer
from babel.messages import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from hardcase_collector import tongue
from hardcase_collector.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "collector" / "hardcase_collector"
LOCALE = PACKAGE / "locale"
PLURALS = {"en": "nplurals=2; plural=(n != 1);", "zh": "nplurals=1; plural=0;"}
# What typer asks gettext for; what its parser says beside that is `commands/wrong_use.py`.
PARSER = (
    "(deprecated) ",
    "Aborted.",
    "Arguments",
    "Commands",
    "Error",
    "Missing command.",
    "No such command {name!r}.",
    "Options",
    "Try [blue]'{command_path} {help_option}'[/] for help.",
    "[default: {}]",
    "[env var: {}]",
    "[required]",
)
_KEY = re.compile(r"""\.say\(\s*["']([a-z_0-9.]+)["']\s*[,)]""")
_REFUSED = re.compile(r"""Refused\(\s*\d+,\s*["']([a-z_0-9.]+)["']""")
_PLACEHOLDER = re.compile(r"{[^{}]*}")

MessageId = str | tuple[str, str]

REFUSALS: Mapping[str, int] = {
    "ChangedMeanwhile": 0,
    "DiagnosticRefused": 1,
    "IllegalAction": 0,
    "LinkRefused": 0,
    "NotAllowed": 0,
    "NotFound": 0,
    "PermanentError": 0,
    "Said": 0,
    "TermsUnreadable": 0,
    "TooLarge": 0,
}
"""Errors that people meet, and which of their arguments is the sentence."""
NOT_TO_PEOPLE = ("rpc/", "ingest/", "pki.py", "domain/")
"""Modules whose refusals go to agents and logs."""


@dataclass(slots=True)
class Wanted:
    """Every message by the files that say it."""

    files: dict[MessageId, set[str]] = field(default_factory=dict)

    def add(self, message: MessageId, file: str = "") -> None:
        self.files.setdefault(message, set()).update({file} if file else ())


class Plain(Catalog):
    """A catalogue whose header names no person, date or tool."""

    def __init__(self, language: str) -> None:
        super().__init__(locale=language, header_comment="#", fuzzy=False)
        self._language = language

    def _headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", self._language),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", PLURALS[self._language]),
        ]

    mime_headers = property(_headers)  # type: ignore[assignment]  # Babel makes it a property with a date in it.


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "tongue.py")


def messages_wanted() -> Wanted:
    """Of the command line: marked messages, help of all commands, and the parser's own."""
    wanted = Wanted()
    for path in sources():
        with path.open("rb") as file:
            for _, function, found, _ in extract_python(file, ["_", "ngettext", "heads"], [], {}):
                for message in _ids(function, found):
                    wanted.add(message, path.relative_to(PACKAGE).as_posix())
    for message in (*_help_texts(), *PARSER):
        wanted.add(message)
    return wanted


def _ids(function: str, found: str | Sequence[str | None] | None) -> Iterator[MessageId]:
    texts = [text for text in ([found] if isinstance(found, str) else found or ()) if text]
    if function == "ngettext":
        yield (texts[0], texts[1])
    else:
        yield from texts if function == "heads" else texts[:1]


def _help_texts() -> Iterator[str]:
    for holder in tongue.walk(typer.main.get_command(app)):
        for attribute in ("help", "epilog"):
            text = getattr(holder, attribute, None)
            if text:
                yield str(text)


def refusing() -> list[Path]:
    """Modules whose refusals people read in their language."""
    names = {path: path.relative_to(PACKAGE).as_posix() for path in sources()}
    return [path for path, name in names.items() if not name.startswith(NOT_TO_PEOPLE)]


def refusals_wanted() -> Wanted:
    """What errors say that people meet."""
    wanted = Wanted()
    for path in refusing():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            sentence = sentence_of(call)
            if isinstance(sentence, ast.Constant) and sentence.value:
                wanted.add(str(sentence.value), path.relative_to(PACKAGE).as_posix())
    return wanted


def sentence_of(node: ast.AST) -> ast.expr | None:
    """Of a call that makes such an error: what it is told."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    place = REFUSALS.get(node.func.id)
    return None if place is None or len(node.args) <= place else node.args[place]


def pages_wanted() -> Wanted:
    """Of the pages: every key that a template or module names in full; others are put together while running."""
    wanted = Wanted()
    web = PACKAGE / "web"
    for path in sorted([*web.rglob("*.py"), *web.rglob("*.html")]):
        text = path.read_text(encoding="utf-8")
        for key in (*_KEY.findall(text), *_REFUSED.findall(text)):
            wanted.add(key, path.relative_to(PACKAGE).as_posix())
    return wanted


DOMAINS: dict[str, tuple[Callable[[], Wanted], tuple[str, ...], bool]] = {
    # domain: what it must hold, in which languages, and whether it holds nothing else
    tongue.MESSAGES: (messages_wanted, ("zh",), True),
    tongue.PAGES: (pages_wanted, tongue.LANGUAGES, False),
    tongue.REFUSALS: (refusals_wanted, ("zh",), True),
}


def po_path(domain: str, language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def read(domain: str, language: str) -> Plain:
    """The checked-in catalogue; empty where there is none yet. Raises PoFileError for what is no catalogue."""
    made = Plain(language)
    path = po_path(domain, language)
    if path.exists():
        with path.open("rb") as file:
            for message in read_po(file, locale=language, domain=domain, abort_invalid=True):
                if message.id:
                    made.add(message.id, message.string, flags=message.flags, locations=message.locations)
    return made


def updated(found: Plain, wanted: Wanted, language: str, *, only: bool) -> Plain:
    """With every message wanted, untranslated where it is new; `only`: and without all others."""
    made = Plain(language)
    for message in found:
        if message.id and not (only and _plain_id(message) not in wanted.files):
            made.add(message.id, message.string, flags=message.flags - {"python-format", "python-brace-format"})
    for wish, files in wanted.files.items():
        made.add(wish, locations=[(file, 0) for file in sorted(files)] if only else ())
    return made


def _plain_id(message: Message) -> MessageId:
    return message.id if isinstance(message.id, str) else (message.id[0], message.id[1])


def as_po(catalogue: Plain) -> bytes:
    out = io.BytesIO()
    write_po(out, catalogue, width=0, sort_output=True, include_lineno=False)
    return out.getvalue()


def as_mo(catalogue: Plain) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def mistakes(domain: str, language: str, wanted: Wanted) -> list[str]:
    """What a reader would miss: absent, untranslated or fuzzy messages, other placeholders than the source has."""
    found = read(domain, language)
    said = {_plain_id(message): message for message in found if message.id}
    told = [f"not in the catalogue: {one!r}" for one in wanted.files if one not in said]
    for key, message in said.items():
        texts = message.string if isinstance(message.string, list | tuple) else [message.string]
        if not all(texts):
            told.append(f"not translated: {key!r}")
        elif message.fuzzy:
            told.append(f"fuzzy: {key!r}")
        elif domain != tongue.PAGES and any(not _same_placeholders(key, text) for text in texts):
            told.append(f"other placeholders: {key!r}")
    return told


def _same_placeholders(message: MessageId, text: str) -> bool:
    sources = [message] if isinstance(message, str) else list(message)
    return placeholders(text) in [placeholders(source) for source in sources]


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def write(path: Path, content: bytes) -> bool:
    """Whether it was other than this. Whole or not at all: somebody may read it meanwhile."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    return True


def catalogues() -> Iterable[tuple[str, str, Wanted, bool]]:
    for domain, (wish, languages, only) in DOMAINS.items():
        wanted = wish()
        for language in languages:
            yield domain, language, wanted, only
