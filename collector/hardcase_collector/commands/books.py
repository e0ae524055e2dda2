"""`hardcase-collector books ...`: the books from and to files. Also how other commands change one line of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, ngettext, word

app = typer.Typer(no_args_is_help=True, help="Customers, sites, assets, contacts and entitlements as files.")

Scope = Annotated[str | None, typer.Option(help="Only this customer's.")]
MAX_BYTES = 64 * 1024 * 1024
"""Of all files of one import: some hundred thousand lines, which the collector holds in memory."""


class Form(StrEnum):
    CSV = "csv"
    TOML = "toml"


@app.command("import")
def load(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV files, one a kind, or TOML files with all kinds.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and every mistake.")] = False,
    customer: Annotated[str | None, typer.Option(help="No line may be another customer's.")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Lines of the same kinds and customers that no file has, go.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take files into the books: all of them, or with any mistake nothing."""
    texts = {str(file): _read(file) for file in files}
    if sum(map(len, texts.values())) > MAX_BYTES:
        talk.fail(_("these files are larger than {size} MB together").format(size=MAX_BYTES // 2**20), 2)
    answer = talk.post(ctx, "/books", files=texts, dry_run=dry_run, customer=customer, remove=remove)
    if as_json:
        talk.show_json(answer)
    else:
        show_outcome(answer, dry_run=dry_run)
    if answer.get("stopped"):
        said = _("stopped after {applied} of {of} lines: {why}; the same import again goes on with the rest")
        talk.complain(said.format(applied=len(answer["changes"]), of=answer["of"], why=answer["stopped"]))
    if answer["mistakes"] or answer.get("stopped"):
        raise typer.Exit(talk.FAILED)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        talk.fail(_("{file}: is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)").format(file=file), 2)
    except OSError as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=file, error=error.strerror), 2)


def show_outcome(answer: dict[str, Any], *, dry_run: bool) -> None:
    for mistake in answer["mistakes"]:
        talk.complain(mistake)
    if answer["mistakes"]:
        count = len(answer["mistakes"])
        said = ngettext("{count} mistake; nothing was changed.", "{count} mistakes; nothing was changed.", count)
        talk.complain(said.format(count=count))
        return
    rows = (
        (word(f"turn.{one['turn']}"), word(f"kind.{one['kind']}"), " ".join(filter(None, one["key"])), _fields(one))
        for one in answer["changes"]
    )
    talk.show_table("", heads("turn", "kind", "which", "what"), rows, empty=_("Nothing changes."))
    if dry_run and answer["changes"]:
        talk.say(_("Nothing was changed: this was a dry run."))


def _fields(change: dict[str, Any]) -> str:
    if change["turn"] != "changed":
        side = 1 if change["turn"] == "added" else 0
        shown = {name: _cell(pair[side]) for name, pair in change["fields"].items()}
        return ", ".join(f"{name}={value}" for name, value in shown.items() if value)
    return ", ".join(
        f"{name}: {_cell(was) or '-'} → {_cell(will) or '-'}" for name, (was, will) in change["fields"].items()
    )


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    return "" if value is None else str(value)


@app.command("export")
def save(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for the files. Default: one form to the screen.")
    ] = None,
    form: Annotated[Form, typer.Option("--form", help="csv: one file a kind; toml: one file for all.")] = Form.CSV,
    customer: Scope = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the books to files that import takes back."""
    files: dict[str, str] = talk.get(ctx, "/books", customer=customer, form=form.value)["files"]
    if as_json:
        talk.show_json(files)
        return
    if to is None:
        for name, text in files.items():
            if form is Form.CSV:
                talk.complain(name)
            talk.say(text.rstrip("\n"))
        return
    for name, text in files.items():
        try:
            to.mkdir(parents=True, exist_ok=True)
            # With a byte order mark a spreadsheet knows that it is UTF-8; reading takes it off.
            (to / name).write_text(text, encoding="utf-8-sig" if form is Form.CSV else "utf-8")
        except OSError as error:
            talk.fail(_("{path}: cannot be written: {error}").format(path=to / name, error=error.strerror))
        talk.say(to / name)


def put(ctx: typer.Context, kind: str, values: dict[str, Any], *, fresh: bool | None, customer: str | None) -> None:
    """Adds (`fresh`) or changes one line; None among the values = as it is."""
    given = {name: value for name, value in values.items() if value is not None}
    answer = talk.post(ctx, f"/books/{kind}", values=given, fresh=fresh, customer=customer)
    show_outcome(answer, dry_run=False)
