"""Which requests go wrong, and how: faults that are seeded, counted and matched to requests.

This room decides; `injection` does. Every fault says whether the request took effect, and the
sandbox's effects record what really happened.
"""

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs
import orjson

from briqpay_async.sandbox.faults.kinds import (
    ADDITIVE,
    CHAOS,
    CHAOTIC,
    KINDS,
    WEBHOOK_EVENTS,
    TokenBucket,
    check_params,
)
from briqpay_async.sandbox.routes import ENDPOINTS
from briqpay_async.sandbox.state.history import History

Json = dict[str, Any]


def _check_kind(_fault: "Fault", _attribute: Any, kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}, not {kind!r}")


def _check_endpoint(_fault: "Fault", _attribute: Any, endpoint: str | None) -> None:
    known = ENDPOINTS | WEBHOOK_EVENTS
    if endpoint is not None and endpoint not in known:
        raise ValueError(f"endpoint must be one of {', '.join(sorted(known))}, not {endpoint!r}")


def _counts(value: Any) -> frozenset[int] | None:
    if value is None:
        return None
    return frozenset((value,) if isinstance(value, int) else value)


_TEXT: Final = attrs.validators.optional(attrs.validators.instance_of(str))
_FROM_ONE: Final = attrs.validators.optional(
    attrs.validators.and_(attrs.validators.instance_of(int), attrs.validators.ge(1))
)


