"""How a new session is made out of the body of a create."""

import base64
from typing import Any, Final

import orjson

from briqpay_async.sandbox.rules.create_body import CHARGE_TOKEN
from briqpay_async.sandbox.state.company_lookup import after_lookup
from briqpay_async.sandbox.state.module_status import module_status

Json = dict[str, Any]

# In the order in which the documented response lists them.
_VERBATIM: Final = ("product", "customerType", "country", "locale", "urls", "references", "hooks")


def _segment(document: Json) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(document)).rstrip(b"=").decode()


def client_token(session_id: str, username: str) -> str:
    """Return a token shaped like the real one: a JWT whose payload names the merchant."""
    header = _segment({"alg": "HS256", "typ": "JWT"})
    payload = _segment({"merchantId": username, "sessionId": session_id})
    return f"{header}.{payload}.{_segment({'sandbox': True})}"


def html_snippet(session_id: str, address: str) -> str:
    """Return what a shop puts into its page: an iframe with the checkout of the sandbox.

    Args:
        session_id: The session.
        address: Where the sandbox is reached.
    """
    return (
        f'<iframe id="briqpay-checkout" title="Checkout" width="100%" height="900" '
        f'src="{address}/_sandbox/checkout/{session_id}"></iframe>'
    )


def new_session(
    body: Json,
    *,
    session_id: str,
    created_at: str,
    username: str,
    address: str = "http://127.0.0.1",
    token: Json | None = None,
    drop_company: str = "never",
) -> Json:
    """Return the state of a session just created from a valid body.

    Everything the merchant sent is stored verbatim, unknown members included.

    Args:
        body: The decoded body.
        session_id: The new id.
        created_at: ISO 8601 in UTC.
        username: The merchant, for the client token.
        address: Where the sandbox is reached, for the snippet.
        token: For a session that charges a token: the token, which lends it whatever the body
            leaves out of customer type, country and locale.
        drop_company: The switch of that name.
    """
    lent: Json = {}
    if token is not None and body["product"]["intent"] == CHARGE_TOKEN:
        lent = {name: token[name] for name in ("customerType", "country", "locale") if name in token}
    described = {**lent, **body}
    secret = client_token(session_id, username)
    session: Json = {
        "createdAt": created_at,
        "sessionId": session_id,
        "status": "started",
        **{name: described[name] for name in _VERBATIM if name in described},
        "htmlSnippet": html_snippet(session_id, address),
        "clientToken": secret,
        "data": body.get("data", {}),
        **{name: body[name] for name in ("config", "modules") if name in body},
    }
    session = after_lookup(session, drop_company)
    session["moduleStatus"] = module_status(session)
    return session
