"""The endpoints of a session before it is completed: create, read, update, metadata, decision."""

from typing import Any

from briqpay_async.sandbox.answers import NOTHING, Answer, Refusal, invalid
from briqpay_async.sandbox.api.projection import session_answer
from briqpay_async.sandbox.rules.carts import line_rules
from briqpay_async.sandbox.rules.create_body import CHARGE_TOKEN, creation_problems, hook_reasons
from briqpay_async.sandbox.rules.other_bodies import decision_problems, metadata_problems
from briqpay_async.sandbox.rules.patch_body import hidden_reasons, patch_problems
from briqpay_async.sandbox.state.apply_patch import apply_metadata, apply_patch
from briqpay_async.sandbox.state.checkout import decide
from briqpay_async.sandbox.state.new_session import new_session
from briqpay_async.sandbox.state.store import ApiRequest, Json, Store, utc_now


def create(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session."""
    body = request.json()
    switches = store.switches
    rules = line_rules(switches)
    if problems := creation_problems(body, rules, check_totals=switches.check_totals):
        raise invalid(*problems, reasons=hidden_reasons(body, rules) + hook_reasons(body))
    session = new_session(
        body,
        session_id=store.new_id(),
        created_at=utc_now(),
        username=store.username,
        address=store.address,
        token=_charged_token(store, body),
        drop_company=switches.drop_company,
    )
    session_id: str = session["sessionId"]
    if switches.initialization_pending:
        store.initializing[session_id] = switches.initialization_pending
    store.save(session, "create", request.sequence, session_id)
    return session_answer(session, request, switches, 201)


def _charged_token(store: Store, body: Json) -> Json | None:
    """Return the token a session is to charge; one the sandbox has never seen is taken on trust."""
    if body["product"]["intent"] != CHARGE_TOKEN:
        return None
    token = store.tokens.get(body["data"]["tokenization"]["tokenId"])
    if token is not None and token["state"] != "active":
        raise invalid("Invalid tokenId - token is not active.")
    return token


def read(store: Store, request: ApiRequest) -> Answer:
    """GET /v3/session/{id}."""
    return session_answer(store.session(request.target), request, store.switches)


def _open_session(store: Store, session_id: str) -> Json:
    session = store.session(session_id)
    if session["status"] == "completed":
        raise Refusal(409, "SESSION_ALREADY_COMPLETED", "This session is already completed")
    return session


def patch(store: Store, request: ApiRequest) -> Answer:
    """PATCH /v3/session/{id} (Briqpay docs)."""
    session = _open_session(store, request.target)
    body: Any = request.json()
    switches = store.switches
    rules = line_rules(switches)
    problems = patch_problems(body, session.get("customerType"), rules, check_totals=switches.check_totals)
    if problems:
        raise invalid(*problems, reasons=hidden_reasons(body, rules))
    patched = apply_patch(session, body, switches.merge, switches.drop_company)
    store.save(patched, "patch", request.sequence)
    return session_answer(patched, request, switches)


def metadata(store: Store, request: ApiRequest) -> Answer:
    """PATCH /v3/session/{id}/metadata, allowed at any time."""
    session = store.session(request.target)
    body = request.json()
    if problems := metadata_problems(body):
        raise invalid(*problems)
    changed = apply_metadata(session, body.get("urls"), body.get("references"), store.switches.references)
    store.save(changed, "metadata", request.sequence)
    return session_answer(changed, request, store.switches)


def decision(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session/{id}/decision."""
    session = _open_session(store, request.target)
    body = request.json()
    if problems := decision_problems(body):
        raise invalid(*problems)
    decide(store, session, body, request.sequence)
    return NOTHING
