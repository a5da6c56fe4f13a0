"""Every webhook of a sandbox: what it says, when it is due, and what became of it.

The schedule is here and takes the time as an argument; `sender` does the sending.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import attrs

from briqpay_async.sandbox.faults.faults import Fault
from briqpay_async.sandbox.webhooks.messages import WebhookMessage

# How many webhooks are remembered once nothing more is to happen to them.
FINISHED_LIMIT: Final = 10_000
_LONGEST_WAIT: Final = 60.0


@attrs.frozen(kw_only=True)
class DeliveryAttempt:
    """One request that was made to deliver a webhook.

    Attributes:
        at: When, as ISO 8601 in UTC.
        signature: The value of `x-briq-signature` that was sent; None for a `GET`, which has none.
        status: The HTTP status answered; None when no answer came.
        error: Why no answer came.
        seconds: How long it took.
    """

    at: str
    signature: str | None
    status: int | None
    error: str | None
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the shop answered with a 2xx, which is what ends the deliveries."""
        return self.status is not None and 200 <= self.status < 300


@attrs.frozen(kw_only=True)
class Delivery:
    """One webhook to one address.

    Attributes:
        id: Its number, from 1.
        event: `session_status`, `order_status`, `capture_status`, `refund_status` or `module_ui_status`.
        status: The status that it reports.
        session_id: The session.
        method: `GET` or `POST`.
        url: Where it goes, with the query of a `GET`.
        body: The bytes of a `POST`; None for a `GET`.
        state: `waiting` until it is sent or sent again, `delivered` once the shop has answered 2xx, `failed`
            when that did not happen in all attempts, `refused` when the address is not on this machine and
            `allow_remote` is off, `withheld` by the fault `webhook_never`.
        attempts: The requests made so far.
        fault: The kind of the fault that applies to it, or None.
    """

    id: int
    event: str
    status: str
    session_id: str
    method: str
    url: str
    body: bytes | None
    state: str
    attempts: tuple[DeliveryAttempt, ...]
    fault: str | None


@attrs.frozen(kw_only=True)
class Schedule:
    """When webhooks are sent.

    Attributes:
        batch_seconds: How long webhooks are collected before they go out together.
        retry_seconds: The wait before the second attempt; each further wait is twice as long, up to a minute.
        attempts: How many requests are made at most.
    """

    batch_seconds: float = 0.25
    retry_seconds: float = 0.5
    attempts: int = 11

    def wait(self, failed: int) -> float:
        """Return how many seconds to wait after so many failed attempts."""
        return min(_LONGEST_WAIT, self.retry_seconds * 2.0 ** (failed - 1))


@attrs.define(eq=False)
class Parcel:
    """A webhook that is still under way. For the sender only."""

    id: int
    message: WebhookMessage
    fault: Fault | None
    state: str = "waiting"
    due: float | None = None
    attempts: list[DeliveryAttempt] = attrs.field(factory=list)
    failed: int = 0
    repeat: bool = False

    @property
    def kind(self) -> str | None:
        """The kind of its fault."""
        return None if self.fault is None else self.fault.kind

    def record(self) -> Delivery:
        """Return it as an immutable record."""
        message = self.message
        return Delivery(
            id=self.id,
            event=message.event,
            status=message.status,
            session_id=message.session_id,
            method=message.method,
            url=message.url,
            body=message.body,
            state=self.state,
            attempts=tuple(self.attempts),
            fault=self.kind,
        )


