"""Which files the kernel may forget for the agent. How much that is: tests/vm."""

from __future__ import annotations

import json
import os
import sys

import pytest
from hardcase_agent import footprint


def test_files_that_modules_and_mappings_came_from_are_known() -> None:
    found = footprint._files_read()
    assert json.__file__ in found
    assert json.__cached__ in found
    assert os.path.realpath(sys.executable) in found


def test_a_program_without_an_environment_of_its_own_leaves_everybodys_files_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert footprint.forget_files() == 0


def test_files_that_are_gone_or_closed_to_us_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    monkeypatch.setattr(footprint, "_files_read", lambda: {"/nowhere/module.pyc", __file__})
    assert footprint.forget_files() == 1
