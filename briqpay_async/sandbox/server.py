"""The sandbox itself: its lifecycle, and what a test may look at and do."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, Unpack

from aiohttp import web

from briqpay_async.sandbox.api.control import Control
from briqpay_async.sandbox.api.dispatch import Api
from briqpay_async.sandbox.api.guard import Guard
from briqpay_async.sandbox.faults.faults import Faults
from briqpay_async.sandbox.http import Gateway, quiet_logger
from briqpay_async.sandbox.loopback import is_loopback
from briqpay_async.sandbox.pages.pages import Pages
from briqpay_async.sandbox.state.checkout import Checkout, advance, checkout_of, pay
from briqpay_async.sandbox.state.effects import Effect, Effects
from briqpay_async.sandbox.state.history import History
from briqpay_async.sandbox.state.request_log import RequestLog
from briqpay_async.sandbox.state.state_file import FiledDict, StateFile
from briqpay_async.sandbox.state.store import Json, Store
from briqpay_async.sandbox.switches import Switches, SwitchOptions, changed_switches
from briqpay_async.sandbox.thread import ThreadedSandbox
from briqpay_async.sandbox.webhooks.deliveries import Deliveries, Delivery
from briqpay_async.sandbox.webhooks.sender import WebhookSender

USERNAME: Final = "sandbox-merchant"
SECRET: Final = "sandbox-secret"  # noqa: S105 (it protects nothing and is printed on purpose)
WEBHOOK_SECRET: Final = "sandbox-webhook-secret"  # noqa: S105 (as above)

# A cart of tens of thousands of lines still fits.
_LARGEST_BODY: Final = 64 * 2**20


class Sandbox:
    """An emulator of Briqpay's v3 API: a real HTTP server on loopback.

    Example:
        async with Sandbox() as sandbox:
            print(sandbox.url, sandbox.username, sandbox.secret)

    Args:
        port: Where to listen; 0 takes a free port.
        host: Where to listen; anything but loopback is refused unless `allow_remote`.
        username: The merchant that is let in.
        secret: The merchant's secret.
        seed: Of everything random: ids and faults. The same seed gives the same run.
        webhook_secret: What webhooks are signed with.
        allow_remote: Listen on a host that others can reach, and send webhooks to other machines.
        state: A file (SQLite) that keeps sessions, tokens and hosted pages, so that they are there again
            when a sandbox is started with the same file. The journal, effects, webhooks and faults are not in
            it. None keeps everything in memory.
        clock: Seconds that only go forward, for faults that keep a rate or a lag.
        switches: The members of `Switches` by name, e.g. `merge="section"`: what the sandbox does
            where Briqpay's documentation is silent.

    Raises:
        ValueError: the host is not loopback, or a switch has a value it cannot have.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        username: str = USERNAME,
        secret: str = SECRET,
        seed: int = 0,
        webhook_secret: str = WEBHOOK_SECRET,
        allow_remote: bool = False,
        state: str | Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        **switches: Unpack[SwitchOptions],
    ) -> None:
        if not allow_remote and not is_loopback(host):
            raise ValueError(f"use a loopback host, or pass allow_remote=True to expose the sandbox on {host}")
        self._host = host
        self._allow_remote = allow_remote
        self._port = port
        self._username = username
        self._secret = secret
        self._switches = Switches(**switches)
        self._store = Store(username, self._switches, seed)
        self._journal = RequestLog(self._switches.journal_limit, self._switches.journal_bodies)
        self._store.history = History(clock)
        self._faults = Faults(seed, clock, self._store.history)
        self._webhook_secret = webhook_secret
        self._deliveries = Deliveries()
        self._sender = WebhookSender(
            self._deliveries,
            self._faults,
            webhook_secret,
            switches=lambda: self._store.switches,
            allow_remote=allow_remote,
        )
        self._store.listeners.append(self._sender.status_changed)
        control = Control(self._store, self._journal, self._faults, self._sender, self.reset)
        pages = Pages(self._store, self._journal, self._faults, self._deliveries)
        guard = Guard(host, allow_remote)
        self._gateway = Gateway(
            Api(self._store, secret), self._journal, self._faults, control, pages=pages, guard=guard
        )
        self._state = state
        self._state_file: StateFile | None = None
        if state is not None:
            self._store.sessions, self._store.tokens, self._store.pages = FiledDict(), FiledDict(), FiledDict()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where the API is for this machine, without `/v3`; the port is known once the sandbox runs."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 (not bound here)
        host = f"[{here}]" if ":" in here else here
        return f"http://{host}:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens; 0 before it does, when any free port is asked for."""
        return self._port

    @property
    def allow_remote(self) -> bool:
        """Whether other machines may reach it, and its webhooks them."""
        return self._allow_remote

    @property
    def username(self) -> str:
        """The merchant that is let in."""
        return self._username

    @property
    def secret(self) -> str:
        """The merchant's secret."""
        return self._secret

    @property
    def webhook_secret(self) -> str:
        """What webhooks are signed with."""
        return self._webhook_secret

    @property
    def switches(self) -> Switches:
        """How this sandbox behaves now."""
        return self._store.switches

    def change_switches(self, **switches: Unpack[SwitchOptions]) -> Switches:
        """Change how the sandbox behaves while it runs, until `reset`, and return all switches.

        Raises:
            ValueError: a switch cannot have that value, or is for the start only.
        """
        self._store.switches = changed_switches(self._store.switches, switches)
        return self._store.switches

    @property
    def sessions(self) -> Mapping[str, Json]:
        """The stored state of every session by id. States are replaced, never changed in place."""
        return MappingProxyType(self._store.sessions)

    @property
    def tokens(self) -> Mapping[str, Json]:
        """The stored tokens by id."""
        return MappingProxyType(self._store.tokens)

    @property
    def hosted_pages(self) -> Mapping[str, Json]:
        """The hosted pages made, by id."""
        return MappingProxyType(self._store.pages)

    @property
    def journal(self) -> RequestLog:
        """Every request in the order of arrival."""
        return self._journal

    @property
    def effects(self) -> Effects:
        """Every change that really took effect."""
        return self._store.effects

    @property
    def faults(self) -> Faults:
        """What goes wrong: `add`, `chaos`, `clear`."""
        return self._faults

    @property
    def deliveries(self) -> Deliveries:
        """The webhooks: what was sent to whom, what was answered, and what is still to be sent."""
        return self._deliveries

    async def delivered(self, timeout: float | None = None) -> tuple[Delivery, ...]:
        """Wait until no webhook is to be sent any more, and return all of them.

        A shop that answers no 2xx is tried again and again, so this can take minutes.

        Args:
            timeout: How many seconds to wait at most.

        Raises:
            TimeoutError: some were still to be sent after that time.
            RuntimeError: the sandbox does not run.
        """
        await self._sender.delivered(timeout)
        return tuple(self._deliveries)

    def resend(self, delivery_id: int) -> Delivery:
        """Send a webhook once more, whatever became of it.

        Args:
            delivery_id: Its `id` in `deliveries`.

        Raises:
            KeyError: there is no such webhook, or it has been forgotten.
        """
        return self._sender.resend(delivery_id)

    def effects_of(self, session_id: str, kind: str | None = None) -> tuple[Effect, ...]:
        """Return what really happened to one session: everything, or changes of one kind."""
        return self._store.effects.of(session_id, kind)

    def complete(
        self,
        session_id: str,
        order_status: str | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        provider: str | None = None,
    ) -> Json:
        """Play the buyer who pays and so finishes the checkout, and return the new state of the session.

        If the payment module of the session has `decision.enabled`, the shop is asked first: the session
        is completed when its decision allows it (see `checkout`), unless that came before.

        Args:
            session_id: Which session.
            order_status: What the payment leads to: `order_pending`, `order_rejected`,
                `order_cancelled`, `order_approved_not_captured`, or `captured_full` for a provider
                that captures by itself; None for what the provider does. A pending order can be
                completed once more, to move it on.
            data: Members of `data` that the buyer or a module contributes, e.g. `paymentTags`.
            provider: Who is paid with, a name in `PROVIDERS`: `invoice` (the default), `card`,
                `bank_transfer` (cannot cancel), `direct` (captures by itself), `slow` (decides later),
                `review` (a person reviews the order first) or `refusing`.

        Raises:
            KeyError: there is no such session.
            ValueError: the order cannot come into that status, there is no such provider, or the shop is
                being asked already.
        """
        self._store.timers.run_due()
        return pay(self._store, session_id, order_status, None if data is None else dict(data), provider)

    def checkout(self, session_id: str) -> Checkout:
        """Return where the buyer of a session is: open, deciding, paid, pending, rejected, cancelled or ended.

        Raises:
            KeyError: there is no such session.
        """
        self._store.timers.run_due()
        return checkout_of(self._store.sessions[session_id])

    def advance(
        self,
        session_id: str,
        outcome: str = "approved",
        *,
        capture_id: str | None = None,
        refund_id: str | None = None,
    ) -> Json:
        """Decide what is pending of a session, and return its new state.

        Args:
            session_id: Which session.
            outcome: `approved` or `rejected`; for a pending order also a status as for `complete`.
            capture_id: Only this capture.
            refund_id: Only this refund. Without ids a pending order is decided, or else every pending
                capture and refund.

        Raises:
            KeyError: there is no such session.
            ValueError: that is not pending, or there is no such outcome.
        """
        self._store.timers.run_due()
        made = tuple(each for each in (capture_id, refund_id) if each is not None)
        return advance(self._store, session_id, outcome, made or None)

    def reset(self) -> None:
        """Forget every session, token, page, request, webhook, effect and fault, and begin the ids anew.

        Switches are again what the sandbox was made with.
        """
        self._store.reset()
        self._store.switches = self._switches
        self._journal.clear()
        self._deliveries.clear()
        self._faults.clear()
        self._faults.forget_later()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the port is taken, or the state file cannot be opened.
            ValueError: the state file is something else, or another sandbox uses it.
            RuntimeError: the sandbox runs already.
        """
        if self._runner is not None:
            raise RuntimeError("this sandbox is running already; make another one")
        server = web.Server(
            self._gateway.handle, request_factory=_make_request, access_log=None, logger=quiet_logger()
        )
        self._open_state()
        # Handlers still under way at the end are being held up by a fault; there is nothing to wait for.
        runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            self._close_state()
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._store.address = self.url
        self._runner = runner
        await self._sender.start()

    async def stop(self) -> None:
        """Stop listening and cut whatever is still connected. Harmless when it does not run."""
        self._faults.forget_later()
        self._store.timers.quiet()
        await self._sender.stop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        self._close_state()

    def _open_state(self) -> None:
        if self._state is None:
            return
        self._state_file = StateFile(self._state)
        for room, documents in self._rooms():
            documents.file_in(self._state_file, room)
        self._store.begin_other_ids(self._state_file.start_number)

    def _close_state(self) -> None:
        file, self._state_file = self._state_file, None
        if file is not None:
            for _, documents in self._rooms():
                documents.leave_file()
            file.close()

    def _rooms(self) -> Iterator[tuple[str, FiledDict]]:
        """Yield what the state file keeps."""
        for room in ("sessions", "tokens", "pages"):
            documents = getattr(self._store, room)
            if isinstance(documents, FiledDict):
                yield room, documents

    def in_thread(self) -> ThreadedSandbox:
        """Return this sandbox as a context manager that runs it in a thread of its own.

        Example:
            with Sandbox().in_thread() as sandbox:
                print(sandbox.url)
        """
        return ThreadedSandbox(self)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def _make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    return web.BaseRequest(
        message, payload, protocol, writer, task, task.get_loop(), client_max_size=_LARGEST_BODY
    )
