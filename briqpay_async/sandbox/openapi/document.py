"""The document as a whole: every path with its parameters, bodies, answers and errors."""

from typing import Any, Final

from briqpay_async.sandbox.openapi import sources
from briqpay_async.sandbox.openapi.answers import answer_schemas
from briqpay_async.sandbox.openapi.requests import ref, request_schemas
from briqpay_async.sandbox.switches import Switches

Json = dict[str, Any]

_ABOUT: Final = (
    "Briqpay's v3 API as this sandbox emulates it: every path, body, answer, error and limit that it enforces. "
    "`x-source` says where each rule is known from; nothing here is published by Briqpay itself. "
    "Integers are strict: `1.0` and `true` are refused where an integer is asked for. "
    "Faults that a test sets are not in it."
)
_FIELDS: Final[Json] = {
    "name": "fields",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Comma-separated names of the top-level members wanted, or `none` for an empty 204.",
    "x-source": sources.UPDATE,
}
_INVALID: Final = ("400", "INVALID_DATA", "The body or an identifier is not what it must be.", sources.MESSAGES)
_TOO_LARGE: Final = ("413", "PAYLOAD_TOO_LARGE", "The body is larger than 64 MiB.", sources.SANDBOX)
_PENDING: Final = (
    "409",
    "SESSION_INITIALIZATION_PENDING",
    "The session is not ready yet; try again in a few seconds.",
    sources.CONNECTOR,
)
_COMPLETED: Final = ("409", "SESSION_ALREADY_COMPLETED", "The session is completed.", sources.CONNECTOR)
_NO_ITEM: Final = (
    "400",
    "CART_ITEM_NOT_FOUND",
    "A line is not one of those paid for, or no longer to be had.",
    sources.PLUGINS,
)
_NOT_ALLOWED: Final = ("400", "CAPTURE_NOT_ALLOWED", "It is more than was authorised.", sources.PLUGINS)
_NO_CANCEL: Final = (
    "400",
    "CANCEL_NOT_SUPPORTED",
    "The payment provider cannot cancel.",
    "seen in Briqpay's Magento plugin 1.1.11",
)

Error = tuple[str, str, str, str]


def _identifier(name: str) -> Json:
    # What is no UUID belongs to no session or token, and is answered as such.
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _content(name: str) -> Json:
    return {"application/json": {"schema": ref(name)}}


def _errors(errors: tuple[Error, ...]) -> Json:
    """Return the answers for errors by status; several codes can share one."""
    answers: Json = {}
    for status in sorted({error[0] for error in errors}):
        of_status = [error for error in errors if error[0] == status]
        codes = {"type": "string", "enum": sorted({error[1] for error in of_status})}
        narrowed = {"properties": {"error": {"properties": {"code": codes}}}}
        answers[status] = {
            "description": " ".join(f"`{code}`: {text}" for _, code, text, _ in of_status),
            "content": {"application/json": {"schema": {"allOf": [ref("Error"), narrowed]}}},
            "x-source": {code: source for _, code, _, source in of_status},
        }
    return answers


def _operation(
    name: str,
    source: str,
    summary: str,
    *,
    answers: dict[str, str | None],
    errors: tuple[Error, ...] = (),
    body: str | None = None,
    fields: bool = False,
) -> Json:
    """Describe one endpoint.

    Args:
        name: As the journal of the sandbox names the endpoint.
        source: Where it is known from.
        summary: What it does.
        answers: The schema of each successful status; None for no body.
        errors: What can go wrong.
        body: The schema of the request.
        fields: Whether it takes the query parameter `fields`.
    """
    responses: Json = {
        status: {"description": summary, **({"content": _content(schema)} if schema else {}), "x-source": source}
        for status, schema in answers.items()
    }
    if fields:
        responses["204"] = {"description": "With `fields=none`: done, and the body is empty.", "x-source": source}
    operation: Json = {"operationId": name, "summary": summary, "responses": {**responses, **_errors(errors)}}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    if fields:
        operation["parameters"] = [_FIELDS]
    return {**operation, "x-source": source}


