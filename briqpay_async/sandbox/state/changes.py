"""What changed its status: session, order, capture, refund, module; one frozen value for each change.

Every change of a stored session goes through `Store.save`, which compares the state before with the
state after and gives each `StatusChange` to the store's listeners: webhooks are sent from there, and
the pages of the sandbox follow from there.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

Json = dict[str, Any]

# The words for "done" that older documentation has; hooks say `approved` (Briqpay docs, Webhooks).
_WORDS: Final = {"captured": "approved", "refunded": "approved", None: "approved"}


@attrs.frozen(kw_only=True)
class StatusChange:
    """One status that changed.

    Attributes:
        subject: `session`, `order`, `capture`, `refund` or `module`.
        session_id: The session that it belongs to.
        status: The new status; of captures and refunds `pending`, `approved` or `rejected`, whatever
            words the sandbox is set to answer with.
        before: The status before; None for what has just come into being.
        session: The whole state of the session after the change. Never changed in place.
        capture_id: Of a capture.
        refund_id: Of a refund.
        auto_captured: Whether the payment provider made the capture by itself.
        module: Of a module: its name; `status` is its `uiStatus`.
    """

    subject: str
    session_id: str
    status: str
    before: str | None
    session: Json = attrs.field(repr=False)
    capture_id: str | None = None
    refund_id: str | None = None
    auto_captured: bool = False
    module: str | None = None


Listener = Callable[[StatusChange], None]


def statuses_are_the_same(before: Json | None, after: Json) -> bool:
    """Whether two states of one session share all that has a status: so it is after most updates."""
    if before is None or before["status"] != after["status"]:
        return False
    if before["moduleStatus"] is not after["moduleStatus"]:
        return False
    old, new = before["data"], after["data"]
    return old.get("captures") is new.get("captures") and old.get("refunds") is new.get("refunds")


def status_changes(before: Json | None, after: Json) -> Iterator[StatusChange]:
    """Yield each status that differs between two states of one session, in the order they depend on.

    The session comes first, then the order, its captures and refunds, then modules.

    Args:
        before: The state before; None when the session has just been made.
        after: The state after.
    """
    session_id: str = after["sessionId"]

    def change(subject: str, old: str | None, new: str | None, **more: Any) -> Iterator[StatusChange]:
        if new is not None and old != new:
            yield StatusChange(
                subject=subject, session_id=session_id, status=new, before=old, session=after, **more
            )

    yield from change("session", None if before is None else before["status"], after["status"])
    was: Json = {} if before is None else before["moduleStatus"]
    now: Json = after["moduleStatus"]
    yield from change("order", was.get("payment", {}).get("orderStatus"), now["payment"].get("orderStatus"))
    earlier: Json = {} if before is None else before["data"]
    for made in _differing(earlier, after["data"], "captures", "captureId"):
        auto_captured = bool(made[1].get("autoCaptured"))
        ids = {"capture_id": made[1]["captureId"], "auto_captured": auto_captured}
        yield from change("capture", _word(made[0]), _word(made[1]), **ids)
    for made in _differing(earlier, after["data"], "refunds", "refundId"):
        yield from change("refund", _word(made[0]), _word(made[1]), refund_id=made[1]["refundId"])
    if was is not now:
        for name, module in now.items():
            yield from change("module", was.get(name, {}).get("uiStatus"), module.get("uiStatus"), module=name)


def _differing(before: Json, after: Json, name: str, id_name: str) -> Iterator[tuple[Json | None, Json]]:
    """Yield the captures or refunds that are new or replaced, each with what it was before."""
    old, new = before.get(name, []), after.get(name, [])
    if old is new:
        return
    known = {each[id_name]: each for each in old}
    for each in new:
        if known.get(each[id_name]) is not each:
            yield known.get(each[id_name]), each


def _word(made: Json | None) -> str | None:
    if made is None:
        return None
    status: str | None = made.get("status")
    return _WORDS.get(status, status)
