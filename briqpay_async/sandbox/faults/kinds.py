"""The catalogue of faults: what each kind does, its parameters, and whether a request is applied."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import orjson

from briqpay_async.sandbox.faults.alterations import ALTERATIONS

Check = Callable[[Any], bool]


def _number(value: Any) -> bool:
    return type(value) in (int, float) and value >= 0


def _above_zero(value: Any) -> bool:
    return _number(value) and value > 0


def _count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _status(value: Any) -> bool:
    return type(value) is int and 200 <= value <= 599


def _flag(value: Any) -> bool:
    return type(value) is bool


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _moment(value: Any) -> bool:
    return value in ("before", "after")


def _body(value: Any) -> bool:
    if isinstance(value, dict):
        try:
            orjson.dumps(value)
        except TypeError:  # nested too deeply, or not JSON
            return False
        return True
    return isinstance(value, str)


def _size(value: Any) -> bool:
    return _count(value) and value <= _LARGEST_ANSWER


def _retry_after(value: Any) -> bool:
    if not isinstance(value, str):
        return _number(value)
    if not value.startswith("date:"):
        return value.isascii() and value.isprintable()
    try:
        return abs(float(value.removeprefix("date:"))) < _LONGEST_AHEAD
    except ValueError:
        return False


def _alterations(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list | tuple) and bool(names) and all(name in ALTERATIONS for name in names)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


@attrs.frozen
class Kind:
    """One kind of fault.

    Attributes:
        summary: What happens.
        applied: Whether the request takes effect; for a kind with a parameter `applied`, its default.
            None when chaos decides.
        params: Each parameter's default and check.
        endpoints: The only endpoints, or webhooks, that it can happen to; None for all endpoints.
    """

    summary: str
    applied: bool | None
    params: Mapping[str, tuple[Any, Check]] = attrs.field(factory=dict)
    endpoints: frozenset[str] | None = None


# A mistyped size must not take the memory of the machine; a packed gigabyte is a megabyte.
_LARGEST_ANSWER: Final = 2**31
_LONGEST_AHEAD: Final = 10**10  # seconds; a date that can be written

CHAOS: Final = "chaos"
LATENCIES: Final = frozenset({"latency", "lognormal_latency"})
# What readers of a session are shown instead of its state, in the order in which that is done.
VIEWS: Final = ("lagging_reads", "altered_captures")
# These can happen to a request together with others, and with one that ends it.
ADDITIVE: Final = LATENCIES | frozenset(VIEWS)
# What faults of webhooks can be limited to, in place of an endpoint.
WEBHOOK_EVENTS: Final = frozenset(
    {"session_status", "order_status", "capture_status", "refund_status", "module_ui_status"}
)
_RETRY_AFTER: Final = {"retry_after": (None, _or_none(_retry_after))}
_APPLIED: Final = {"applied": (False, _flag)}
_WHEN: Final = {"when": ("before", _moment)}

KINDS: Final[Mapping[str, Kind]] = {
    "status": Kind(
        'An HTTP status. `body` is "json" (the error envelope), "html", "empty", an object, or other text; '
        'an integer or float `retry_after` is sent as it is, "date:30" as an HTTP date 30 seconds from now '
        '("date:-60" is past), any other text verbatim.',
        applied=False,
        params={
            "status": (503, _status),
            "body": ("json", _body),
            "code": (None, _or_none(_text)),
            "message": (None, _or_none(_text)),
            **_RETRY_AFTER,
            **_APPLIED,
        },
    ),
    "html_502": Kind("The 502 page of a proxy, in HTML.", applied=False, params={**_RETRY_AFTER, **_APPLIED}),
    "rate_limit": Kind(
        "429 RATE_LIMITED once a token bucket is empty. `retry_after` is as for `status`, or "
        '"seconds" (whole, rounded up) or "exact" (a float) for when there is a token.',
        applied=False,
        params={
            "per_second": (10, _above_zero),
            "burst": (10, _count),
            "retry_after": ("seconds", _or_none(_retry_after)),
        },
    ),
    "malformed_json": Kind("An answer that is not JSON, in full.", applied=True),
    "truncated_json": Kind("An answer that ends in the middle of its JSON, in valid HTTP.", applied=True),
    "wrong_content_type": Kind("The right answer, declared as HTML.", applied=True),
    "invalid_utf8": Kind("An answer with bytes that are not UTF-8.", applied=True),
    "latency": Kind(
        "A fixed wait before or after the request is applied.",
        applied=True,
        params={"seconds": (0.1, _number), **_WHEN},
    ),
    "lognormal_latency": Kind(
        "A wait out of a log-normal distribution, at most `cap` seconds.",
        applied=True,
        params={
            "median": (0.05, _number),
            "sigma": (0.5, lambda value: _number(value) and value <= 10),
            "cap": (5.0, _number),
            **_WHEN,
        },
    ),
    "drip": Kind(
        "The answer in `chunks` pieces over `seconds`.",
        applied=True,
        params={"seconds": (1.0, _number), "chunks": (10, _count)},
    ),
    "close_before_read": Kind("The connection is closed before the body is read.", applied=False),
    "close_before_answer": Kind("The body is read, then the connection is closed.", applied=False),
    "apply_then_drop": Kind(
        "The request is applied, then the connection is closed without an answer.", applied=True
    ),
    "apply_later": Kind(
        "The connection is closed without an answer, and the request is applied `seconds` later.",
        applied=True,
        params={"seconds": (0.3, _number)},
    ),
    "apply_then_status": Kind(
        "The request is applied, then answered with an error; options as for `status`.",
        applied=True,
        params={
            "status": (503, _status),
            "body": ("json", _body),
            "code": (None, _or_none(_text)),
            "message": (None, _or_none(_text)),
            "retry_after": (1, _or_none(_retry_after)),
        },
    ),
    "lagging_reads": Kind(
        "Reads show a session as it was `seconds` ago, or, with `reads`, the first so many reads after "
        "each change show it as it was before that change.",
        applied=True,
        params={"seconds": (1.0, _number), "reads": (None, _or_none(_count))},
        endpoints=frozenset({"read"}),
    ),
    "altered_captures": Kind(
        "Sessions show their captures and refunds differently from how they were made. `show` is one or "
        f"several of {', '.join(ALTERATIONS)}.",
        applied=True,
        params={"show": ("no_references", _alterations)},
        endpoints=frozenset({"create", "read", "patch", "metadata"}),
    ),
    "reset_mid_body": Kind(
        "The head and `fraction` of the body, then a reset; or a plain close if `reset` is false.",
        applied=True,
        params={"fraction": (0.5, lambda value: _number(value) and value < 1), "reset": (True, _flag)},
    ),
    "stale_keepalive": Kind(
        "A whole answer that promises keep-alive on a connection that is dead: its next request is cut "
        "unread and not applied. With `seconds`, it is closed that long after the answer instead.",
        applied=True,
        params={"seconds": (None, _or_none(_number))},
    ),
    "oversized": Kind("A body of `size` bytes of JSON.", applied=True, params={"size": (10_000_000, _size)}),
    "gzip_bomb": Kind(
        "A small gzipped body that unpacks to `size` bytes.",
        applied=True,
        params={"size": (100_000_000, _size)},
    ),
    "webhook_late": Kind(
        "A webhook is sent `seconds` later than it would be.",
        applied=True,
        params={"seconds": (5.0, _number)},
        endpoints=WEBHOOK_EVENTS,
    ),
    "webhook_twice": Kind(
        "A webhook is sent again after it has been accepted; with `together`, twice at the same moment.",
        applied=True,
        params={"together": (False, _flag)},
        endpoints=WEBHOOK_EVENTS,
    ),
    "webhook_out_of_order": Kind(
        "A webhook is held back until a newer one of its session has been accepted, or for `seconds`.",
        applied=True,
        params={"seconds": (5.0, _number)},
        endpoints=WEBHOOK_EVENTS,
    ),
    "webhook_never": Kind("A webhook is not sent.", applied=False, endpoints=WEBHOOK_EVENTS),
    "webhook_forged": Kind(
        "The first attempt of a webhook is signed with another secret.", applied=True, endpoints=WEBHOOK_EVENTS
    ),
    "webhook_old": Kind(
        "The first attempt of a webhook is signed as if it were `seconds` old.",
        applied=True,
        params={"seconds": (600.0, _number)},
        endpoints=WEBHOOK_EVENTS,
    ),
    CHAOS: Kind(
        "One of the transient kinds, by the seed.",
        applied=None,
        params={"max_in_a_row": (None, _or_none(_count))},
    ),
}

# What chaos chooses from: failures that a client is right to retry, and slowness.
CHAOTIC: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("status", {"status": 429, "code": "RATE_LIMITED", "retry_after": 0}),
    ("status", {"status": 500, "body": "empty"}),
    ("html_502", {}),
    ("status", {"status": 503, "retry_after": 0}),
    ("status", {"status": 504, "body": "html"}),
    ("lognormal_latency", {"median": 0.01, "cap": 0.1}),
    ("drip", {"seconds": 0.01, "chunks": 3}),
    ("close_before_read", {}),
    ("close_before_answer", {}),
    ("apply_then_drop", {}),
    ("reset_mid_body", {}),
    ("stale_keepalive", {}),
)


def check_params(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a fault with defaults filled in.

    Raises:
        ValueError: one is unknown to the kind, or has a value it cannot have.
    """
    known = KINDS[kind].params
    for name, value in given.items():
        if name not in known:
            options = ", ".join(sorted(known)) or "none"
            raise ValueError(f"a {kind!r} fault has no option {name!r}; it has {options}")
        if not known[name][1](value):
            raise ValueError(f"{name} of a {kind!r} fault cannot be {value!r}")
    return {**{name: default for name, (default, _) in known.items()}, **given}


def fault_table() -> str:
    """Return every kind of fault as the rows of a Markdown table: what happens, and its options with defaults."""
    rows = ["| fault | what happens | options |", "|---|---|---|"]
    for name, kind in KINDS.items():
        options = ", ".join(f"`{option}={default!r}`" for option, (default, _) in kind.params.items())
        rows.append(f"| `{name}` | {kind.summary} | {options} |")
    return "\n".join(rows)


class TokenBucket:
    """Lets requests through while there are tokens, which come back at a steady rate.

    Args:
        per_second: How many tokens come back each second.
        burst: How many tokens there are at most, and at first.
        clock: The time in seconds.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock()

    def take(self) -> float | None:
        """Take a token, or return in how many seconds there will be one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return (1 - self._tokens) / self._per_second