def _paths(switches: Switches) -> Json:
    forbidden: Error = (
        ("401", "UNAUTHORIZED", "The credentials are wrong.", sources.SANDBOX)
        if switches.bad_credentials == 401
        else ("403", "FORBIDDEN", "The credentials are wrong.", sources.READ)
    )
    missing: tuple[Error, ...] = (_INVALID,)
    if switches.missing_session == "not_found":
        missing = (_INVALID, ("404", "SESSION_NOT_FOUND", "There is no such session.", sources.CONNECTOR))
    always = (forbidden, _TOO_LARGE)
    known = (*always, *missing, _PENDING)
    opened = (*known, _COMPLETED)
    session, token = "/v3/session/{sessionId}", "/v3/token/{tokenId}"

    def of_session(**operations: Json) -> Json:
        return {"parameters": [_identifier("sessionId")], **operations}

    create = _operation(
        "create",
        sources.CREATE,
        "Create a session.",
        body="NewSession",
        fields=True,
        answers={"201": "Session"},
        errors=(*always, _INVALID),
    )
    read = _operation(
        "read", sources.READ, "Read a session.", fields=True, answers={"200": "Session"}, errors=known
    )
    patch = _operation(
        "patch",
        sources.UPDATE,
        "Update a session. Only what is to change has to be given.",
        body="UpdateSession",
        fields=True,
        answers={"200": "Session"},
        errors=opened,
    )
    metadata = _operation(
        "metadata",
        sources.METADATA,
        "Set the addresses and references of a session.",
        body="UpdateMetadata",
        fields=True,
        answers={"200": "Session"},
        errors=known,
    )
    decision = _operation(
        "decision",
        sources.DECISION,
        "Allow or reject a purchase.",
        body="DecisionRequest",
        answers={"204": None},
        errors=opened,
    )
    capture = _operation(
        "capture",
        sources.CAPTURE,
        "Capture lines of a completed session.",
        body="CaptureRequest",
        answers={"201": "Capture"},
        errors=(*known, _NO_ITEM, _NOT_ALLOWED),
    )
    refund = _operation(
        "refund",
        sources.REFUND,
        "Refund lines of a capture.",
        body="RefundRequest",
        answers={"201": "Refund"},
        errors=(*known, _NO_ITEM),
    )
    cancel = _operation(
        "cancel",
        sources.CANCEL,
        "Cancel an order of which nothing is captured.",
        answers={"204": None},
        errors=(*known, _NO_CANCEL),
    )
    release = _operation(
        "release_remaining",
        sources.RELEASE,
        "Release what is not captured of a partly captured order.",
        answers={"204": None},
        errors=known,
    )
    references = _operation(
        "references",
        sources.REFERENCES,
        "Set the references of a completed session.",
        body="UpdateReferences",
        answers={"204": None},
        errors=known,
    )
    token_read = _operation(
        "token_read",
        sources.TOKEN,
        "Read a token.",
        fields=True,
        answers={"200": "Token"},
        errors=(*always, _INVALID),
    )
    token_deactivate = _operation(
        "token_deactivate",
        sources.DEACTIVATE,
        "Make a token unusable.",
        fields=True,
        answers={"200": "Token"},
        errors=(*always, _INVALID),
    )
    hosted_page = _operation(
        "hosted_page",
        sources.HOSTED_PAGE,
        "Make a hosted page for a session.",
        body="HostedPageRequest",
        answers={"200": "HostedPage"},
        errors=known,
    )
    health = _operation(
        "health", sources.HEALTH, "Tell that the API is there.", answers={"200": "Health"}, errors=(_TOO_LARGE,)
    )
    return {
        "/": {"get": {**health, "security": []}},
        "/v3/session": {"post": create},
        session: of_session(get=read, patch=patch),
        f"{session}/metadata": of_session(patch=metadata),
        f"{session}/decision": of_session(post=decision),
        f"{session}/order/capture": of_session(post=capture),
        f"{session}/order/refund": of_session(post=refund),
        f"{session}/order/cancel": of_session(post=cancel),
        f"{session}/order/release-remaining": of_session(post=release),
        f"{session}/order/update/references": of_session(patch=references),
        token: {"parameters": [_identifier("tokenId")], "get": token_read, "delete": token_deactivate},
        "/v3/hosted-page": {"post": hosted_page},
    }


def openapi_document(switches: Switches) -> Json:
    """Return the document.

    Args:
        switches: How the sandbox behaves: what they change is changed in the document.
    """
    requests = request_schemas(switches)
    basic = {"type": "http", "scheme": "basic", "description": "The username and secret of an API key."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Briqpay v3, as emulated by the sandbox of briqpay_async",
            "version": "3",
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "The sandbox that this document comes from."}],
        "security": [{"basic": []}],
        "paths": _paths(switches),
        "components": {"schemas": {**requests, **answer_schemas()}, "securitySchemes": {"basic": basic}},
    }
