"""Requests made out of the document, right ones and wrong ones, against a sandbox on a socket."""

from __future__ import annotations

from system.openapi.openapi_support import fuzz

from briqpay_async.sandbox import Sandbox


def test_no_generated_request_makes_the_sandbox_fail_or_contradict_the_document() -> None:
    with Sandbox().in_thread() as sandbox:
        made = fuzz(sandbox.url, sandbox.username, sandbox.secret, examples=10)
        statuses = {record.status for record in sandbox.journal}
        endpoints = {record.endpoint for record in sandbox.journal}
    assert made > 150
    assert {200, 201, 204, 400, 409} <= statuses
    assert len(endpoints) == 14
