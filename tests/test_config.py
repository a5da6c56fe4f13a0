"""Settings are checked when they are made, and credentials never travel readable."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import attrs
import pytest

import briqpay_async as bq
from briqpay_async.config import check_base_url

DURATIONS: list[tuple[type, str]] = [
    (bq.Timeouts, "connect"),
    (bq.Timeouts, "attempt"),
    (bq.Timeouts, "call"),
    (bq.RetryPolicy, "base"),
    (bq.RetryPolicy, "cap"),
    (bq.Pool, "keepalive"),
]
COUNTS: list[tuple[type, str, int]] = [
    (bq.RetryPolicy, "attempts", 1),
    (bq.RetryPolicy, "budget", 0),
    (bq.RetryPolicy, "transient_cost", 0),
    (bq.RetryPolicy, "throttled_cost", 0),
    (bq.Pool, "size", 1),
    (bq.Pool, "max_body", 1),
]


def test_the_defaults_are_those_that_are_documented() -> None:
    assert attrs.asdict(bq.Timeouts()) == {"connect": 10.0, "attempt": 30.0, "call": 60.0}
    assert attrs.asdict(bq.RetryPolicy()) == {
        "attempts": 4,
        "base": 0.25,
        "cap": 20.0,
        "budget": 500,
        "transient_cost": 14,
        "throttled_cost": 5,
    }
    assert attrs.asdict(bq.Pool()) == {"size": 100, "keepalive": 15.0, "max_body": 16 * 1024 * 1024}


@pytest.mark.parametrize(("cls", "name"), DURATIONS)
@pytest.mark.parametrize(
    ("given", "seconds"),
    [(5, 5.0), (0.001, 0.001), (timedelta(milliseconds=1500), 1.5), (timedelta(minutes=2), 120.0)],
    ids=str,
)
def test_a_duration_is_seconds_or_a_timedelta(cls: type, name: str, given: Any, seconds: float) -> None:
    value = getattr(cls(**{name: given}), name)
    assert value == seconds
    assert type(value) is float


@pytest.mark.parametrize(("cls", "name"), DURATIONS)
@pytest.mark.parametrize(
    "given",
    [
        0,
        -1,
        float("nan"),
        float("inf"),
        -float("inf"),
        timedelta(0),
        timedelta(seconds=-1),
        True,
        "5",
        None,
        10**400,
    ],
    ids=lambda value: str(value)[:20],
)
def test_any_other_duration_is_refused(cls: type, name: str, given: Any) -> None:
    with pytest.raises(bq.ConfigurationError, match="duration"):
        cls(**{name: given})


@pytest.mark.parametrize(("cls", "name", "least"), COUNTS)
def test_a_count_is_an_integer_that_is_large_enough(cls: type, name: str, least: int) -> None:
    assert getattr(cls(**{name: least}), name) == least
    for bad in (least - 1, True, 1.0, "4", None):
        with pytest.raises(bq.ConfigurationError, match=f"^{name} must be an integer of at least {least}"):
            cls(**{name: bad})


@pytest.mark.parametrize("value", [bq.Timeouts(call=5), bq.RetryPolicy(attempts=2), bq.Pool(size=3)], ids=repr)
def test_settings_are_frozen_values(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - our own bytes
    assert hash(value) == hash(attrs.evolve(value))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, attrs.fields(type(value))[0].name, 1)


@pytest.mark.parametrize("cls", [bq.Timeouts, bq.RetryPolicy, bq.Pool])
def test_settings_are_given_by_name(cls: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        cls(1)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (bq.Environment.PLAYGROUND, "https://playground-api.briqpay.com"),
        (bq.Environment.PRODUCTION, "https://api.briqpay.com"),
    ],
)
def test_an_environment_has_its_host(environment: bq.Environment, url: str) -> None:
    assert environment.base_url == url
    assert check_base_url(url) == url


def test_there_are_two_environments_by_name() -> None:
    assert {environment.value for environment in bq.Environment} == {"playground", "production"}


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://api.briqpay.com", "https://api.briqpay.com"),
        ("https://api.briqpay.com/", "https://api.briqpay.com"),
        ("https://api.briqpay.com/v3", "https://api.briqpay.com"),
        ("https://api.briqpay.com/v3/", "https://api.briqpay.com"),
        ("https://proxy.example/briqpay/v3/", "https://proxy.example/briqpay"),
        ("https://api.briqpay.com:8443", "https://api.briqpay.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.200.0.9", "http://127.200.0.9"),
        ("http://localhost:1/", "http://localhost:1"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_a_base_url_that_credentials_may_go_to(url: str, cleaned: str) -> None:
    assert check_base_url(url) == cleaned


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.briqpay.com", "Use https:// for api.briqpay.com"),
        ("http://10.0.0.1", "Use https:// for 10.0.0.1"),
        ("http://0.0.0.0", "Use https:// for 0.0.0.0"),
        ("http://[2001:db8::1]", "Use https:// for 2001:db8::1"),
        ("http://localhost.example", "Use https:// for localhost.example"),
        ("http://127.0.0.1.example", r"Use https:// for 127\.0\.0\.1\.example"),
        ("ftp://127.0.0.1", "must be an absolute URL"),
        ("api.briqpay.com", "must be an absolute URL"),
        ("//api.briqpay.com", "must be an absolute URL"),
        ("https://", "must be an absolute URL"),
        ("", "must be an absolute URL"),
        ("https://user:pass@api.briqpay.com", "must not carry credentials"),
        ("https://user@api.briqpay.com", "must not carry credentials"),
        ("https://:pass@api.briqpay.com", "must not carry credentials"),
        ("https://api.briqpay.com?key=1", "must not carry credentials, a query"),
        ("https://api.briqpay.com#top", "must not carry credentials, a query"),
        ("https://[::1", "is not a URL"),
        ("https://api.briqpay.com:99999", "is not a URL"),
        ("https://api.briqpay.com:http", "is not a URL"),
    ],
)
def test_a_base_url_that_credentials_may_not_go_to(url: str, reason: str) -> None:
    with pytest.raises(bq.ConfigurationError, match=reason):
        check_base_url(url)


def test_the_credentials_of_a_refused_url_are_not_repeated() -> None:
    with pytest.raises(bq.ConfigurationError) as caught:
        check_base_url("https://user:hunter2@api.briqpay.com")
    assert "hunter2" not in str(caught.value)
