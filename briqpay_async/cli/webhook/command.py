"""``briqpay webhook``: send webhooks to an endpoint, find out why one does not verify, and watch them arrive."""

from __future__ import annotations

import asyncio
import os
import secrets as random_secrets
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson
from cyclopts import App

from briqpay_async.cli.connect import Flag, Pairs, pairs_of
from briqpay_async.cli.exits import FAILED, InputError, one_line
from briqpay_async.cli.output import say, write_json
from briqpay_async.cli.state_files import read_object
from briqpay_async.cli.webhook.listener import listen_until_stopped
from briqpay_async.errors import WebhookError, WebhookSignatureError
from briqpay_async.webhooks import HEADER, WebhookReceiver, sign

__all__ = ["register"]

_webhook = App(name="webhook", help="Try a webhook endpoint, and look at the webhooks that arrive.")

_VARIABLE: Final = "BRIQPAY_WEBHOOK_SECRET"
_STATUSES: Final = {
    "session_status": "completed",
    "order_status": "order_approved_not_captured",
    "capture_status": "approved",
    "refund_status": "approved",
    "module_ui_status": "completed",
}
_OPERATIONS: Final = {"capture_status": "captureId", "refund_status": "refundId"}
_WAIT: Final = 60.0


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_webhook)


@_webhook.command
def send(
    event: str,
    /,
    *,
    session: str,
    to: str,
    status: str | None = None,
    capture: str | None = None,
    refund: str | None = None,
    reference: Pairs = None,
    members: str | None = None,
    secret: str | None = None,
    forge: Flag = False,
    age: float = 0,
    get: Flag = False,
) -> int:
    """Send what the API would send about a session to an endpoint, and print what it answers.

    Args:
        event: session_status, order_status, capture_status, refund_status or module_ui_status.
        session: The session's id.
        to: Address of the endpoint.
        status: What the event says; approved or completed when left out.
        capture: Id of the capture, for capture_status.
        refund: Id of the refund, for refund_status.
        reference: NAME=VALUE: a reference of the session; any number of times.
        members: A JSON file with further members, such as transaction; - for stdin.
        secret: What it is signed with; BRIQPAY_WEBHOOK_SECRET when left out. Without both it is not signed.
        forge: Sign it with a secret of nobody: an endpoint must refuse it.
        age: Sign it as if it were so many seconds old.
        get: Send it as a GET, which cannot be signed.
    """
    if event not in _STATUSES:
        raise InputError(f"there is no event {event!r}: choose one of {', '.join(_STATUSES)}")
    if urlsplit(to).scheme not in ("http", "https"):
        raise InputError("--to takes an address that starts with http:// or https://")
    if get and forge:
        raise InputError("a GET cannot be signed, so it cannot be forged with a wrong signature: drop --forge")
    payload: dict[str, Any] = {
        **pairs_of(reference, "--reference"),
        "event": event,
        "status": status or _STATUSES[event],
        "sessionId": session,
        **_operation(event, capture, refund),
    }
    if members is not None:
        payload |= read_object(members)
    if get:
        return _post(urllib.request.Request(f"{to}{'&' if '?' in to else '?'}{_query(payload)}"))  # noqa: S310
    body = orjson.dumps(payload)
    headers = {"Content-Type": "application/json"}
    key = random_secrets.token_hex(32) if forge else _secret(secret)
    if key is not None:
        headers[HEADER] = sign(body, key, round((time.time() - age) * 1000))
    return _post(urllib.request.Request(to, data=body, method="POST", headers=headers))  # noqa: S310


