"""Standard Webhooks signatures."""

from __future__ import annotations

import base64

import pytest
from hardcase_collector.channels.signature import sign, signed_headers, signing_key
from hardcase_collector.domain.errors import ConfigError

# The example of the specification's reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = "1614265330"
BODY = b'{"test": 2432232314}'


def test_a_signature_is_that_of_the_specification() -> None:
    assert sign(signing_key(SECRET), MESSAGE, TIMESTAMP, BODY) == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_id_time_and_body_are_all_signed() -> None:
    key = signing_key(SECRET)
    signatures = {
        signed_headers(key, event_id=id, timestamp_s=at, body=body)["webhook-signature"]
        for id, at, body in (("a", 1, b"x"), ("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y"))
    }
    assert len(signatures) == 4


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_not base64",
        "whsec_" + base64.b64encode(b"short").decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ConfigError) as refused:
        signing_key(secret)
    assert not secret or secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"


def test_a_line_end_after_the_secret_is_no_part_of_it() -> None:
    assert signing_key(SECRET + "\n") == signing_key(SECRET)
