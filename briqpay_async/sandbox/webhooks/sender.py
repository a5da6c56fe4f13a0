"""Sends the webhooks that are due, signed, and notes how they were received."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from briqpay_async.sandbox.faults.faults import Faults
from briqpay_async.sandbox.loopback import is_loopback
from briqpay_async.sandbox.state.changes import StatusChange
from briqpay_async.sandbox.switches import Switches
from briqpay_async.sandbox.webhooks.deliveries import Deliveries, Delivery, DeliveryAttempt, Parcel, Schedule
from briqpay_async.sandbox.webhooks.messages import SIGNATURE_HEADER, messages_of, sign

# How long a shop may take to answer, in seconds.
ANSWER_WITHIN: Final = 10.0
_AT_ONCE: Final = 20
_UNDER_WAY: Final = 200


class WebhookSender:
    """Turns status changes into requests to the shop.

    Args:
        deliveries: Where webhooks are kept.
        faults: What goes wrong with them.
        secret: The webhook secret of the merchant.
        switches: Returns the switches as they are now.
        allow_remote: Whether webhooks leave this machine.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        faults: Faults,
        secret: str,
        *,
        switches: Callable[[], Switches],
        allow_remote: bool,
    ) -> None:
        self.deliveries = deliveries
        self._faults = faults
        self._secret = secret
        self._switches = switches
        self._allow_remote = allow_remote
        self._answer_within = ANSWER_WITHIN
        self._runs: _HttpRun | None = None

    def status_changed(self, change: StatusChange) -> None:
        """Take in a change: the hooks that subscribe to it are called later, when the sandbox runs."""
        if not change.session.get("hooks"):
            return
        now, schedule = time.monotonic(), self._schedule()
        for message in messages_of(change, signed=self._switches().webhook_signed):
            fault = self._faults.pick_webhook(message.method, message.event, message.url, message.session_id)
            refused = not self._allow_remote and not _stays_here(message.url)
            self.deliveries.add(message, now, schedule, fault, refused=refused)
        self.wake()

    def _schedule(self) -> Schedule:
        switches = self._switches()
        return Schedule(
            batch_seconds=switches.webhook_batch_seconds,
            retry_seconds=switches.webhook_retry_seconds,
            attempts=switches.webhook_attempts,
        )

    def resend(self, delivery_id: int) -> Delivery:
        """Send a webhook once more, whatever became of it.

        Raises:
            KeyError: there is none with this number.
        """
        delivery = self.deliveries.resend(delivery_id, time.monotonic())
        self.wake()
        return delivery

    def wake(self) -> None:
        """Look again at what is due."""
        if self._runs is not None:
            self._runs.wake.set()

    async def start(self) -> None:
        """Begin to send."""
        timeout = aiohttp.ClientTimeout(total=self._answer_within)
        headers = {"User-Agent": "Briqpay-Sandbox", "Accept": "*/*"}
        http = aiohttp.ClientSession(timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar())
        self._runs = run = _HttpRun(http)
        run.task = asyncio.create_task(self._send_forever(run))

    async def stop(self) -> None:
        """Stop sending; what has not been delivered stays as it is."""
        run, self._runs = self._runs, None
        if run is not None:
            tasks = [task for task in (run.task, *run.sending) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await run.http.close()

    async def delivered(self, timeout: float | None) -> None:
        """Wait until nothing is due any more."""
        if self._runs is None:
            raise RuntimeError("the sandbox does not run, so it delivers nothing")
        run = self._runs
        async with asyncio.timeout(timeout):
            while self.deliveries.waiting:
                run.idle.clear()
                await run.idle.wait()

    async def _send_forever(self, run: "_HttpRun") -> None:
        loop = asyncio.get_running_loop()
        while True:
            by_session: dict[str, list[Parcel]] = {}
            for parcel in self.deliveries.take_due(time.monotonic(), _UNDER_WAY - len(run.sending)):
                by_session.setdefault(parcel.message.session_id, []).append(parcel)
            for parcels in by_session.values():
                task = asyncio.create_task(self._send_in_order(run, parcels))
                run.sending.add(task)
                task.add_done_callback(run.sending.discard)
            if not self.deliveries.waiting:
                run.idle.set()
            due = self.deliveries.next_due() if len(run.sending) < _UNDER_WAY else None
            timer = None if due is None else loop.call_later(max(0.0, due - time.monotonic()), run.wake.set)
            await run.wake.wait()
            run.wake.clear()
            if timer is not None:
                timer.cancel()

    async def _send_in_order(self, run: "_HttpRun", parcels: list[Parcel]) -> None:
        for parcel in parcels:
            async with run.slots:
                together = parcel.kind == "webhook_twice" and parcel.repeat and _flag(parcel, "together")
                if together:
                    parcel.repeat = False
                    first, attempt = await asyncio.gather(self._send(run, parcel), self._send(run, parcel))
                    parcel.attempts.append(first)
                else:
                    attempt = await self._send(run, parcel)
            self.deliveries.attempted(parcel, attempt, time.monotonic(), self._schedule())
            run.wake.set()

    async def _send(self, run: "_HttpRun", parcel: Parcel) -> DeliveryAttempt:
        message = parcel.message
        headers, signature = {}, None
        if message.body is not None:
            headers["Content-Type"] = "application/json"
            if self._switches().webhook_signed:
                headers[SIGNATURE_HEADER] = signature = self._signature(parcel, message.body)
        at, began = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
        status = error = None
        try:
            # An address that is ASCII goes out as the shop wrote it; anything else is encoded first.
            url = URL(message.url, encoded=message.url.isascii())
            async with run.http.request(
                message.method, url, data=message.body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except TimeoutError:
            error = f"no answer within {self._answer_within:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        seconds = round(time.monotonic() - began, 6)
        return DeliveryAttempt(at=at, signature=signature, status=status, error=error, seconds=seconds)

    def _signature(self, parcel: Parcel, body: bytes) -> str:
        """Sign a body; a fault spoils the first signature only, so that the webhook arrives in the end."""
        secret, at_ms = self._secret, time.time_ns() // 1_000_000
        if parcel.fault is not None and not parcel.attempts:
            if parcel.kind == "webhook_forged":
                secret = f"not {secret}"
            elif parcel.kind == "webhook_old":
                at_ms -= round(parcel.fault.params["seconds"] * 1000)
        return sign(body, secret, at_ms)


class _HttpRun:
    """What exists only while the sandbox runs: it belongs to one event loop."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.wake = asyncio.Event()
        self.idle = asyncio.Event()
        self.slots = asyncio.Semaphore(_AT_ONCE)
        self.sending: set[asyncio.Task[None]] = set()
        self.task: asyncio.Task[None] | None = None


def _flag(parcel: Parcel, name: str) -> bool:
    return parcel.fault is not None and bool(parcel.fault.params[name])


def _stays_here(url: str) -> bool:
    """Return whether an address is one of this machine."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