@_webhook.command
def verify(*, header: str, secret: str | None = None, max_age: float = 300, max_ahead: float = 60) -> int:
    """Verify the body of a webhook on stdin, and say which rule fails.

    Args:
        header: The value of x-briq-signature, as it was received.
        secret: The webhook secret of the backoffice; BRIQPAY_WEBHOOK_SECRET when left out.
        max_age: How old the signature may be, in seconds.
        max_ahead: How far the sender's clock may be ahead, in seconds.
    """
    key = _secret(secret)
    if key is None:
        raise InputError(f"add --secret, or set {_VARIABLE}")
    name, colon, value = header.partition(":")
    headers = {HEADER: (value if colon and name.strip().lower() == HEADER else header).strip()}
    receiver = WebhookReceiver(secrets=(key,), max_age=max_age, max_ahead=max_ahead)
    body = sys.stdin.buffer.read()
    try:
        event = receiver.receive(body, headers)
    except WebhookError as error:
        reason = error.reason if isinstance(error, WebhookSignatureError) else "body"
        write_json({"verified": reason == "body", "accepted": False, "reason": reason})
        hint = " (without its last newline it verifies)" if _newline_was_added(receiver, body, headers) else ""
        say(f"briqpay: {one_line(error.message)}{hint}")
        return FAILED
    write_json(
        {
            "verified": True,
            "accepted": True,
            "event": event.name,
            "status": event.status,
            "sessionId": event.session_id,
        }
    )
    return 0


@_webhook.command
def listen(
    *,
    port: int = 8000,
    host: str = "127.0.0.1",
    forward_to: str | None = None,
    secret: str | None = None,
    max_age: float = 300,
) -> int:
    """Print each webhook as it arrives, one line of JSON each, verified or why not, until Ctrl-C.

    Args:
        port: Where to listen; 0 takes a free port.
        host: Where to listen.
        forward_to: An endpoint that gets each webhook unchanged, and whose answer goes back to the sender.
        secret: The webhook secret of the backoffice; BRIQPAY_WEBHOOK_SECRET when left out.
        max_age: How old a signature may be, in seconds.
    """
    if forward_to is not None and urlsplit(forward_to).scheme not in ("http", "https"):
        raise InputError("--forward-to takes an address that starts with http:// or https://")
    key = _secret(secret)
    receiver = WebhookReceiver(secrets=() if key is None else (key,), max_age=max_age)
    try:
        asyncio.run(listen_until_stopped(receiver, host=host, port=port, forward_to=forward_to))
    except (OSError, OverflowError) as error:
        say(f"briqpay: cannot listen on {host}:{port}: {one_line(str(error))}")
        return FAILED
    return 0


def _secret(given: str | None) -> str | None:
    return given or os.environ.get(_VARIABLE) or None


def _operation(event: str, capture: str | None, refund: str | None) -> dict[str, Any]:
    """The members that name the capture or refund that an event is about."""
    wanted = _OPERATIONS.get(event)
    members: dict[str, Any] = {}
    for member, option, value in (("captureId", "--capture", capture), ("refundId", "--refund", refund)):
        if member == wanted and value is None:
            raise InputError(f"a {event} names what it is about: add {option} ID")
        if member != wanted and value is not None:
            raise InputError(f"{option} does not belong to {event}")
        if value is not None:
            members[member] = value
    return members | ({"autoCaptured": False, "isPreExistingCapture": False} if capture is not None else {})


def _query(payload: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    return urlencode({name: text(value) for name, value in payload.items()})


def _newline_was_added(receiver: WebhookReceiver, body: bytes, headers: dict[str, str]) -> bool:
    """Whether a body verifies without the newline that editors and ``echo`` add."""
    if not body.endswith(b"\n"):
        return False
    try:
        receiver.receive(body.removesuffix(b"\n").removesuffix(b"\r"), headers)
    except WebhookError:
        return False
    return True


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: the API need not follow it."""

    def redirect_request(self, *_args: Any) -> None:
        return None


def _post(request: urllib.request.Request) -> int:
    """Make one request, print what is answered, and return the exit status."""
    # A proxy of the environment would not find what runs on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
    try:
        with opener.open(request, timeout=_WAIT) as answer:
            status, text = answer.status, answer.read(65536)
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read(65536)
    except (OSError, ValueError) as error:
        say(f"briqpay: no endpoint answers at {one_line(request.full_url)}: {one_line(str(error))}")
        return FAILED
    write_json({"status": status, "answer": text.decode(errors="replace")})
    if not 200 <= status < 300:
        say(f"briqpay: answered with {status}: the API would send it again")
        return FAILED
    return 0
