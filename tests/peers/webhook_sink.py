"""A receiver of webhooks for tests: the demo's, with a secret of its own."""

from __future__ import annotations

from deploy.demo.sink import Answer, Received, Sink, verify

__all__ = ["SECRET", "Answer", "Received", "Sink", "verify"]

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy0wMDAwMDAw"
