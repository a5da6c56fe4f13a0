"""Foreign web pages in a developer's browser can neither read from a sandbox nor change it."""

from typing import Any

import pytest
from sandbox.sandbox_samples import SESSION, Shop, message

from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.answers import Refusal
from briqpay_async.sandbox.api.guard import Guard


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "", "[", "10.0.0.9"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "journal"), ("GET", "effects"), ("POST", "reset")])
async def test_a_name_that_is_not_the_sandbox_s_is_refused(
    shop: Shop, box: Sandbox, host: str, method: str, path: str
) -> None:
    await shop.create()
    answer = await shop.call(method, f"/_sandbox/{path}", headers={"Host": host})
    assert message(answer).startswith("403 FORBIDDEN_HOST: ")
    assert len(box.sessions) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost:8420", "LOCALHOST", "[::1]:8420", "127.9.9.9"]
)
async def test_a_loopback_name_is_let_in(shop: Shop, host: str) -> None:
    assert await shop.call("GET", "/_sandbox/effects", headers={"Host": host}) == (200, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://sandbox.test", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize("path", ["reset", "faults"])
async def test_a_page_of_another_site_changes_nothing(
    shop: Shop, box: Sandbox, path: str, headers: dict[str, str]
) -> None:
    await shop.create()
    answer = await shop.call("POST", f"/_sandbox/{path}", {"kind": "html_502"}, headers=headers)
    assert message(answer).startswith("403 CROSS_SITE: ")
    assert (len(box.sessions), len(box.faults)) == (1, 0)


async def test_the_sandbox_s_own_pages_change_it(shop: Shop, box: Sandbox) -> None:
    own = {"Origin": box.url, "Sec-Fetch-Site": "same-origin"}
    await shop.create()
    assert (await shop.call("POST", "/_sandbox/reset", headers=own))[0] == 204
    assert len(box.sessions) == 0


async def test_the_api_itself_does_not_look_at_names(shop: Shop) -> None:
    # A proxy in front of it may send any, and it wants credentials.
    foreign = {"Host": "evil.example", "Origin": "https://evil.example"}
    assert (await shop.call("POST", "/v3/session", SESSION, headers=foreign))[0] == 201


def refused(guard: Guard, **headers: str) -> bool:
    try:
        guard.check("GET", headers)
    except Refusal:
        return True
    return False


@pytest.mark.parametrize(
    ("guard", "host", "expected"),
    [
        (Guard("0.0.0.0", allow_remote=True), "sandbox:8420", False),  # noqa: S104 (the name of a compose service)
        (Guard("0.0.0.0", allow_remote=True), "10.1.2.3:8420", False),  # noqa: S104
        (Guard("0.0.0.0", allow_remote=True), "evil.example", True),  # noqa: S104
        (Guard("0.0.0.0", allow_remote=True), "", True),  # noqa: S104
        (Guard("briqpay.test", allow_remote=True), "Briqpay.test:80", False),
        (Guard(), "sandbox:8420", True),
    ],
)
def test_a_sandbox_for_others_has_more_names(guard: Guard, host: str, expected: bool) -> None:
    assert refused(guard, Host=host) is expected


def test_a_program_that_names_no_host_is_let_in() -> None:
    assert not refused(Guard())


async def test_a_foreign_page_s_body_is_not_even_read(shop: Shop, box: Sandbox) -> None:
    raw: Any = b"not json"
    answer = await shop.call("POST", "/_sandbox/faults", raw, headers={"Origin": "https://evil.example"})
    assert message(answer).startswith("403 CROSS_SITE")
    assert len(box.journal) == 0
