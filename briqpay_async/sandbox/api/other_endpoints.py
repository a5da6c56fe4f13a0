"""The endpoints beside the session: tokens, hosted pages, health."""

from typing import Any

from briqpay_async.sandbox.answers import NOTHING, Answer, Refusal, invalid, json_answer
from briqpay_async.sandbox.api.projection import NO_FIELDS
from briqpay_async.sandbox.rules.other_bodies import hosted_page_problems
from briqpay_async.sandbox.state.store import ApiRequest, Json, Store


def _token(store: Store, token_id: str) -> Json:
    token = store.tokens.get(token_id)
    if token is None:
        raise invalid("Invalid tokenId - token does not exist.")
    return token


def _token_answer(token: dict[str, Any], fields: tuple[str, ...] | None) -> Answer:
    if fields == NO_FIELDS:
        return NOTHING
    if fields is not None:
        token = {name: token[name] for name in fields if name in token}
    return json_answer(token)


def token_read(store: Store, request: ApiRequest) -> Answer:
    """GET /v3/token/{id}."""
    return _token_answer(_token(store, request.target), request.fields)


def token_deactivate(store: Store, request: ApiRequest) -> Answer:
    """DELETE /v3/token/{id}."""
    token = {**_token(store, request.target), "state": "inactive"}
    store.tokens[request.target] = token
    store.effects.add("token_deactivate", request.target, request.sequence)
    return _token_answer(token, request.fields)


def hosted_page(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/hosted-page."""
    body = request.json() if request.body else {}
    if problems := hosted_page_problems(body):
        raise invalid(*problems)
    session_id: str = body["sessionId"]
    store.session(session_id)
    page_id = store.new_id()
    url = f"{store.address}/_sandbox/hosted/{page_id}/{store.new_id()}"
    page = {
        "hostedPageId": page_id,
        "sessionId": session_id,
        "url": url,
    }
    store.remember(store.pages, page_id, {**page, "config": body.get("config", {})})
    store.effects.add("hosted_page", session_id, request.sequence, page_id)
    return json_answer(page, 200, session_id)


def health(_store: Store, _request: ApiRequest) -> Answer:
    """GET /, the probe that CT uses."""
    return json_answer({"status": "ok"})


def unknown(_store: Store, _request: ApiRequest) -> Answer:
    """Whatever else is asked for. What the API answers is not documented."""
    raise Refusal(404, "NOT_FOUND", "No such endpoint")
