"""Which requests a fault happens to: matching, counting, chance, token buckets. Without a server."""

import gzip
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from briqpay_async.sandbox.answers import Answer
from briqpay_async.sandbox.faults.bodies import (
    dictated_answer,
    gzip_bomb,
    oversized_chunks,
    oversized_length,
    spoiled_answer,
)
from briqpay_async.sandbox.faults.faults import Faults, make_fault, parse_fault
from briqpay_async.sandbox.faults.kinds import CHAOTIC, KINDS, TokenBucket, fault_table

PAGE = Path(__file__).parents[2] / "briqpay_async/sandbox/README.md"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> Faults:
    return Faults(7, clock)


def hit(faults: Faults, session_id: str = "s", method: str = "PATCH", endpoint: str = "patch") -> str:
    return "+".join(each.kind for each in faults.pick(method, endpoint, f"/v3/session/{session_id}", session_id))


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        ({}, True),
        ({"method": "PATCH"}, True),
        ({"method": "GET"}, False),
        ({"endpoint": "patch"}, True),
        ({"endpoint": "capture"}, False),
        ({"session_id": "s"}, True),
        ({"session_id": "t"}, False),
        ({"path": "^/v3/session/[st]$"}, True),
        ({"path": "order"}, False),
        ({"method": "PATCH", "session_id": "t"}, False),
    ],
)
def test_a_fault_happens_to_the_requests_it_is_about(
    faults: Faults, matcher: dict[str, Any], matches: bool
) -> None:
    faults.add("html_502", **matcher)
    assert hit(faults) == ("html_502" if matches else "")


@pytest.mark.parametrize(
    ("when", "pattern"),
    [
        ({}, "xxxxxx"),
        ({"times": 2}, "xx...."),
        ({"nth": 3}, "..x..."),
        ({"nth": [1, 4]}, "x..x.."),
        ({"every": 2}, ".x.x.x"),
        ({"every": 2, "times": 1}, ".x...."),
        ({"probability": 0}, "......"),
    ],
)
def test_a_fault_happens_as_often_as_it_is_set(faults: Faults, when: dict[str, Any], pattern: str) -> None:
    fault = faults.add("html_502", **when)
    assert "".join("x" if hit(faults) else "." for _ in pattern) == pattern
    assert faults.hits(fault) == pattern.count("x")


def test_chance_repeats_with_the_seed(clock: Clock) -> None:
    def run(seed: int) -> str:
        faults = Faults(seed, clock)
        faults.add("html_502", probability=0.5)
        return "".join("x" if hit(faults) else "." for _ in range(64))

    assert run(1) == run(1) != run(2)
    assert 16 < run(1).count("x") < 48


def test_only_matching_requests_are_counted(faults: Faults) -> None:
    faults.add("html_502", session_id="s", nth=2)
    assert [hit(faults, "t"), hit(faults), hit(faults, "t"), hit(faults)] == ["", "", "", "html_502"]


def test_of_several_faults_the_first_wins_and_latencies_add_up(faults: Faults) -> None:
    faults.add("latency", seconds=1)
    faults.add("lognormal_latency")
    faults.add("html_502")
    faults.add("status")
    assert hit(faults) == "latency+lognormal_latency+html_502"


