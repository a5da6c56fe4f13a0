"""``briqpay sandbox complete`` and the like: change the state of a sandbox that runs already, over HTTP."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from briqpay_async.cli.connect import Flag
from briqpay_async.cli.exits import FAILED, InputError, one_line
from briqpay_async.cli.output import say, write_json
from briqpay_async.cli.state_files import read_object

__all__ = ["COMMANDS"]

_WAIT: Final = 600.0


def complete(
    session_id: str,
    /,
    *,
    status: str | None = None,
    provider: str | None = None,
    data: Path | None = None,
    url: str | None = None,
) -> int:
    """Play the buyer who finishes the checkout of a session, and print the session.

    Args:
        session_id: The session's id, a UUID.
        status: What the payment leads to: order_pending, order_rejected, order_cancelled,
            order_approved_not_captured, or captured_full for a payment provider that captures by itself.
        provider: Which payment provider the buyer chooses.
        data: A JSON file with members of data that the buyer contributes, such as paymentTags.
        url: Where the sandbox is; BRIQPAY_BASE_URL when left out.
    """
    body: dict[str, Any] = _given(orderStatus=status, provider=provider)
    if data is not None:
        body["data"] = read_object(str(data))
    return _send_control(url, "POST", f"sessions/{quote(session_id, safe='')}/complete", body)


def advance(
    session_id: str,
    /,
    *,
    outcome: str = "approved",
    capture: str | None = None,
    refund: str | None = None,
    url: str | None = None,
) -> int:
    """Decide what is pending of a session, its order or else its captures and refunds, and print the session.

    Args:
        session_id: The session's id, a UUID.
        outcome: approved or rejected; for a pending order also a status, as for complete.
        capture: Only this capture.
        refund: Only this refund.
        url: Where the sandbox is; BRIQPAY_BASE_URL when left out.
    """
    body = _given(outcome=outcome, captureId=capture, refundId=refund)
    return _send_control(url, "POST", f"sessions/{quote(session_id, safe='')}/advance", body)


def deliveries(
    *, session: str | None = None, event: str | None = None, wait: Flag = False, url: str | None = None
) -> int:
    """Print the webhooks that the sandbox has sent or is to send, with each attempt.

    Args:
        session: Only those of this session.
        event: Only those of this event, such as order_status.
        wait: Wait first until none is to be sent any more.
        url: Where the sandbox is; BRIQPAY_BASE_URL when left out.
    """
    if wait and (status := _send_control(url, "POST", "deliveries/settle", None)):
        return status

    def chosen(all_of_them: Any) -> Any:
        return [
            each
            for each in all_of_them
            if session in (None, each["session_id"]) and event in (None, each["event"])
        ]

    return _send_control(url, "GET", "deliveries", None, chosen)


def resend(delivery: int, /, *, url: str | None = None) -> int:
    """Send a webhook once more, whatever became of it, and print it.

    Args:
        delivery: Its number, as deliveries prints it.
        url: Where the sandbox is; BRIQPAY_BASE_URL when left out.
    """
    if delivery < 1:
        raise InputError("deliveries are numbered from 1")
    return _send_control(url, "POST", f"deliveries/{delivery}/resend", None)


def reset(*, url: str | None = None) -> int:
    """Make the sandbox forget everything: sessions, tokens, requests, webhooks and faults.

    Args:
        url: Where the sandbox is; BRIQPAY_BASE_URL when left out.
    """
    status = _send_control(url, "POST", "reset", None)
    if not status:
        say("the sandbox has forgotten everything")
    return status


COMMANDS: Final[tuple[Callable[..., int], ...]] = (complete, advance, deliveries, resend, reset)


def _given(**members: str | None) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _send_control(
    url: str | None, method: str, path: str, body: Any, chosen: Callable[[Any], Any] = lambda answer: answer
) -> int:
    """Make one control request, print what it answers, and return the exit status."""
    request = urllib.request.Request(  # noqa: S310 (http and https only, see _base)
        f"{_base(url)}/_sandbox/{path}",
        method=method,
        data=None if body is None else orjson.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    # A proxy of the environment would not find what runs on this machine or beside it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_WAIT) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            say(f"briqpay: the sandbox answered {error.code}: {one_line(_message(error.read()))}")
        return FAILED
    except OSError as error:
        reason = getattr(error, "reason", error)
        say(f"briqpay: no sandbox answers at {_base(url)}: {one_line(str(reason))} (briqpay sandbox starts one)")
        return FAILED
    if content:
        write_json(chosen(orjson.loads(content)))
    return 0


def _base(url: str | None) -> str:
    base = url or os.environ.get("BRIQPAY_BASE_URL")
    if not base:
        raise InputError("give --url, or BRIQPAY_BASE_URL as briqpay sandbox printed it")
    parts = urlsplit(base) if base.isprintable() else None
    if parts is None or parts.scheme not in {"http", "https"} or not re.fullmatch(r"[^@\s]+", parts.netloc):
        raise InputError(f"{one_line(base)} is not the address of a sandbox, such as http://127.0.0.1:8420")
    return base.rstrip("/").removesuffix("/v3")


def _message(content: bytes) -> str:
    """The message of an error envelope; what answers may also be something that is no sandbox."""
    try:
        return str(orjson.loads(content)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace") or "nothing more"
