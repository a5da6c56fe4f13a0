"""What travels through the queue, as JSON: rows to a worker, and what became of them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import orjson

from briqpay_async import errors
from briqpay_async.bulk.rows import UpdateOutcome, UpdateStatus
from briqpay_async.errors import BriqpayError, ValidationError
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.patch.stored import trusted_parts

__all__ = ["QueuedRow", "decode_error", "decode_outcome", "encode_error", "encode_outcome"]


@attrs.frozen
class QueuedRow:
    """One row in the queue.

    Attributes:
        session_id: UUID.
        patch: What to change.
        run: The run it belongs to, with a mark of its own; empty when there is none.
        index: Its place in the run.
        key: As in ``SessionUpdate``.
        tries: How many workers have tried it in vain.
    """

    session_id: str
    patch: SessionPatch
    run: str = ""
    index: int = 0
    key: str | None = None
    tries: int = 0

    def encode(self) -> bytes:
        """The row as bytes. The patch is in it as it is sent."""
        body = orjson.Fragment(self.patch.to_json())
        return orjson.dumps([self.session_id, body, self.run, self.index, self.key, self.tries])

    @classmethod
    def decode(cls, row: str) -> QueuedRow:
        """The row that ``encode`` made.

        Raises:
            ValidationError: It did not make this.
        """
        try:
            session_id, document, run, index, key, tries = orjson.loads(row)
        except (ValueError, TypeError) as error:
            raise ValidationError(problems=(("", "is no row that this version of the library puts"),)) from error
        return cls(session_id, SessionPatch(trusted_parts(document)), run, index, key, tries)


def encode_outcome(row: QueuedRow, outcome: UpdateOutcome, carrier: QueuedRow) -> bytes:
    """What became of a row, as bytes.

    Args:
        row: The row.
        outcome: Of the request that carried it.
        carrier: The last row that the request carried, which counts the attempts and bytes.
    """
    own = row is carrier
    return orjson.dumps(
        [
            row.index,
            row.session_id,
            row.key,
            outcome.status.value,
            None if outcome.error is None else encode_error(outcome.error),
            outcome.attempts if own else 0,
            round(outcome.elapsed_s, 6),
            outcome.bytes_sent if own else 0,
            None if own or row.run != carrier.run else carrier.index,
        ]
    )


def decode_outcome(outcome: str) -> UpdateOutcome | int:
    """What became of a row; of one that was dropped, since its run was cancelled, only its index."""
    index, session_id, key, status, error, attempts, elapsed_s, bytes_sent, carrier = orjson.loads(outcome)
    if status is None:
        return int(index)
    return UpdateOutcome(
        index=index,
        session_id=session_id,
        key=key,
        status=UpdateStatus(status),
        error=None if error is None else decode_error(error),
        attempts=attempts,
        elapsed_s=elapsed_s,
        bytes_sent=bytes_sent,
        coalesced_into=carrier,
    )


_CONTEXT = ("status", "code", "retry_after", "method", "path", "attempts", "call_id")
_TUPLES = ("problems", "pointers")


def encode_error(error: Exception) -> dict[str, Any]:
    """An error as JSON, without the answer's body and headers."""
    known = isinstance(error, BriqpayError)
    found: dict[str, Any] = {
        "class": type(error).__name__,
        "message": error.message if isinstance(error, BriqpayError) else str(error),
    }
    names: Sequence[str] = (*_CONTEXT, *_TUPLES) if known else ()
    for name in names:
        if (value := getattr(error, name, None)) is not None:
            found[name] = value
    return found


def decode_error(found: dict[str, Any]) -> BriqpayError:
    """An error from JSON: of the class that it had, where the library has it."""
    kind = getattr(errors, found["class"], None)
    message = found["message"]
    context = {name: found[name] for name in _CONTEXT if name in found}
    if not (isinstance(kind, type) and issubclass(kind, BriqpayError)):
        return BriqpayError(f"{found['class']}: {message}", **context)
    error = kind(message, **context)
    for name in _TUPLES:
        if name in found:
            setattr(error, name, tuple(tuple(each) if isinstance(each, list) else each for each in found[name]))
    return error
