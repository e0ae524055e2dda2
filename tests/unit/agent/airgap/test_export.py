"""Exports and identities on the agent's side: sticks that fail, ledgers that are lost, answers that are wrong."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hardcase_agent.airgap import export, files, joining, ledger
from hardcase_agent.domain.errors import AccessDenied, ExportFailed, FileRefused, SpoolFailed
from hardcase_agent.uplink import airgap, identity, keys
from hardcase_collector.domain.errors import FileRefused as CollectorRefused
from hardcase_collector.rpc import airgap as collector_files

from tests.fakes.carried import ENROLLED_MS, HOST, Desk, Host, moment


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def host(desk: Desk, tmp_path: Path) -> Host:
    return Host(desk, tmp_path / "host")


# ---------------------------------------------------------------------- files


async def test_names_sort_in_the_order_of_taking_and_only_the_owner_may_read(host: Host) -> None:
    host.sweep(1)
    await host.export()
    host.start()
    host.sweep(1)
    written = await host.export()
    names = [one.path.name for one in written]
    assert names == sorted(names)
    assert [name.split("-")[1] for name in names] == ["000002", "000003"]
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in written} == {0o600}
    assert [path.name for path in (host.folder / "out").iterdir() if path.name.startswith(".")] == []


async def test_a_full_stick_is_named_and_the_records_are_kept(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.sweep(3)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _only_files(full, os.fsync, str(host.folder / "out")))
        with pytest.raises(ExportFailed, match=r"the disk is full, \d+ bytes are needed"):
            await host.export()
    assert list((host.folder / "out").iterdir()) == []
    assert len(host.waiting()) == 3
    (file,) = await host.files()
    # The number of the file that never appeared is not given again, and its absence hurts nobody.
    assert host.desk.take(file).file.file == 2


def _only_files(broken: object, usual: object, below: str) -> object:
    def fsync(handle: int) -> None:
        place = os.readlink(f"/proc/self/fd/{handle}")
        (broken if place.startswith(below) else usual)(handle)  # type: ignore[operator]  # both take a handle

    return fsync


async def test_a_folder_that_is_not_there_is_named(host: Host) -> None:
    host.sweep(1)
    with pytest.raises(ExportFailed, match="No such file or directory"):
        await host.export(host.folder / "nowhere" / "all.hcx")


async def test_one_file_holds_it_all_or_nothing_is_written(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.sweep(2)
    target = host.folder / "all.hcx"
    (written,) = await host.export(target)
    assert written.path == target
    target.unlink()
    monkeypatch.setattr(airgap, "FULL_RECORDS", 2)
    monkeypatch.setattr(export, "READ_RECORDS", 2)
    with pytest.raises(ExportFailed, match="do not fit in one file"):
        await host.export(target)
    assert not target.exists()


async def test_nothing_to_export_writes_nothing(desk: Desk, host: Host) -> None:
    desk.take((await host.files())[0])
    await host.receipt(desk.gap.receipt("a1"))
    assert await host.export() == []


# ---------------------------------------------------------------------- the ledger


def test_the_lock_follows_no_link_that_the_service_laid(tmp_path: Path) -> None:
    (tmp_path / ledger.LOCK).symlink_to(tmp_path / "nologin")
    with pytest.raises(AccessDenied), ledger.held(tmp_path):
        pass
    assert not (tmp_path / "nologin").exists()


async def test_two_exports_at_once_are_refused(host: Host) -> None:
    with ledger.held(host.folder), pytest.raises(SpoolFailed, match="under way"):
        await host.export()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "ordinal": "x", "receipt": 0}',
        '{"version": 1, "ordinal": 1, "receipt": 0, "epochs": {"00": {"number": "x"}}}',
        '{"version": 1, "ordinal": 1, "receipt": 0, "epochs": {"00": {"hash": 7}}}',
    ],
)
async def test_a_damaged_ledger_is_named(host: Host, content: str) -> None:
    (host.folder / ledger.FILE).write_text(content)
    with pytest.raises(AccessDenied, match=r"damaged: remove it and apply the last receipt again"):
        await host.export()


async def test_a_ledger_of_a_later_release_is_left_alone(host: Host) -> None:
    (host.folder / ledger.FILE).write_text(json.dumps({"version": 2}))
    with pytest.raises(AccessDenied, match="has version 2"):
        await host.export()


async def test_epochs_that_are_gone_leave_the_ledger(desk: Desk, host: Host) -> None:
    for _ in range(5):
        host.sweep(30)
        for file in await host.files():
            desk.take(file)
        await host.receipt(desk.gap.receipt("a1"))
        host.start()
    told = json.loads((host.folder / ledger.FILE).read_text())
    assert len(told["epochs"]) <= 2


# ---------------------------------------------------------------------- identities


def answer(desk: Desk, request: bytes, *, agent_id: str = "a7", other: Desk | None = None) -> bytes:
    """What `hardcase-collector enrol-file` writes; `other` signs what this one issued."""
    head, hash_ = collector_files.identity_request(request)
    issuer, signer = desk.roots.own[-1], (other or desk).roots.own[-1]
    issued = issuer.issue_client(head.request.csr_pem, agent_id, enrolment=ENROLLED_MS, now=moment(ENROLLED_MS))
    return collector_files.identity_answer(
        agent_id=agent_id,
        certificate=issued.certificate,
        trust=issuer.certificate_pem,
        request=hash_,
        made_ms=1,
        ca_pem=signer.certificate_pem,
        key_pem=signer.key_pem,
    )


@pytest.fixture
def carried(tmp_path: Path, host: Host) -> tuple[Path, Path]:
    state = tmp_path / "state"
    joining.make_request(state, tmp_path / "web1.hcq", HOST, host.now())
    return state, tmp_path / "web1.hci"


def fingerprint(desk: Desk) -> bytes:
    return bytes.fromhex(desk.roots.own[-1].fingerprint)


def test_an_identity_is_carried_there_and_back(tmp_path: Path, desk: Desk, carried: tuple[Path, Path]) -> None:
    state, back = carried
    assert stat.S_IMODE((state / joining.REQUEST).stat().st_mode) == 0o600
    back.write_bytes(answer(desk, (tmp_path / "web1.hcq").read_bytes()))
    taken = joining.take_answer(state, back, fingerprint(desk))
    assert taken.agent_id == "a7"
    identity.store(state, taken)
    joining.request_done(state)
    assert identity.load(state) == taken
    with pytest.raises(FileRefused, match="made no request"):
        joining.take_answer(state, back, fingerprint(desk))


def test_answers_that_are_not_the_ones_asked_for_are_refused(
    tmp_path: Path, desk: Desk, host: Host, carried: tuple[Path, Path]
) -> None:
    state, back = carried
    request = (tmp_path / "web1.hcq").read_bytes()
    other = Desk()
    back.write_bytes(answer(desk, request))
    with pytest.raises(FileRefused, match="not the one you named"):
        joining.take_answer(state, back, fingerprint(other))
    back.write_bytes(answer(desk, request, other=other))
    with pytest.raises(FileRefused, match="was not issued by the CA that signed it"):
        joining.take_answer(state, back, fingerprint(other))
    back.write_bytes(request)
    with pytest.raises(FileRefused, match="it is a request for an identity, not an answer"):
        joining.take_answer(state, back, fingerprint(desk))
    elsewhere = airgap.identity_request(HOST, keys.new_key_pem(), host.now())
    back.write_bytes(answer(desk, elsewhere))
    with pytest.raises(FileRefused, match="answers another request"):
        joining.take_answer(state, back, fingerprint(desk))
    (state / joining.REQUEST).write_text("{}")
    with pytest.raises(FileRefused, match="is damaged: make a new request"):
        joining.take_answer(state, back, fingerprint(desk))


@pytest.mark.parametrize("kind", ["answer", "request"])
def test_a_byte_changed_anywhere_is_refused(tmp_path: Path, desk: Desk, carried: tuple[Path, Path], kind: str) -> None:
    state, back = carried
    request = (tmp_path / "web1.hcq").read_bytes()
    original = answer(desk, request) if kind == "answer" else request
    for at in range(len(original)):
        changed = bytearray(original)
        changed[at] ^= 0x04
        if kind == "request":
            with pytest.raises(CollectorRefused):
                collector_files.identity_request(bytes(changed))
            continue
        back.write_bytes(bytes(changed))
        with pytest.raises(FileRefused):
            joining.take_answer(state, back, fingerprint(desk))


def test_what_is_larger_than_any_answer_is_not_read_whole(tmp_path: Path, carried: tuple[Path, Path]) -> None:
    state, back = carried
    back.write_bytes(bytes(airgap.LARGEST_ANSWER + 1000))
    assert len(files.read_whole(back, airgap.LARGEST_ANSWER)) == airgap.LARGEST_ANSWER + 1
    with pytest.raises(FileRefused, match="larger than"):
        joining.take_answer(state, back, bytes(32))
    with pytest.raises(FileRefused, match="cannot be read"):
        joining.take_answer(state, tmp_path / "none", bytes(32))
