"""Requests made out of the document, right ones and wrong ones, against a sandbox on a socket."""

from __future__ import annotations

import pytest
from hypothesis import settings
from system.openapi.openapi_support import fuzz

from briqpay_async.sandbox import Sandbox


@pytest.mark.hypothesis  # CI makes more requests
def test_no_generated_request_makes_the_sandbox_fail_or_contradict_the_document() -> None:
    with Sandbox().in_thread() as sandbox:
        made = fuzz(sandbox.url, sandbox.username, sandbox.secret, examples=settings().max_examples // 4)
        statuses = {record.status for record in sandbox.journal}
        endpoints = {record.endpoint for record in sandbox.journal}
    assert made > 80
    assert {200, 201, 204, 400, 409} <= statuses
    assert len(endpoints) == 14
