"""``briqpay page`` against a sandbox on a real socket."""

from __future__ import annotations

from typing import Any

from briqpay_async.sandbox import Sandbox


async def test_a_hosted_page_is_made_and_printed_with_its_link(
    run: Any, sandbox: Sandbox, session_id: str
) -> None:
    options = ["--title", "Our shop", "--logo", "https://shop.example/logo.png", "--show-cart"]

    result = await run("page", "create", session_id, *options)

    page = result.document
    assert (result.status, result.err, page["sessionId"]) == (0, "", session_id)
    assert page["url"].startswith("http")
    assert sandbox.hosted_pages[page["hostedPageId"]]["config"] == {
        "pageTitle": "Our shop",
        "logoUrl": "https://shop.example/logo.png",
        "showCart": True,
    }


async def test_a_page_needs_no_options_and_none_is_sent(run: Any, sandbox: Sandbox, session_id: str) -> None:
    assert (await run("page", "create", session_id)).status == 0
    (record,) = sandbox.journal.of(endpoint="hosted_page")
    assert record.body == f'{{"sessionId":"{session_id}"}}'.encode()


async def test_a_title_that_the_api_would_refuse_is_not_sent(run: Any, sandbox: Sandbox, session_id: str) -> None:
    result = await run("page", "create", session_id, "--title", "x")

    assert (result.status, result.out) == (2, "")
    assert "/config/pageTitle" in result.line
    assert sandbox.journal.of(endpoint="hosted_page") == ()
