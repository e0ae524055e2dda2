"""Ports that programs are told before they start: nobody else is told them, and no connection takes them meanwhile."""

from __future__ import annotations

import socket
import subprocess
import sys

from deploy.demo.ports import free_port, given_by_the_kernel

ASKED = 100


def test_none_is_given_twice_and_none_of_those_that_connections_go_out_from() -> None:
    given = [free_port() for _ in range(ASKED)]
    assert len(set(given)) == ASKED
    assert all(1024 < port < 65536 for port in given)
    kernels = given_by_the_kernel()
    if kernels.start > 20_000:
        assert not set(given) & set(kernels)


def test_two_processes_that_ask_at_once_are_told_different_ones() -> None:
    ask = f"from deploy.demo.ports import free_port; print(*(free_port() for _ in range({ASKED}))); input()"
    command = [sys.executable, "-c", ask]
    asking = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=sys.path[0] or None)
        for _ in range(3)
    ]
    told: list[set[str]] = []
    for one in asking:
        assert one.stdout is not None
        told.append(set(one.stdout.readline().split()))
    for one in asking:
        one.communicate("\n", timeout=60)
    assert [len(one) for one in told] == [ASKED] * 3
    assert len(set.union(*told)) == 3 * ASKED


def test_one_that_a_program_listens_on_is_left_out() -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        probe = free_port(kind)
        # The next one in turn, as far as this process is concerned.
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", probe + 1))
            assert probe + 1 not in {free_port(kind) for _ in range(5)}
