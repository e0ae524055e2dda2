"""A link without login goes out with the one notification that tells of it."""

from __future__ import annotations

import json
from dataclasses import replace

from hardcase_collector.domain.advice import LiveState
from hardcase_collector.domain.stored import SentLink
from hardcase_collector.notify.events import cloud_event

from tests.unit.collector.notify.test_events import NEWS, SENDER

LINK = SentLink(purpose="consent", url="https://x/links/t", whom="张伟", mail="z@north.example", language="zh")


def test_the_notification_of_a_new_link_carries_it_for_its_person() -> None:
    body = json.loads(cloud_event(replace(NEWS, link=LINK), SENDER, LiveState()))
    assert body["data"]["link"] == {
        "purpose": "consent",
        "url": "https://x/links/t",
        "whom": "张伟",
        "mail": "z@north.example",
        "language": "zh",
    }


def test_no_other_notification_has_one() -> None:
    assert "link" not in json.loads(cloud_event(NEWS, SENDER, LiveState()))["data"]
