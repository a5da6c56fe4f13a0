"""Which page or answer a browser gets under `/_sandbox`; what is no page is left to the control endpoints."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from aiohttp import web

from briqpay_async.sandbox.answers import Refusal, invalid, json_answer, respond
from briqpay_async.sandbox.faults.faults import Faults
from briqpay_async.sandbox.pages import inspector
from briqpay_async.sandbox.pages.assets import Assets
from briqpay_async.sandbox.pages.checkout import CheckoutPage
from briqpay_async.sandbox.pages.events import stream
from briqpay_async.sandbox.state.request_log import RequestLog
from briqpay_async.sandbox.state.store import Store
from briqpay_async.sandbox.switches import describe_switches
from briqpay_async.sandbox.webhooks.deliveries import Deliveries

Json = dict[str, Any]
Query = Mapping[str, list[str]]

PREFIX: Final = "/_sandbox/"
_SCRIPT: Final = "briq.min.js"
_MOST_ROWS: Final = 10_000


class Pages:
    """Serves the checkout, hosted pages and the inspector."""

    def __init__(self, store: Store, journal: RequestLog, faults: Faults, deliveries: Deliveries) -> None:
        self._store = store
        self._journal = journal
        self._deliveries = deliveries
        self._assets = Assets()
        self._checkout = CheckoutPage(store)
        self._views: dict[str, Callable[[Query], object]] = {
            "sessions": lambda query: inspector.list_sessions(
                store.sessions, query.get("q", [""])[0], _limit(query)
            ),
            "requests": lambda query: inspector.newest_requests(journal, _limit(query)),
            "effects": lambda query: inspector.newest_effects(store.effects, _limit(query)),
            "deliveries": lambda query: inspector.newest_deliveries(deliveries, _limit(query)),
            "faults": lambda _: inspector.describe_faults(faults),
            "switches": lambda _: describe_switches(store.switches),
        }

    def state_of(self, session_id: str | None) -> Json | None:
        """Return the state of a session, to be kept beside the request that led to it."""
        return self._store.sessions.get(session_id) if session_id is not None else None

    async def serve(self, request: web.BaseRequest, path: str, body: bytes) -> web.StreamResponse | None:
        """Answer a request for a page or from one; None when it is for a control endpoint.

        Raises:
            Refusal: there is no such page, or it does not take what was sent.
        """
        room, _, rest = path[len(PREFIX) :].partition("/")
        if room == "checkout":
            session_id, _, verb = rest.partition("/")
            return await self._serve_checkout(request, session_id, verb, body)
        if room == "hosted":
            page_id, _, after = rest.partition("/")
            token, _, verb = after.partition("/")
            return await self._serve_checkout(request, self._hosted_session(page_id, token), verb, body)
        if request.method != "GET":
            return None
        if room == "inspector":
            return await self._serve_inspector(request, rest)
        return self._file(room, rest)

    def _file(self, room: str, rest: str) -> web.Response | None:
        if room == "web":
            return self._assets.file(rest) or respond(_missing().answer())
        if room == "" and not rest:
            return self._assets.page("inspector.html")
        return self._assets.file(_SCRIPT) if room == _SCRIPT and not rest else None

    async def _serve_checkout(
        self, request: web.BaseRequest, session_id: str, verb: str, body: bytes
    ) -> web.StreamResponse:
        checkout, store = self._checkout, self._store
        if session_id not in store.sessions:
            raise Refusal(404, "NOT_FOUND", "There is no such checkout")
        if request.method == "GET" and verb == "":
            return self._assets.page("checkout.html", framed=True)
        if request.method == "GET" and verb == "events":
            return await stream(
                request,
                lambda: (store.sessions.get(session_id), store.switches),
                lambda: checkout.view(session_id) if session_id in store.sessions else None,
            )
        answers: dict[tuple[str, str], Callable[[], object]] = {
            ("GET", "view"): lambda: checkout.view(session_id),
            ("GET", "companies"): lambda: checkout.companies(session_id, _search(_parameters(request))),
            ("POST", "details"): lambda: checkout.keep_details(session_id, _decode(body)),
            ("POST", "pay"): lambda: checkout.pay(session_id, _decode(body)),
            ("POST", "decided"): lambda: checkout.go_on(session_id),
        }
        if (answer := answers.get((request.method, verb))) is None:
            raise _missing()
        return respond(json_answer(answer()))

    def _hosted_session(self, page_id: str, token: str) -> str:
        """Return the session of a hosted page whose address is complete."""
        page = self._store.pages.get(page_id)
        if page is None or not str(page["url"]).endswith(f"/{page_id}/{token}"):
            raise Refusal(404, "NOT_FOUND", "There is no such page")
        session_id: str = page["sessionId"]
        return session_id

    async def _serve_inspector(self, request: web.BaseRequest, rest: str) -> web.StreamResponse:
        if rest == "events":
            return await stream(request, self._counts, self._counts)
        room, _, session_id = rest.partition("/")
        if room == "sessions" and session_id:
            if session_id not in self._store.sessions:
                raise Refusal(404, "NOT_FOUND", "There is no such session")
            requests, deliveries = self._journal.of(session_id), self._deliveries.of(session_id)
            return respond(json_answer(inspector.describe_session(self._store, session_id, requests, deliveries)))
        view = self._views.get(room)
        if view is None or session_id:
            raise _missing()
        return respond(json_answer(view(_parameters(request))))

    def _counts(self) -> Json:
        return {
            "sessions": len(self._store.sessions),
            "requests": self._journal.sequence,
            "effects": sum(self._store.effects.counts.values()),
            "deliveries": len(self._deliveries),
            "changes": self._deliveries.changes,
        }


def _missing() -> Refusal:
    return Refusal(404, "NOT_FOUND", "There is no such page")


def _parameters(request: web.BaseRequest) -> Query:
    return parse_qs(request.query_string)


def _limit(query: Query) -> int:
    asked_for = query.get("limit", ["100"])[0]
    is_number = asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 9
    return min(int(asked_for), _MOST_ROWS) if is_number else 100


def _search(query: Query) -> str:
    return query.get("q", [""])[0]


def _decode(body: bytes) -> Json:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("body is not valid JSON") from None
    if not isinstance(document, dict):
        raise invalid("body is the wrong type")
    return document
