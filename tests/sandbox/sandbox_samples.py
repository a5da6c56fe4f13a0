"""Bodies that the sandbox's rules accept, to be bent by the tests, and a small shop that sends them."""

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

ADDRESS = {
    "streetAddress": "Storgatan 1",
    "zip": "22222",
    "city": "Malmö",
    "firstName": "Astrid",
    "lastName": "Berg",
    "email": "astrid@example.com",
    "phoneNumber": "+46700000000",
}
MUG = {
    "productType": "physical",
    "reference": "mug",
    "name": "Mug",
    "quantity": 2,
    "quantityUnit": "pc",
    "unitPrice": 8000,
    "taxRate": 2500,
}
TEA = {
    "productType": "physical",
    "reference": "tea",
    "name": "Tea",
    "quantity": 1,
    "quantityUnit": "pc",
    "unitPrice": 4000,
    "taxRate": 2500,
}
ORDER = {"currency": "SEK", "amountIncVat": 25_000, "amountExVat": 20_000, "cart": [MUG, TEA]}
SESSION = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "consumer",
    "country": "SE",
    "locale": "sv-se",
    "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/thanks"},
    "references": {"reference1": "1001"},
    "data": {"order": ORDER, "billing": ADDRESS},
}
BUSINESS = {
    **SESSION,
    "customerType": "business",
    "data": {"order": ORDER, "company": {"cin": "5566778899", "name": "Berg AB"}},
}
GONE = "c5674f4f-7e84-405c-a44b-c83736bb7209"

_ABSENT = object()
ABSENT: Any = _ABSENT


def bent(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Return a deep copy with one member changed, or removed when the value is ABSENT."""
    result = orjson.loads(orjson.dumps(document))  # shares nothing, not even within itself
    *steps, last = pointer.split("/")
    place: Any = result
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    key = int(last) if isinstance(place, list) else last
    if value is ABSENT:
        del place[key]
    else:
        place[key] = value
    return result


def order_of(*lines: dict[str, Any]) -> dict[str, Any]:
    """Return an order of these lines with totals that fit."""
    net = sum(line["quantity"] * line["unitPrice"] for line in lines)
    gross = sum(line["quantity"] * line["unitPrice"] * (10_000 + line["taxRate"]) for line in lines) // 10_000
    return {"currency": "SEK", "amountIncVat": gross, "amountExVat": net, "cart": list(lines)}


def basic(username: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


class Shop:
    """Speaks HTTP to a sandbox and nothing else: no model, no retry."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def call(
        self, method: str, path: str, body: Any = None, *, fault: Any = None, **options: Any
    ) -> tuple[int, Any]:
        """Send a request and return the status and the decoded body, None for an empty one."""
        headers = dict(options.pop("headers", {}))
        if body is not None:
            raw = body if isinstance(body, bytes) else orjson.dumps(body)
            # aiohttp warns about bytes of more than a megabyte; a file object is fine.
            options["data"] = io.BytesIO(raw) if len(raw) > 2**20 else raw
            headers.setdefault("Content-Type", "application/json")
        if fault is not None:
            headers["X-Sandbox-Fault"] = fault if isinstance(fault, str) else orjson.dumps(fault).decode()
        async with self.http.request(method, path, headers=headers, **options) as response:
            raw = await response.read()
            if response.content_type != "application/json":
                return response.status, raw or None
            return response.status, orjson.loads(raw) if raw else None

    async def create(self, body: dict[str, Any] = SESSION, **options: Any) -> str:
        status, session = await self.call("POST", "/v3/session", body, **options)
        assert status == 201, session
        session_id: str = session["sessionId"]
        return session_id

    async def patch(self, session_id: str, body: Any, query: str = "", **options: Any) -> tuple[int, Any]:
        return await self.call("PATCH", f"/v3/session/{session_id}{query}", body, **options)

    async def read(self, session_id: str, query: str = "") -> Any:
        status, session = await self.call("GET", f"/v3/session/{session_id}{query}")
        assert status == 200, session
        return session

    async def capture(self, session_id: str, *lines: dict[str, Any]) -> tuple[int, Any]:
        path = f"/v3/session/{session_id}/order/capture"
        return await self.call("POST", path, {"data": {"order": order_of(*lines)}})

    async def refund(
        self, session_id: str, *lines: dict[str, Any], capture_id: str | None = None
    ) -> tuple[int, Any]:
        body: dict[str, Any] = {"data": {"order": order_of(*lines)}}
        if capture_id is not None:
            body["captureId"] = capture_id
        return await self.call("POST", f"/v3/session/{session_id}/order/refund", body)


def message(answer: tuple[int, Any]) -> str:
    """Return "status code: message" of an error envelope."""
    status, body = answer
    return f"{status} {body['error']['code']}: {body['error']['message']}"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true at the server, which sends no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.001)
