"""The table of an order's states: every cell, and where its part is counted in each."""

from __future__ import annotations

import itertools

import pytest
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.spares import Bucket, Freight, OrderState, OrderStep, PartOrder
from hardcase_collector.parts.order_table import OVER, bucket_of, freight_after, legal_steps, next_state

LEGAL = {
    ("requested", "reserve"): "reserved",
    ("requested", "cancel"): "cancelled",
    ("reserved", "ship"): "shipped",
    ("reserved", "receive"): "received",
    ("reserved", "cancel"): "cancelled",
    ("shipped", "receive"): "received",
    ("shipped", "lose"): "missing",
    ("received", "install"): "installed",
    ("received", "declare_dead"): "dead_on_arrival",
    ("received", "send_back"): "returned",
    ("received", "lose"): "missing",
    ("installed", "send_back"): "returned",
    ("installed", "keep"): "kept_by_customer",
    ("installed", "declare_dead"): "dead_on_arrival",
    ("installed", "lose"): "missing",
    ("dead_on_arrival", "send_back"): "returned",
    ("dead_on_arrival", "lose"): "missing",
    ("returned", "receive_back"): "return_received",
    ("returned", "lose"): "missing",
    # A missing part is found: ours at the site, or the one that was on its way back.
    ("missing", "receive", "new"): "received",
    ("missing", "receive_back", "old"): "return_received",
    ("missing", "receive_back", "dead"): "return_received",
    ("missing", "receive_back", "unused"): "return_received",
}


def order(state: OrderState, freight: Freight = Freight.NEW) -> PartOrder:
    return PartOrder(
        id=7,
        case=1,
        asset=1,
        component="disk",
        slot="3",
        wanted=("A",),
        state=state,
        requested_ms=1,
        requested_by="li",
        freight=freight,
    )


@pytest.mark.parametrize(("state", "step", "freight"), [*itertools.product(OrderState, OrderStep, Freight)])
def test_every_cell_is_legal_or_refused(state: OrderState, step: OrderStep, freight: Freight) -> None:
    leads = LEGAL.get((state, step)) or LEGAL.get((state, step, freight))
    if leads is None:
        with pytest.raises(IllegalAction, match=r"part order 7 is .* cannot .*: it can "):
            next_state(order(state, freight), step)
    else:
        assert next_state(order(state, freight), step) == leads
    assert (step in legal_steps(state, freight)) == (leads is not None)


def test_every_state_but_the_first_is_reached_by_some_step() -> None:
    assert {*LEGAL.values(), "requested"} == set(OrderState)


def test_what_is_over_has_no_step() -> None:
    assert {state for state in OrderState if not legal_steps(state, Freight.OLD)} == OVER


def test_an_order_is_about_the_old_part_once_the_new_one_is_in() -> None:
    assert freight_after(order(OrderState.RECEIVED), OrderStep.INSTALL) is Freight.OLD
    assert freight_after(order(OrderState.RECEIVED), OrderStep.SEND_BACK) is Freight.UNUSED
    assert freight_after(order(OrderState.INSTALLED, Freight.OLD), OrderStep.DECLARE_DEAD) is Freight.DEAD
    assert freight_after(order(OrderState.INSTALLED, Freight.OLD), OrderStep.SEND_BACK) is Freight.OLD


def test_what_came_back_unused_is_free_again_and_what_was_dead_is_not() -> None:
    assert bucket_of(OrderState.RETURN_RECEIVED, Freight.UNUSED) is Bucket.FREE
    assert bucket_of(OrderState.RETURN_RECEIVED, Freight.DEAD) is Bucket.RETURNED


def test_a_lost_old_part_leaves_ours_in_the_machine() -> None:
    assert bucket_of(OrderState.MISSING, Freight.OLD) is Bucket.INSTALLED
    assert bucket_of(OrderState.MISSING, Freight.NEW) is Bucket.LOST