class Deliveries(Sequence[Delivery]):
    """The webhooks of a sandbox, oldest first: all that are to be sent, and the newest of the others.

    Attributes:
        changes: How often the state of one changed; never counts down.
    """

    def __init__(self, limit: int = FINISHED_LIMIT) -> None:
        self.changes = 0
        self._parcels: dict[int, Parcel] = {}
        self._waiting: dict[int, Parcel] = {}
        # Moments and numbers of what waits; an entry whose parcel is due at another moment is void.
        self._queue: list[tuple[float, int]] = []
        self._held: dict[str, list[Parcel]] = {}
        self._finished: deque[int] = deque()
        self._limit = limit
        self._last_id = 0
        self._batch_ends: float | None = None

    def __len__(self) -> int:
        return len(self._parcels)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Delivery, ...]: ...
    def __getitem__(self, index: int | slice) -> Delivery | tuple[Delivery, ...]:
        parcels = tuple(self._parcels.values())
        if isinstance(index, slice):
            return tuple(parcel.record() for parcel in parcels[index])
        return parcels[index].record()

    def __iter__(self) -> Iterator[Delivery]:
        return (parcel.record() for parcel in tuple(self._parcels.values()))

    def of(self, session_id: str, event: str | None = None) -> tuple[Delivery, ...]:
        """Return the webhooks of one session, all or those of one event."""
        return tuple(
            parcel.record()
            for parcel in tuple(self._parcels.values())
            if parcel.message.session_id == session_id and (event is None or parcel.message.event == event)
        )

    @property
    def waiting(self) -> int:
        """How many are still to be sent, or sent again."""
        return len(self._waiting)

    def add(
        self, message: WebhookMessage, now: float, schedule: Schedule, fault: Fault | None, *, refused: bool
    ) -> None:
        """Take in a message: decide when it is sent, if at all."""
        self._last_id += 1
        parcel = Parcel(self._last_id, message, fault)
        self._parcels[parcel.id] = parcel
        kind = parcel.kind
        if refused:
            self._finish(parcel, "refused")
        elif kind == "webhook_never":
            self._finish(parcel, "withheld")
        else:
            parcel.repeat = kind == "webhook_twice"
            if kind == "webhook_out_of_order":
                self._held.setdefault(message.session_id, []).append(parcel)
            held = fault.params["seconds"] if fault is not None and kind in _HOLDING else 0.0
            self._wait(parcel, self._first_due(message, now, schedule) + held)

    def _first_due(self, message: WebhookMessage, now: float, schedule: Schedule) -> float:
        if message.real_time:
            return now
        if self._batch_ends is None or self._batch_ends <= now:
            self._batch_ends = now + schedule.batch_seconds
        return self._batch_ends

    def _wait(self, parcel: Parcel, due: float) -> None:
        self.changes += 1
        parcel.state, parcel.due = "waiting", due
        self._waiting[parcel.id] = parcel
        heapq.heappush(self._queue, (due, parcel.id))

    def _finish(self, parcel: Parcel, state: str) -> None:
        self.changes += 1
        parcel.state, parcel.due = state, None
        self._waiting.pop(parcel.id, None)
        self._finished.append(parcel.id)
        while len(self._finished) > self._limit:
            oldest = self._finished.popleft()
            if oldest not in self._waiting:  # it may have been sent again on demand
                self._parcels.pop(oldest, None)

    def take_due(self, now: float, at_most: int) -> list[Parcel]:
        """Return what is due by now, in the order in which it is to be sent, and count it as under way."""
        due: list[Parcel] = []
        while len(due) < at_most and (moment := self.next_due()) is not None and moment <= now:
            parcel = self._waiting[heapq.heappop(self._queue)[1]]
            parcel.due = None
            due.append(parcel)
        return due

    def next_due(self) -> float | None:
        """Return the moment at which something is due next, or None."""
        while self._queue:
            due, number = self._queue[0]
            parcel = self._waiting.get(number)
            if parcel is not None and parcel.due == due:
                return due
            heapq.heappop(self._queue)
        return None

    def attempted(self, parcel: Parcel, attempt: DeliveryAttempt, now: float, schedule: Schedule) -> None:
        """Note an attempt, and decide whether another one follows."""
        parcel.attempts.append(attempt)
        if self._parcels.get(parcel.id) is not parcel:  # forgotten by a reset meanwhile
            return
        if not attempt.accepted:
            parcel.failed += 1
            if parcel.failed < schedule.attempts:
                self._wait(parcel, now + schedule.wait(parcel.failed))
            else:
                self._finish(parcel, "failed")
            return
        if parcel.repeat:
            parcel.repeat = False
            self._wait(parcel, now)
        else:
            self._finish(parcel, "delivered")
        self._release(parcel, now)

    def _release(self, sent: Parcel, now: float) -> None:
        """Let webhooks go that were held back until another one of their session had overtaken them."""
        session_id = sent.message.session_id
        held = self._held.get(session_id)
        if held is None:
            return
        for parcel in held:
            if parcel.id < sent.id and parcel.due is not None and not parcel.attempts:
                self._wait(parcel, now)
        self._held[session_id] = [parcel for parcel in held if parcel.id > sent.id]
        if not self._held[session_id]:
            del self._held[session_id]

    def resend(self, delivery_id: int, now: float) -> Delivery:
        """Send a webhook once more, whatever became of it, with all its attempts before it.

        Raises:
            KeyError: there is none with this number, or it has been forgotten.
        """
        parcel = self._parcels[delivery_id]
        parcel.failed = 0
        if parcel.state != "refused" and (parcel.id not in self._waiting or parcel.due is not None):
            self._wait(parcel, now)
        return parcel.record()

    def clear(self) -> None:
        """Forget every webhook and begin the numbers anew."""
        self._parcels.clear()
        self._waiting.clear()
        self._queue.clear()
        self._held.clear()
        self._finished.clear()
        self._last_id = 0
        self._batch_ends = None


_HOLDING: Final = frozenset({"webhook_late", "webhook_out_of_order"})


def describe_delivery(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as JSON."""
    described = attrs.asdict(delivery)
    described["body"] = None if delivery.body is None else delivery.body.decode()
    return described
