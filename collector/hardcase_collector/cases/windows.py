"""Maintenance windows: which hold for an asset, and what people do with them. The desk and the pages ask.

An asset looks for the windows of its scopes, so that one opened for a site holds for what joins the site later. The
times of a window are `domain/window_times.py`; what still fires at an end is opened by the desk's tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hardcase_collector.cases.admission import Held
from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset, IdentityBasis
from hardcase_collector.domain.customer import Custody
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.noise import NEVER_MS, Breadth, PlannedWindow, scope_key
from hardcase_collector.domain.ports import Transaction, Window
from hardcase_collector.domain.window_times import WEEK_MS, moved, next_time, over, time_of
from hardcase_collector.registry.resolution import site_of

HOUR_MS = 3_600_000
DEFAULT_MS = 2 * HOUR_MS
LONGEST_MS = 366 * 24 * HOUR_MS
"""A machine that nobody may hear of for over a year is not in maintenance but out of service."""
_BYTES_OF_ID = 16
LISTED = 500


def holding(tx: Transaction, asset: Asset, custody: Custody | None, at_ms: int) -> Sequence[Window]:
    """Every window that holds for the asset at this time, whatever it was opened for."""
    found = list(tx.assets.windows(asset.id, at_ms))
    for planned in tx.noise.windows_in(scopes_of(asset, custody), at_ms=at_ms):
        running = time_of(planned, at_ms)
        if running is not None:
            from_ms, until_ms = running
            found.append(
                Window(
                    id=planned.id,
                    asset=asset.id,
                    from_ms=from_ms,
                    until_ms=until_ms,
                    reason=planned.reason,
                    by=planned.by,
                )
            )
    return found


def scopes_of(asset: Asset, custody: Custody | None) -> Sequence[str]:
    """Under which windows for this asset are kept."""
    scopes = [scope_key(Breadth.ASSET, asset.id)]
    if asset.basis is IdentityBasis.REHEARSAL:
        # A drill is meant to be seen while real machines next to it are worked on.
        return scopes
    scopes.append(scope_key(Breadth.CUSTOMER, asset.customer))
    if custody is None:
        return scopes
    if custody.site:
        scopes.append(scope_key(Breadth.SITE, asset.customer, custody.site))
    if custody.rack:
        scopes.append(scope_key(Breadth.RACK, asset.customer, custody.site, custody.rack))
    return scopes + [scope_key(Breadth.TAG, asset.customer, tag) for tag in custody.tags]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a window is for, as people name it: an asset by its number, a rack as "site/rack"."""

    breadth: Breadth
    customer: str
    """Ignored for an asset, which has one."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From when until when. Texts are ISO; without an offset they are local time where the target stands."""

    begins: str
    ends: str
    weekly: bool = False
    last: str = ""
    """Weekly: over for good then; "" = without end."""
    time_zone: str = ""
    """IANA name; "" = that of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A window as people are shown it, with the time that holds or comes next (or was the last)."""

    id: str
    breadth: Breadth
    subject: str
    customer: str
    from_ms: int
    until_ms: int
    running: bool
    weekly: bool
    last_ms: int
    """When it is over for good; 0 = not by itself."""
    time_zone: str
    reason: str
    by: str
    host: bool
    """Opened on the host itself, through its agent."""


