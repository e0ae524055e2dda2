"""Who may use the control socket, by the kernel's word."""

from __future__ import annotations

import os
import socket

import pytest
from hardcase_collector.web.control.peers import Peer, allowed, peer_of

OWN, ADMINS = 990, 985


@pytest.mark.parametrize(
    ("peer", "welcome"),
    [
        (Peer(1, 0, frozenset({0})), True),
        (Peer(1, OWN, frozenset({OWN})), True),
        (Peer(1, 1000, frozenset({1000, ADMINS})), True),
        (Peer(1, 1000, frozenset({1000, 27})), False),
        (Peer(1, 65534, frozenset()), False),
    ],
)
def test_root_the_own_user_and_administrators_are_welcome(peer: Peer, welcome: bool) -> None:
    assert allowed(peer, own_uid=OWN, admins=ADMINS) is welcome


def test_without_the_group_its_number_opens_nothing() -> None:
    assert not allowed(Peer(1, 1000, frozenset({1000})), own_uid=OWN, admins=None)


def test_the_kernel_tells_process_user_and_every_group() -> None:
    here, there = socket.socketpair()
    with here, there:
        peer = peer_of(here)

    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert {os.getegid(), *os.getgroups()} == peer.groups


def test_a_user_without_a_name_still_has_one_on_timelines() -> None:
    assert Peer(1, 3_999_999, frozenset()).name == "uid 3999999"
