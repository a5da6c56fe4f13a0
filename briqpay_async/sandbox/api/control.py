"""The endpoints under `/_sandbox`: what a test in another process drives a sandbox with.

They need no credentials: a sandbox listens on loopback and holds nothing of value. What a web page of
another site asks for is refused before it comes here (`guard`).
"""

import base64
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

import attrs
from aiohttp import web

from briqpay_async.sandbox.answers import NOTHING, Answer, Refusal, invalid, json_answer
from briqpay_async.sandbox.faults.faults import Faults, describe_fault, fault_from_json
from briqpay_async.sandbox.openapi.document import openapi_document
from briqpay_async.sandbox.rules.json_body import decode_json
from briqpay_async.sandbox.state.checkout import advance, checkout_of, pay
from briqpay_async.sandbox.state.providers import PROVIDERS
from briqpay_async.sandbox.state.request_log import JournalRecord, RequestLog
from briqpay_async.sandbox.state.store import Json, Store
from briqpay_async.sandbox.switches import changed_switches, describe_switches
from briqpay_async.sandbox.webhooks.deliveries import describe_delivery
from briqpay_async.sandbox.webhooks.sender import WebhookSender

CONTROL_PREFIX: Final = "/_sandbox/"
_SESSIONS: Final = f"{CONTROL_PREFIX}sessions/"
_COMPLETE: Final = {"orderStatus": str, "data": dict, "provider": str}
_ADVANCE: Final = {"outcome": str, "captureId": str, "refundId": str}
_RESEND: Final = re.compile(r"deliveries/[0-9]{1,18}/resend")


def describe_record(record: JournalRecord) -> Json:
    """Return a journal record as JSON; a body that is not text is given in base64."""
    described: Json = attrs.asdict(record)
    body = record.body
    if body is not None:
        try:
            described["body"] = body.decode()
        except UnicodeDecodeError:
            described["body"] = {"base64": base64.b64encode(body).decode()}
    return described


class Control:
    """Answers the control endpoints; they are not in the journal."""

    def __init__(
        self,
        store: Store,
        journal: RequestLog,
        faults: Faults,
        webhooks: WebhookSender,
        reset: Callable[[], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._faults = faults
        self._webhooks = webhooks
        self._reset = reset

    async def answer(self, request: web.BaseRequest, path: str, body: bytes) -> Answer:
        """Answer one control request."""
        try:
            if (request.method, path) == ("POST", f"{CONTROL_PREFIX}faults/settle"):
                await self._faults.settled()
                return NOTHING
            if (request.method, path) == ("POST", f"{CONTROL_PREFIX}deliveries/settle"):
                await self._webhooks.delivered(None)
                return NOTHING
            return self._dispatch(request, path, body)
        except Refusal as refusal:
            return refusal.answer()

    def _dispatch(self, request: web.BaseRequest, path: str, body: bytes) -> Answer:  # noqa: PLR0911 (a table)
        method = request.method
        self._store.timers.run_due()
        if path.startswith(_SESSIONS):
            return self._session(method, path[len(_SESSIONS) :], body)
        match method, path[len(CONTROL_PREFIX) :]:
            case "POST", "reset":
                self._reset()
                return NOTHING
            case "GET", "journal":
                return self._read_journal(request.query_string)
            case "PATCH", "switches":
                return self._change_switches(_decode(body))
            case _, "faults":
                return self._change_faults(method, body)
            case "GET", "effects" | "deliveries" | "health" | "switches" | "providers" | "openapi.json" as name:
                return json_answer(self._list(name))
            case "POST", resend if _RESEND.fullmatch(resend):
                return self._resend(int(resend.split("/")[1]))
        raise Refusal(404, "NOT_FOUND", "No such control endpoint")

    def _change_switches(self, changes: Any) -> Answer:
        if not isinstance(changes, dict):
            raise invalid("body is the wrong type")
        try:
            self._store.switches = changed_switches(self._store.switches, changes)
        except ValueError as error:
            raise Refusal(400, "INVALID_SWITCH", str(error)) from None
        return json_answer(describe_switches(self._store.switches))

    def _list(self, name: str) -> Any:
        if name == "openapi.json":
            return openapi_document(self._store.switches)
        if name == "health":
            return {"status": "ok", "sessions": len(self._store.sessions), "requests": len(self._journal)}
        if name == "providers":
            return [attrs.asdict(provider) for provider in PROVIDERS.values()]
        if name == "switches":
            return describe_switches(self._store.switches)
        if name == "effects":
            return [attrs.asdict(effect) for effect in self._store.effects]
        return [describe_delivery(delivery) for delivery in self._webhooks.deliveries]

    def _resend(self, delivery_id: int) -> Answer:
        try:
            return json_answer(describe_delivery(self._webhooks.resend(delivery_id)))
        except KeyError:
            raise Refusal(404, "NOT_FOUND", f"There is no delivery {delivery_id}") from None

    def _read_journal(self, query: str) -> Answer:
        wanted = parse_qs(query)
        session_id = wanted.get("session_id", [None])[0]
        endpoint = wanted.get("endpoint", [None])[0]
        return json_answer([describe_record(record) for record in self._journal.of(session_id, endpoint)])

    def _change_faults(self, method: str, body: bytes) -> Answer:
        if method == "POST":
            return self._add_faults(body)
        if method == "DELETE":
            self._faults.clear()
        return json_answer([describe_fault(fault) for fault in self._faults])

    def _add_faults(self, body: bytes) -> Answer:
        """Set one fault, or every fault of a list, or none if any of them cannot be."""
        document = _decode(body)
        try:
            made = [fault_from_json(each) for each in (document if isinstance(document, list) else [document])]
        except ValueError as error:
            raise Refusal(400, "INVALID_FAULT", str(error)) from None
        return json_answer([describe_fault(self._faults.arm(fault)) for fault in made], 201)

    def _session(self, method: str, rest: str, body: bytes) -> Answer:
        session_id, _, verb = rest.partition("/")
        if session_id not in self._store.sessions:
            raise self._store.missing_session()
        session = self._store.sessions[session_id]
        match method, verb:
            case "GET", "":
                return json_answer(session)
            case "GET", "checkout":
                return json_answer(attrs.asdict(checkout_of(session)))
            case "POST", "complete" | "advance":
                return self._act(session_id, verb, _decode(body))
        raise Refusal(404, "NOT_FOUND", "No such control endpoint")

    def _act(self, session_id: str, verb: str, options: Any) -> Answer:
        if not isinstance(options, dict):
            raise invalid("body is the wrong type")
        members = _COMPLETE if verb == "complete" else _ADVANCE
        if unknown := options.keys() - members:
            raise invalid(f"unknown members: {', '.join(sorted(unknown))}")
        for name, value in options.items():
            if value is not None and type(value) is not members[name]:
                raise invalid(f"body.{name} is the wrong type")
        try:
            if verb == "complete":
                status, data, provider = (options.get(name) for name in _COMPLETE)
                return json_answer(pay(self._store, session_id, status, data, provider))
            made = tuple(options[name] for name in ("captureId", "refundId") if options.get(name) is not None)
            return json_answer(
                advance(self._store, session_id, options.get("outcome") or "approved", made or None)
            )
        except ValueError as error:
            raise invalid(str(error)) from None


def _decode(body: bytes) -> Any:
    """Return the JSON in a body; an empty body is an empty object."""
    return decode_json(body) if body else {}
