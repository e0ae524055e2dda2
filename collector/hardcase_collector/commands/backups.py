"""`backup` and `restore`: everything a collector keeps, into one file and back.

`backup` asks the running collector; `restore` opens the files itself, under the same lock, and only where none runs.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _

COPYING_S = 1800.0
"""The stores are copied before the first byte comes: of PostgreSQL about 100,000 rows a second."""


def backup(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A new file. It holds the CA's key and every secret hash: keep it safe.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Write one consistent set of everything while the collector serves."""
    from hardcase_collector.storage.backup import restoring

    if file.exists():
        talk.fail(_("{path}: exists already").format(path=file))
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with talk.named_errors():
        try:
            talk.save_file(ctx, "/backup", part, mode=0o600, wait_s=COPYING_S)
            manifest = restoring.check(part)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            os.rename(part, file)
        except OSError as error:
            talk.fail(_("{path}: cannot be written: {error}").format(path=file, error=error.strerror))
        finally:
            part.unlink(missing_ok=True)
    _told(manifest, file, as_json=as_json)


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put aside what is in the data directory.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Read and check all of it, change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in place, here or on another machine; the collector must not run."""
    from hardcase_collector import founding
    from hardcase_collector.opening import state_url
    from hardcase_collector.storage.backup import restoring
    from hardcase_collector.storage.state.lock import StoreLock

    with talk.named_errors():
        try:
            if check:
                _told(restoring.check(file), file, as_json=as_json)
                return
            settings = talk.settings_of(ctx)
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with StoreLock(settings.data_dir / "lock"):
                now_ms = time.time_ns() // 1_000_000
                manifest = restoring.restore(
                    file, settings.data_dir, state_url(settings), replace=replace, now_ms=now_ms
                )
                founding.give_to_owner(settings.data_dir)
        except OSError as error:
            talk.fail(_("{path}: cannot be read: {error}").format(path=error.filename or file, error=error.strerror))
    _told(manifest, file, as_json=as_json)
    if not as_json:
        talk.say(_("Next: systemctl start hardcase-collector. What agents sent since is a recorded gap."))


def _told(manifest: object, file: Path, *, as_json: bool) -> None:
    from hardcase_collector.storage.backup.archive import Manifest

    assert isinstance(manifest, Manifest)
    about, size = manifest.about, sum(size for size, _hash in manifest.files.values())
    if as_json:
        talk.show_json(
            {
                "file": str(file), "taken_ms": about.taken_ms, "version": about.version, "schema": about.schema,
                "ca_fingerprint": about.ca_fingerprint, "rows": about.rows, "files": len(manifest.files), "bytes": size,
            }
        )  # fmt: skip
        return
    talk.show_facts(
        {
            _("file"): file,
            _("taken"): talk.time(about.taken_ms),
            _("version"): about.version,
            _("CA fingerprint"): f"sha256:{about.ca_fingerprint}",
            _("rows"): about.rows,
            _("files"): len(manifest.files),
            _("bytes"): size,
        }
    )