def test_faults_are_unset_one_by_one_or_all_at_once(faults: Faults) -> None:
    first, second = faults.add("html_502"), faults.add("status")
    assert list(faults) == [first, second]
    faults.remove(first)
    assert hit(faults) == "status"
    faults.clear()
    assert (len(faults), hit(faults), faults.hits(second)) == (0, "", 0)


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("rain", {}, "kind must be one of altered_captures, apply_later, apply_then_drop"),
        ("html_502", {"endpoint": "checkout"}, "endpoint must be one of cancel"),
        ("html_502", {"color": "red"}, "has no option 'color'; it has applied, retry_after"),
        ("close_before_read", {"seconds": 1}, "has no option 'seconds'; it has none"),
        ("status", {"status": 999}, "status of a 'status' fault cannot be 999"),
        ("status", {"status": True}, "cannot be True"),
        ("status", {"body": 5}, "body of a 'status' fault cannot be 5"),
        ("status", {"retry_after": -1}, "retry_after of a 'status' fault cannot be -1"),
        ("status", {"applied": 1}, "applied of a 'status' fault cannot be 1"),
        ("latency", {"seconds": "long"}, "cannot be 'long'"),
        ("latency", {"when": "never"}, "cannot be 'never'"),
        ("drip", {"chunks": 0}, "cannot be 0"),
        ("reset_mid_body", {"fraction": 1}, "cannot be 1"),
        ("apply_later", {"seconds": -1}, "cannot be -1"),
        ("apply_then_status", {"status": 1}, "cannot be 1"),
        ("lagging_reads", {"reads": 0}, "cannot be 0"),
        ("altered_captures", {"show": []}, "cannot be []"),
        ("altered_captures", {"show": "nothing"}, "cannot be 'nothing'"),
        ("rate_limit", {"per_second": 0}, "cannot be 0"),
        ("html_502", {"times": 0}, "'times' must be >= 1"),
        ("html_502", {"probability": 2}, "'probability' must be <= 1"),
        ("html_502", {"method": 5}, "cannot be made like this"),
        ("html_502", {"path": "("}, "cannot be made like this"),
        ("html_502", {"nth": 1.5}, "cannot be made like this"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(kind: str, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (matched below, without regular expressions)
        make_fault(kind, **options)
    assert expected in str(caught.value)


def test_every_kind_can_be_made_with_its_defaults_and_says_whether_it_is_applied() -> None:
    applied = {kind: make_fault(kind).applied for kind in KINDS}
    assert {kind for kind, applies in applied.items() if applies is False} == {
        "status",
        "html_502",
        "rate_limit",
        "close_before_read",
        "close_before_answer",
        "webhook_never",
    }
    assert [kind for kind, applies in applied.items() if applies is None] == ["chaos"]
    assert make_fault("status", applied=True).applied is True
    assert all(kind.summary.endswith(".") for kind in KINDS.values())


def test_a_header_names_a_kind_or_describes_it_in_json() -> None:
    assert parse_fault(" html_502 ") == make_fault("html_502")
    assert parse_fault('{"kind": "latency", "seconds": 2}') == make_fault("latency", seconds=2)
    for text in ("{", "rain", ""):
        with pytest.raises(ValueError, match=r"kind must be|unexpected|expected|EOF|end of"):
            parse_fault(text)


def test_chaos_reaches_every_transient_kind_and_no_other(faults: Faults) -> None:
    faults.chaos(1.0)
    assert {hit(faults) for _ in range(400)} == {kind for kind, _ in CHAOTIC}


def test_chaos_hits_about_as_often_as_set_and_the_same_way_with_the_same_seed(clock: Clock) -> None:
    def run() -> list[str]:
        faults = Faults(3, clock)
        faults.chaos(0.25)
        return [hit(faults) for _ in range(1000)]

    assert run() == run()
    assert 200 < sum(map(bool, run())) < 300


def test_chaos_can_be_kept_from_hitting_one_request_for_ever(faults: Faults) -> None:
    faults.chaos(1.0, max_in_a_row=2, method="PATCH")
    assert [bool(hit(faults)) for _ in range(6)] == [True, True, False, True, True, False]
    assert bool(hit(faults, "t"))
    assert not hit(faults, method="GET", endpoint="read")


def test_a_pause_in_chaos_ends_a_row(clock: Clock) -> None:
    faults = Faults(5, clock)
    faults.chaos(0.5, max_in_a_row=1)
    pattern = "".join("x" if hit(faults) else "." for _ in range(100))
    assert "xx" not in pattern
    assert pattern.count("x") > 20


def test_chaos_or_a_latency_can_be_asked_for_once_and_a_rate_limit_cannot(faults: Faults) -> None:
    assert faults.once(make_fault("chaos"))[0].kind in {kind for kind, _ in CHAOTIC}
    latency = make_fault("latency")
    assert faults.once(latency) == [latency]
    with pytest.raises(ValueError, match="for many requests"):
        faults.once(make_fault("rate_limit"))
    with pytest.raises(ValueError, match="changes made before"):
        faults.once(make_fault("lagging_reads"))


def test_what_readers_are_shown_comes_on_top_of_other_faults(faults: Faults) -> None:
    faults.add("lagging_reads")
    faults.add("altered_captures")
    faults.add("html_502")
    read = faults.pick("GET", "read", "/v3/session/s", "s")
    assert [fault.kind for fault in read] == ["lagging_reads", "altered_captures", "html_502"]
    assert [fault.kind for fault in faults.pick("POST", "capture", "/v3/session/s/order/capture", "s")] == [
        "html_502"
    ]


def test_states_are_remembered_only_while_reads_lag(faults: Faults) -> None:
    assert not faults.history.on
    lagging = faults.add("lagging_reads")
    other = faults.add("lagging_reads", reads=1)
    faults.remove(lagging)
    assert faults.history.on
    faults.remove(other)
    assert not faults.history.on


def test_latency_is_fixed_or_log_normal_with_a_cap(faults: Faults) -> None:
    assert faults.latency(make_fault("latency", seconds=2)) == 2.0
    drawn = sorted(faults.latency(make_fault("lognormal_latency", median=1, cap=9)) for _ in range(501))
    assert 0.8 < drawn[250] < 1.2
    assert drawn[0] < 0.5
    assert 2 < drawn[-1] <= 9
    assert faults.latency(make_fault("lognormal_latency", median=1, cap=0.1)) == 0.1


def test_a_bucket_lets_a_burst_through_and_refills_steadily(clock: Clock) -> None:
    bucket = TokenBucket(2, 3, clock)
    assert [bucket.take() for _ in range(4)] == [None, None, None, 0.5]
    clock.now += 0.25
    assert bucket.take() == 0.25
    clock.now += 0.25
    assert bucket.take() is None
    clock.now += 100
    assert [bucket.take() for _ in range(4)] == [None, None, None, 0.5]


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [("seconds", "1"), ("exact", "0.25"), (None, None), (7, "7"), (1.5, "1.5"), ("soon", "soon")],
)
def test_a_rate_limit_answers_429_and_when_to_come_back(
    faults: Faults, clock: Clock, retry_after: Any, header: str | None
) -> None:
    faults.add("rate_limit", per_second=4, burst=1, retry_after=retry_after)
    assert hit(faults) == ""
    (fault,) = faults.pick("PATCH", "patch", "/", "s")
    answer = dictated_answer(fault)
    assert answer.status == 429
    assert orjson.loads(answer.body or b"")["error"]["code"] == "RATE_LIMITED"
    assert (answer.headers or {}).get("Retry-After") == header
    clock.now += 0.25
    assert hit(faults) == ""


def dictated(**options: Any) -> Answer:
    return dictated_answer(make_fault("status", **options))


def test_a_status_can_have_any_body() -> None:
    assert orjson.loads(dictated(status=429).body or b"")["error"]["code"] == "RATE_LIMITED"
    envelope = orjson.loads(dictated(status=409, code="A", message="b").body or b"")
    assert envelope == {"error": {"code": "A", "message": "b"}}
    assert orjson.loads(dictated().body or b"")["error"] == {
        "code": "SANDBOX_FAULT",
        "message": "Injected fault with status 503",
    }
    assert b"503 Service Unavailable" in (dictated(body="html").body or b"")
    assert b"599 Error" in (dictated(status=599, body="html").body or b"")
    assert dictated(body="empty").body is None
    assert dictated(body="Sorry").body == b"Sorry"
    assert dictated(body="Sorry").content_type.startswith("text/plain")
    assert dictated(body={"error": "old"}).body == b'{"error":"old"}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (3, "3"), (0.5, "0.5"), ("nan", "nan"), ("-5", "-5"), ("tomorrow", "tomorrow")],
)
def test_a_retry_after_is_sent_as_it_is(value: Any, expected: str) -> None:
    assert dictated(retry_after=value).headers == {"Retry-After": expected}