class Windows:
    """What people do with windows; each call within the caller's write transaction, with its actor."""

    def open_now(
        self,
        tx: Transaction,
        target: Target,
        *,
        id: bytes,
        reason: str,
        by: Actor,
        now_ms: int,
        lasts_ms: int = DEFAULT_MS,
    ) -> PlannedWindow:
        """From now on. `id`: 16 random bytes. Raises NotAllowed, NotFound, IllegalAction."""
        require(by, Deed.OPEN_WINDOW)
        scope, asset, customer, subject = self._resolve(tx, target, by)
        window = PlannedWindow(
            id=id,
            breadth=target.breadth,
            scope=scope,
            customer=customer,
            subject=subject,
            from_ms=now_ms,
            until_ms=now_ms + lasts_ms,
            last_ms=now_ms + lasts_ms,
            time_zone=self._zone(tx, target, customer, asset),
            reason=reason.strip(),
            by=by.name,
            opened_ms=now_ms,
        )
        return self._save(tx, window, "window.opened", by, now_ms)

    def plan(
        self, tx: Transaction, target: Target, hours: Hours, *, id: bytes, reason: str, by: Actor, now_ms: int
    ) -> PlannedWindow:
        """For later, once or every week. Raises NotAllowed, NotFound, IllegalAction."""
        require(by, Deed.OPEN_WINDOW)
        scope, asset, customer, subject = self._resolve(tx, target, by)
        zone = hours.time_zone or self._zone(tx, target, customer, asset)
        from_ms, until_ms = local_ms(hours.begins, zone), local_ms(hours.ends, zone)
        last_ms = until_ms if not hours.weekly else local_ms(hours.last, zone) if hours.last else NEVER_MS
        window = PlannedWindow(
            id=id,
            breadth=target.breadth,
            scope=scope,
            customer=customer,
            subject=subject,
            from_ms=from_ms,
            until_ms=until_ms,
            weekly=hours.weekly,
            time_zone=zone,
            last_ms=last_ms,
            reason=reason.strip(),
            by=by.name,
            opened_ms=now_ms,
        )
        if last_ms <= now_ms:
            raise IllegalAction("the window would be over already")
        return self._save(tx, window, "window.planned", by, now_ms)

    def extend(self, tx: Transaction, id: str, *, until_ms: int, by: Actor, now_ms: int) -> Listed:
        """The time that holds now ends then instead. Raises NotAllowed, NotFound, IllegalAction."""
        require(by, Deed.OPEN_WINDOW)
        if until_ms <= now_ms:
            raise IllegalAction("a window is prolonged into the future; to let it go now, end it")
        planned = self._find(tx, id, by)
        if isinstance(planned, PlannedWindow):
            changed = moved(planned, at_ms=now_ms, until_ms=until_ms)
            self._shortened(tx, planned, changed, now_ms)
            return listed(self._save(tx, changed, "window.prolonged", by, now_ms), now_ms)
        return self._end_host(tx, planned, until_ms, "window.prolonged", by, now_ms)

    def end(self, tx: Transaction, id: str, *, for_good: bool = False, by: Actor, now_ms: int) -> Listed:
        """What it held is decided anew at once. A weekly one goes on next week unless it is ended `for_good`.

        One that has not begun is called off. Raises NotAllowed, NotFound, IllegalAction.
        """
        require(by, Deed.OPEN_WINDOW)
        planned = self._find(tx, id, by)
        if not isinstance(planned, PlannedWindow):
            return self._end_host(tx, planned, now_ms, "window.ended", by, now_ms)
        if planned.last_ms <= now_ms:
            raise IllegalAction("the window is over already")
        running = time_of(planned, now_ms)
        goes_on = planned.weekly and not for_good and running is not None
        changed = moved(planned, at_ms=now_ms, until_ms=now_ms) if goes_on else over(planned, at_ms=now_ms)
        self._shortened(tx, planned, changed, now_ms)
        return listed(self._save(tx, changed, "window.ended", by, now_ms), now_ms)

    def list(self, tx: Transaction, *, customer: str | None, now_ms: int, over_since_ms: int) -> Sequence[Listed]:
        """Running ones first, then by their next time."""
        planned = tx.noise.windows(customer=customer, over_since_ms=over_since_ms, limit=LISTED)
        hosts = tx.noise.host_windows(customer=customer, over_since_ms=over_since_ms, limit=LISTED)
        shown = [listed(window, now_ms) for window in planned]
        shown += [_host(tx, window, now_ms) for window in hosts]
        return sorted(shown, key=lambda one: (not one.running, one.from_ms, one.id))

    # ------------------------------------------------------------------ steps

    def _resolve(self, tx: Transaction, target: Target, by: Actor) -> tuple[str, Asset | None, str, str]:
        """(scope, the asset it is for, customer, subject). Raises NotFound, also for what is another customer's."""
        if target.breadth is Breadth.ASSET:
            asset = tx.assets.by_number(int(target.name))
            if by.customer not in (None, asset.customer):
                raise NotFound("there is no asset {asset}", asset=target.name)
            return scope_key(Breadth.ASSET, asset.id), asset, asset.customer, target.name
        customer, name = by.customer or target.customer, target.name
        if not customer or (by.customer is not None and target.customer not in ("", by.customer)):
            raise NotFound("there is no customer {customer}", customer=target.customer)
        if target.breadth is Breadth.CUSTOMER:
            return scope_key(Breadth.CUSTOMER, customer), None, customer, ""
        if target.breadth is Breadth.SITE:
            if tx.registry.site(customer=customer, name=name) is None:
                raise NotFound(
                    "{customer} has no site {name}; see hardcase-collector customers list", customer=customer, name=name
                )
            return scope_key(Breadth.SITE, customer, name), None, customer, name
        site, _, rack = name.rpartition("/")
        where = {"site": site, "rack": rack} if target.breadth is Breadth.RACK else {"tag": name}
        if not (rack if target.breadth is Breadth.RACK else name) or not tx.registry.assets_where(
            customer=customer, **where
        ):
            raise NotFound(
                "no asset of {customer} is in the books with {breadth} {name}",
                customer=customer,
                breadth=target.breadth,
                name=name,
            )
        return scope_key(target.breadth, customer, *where.values()), None, customer, name

    def _zone(self, tx: Transaction, target: Target, customer: str, asset: Asset | None) -> str:
        if asset is not None:
            return site_of(tx, asset).time_zone
        site = target.name.partition("/")[0] if target.breadth in (Breadth.SITE, Breadth.RACK) else ""
        found = tx.registry.site(customer=customer, name=site) if site else None
        return "UTC" if found is None else found.time_zone

    def _find(self, tx: Transaction, id: str, by: Actor) -> PlannedWindow | Sequence[Window]:
        try:
            key = bytes.fromhex(id)
        except ValueError:
            key = b""
        planned = tx.noise.window(key, customer=by.customer) if len(key) == _BYTES_OF_ID else None
        if planned is not None:
            return planned
        hosts = tx.noise.host_window(key, customer=by.customer) if key else ()
        if not hosts:
            raise NotFound("there is no window {id}; see hardcase-collector windows list", id=id)
        return hosts

    def _end_host(
        self, tx: Transaction, windows: Sequence[Window], until_ms: int, action: str, by: Actor, now_ms: int
    ) -> Listed:
        if all(window.until_ms <= now_ms for window in windows):
            raise IllegalAction("the window is over already")
        changed = [replace(window, until_ms=max(until_ms, window.from_ms)) for window in windows]
        for window in changed:
            tx.assets.open_window(window)
            self._audit(tx, action, window.id, f"asset {window.asset}", by, now_ms, until_ms)
        return _host(tx, changed[0], now_ms)

    def _shortened(self, tx: Transaction, before: PlannedWindow, after: PlannedWindow, now_ms: int) -> None:
        """What was held until its old end waits for the new one."""
        was, now = time_of(before, now_ms), time_of(after, now_ms)
        if was is not None and (now is None or now[1] < was[1]):
            tx.noise.release(held=Held.WINDOW, until_ms=was[1], at_ms=now_ms if now is None else now[1])

    def _save(self, tx: Transaction, window: PlannedWindow, action: str, by: Actor, now_ms: int) -> PlannedWindow:
        lasts_ms = window.until_ms - window.from_ms
        if action != "window.ended" and not 0 < lasts_ms <= (WEEK_MS - HOUR_MS if window.weekly else LONGEST_MS):
            if window.weekly:
                raise IllegalAction("a weekly window ends after it begins, and lasts less than a week")
            raise IllegalAction("a window ends after it begins, and lasts less than a year")
        tx.noise.save_window(window)
        self._audit(tx, action, window.id, f"{window.breadth} {window.subject}".strip(), by, now_ms, window.until_ms)
        return window

    def _audit(
        self, tx: Transaction, action: str, id: bytes, subject: str, by: Actor, now_ms: int, until_ms: int
    ) -> None:
        facts: dict[str, Fact] = {"window": id.hex(), "until_ms": until_ms}
        tx.access.audit(at_ms=now_ms, actor=by.name, action=action, subject=subject, facts=facts)


