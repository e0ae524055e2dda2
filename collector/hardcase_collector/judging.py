"""What is judged by: rules, plans and service states, read together and replaced together. Called by `app.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hardcase_collector.cases.opening import TermSheets, shipped_sheets
from hardcase_collector.cases.opening import load_sheets as load_sheets_of_terms
from hardcase_collector.config import Settings
from hardcase_collector.domain.errors import CollectorError, ConfigError, NotFound
from hardcase_collector.readings import Readings
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet import RuleBook
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.state.store import SqlStateStore


def rule_book(settings: Settings) -> RuleBook:
    """Built-in sheets and the site's. Raises SheetError with every mistake."""
    folder = settings.rules.sheets_dir
    return load_sheets([folder] if folder.is_dir() else None)


@dataclass(slots=True)
class Judging:
    """What a reload replaces together."""

    book: RuleBook
    engine: Engine
    readings: Readings
    terms: TermSheets

    def title(self, fault_class: str, language: str) -> str:
        return self.book.text(fault_class, language)[0]


def judging(book: RuleBook, state: SqlStateStore, terms: TermSheets | None = None) -> Judging:
    """`terms` None: plans and service states as they are shipped."""
    keys = asset_keys(state)
    readings = Readings(Engine(book, asset_key=keys))
    return Judging(book, Engine(book, asset_key=keys), readings, terms or shipped_sheets())


def judging_of(settings: Settings, state: SqlStateStore) -> Judging:
    """By built-in sheets and the site's. Raises SheetError with every mistake, ConfigError."""
    return judging(rule_book(settings), state, term_sheets(settings))


def term_sheets(settings: Settings) -> TermSheets:
    """Built-in plans and service states, and the site's. Raises SheetError with every mistake, ConfigError."""
    folder = settings.plans.sheets_dir
    try:
        return load_sheets_of_terms([folder] if folder.is_dir() else (), settings.plans.uncovered)
    except NotFound as error:
        raise ConfigError((f"plans.uncovered: {error}",)) from None


def asset_keys(state: SqlStateStore) -> Callable[[int], str]:
    """Number of an asset -> its key, remembered: overrides name assets by key. Keys never change."""
    known: dict[int, str] = {}

    def key_of(number: int) -> str:
        if number not in known:
            try:
                with state.read() as tx:
                    known[number] = tx.assets.by_number(number).key
            except CollectorError:
                # An asset made in the very transaction that judges it is seen a frame later.
                return ""
        return known[number]

    return key_of
