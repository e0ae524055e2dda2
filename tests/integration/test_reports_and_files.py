"""Reports and files through the commands of a running collector, and what a kill leaves of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.collector import CollectorProcess, collector

FILE_BYTES = 30_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector(tmp_path_factory.mktemp("collector")) as made:
        made.start()
        added = made.run("customers", "add", "north")
        assert added.returncode == 0, added.stderr
        yield made


def reported(running: CollectorProcess, *more: str, category: str = "disk") -> str:
    """The number of the case of a report."""
    told = ("cases", "report", category, "The light of one disk is amber.", "--customer", "north", *more)
    done = running.run(*told)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def resident_bytes(running: CollectorProcess) -> int:
    assert running.process is not None
    pages = Path(f"/proc/{running.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def stored(running: CollectorProcess) -> list[str]:
    return sorted(path.name for path in (running.folder / "data/evidence").rglob("*") if path.is_file())


def test_a_report_with_a_file_is_a_case_and_stays_that_case(running: CollectorProcess) -> None:
    log = running.folder / "messages.log"
    log.write_text("ata1: failed command\n")
    more = ("--key", "t-1", "--name", "Wang Fang", "--attach", str(log), "--at", "2026-01-31T08:30")
    number = reported(running, *more)
    assert number.startswith("HC-")
    assert reported(running, *more) == number
    (report,) = running.ask("cases", "reports", number)
    assert report["caller"]["name"] == "Wang Fang"
    (attachment,) = running.ask("cases", "attachments", number)
    assert attachment["name"] == "messages.log"
    joined = running.run("cases", "join", number, "Still amber.", "--name", "Zhao")
    assert joined.returncode == 0, joined.stderr
    assert len(running.ask("cases", "reports", number)) == 2
    assert "Wang" not in str(running.ask("cases", "show", number)["timeline"])


def test_a_large_file_passes_through_without_filling_the_memory(running: CollectorProcess) -> None:
    number, large, back = reported(running), running.folder / "large.log", running.folder / "back.log"
    # What the first file of all brings into the memory stays there, and is no part of it.
    small = running.folder / "small.log"
    small.write_text("one line\n")
    first = running.ask("cases", "attach", number, str(small))
    running.run("cases", "save-attachment", str(first["id"]), str(running.folder / "small.back"))
    large.write_bytes(b"0123456789abcde\n" * (FILE_BYTES // 16))
    before = resident_bytes(running)
    made = running.ask("cases", "attach", number, str(large))
    assert made["size"] == FILE_BYTES
    saved = running.run("cases", "save-attachment", str(made["id"]), str(back))
    assert saved.returncode == 0, saved.stderr
    assert back.read_bytes() == large.read_bytes()
    assert resident_bytes(running) - before < FILE_BYTES // 2
    again = running.run("cases", "save-attachment", str(made["id"]), str(back))
    assert (again.returncode, "cannot be written" in again.stderr) == (1, True)


def test_what_is_too_large_or_may_run_is_refused_with_a_reason(running: CollectorProcess) -> None:
    number, before = reported(running), stored(running)
    large, program = running.folder / "too-large.log", running.folder / "program.log"
    large.write_bytes(b"0123456789abcde\n" * (3 << 20))
    program.write_bytes(b"\x7fELF\x02\x01\x01")
    for file, says in ((large, "larger than the 32 MiB"), (program, "holds something else")):
        refused = running.run("cases", "attach", number, str(file))
        assert (refused.returncode, says in refused.stderr) == (1, True), refused.stderr
    assert running.run("cases", "attach", number, str(running.folder / "none.log")).returncode == 1
    assert running.ask("cases", "attachments", number) == []
    assert stored(running) == before


def test_a_kill_leaves_no_file_that_nobody_refers_to(running: CollectorProcess) -> None:
    number = reported(running)
    log = running.folder / "kept.log"
    log.write_text("kept\n")
    kept = running.ask("cases", "attach", number, str(log))
    before = stored(running)
    assert running.process is not None
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(timeout=90)
    evidence = running.folder / "data/evidence"
    (evidence / "incoming" / "half").write_bytes(b"half")
    stray = evidence / "ab" / ("ab" + "0" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    (running.folder / "collector.log").unlink()
    running.start()
    assert stored(running) == before
    back = running.folder / "kept.back"
    assert running.run("cases", "save-attachment", str(kept["id"]), str(back)).returncode == 0
    assert back.read_text() == "kept\n"
    gone = running.run("cases", "remove-attachment", str(kept["id"]), "--reason", "not ours")
    assert gone.returncode == 0, gone.stderr
    assert kept["sha256"] not in stored(running)


def test_closing_asks_how_it_ended_and_in_the_readers_language(running: CollectorProcess) -> None:
    number = reported(running, category="request.upgrade")
    untold = running.run("cases", "close", number, "--reason", "done")
    assert untold.returncode == 2
    closed = running.run("cases", "close", number, "--reason", "done", "--outcome", "repaired")
    assert closed.returncode == 0, closed.stderr
    case = running.ask("cases", "show", number)["case"]
    assert (case["state"], case["outcome"]) == ("closed", "repaired")
    precision = running.run("--lang", "zh", "rules", "precision")
    assert (precision.returncode, "没有结束的工单" in precision.stdout) == (0, True)
    listed = running.run("--lang", "zh", "cases", "categories")
    assert "用户报告：硬盘问题" in listed.stdout