def local_ms(text: str, zone: str) -> int:
    """ISO date and time as ms of Unix time; without an offset it is local in `zone`. Raises IllegalAction."""
    try:
        told = datetime.fromisoformat(text)
        return round((told if told.tzinfo else told.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)
    except ValueError:
        raise IllegalAction("{text} is no date and time; write 2026-12-24T22:00", text=text) from None
    except ZoneInfoNotFoundError:
        raise IllegalAction("{zone} is no time zone; write Asia/Shanghai", zone=zone) from None


def listed(window: PlannedWindow, now_ms: int) -> Listed:
    running = time_of(window, now_ms)
    shown = next_time(window, now_ms) or (window.from_ms, window.until_ms)
    return Listed(
        id=window.id.hex(),
        breadth=window.breadth,
        subject=window.subject,
        customer=window.customer,
        from_ms=shown[0],
        until_ms=shown[1],
        running=running is not None,
        weekly=window.weekly,
        last_ms=0 if window.last_ms == NEVER_MS else window.last_ms,
        time_zone=window.time_zone,
        reason=window.reason,
        by=window.by,
        host=False,
    )


def _host(tx: Transaction, window: Window, now_ms: int) -> Listed:
    return Listed(
        id=window.id.hex(),
        breadth=Breadth.ASSET,
        subject=str(window.asset),
        customer=tx.assets.by_number(window.asset).customer,
        from_ms=window.from_ms,
        until_ms=window.until_ms,
        running=window.from_ms <= now_ms < window.until_ms,
        weekly=False,
        last_ms=window.until_ms,
        time_zone="UTC",
        reason=window.reason,
        by=window.by,
        host=True,
    )