@pytest.mark.parametrize("offset", [30, -60])
def test_a_retry_after_can_be_a_date(offset: int) -> None:
    headers = dictated(retry_after=f"date:{offset}").headers or {}
    moment = parsedate_to_datetime(headers["Retry-After"]).timestamp()
    assert abs(moment - time.time() - offset) < 5


def test_an_answer_can_be_spoiled_in_many_ways() -> None:
    whole = Answer(200, b'{"status":"started"}')

    def spoiled(kind: str, answer: Answer = whole) -> Answer:
        return spoiled_answer(make_fault(kind), answer)

    for kind in ("malformed_json", "truncated_json", "invalid_utf8"):
        for answer in (whole, Answer(204)):
            assert spoiled(kind, answer).status == 200
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(spoiled(kind, answer).body or b"")
    with pytest.raises(UnicodeDecodeError):
        (spoiled("invalid_utf8").body or b"").decode()
    assert spoiled("wrong_content_type").content_type.startswith("text/html")
    assert spoiled("wrong_content_type").body == whole.body


@pytest.mark.parametrize("size", [1, 15, 100, 3_000_000])
def test_an_oversized_body_is_json_of_the_size_it_says(size: int) -> None:
    body = b"".join(oversized_chunks(size))
    assert len(body) == oversized_length(size) == max(size, 14)
    assert orjson.loads(body).keys() == {"padding"}


@pytest.mark.parametrize("size", [1, 1000, 5_000_001])
def test_a_gzip_bomb_unpacks_to_json_of_its_size(size: int) -> None:
    bomb = gzip_bomb(size)
    unpacked = gzip.decompress(bomb)
    assert len(unpacked) == max(size, 2)
    assert orjson.loads(unpacked) == {}
    assert len(bomb) < size / 500 + 100


def test_the_page_of_the_sandbox_lists_every_fault() -> None:
    assert fault_table() in PAGE.read_text("utf-8"), "put the output of fault_table() into sandbox/README.md"