@attrs.frozen(kw_only=True)
class Fault:
    """One way for requests to go wrong.

    Attributes:
        kind: A name out of `fault_kinds.KINDS`.
        params: Parameters of that kind, with its defaults filled in.
        method: Only requests with this method.
        endpoint: Only this endpoint: `create`, `patch`, `capture`, …; for a fault of webhooks, only this
            event: `order_status`, …
        path: Only paths that this regular expression is found in.
        session_id: Only requests that name this session.
        nth: Of the requests that match, only these, counted from 1.
        every: Of the requests that match, only every so many.
        probability: The chance, by the seed, that a request that matches is hit.
        times: How often at most it happens.
    """

    kind: str = attrs.field(validator=_check_kind)
    params: Mapping[str, Any] = attrs.field(factory=dict)
    method: str | None = attrs.field(default=None, validator=_TEXT)
    endpoint: str | None = attrs.field(default=None, validator=_check_endpoint)
    path: re.Pattern[str] | None = attrs.field(default=None, converter=attrs.converters.optional(re.compile))
    session_id: str | None = attrs.field(default=None, validator=_TEXT)
    nth: frozenset[int] | None = attrs.field(default=None, converter=_counts)
    every: int | None = attrs.field(default=None, validator=_FROM_ONE)
    probability: float = attrs.field(default=1.0, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    times: int | None = attrs.field(default=None, validator=_FROM_ONE)

    @property
    def applied(self) -> bool | None:
        """Whether a request that is hit takes effect all the same; None when chaos decides."""
        applied: bool | None = self.params.get("applied", KINDS[self.kind].applied)
        return applied

    def matches(self, method: str, endpoint: str, path: str, session_id: str | None) -> bool:
        """Return whether a request is one that this fault is about."""
        possible = KINDS[self.kind].endpoints
        return (
            (endpoint not in WEBHOOK_EVENTS if possible is None else endpoint in possible)
            and (self.method is None or self.method == method)
            and (self.endpoint is None or self.endpoint == endpoint)
            and (self.session_id is None or self.session_id == session_id)
            and (self.path is None or self.path.search(path) is not None)
        )


_MATCHERS: Final = frozenset(field.name for field in attrs.fields(Fault)) - {"params"}


def make_fault(kind: str, **options: Any) -> Fault:
    """Make a fault out of a kind, matchers and the parameters of the kind.

    Raises:
        ValueError: the kind, a matcher or a parameter is unknown or has a value it cannot have.
    """
    matchers = {name: value for name, value in options.items() if name in _MATCHERS}
    given = {name: value for name, value in options.items() if name not in _MATCHERS}
    try:
        fault = Fault(kind=kind, **matchers)
        params = check_params(kind, given)
    except (TypeError, re.error) as error:
        raise ValueError(f"a {kind!r} fault cannot be made like this: {error}") from error
    return attrs.evolve(fault, params=params)


def parse_fault(text: str) -> Fault:
    """Read the fault in a header: JSON, or the bare name of a kind.

    Raises:
        ValueError: it is neither.
    """
    if not text.lstrip().startswith("{"):
        return make_fault(text.strip())
    return fault_from_json(orjson.loads(text))


def fault_from_json(document: Any) -> Fault:
    """Make a fault out of a JSON object with `kind` and any options.

    Raises:
        ValueError: it is not such an object.
    """
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ValueError('a fault is an object with a "kind"')  # noqa: TRY004 (one error for all bad input)
    return make_fault(**document)


def describe_fault(fault: Fault) -> Json:
    """Return a fault as JSON."""
    described: Json = {"kind": fault.kind, "applied": fault.applied, **fault.params}
    for name in _MATCHERS - {"kind"}:
        value = getattr(fault, name)
        if value is not None:
            described[name] = sorted(value) if name == "nth" else value
    if fault.path is not None:
        described["path"] = fault.path.pattern
    return described


@attrs.define(eq=False)
class _Armed:
    """A fault together with what it has seen so far."""

    fault: Fault
    bucket: TokenBucket | None
    seen: int = 0
    hits: int = 0
    streaks: dict[tuple[str, str], int] = attrs.field(factory=dict)


class Faults:
    """The faults that are set. The first that fits a request is applied; `ADDITIVE` ones come on top.

    Args:
        seed: Of everything random about faults.
        clock: The time in seconds.
        history: Where the states are that lagging reads show; switched on by the first such fault.
    """

    def __init__(self, seed: int, clock: Callable[[], float], history: History | None = None) -> None:
        self._seed = seed
        self._clock = clock
        self.history = History(clock) if history is None else history
        # Requests that are applied after their connection has been closed.
        self.later: set[asyncio.Task[None]] = set()
        self._random = self._fresh_random()
        self._armed: list[_Armed] = []
        # Connections that have answered for the last time without saying so.
        self.stale: set[asyncio.BaseTransport] = set()

    def _fresh_random(self) -> random.Random:
        return random.Random(f"faults {self._seed}")  # noqa: S311 (repeats with the seed)

    def __len__(self) -> int:
        return len(self._armed)

    @property
    def any(self) -> bool:
        """Whether a request may have to go wrong."""
        return bool(self._armed or self.stale)

    def __iter__(self) -> Iterator[Fault]:
        return iter([armed.fault for armed in self._armed])

    def add(self, kind: str, **options: Any) -> Fault:
        """Set a fault.

        Args:
            kind: A name out of `fault_kinds.KINDS`.
            options: The matchers of `Fault` (`method`, `endpoint`, `path`, `session_id`, `nth`,
                `every`, `probability`, `times`) and the parameters of the kind.

        Returns:
            The fault, to be given to `hits` or `remove`.

        Raises:
            ValueError: something in it is unknown or has a value it cannot have.
        """
        return self.arm(make_fault(kind, **options))

    def arm(self, fault: Fault) -> Fault:
        """Set a fault that has been made before."""
        bucket = None
        if fault.kind == "rate_limit":
            bucket = TokenBucket(fault.params["per_second"], fault.params["burst"], self._clock)
        if fault.kind == "lagging_reads":
            self.history.on = True
        self._armed.append(_Armed(fault, bucket))
        return fault

    def chaos(self, rate: float = 0.25, *, max_in_a_row: int | None = None, **matchers: Any) -> Fault:
        """Set a seeded mix of all transient kinds.

        Args:
            rate: The chance that a request is hit.
            max_in_a_row: How many requests with the same method and path are hit in a row at most,
                so that a client that retries often enough must succeed.
            matchers: As for `add`.
        """
        return self.add(CHAOS, probability=rate, max_in_a_row=max_in_a_row, **matchers)

    def remove(self, fault: Fault) -> None:
        """Unset one fault. Harmless when it is not set."""
        self._armed = [armed for armed in self._armed if armed.fault is not fault]
        if self.history.on and not any(armed.fault.kind == "lagging_reads" for armed in self._armed):
            self.history.clear()

    def clear(self) -> None:
        """Unset all faults and forgive stale connections; the random numbers begin anew."""
        self._armed.clear()
        self.stale.clear()
        self.history.clear()
        self._random = self._fresh_random()

    def forget_later(self) -> None:
        """Drop the requests that were still to be applied."""
        for task in self.later:
            task.cancel()
        self.later.clear()

    async def settled(self) -> None:
        """Wait until every request that is applied after its connection was closed has been applied."""
        while self.later:
            await asyncio.wait(tuple(self.later))

    def let_go_stale(self, connection: asyncio.BaseTransport) -> None:
        """Remember a connection as dead to its next request, and forget those that are closed by now."""
        self.stale = {each for each in self.stale if not each.is_closing()}
        self.stale.add(connection)

    def hits(self, fault: Fault) -> int:
        """Return how often a fault has happened."""
        return sum(armed.hits for armed in self._armed if armed.fault is fault)

    def pick(self, method: str, endpoint: str, path: str, session_id: str | None) -> list[Fault]:
        """Return the faults that happen to a request: any additive ones, and at most one other, at the end."""
        picked: list[Fault] = []
        for armed in self._armed:
            if not armed.fault.matches(method, endpoint, path, session_id):
                continue
            hit = self._hit(armed, (method, path))
            if hit is None:
                continue
            armed.hits += 1
            picked.append(hit)
            if hit.kind not in ADDITIVE:
                break
        return picked

    def pick_webhook(self, method: str, event: str, url: str, session_id: str) -> Fault | None:
        """Return the fault that happens to a webhook, or None."""
        return next(iter(self.pick(method, event, url, session_id)), None)

    def once(self, fault: Fault) -> list[Fault]:
        """Return the faults of a request that asks for one itself.

        Raises:
            ValueError: a single request cannot ask for it.
        """
        if fault.kind == "rate_limit":
            raise ValueError("a rate limit is for many requests; set it with POST /_sandbox/faults")
        if fault.kind == "lagging_reads":
            raise ValueError("reads lag behind changes made before; set it with POST /_sandbox/faults")
        if KINDS[fault.kind].endpoints == WEBHOOK_EVENTS:
            raise ValueError("this happens to webhooks, not to requests; set it with POST /_sandbox/faults")
        if fault.kind == CHAOS:
            return [self._choose()]
        return [fault]

    def latency(self, fault: Fault) -> float:
        """Return how long a latency fault holds a request up this time, in seconds."""
        params = fault.params
        if fault.kind == "latency":
            return float(params["seconds"])
        # A log-normal distribution is described by its median, whose logarithm is the mean.
        drawn = params["median"] * self._random.lognormvariate(0.0, params["sigma"])
        return min(float(drawn), float(params["cap"]))

    def _hit(self, armed: _Armed, request: tuple[str, str]) -> Fault | None:
        fault = armed.fault
        armed.seen += 1
        if (
            (fault.times is not None and armed.hits >= fault.times)
            or (fault.nth is not None and armed.seen not in fault.nth)
            or (fault.every is not None and armed.seen % fault.every)
        ):
            return None
        if fault.probability < 1 and self._random.random() >= fault.probability:
            armed.streaks.pop(request, None)
            return None
        if fault.kind == CHAOS:
            return self._chaotic(armed, request)
        if armed.bucket is None:
            return fault
        wait = armed.bucket.take()
        return None if wait is None else attrs.evolve(fault, params={**fault.params, "wait": wait})

    def _chaotic(self, armed: _Armed, request: tuple[str, str]) -> Fault | None:
        allowed = armed.fault.params["max_in_a_row"]
        chosen = self._choose()
        if allowed is not None:
            streak = armed.streaks.get(request, 0)
            if streak >= allowed:
                del armed.streaks[request]
                return None
            armed.streaks[request] = streak + 1
        return chosen

    def _choose(self) -> Fault:
        kind, params = self._random.choice(CHAOTIC)
        return Fault(kind=kind, params=check_params(kind, params))
