"""Making a client: which settings work, which are refused, and what is never shown."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from briqpay_async import (
    BriqpayClient,
    CallHooks,
    ConfigurationError,
    Environment,
    Pool,
    RetryPolicy,
    Timeouts,
)

SECRET = "hush-hush-hush"
NAMES = {"BRIQPAY_USERNAME": "shop", "BRIQPAY_SECRET": SECRET}


def test_the_playground_is_the_default_and_production_is_asked_for() -> None:
    assert repr(BriqpayClient("shop", SECRET)) == "<BriqpayClient https://playground-api.briqpay.com>"
    production = BriqpayClient("shop", SECRET, environment=Environment.PRODUCTION)
    assert repr(production) == "<BriqpayClient https://api.briqpay.com>"


@pytest.mark.parametrize("environment", ["production", "playground", None, True, "PRODUCTION"])
def test_an_environment_that_is_only_text_is_refused(environment: Any) -> None:
    with pytest.raises(ConfigurationError, match="Environment"):
        BriqpayClient("shop", SECRET, environment=environment)


@pytest.mark.parametrize(
    ("username", "secret"),
    [("", "x"), ("x", ""), (None, "x"), ("x", None), (b"x", "x"), ("a:b", "x"), ("a\n", "x"), ("x", "y\r\n"),
     ("x", "\ud800"), ("x", "\x00")],
)  # fmt: skip
def test_credentials_that_cannot_be_sent_are_refused_without_being_shown(username: Any, secret: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"username|secret"):
        BriqpayClient(username, secret)
    with pytest.raises(ConfigurationError) as caught:
        BriqpayClient("a:b", SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.example", "https://api.example"),
        ("https://api.example/", "https://api.example"),
        ("https://api.example/v3", "https://api.example"),
        ("https://api.example/v3/", "https://api.example"),
        ("https://api.example/prefix/", "https://api.example/prefix"),
        ("https://api.example:8443", "https://api.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_a_base_url_of_one_s_own_is_taken(url: str, base: str) -> None:
    assert repr(BriqpayClient("shop", SECRET, base_url=url)) == f"<BriqpayClient {base}>"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.briqpay.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://127.0.0.1\\@evil.example",
        "http://evil.example#@127.0.0.1",
        "http://evil.example?127.0.0.1",
        "http://[::2]",
        "http://2130706433",
        "HTTP://evil.example",
    ],
)
def test_plain_http_beyond_loopback_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        BriqpayClient("shop", SECRET, base_url=url)


@pytest.mark.parametrize(
    "url",
    ["", "api.example", "/v3", "ftp://api.example", "https://", "https://:80", "https://api.example:99999",
     "https://api.example:port", "https://user@api.example", "https://user:pw@api.example",
     "https://api.example?x=1", "https://api.example#x", "https://[::1", "file:///etc"],
)  # fmt: skip
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        BriqpayClient("shop", SECRET, base_url=url)


@pytest.mark.parametrize(
    "url",
    ["https://api.example?", "https://api.example#", "https://api.example/?", " https://api.example",
     "https://api.example\n", "https://api\t.example", "https://exa mple.com", "https://api.example/a b"],
)  # fmt: skip
def test_a_base_url_that_a_path_cannot_follow_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        BriqpayClient("shop", SECRET, base_url=url)


@pytest.mark.parametrize("url", [123, b"https://api.example", ["https://api.example"]])
def test_a_base_url_that_is_no_text_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        BriqpayClient("shop", SECRET, base_url=url)


@pytest.mark.parametrize("check_totals", ["strict", None, True, ""])
def test_an_unknown_way_to_check_totals_is_refused(check_totals: Any) -> None:
    with pytest.raises(ConfigurationError, match="check_totals"):
        BriqpayClient("shop", SECRET, check_totals=check_totals)


def test_nothing_of_a_client_shows_the_secret() -> None:
    client = BriqpayClient("shop", SECRET)
    for part in (client, client.sessions, client.with_options(), *vars(client).values()):
        assert SECRET not in repr(part)
        assert "aHVzaC1odXNoLWh1c2g" not in repr(part)


# --- the environment -------------------------------------------------------------------------------------


def test_a_client_from_the_environment_uses_the_playground() -> None:
    client = BriqpayClient.from_env(NAMES)
    assert repr(client) == "<BriqpayClient https://playground-api.briqpay.com>"


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**NAMES, "BRIQPAY_BASE_URL": "http://127.0.0.1:5"}.items():
        monkeypatch.setenv(name, value)
    assert repr(BriqpayClient.from_env()) == "<BriqpayClient http://127.0.0.1:5>"
    monkeypatch.delenv("BRIQPAY_SECRET")
    with pytest.raises(ConfigurationError, match="BRIQPAY_SECRET"):
        BriqpayClient.from_env()


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"BRIQPAY_ENVIRONMENT": "production"}, "https://api.briqpay.com"),
        ({"BRIQPAY_ENVIRONMENT": "playground"}, "https://playground-api.briqpay.com"),
        ({"BRIQPAY_ENVIRONMENT": ""}, "https://playground-api.briqpay.com"),
        ({"BRIQPAY_BASE_URL": ""}, "https://playground-api.briqpay.com"),
        ({"BRIQPAY_BASE_URL": "https://proxy.example"}, "https://proxy.example"),
        (
            {"BRIQPAY_BASE_URL": "https://proxy.example", "BRIQPAY_ENVIRONMENT": "production"},
            "https://proxy.example",
        ),
    ],
)
def test_the_environment_says_where_to_go(variables: dict[str, str], url: str) -> None:
    assert repr(BriqpayClient.from_env(NAMES | variables)) == f"<BriqpayClient {url}>"


def test_options_win_over_the_environment() -> None:
    variables = NAMES | {"BRIQPAY_ENVIRONMENT": "production", "BRIQPAY_BASE_URL": "https://proxy.example"}
    client = BriqpayClient.from_env(variables, base_url="http://127.0.0.1:7", retry=RetryPolicy(attempts=1))
    assert repr(client) == "<BriqpayClient http://127.0.0.1:7>"
    assert client._caller.policy.attempts == 1


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, ["BRIQPAY_USERNAME", "BRIQPAY_SECRET"]),
        ({"BRIQPAY_USERNAME": "shop"}, ["BRIQPAY_SECRET"]),
        ({"BRIQPAY_USERNAME": "", "BRIQPAY_SECRET": "x"}, ["BRIQPAY_USERNAME"]),
        ({**NAMES, "BRIQPAY_ENVIRONMENT": "Production"}, ["BRIQPAY_ENVIRONMENT"]),
        ({**NAMES, "BRIQPAY_ENVIRONMENT": "test"}, ["BRIQPAY_ENVIRONMENT"]),
        ({**NAMES, "BRIQPAY_USERNAME": "a:b"}, ["BRIQPAY_USERNAME"]),
        ({**NAMES, "BRIQPAY_SECRET": "x\n"}, ["BRIQPAY_SECRET"]),
        ({**NAMES, "BRIQPAY_BASE_URL": "http://api.example"}, ["BRIQPAY_BASE_URL"]),
        ({**NAMES, "BRIQPAY_BASE_URL": "nonsense"}, ["BRIQPAY_BASE_URL"]),
        ({**NAMES, "BRIQPAY_INSECURE_HTTP": "yes"}, ["BRIQPAY_INSECURE_HTTP"]),
        ({**NAMES, "BRIQPAY_BASE_URL": "http://sandbox:8420", "BRIQPAY_INSECURE_HTTP": "0"}, ["INSECURE_HTTP=1"]),
    ],
)
def test_an_error_of_the_environment_names_the_variable(variables: dict[str, str], named: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BriqpayClient.from_env(variables)
    assert [name for name in named if name not in str(caught.value)] == []
    assert SECRET not in str(caught.value)


def test_http_to_another_machine_needs_consent_and_warns_of_the_risk() -> None:
    with pytest.raises(ConfigurationError, match="insecure_http=True"):
        BriqpayClient("shop", SECRET, base_url="http://sandbox:8420")
    with pytest.warns(UserWarning, match="travel to sandbox unencrypted") as warned:
        client = BriqpayClient("shop", SECRET, base_url="http://sandbox:8420", insecure_http=True)
    assert [warning.filename for warning in warned] == [__file__]
    assert repr(client) == "<BriqpayClient http://sandbox:8420>"


def test_the_environment_can_consent_to_http() -> None:
    variables = {**NAMES, "BRIQPAY_BASE_URL": "http://sandbox:8420", "BRIQPAY_INSECURE_HTTP": "1"}
    with pytest.warns(UserWarning, match="unencrypted") as warned:
        client = BriqpayClient.from_env(variables)
    assert (repr(client), len(warned)) == ("<BriqpayClient http://sandbox:8420>", 1)
    with pytest.raises(ConfigurationError, match="BRIQPAY_BASE_URL"):
        BriqpayClient.from_env(variables, insecure_http=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5", "https://api.example"])
def test_consent_to_http_warns_of_nothing_where_nothing_can_be_read(url: str) -> None:
    assert url in repr(BriqpayClient("shop", SECRET, base_url=url, insecure_http=True))


def test_configuration_errors_cross_process_borders() -> None:
    with pytest.raises(ConfigurationError) as caught:
        BriqpayClient.from_env({})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


# --- options ---------------------------------------------------------------------------------------------


def test_a_copy_with_options_shares_connections_order_and_budget() -> None:
    client = BriqpayClient("shop", SECRET)
    copy = client.with_options(timeouts=Timeouts(call=1), retry=RetryPolicy(attempts=1, budget=7))
    assert copy._caller.transport is client._caller.transport
    assert copy._caller.shared is client._caller.shared
    assert copy._caller.shared.budget.tokens == 500
    assert (copy._caller.timeouts.call, copy._caller.policy.attempts) == (1.0, 1)
    assert (client._caller.timeouts.call, client._caller.policy.attempts) == (60.0, 4)
    assert repr(copy) == repr(client)


def test_options_that_are_left_out_stay_as_they_were() -> None:
    hook = CallHooks()
    client = BriqpayClient(
        "shop",
        SECRET,
        timeouts=Timeouts(call=3),
        retry=RetryPolicy(attempts=2),
        hooks=[hook],
        check_totals="error",
    )
    copy = client.with_options()
    assert (copy._caller.timeouts, copy._caller.policy) == (client._caller.timeouts, client._caller.policy)
    assert copy._caller.hooks == (hook,)
    assert copy._check_totals == "error"
    assert client.with_options(hooks=())._caller.hooks == ()
    assert client.with_options(check_totals="off")._check_totals == "off"


def test_a_copy_of_a_subclass_is_of_the_subclass() -> None:
    class Mine(BriqpayClient):
        pass

    assert type(Mine("shop", SECRET).with_options()) is Mine
    assert type(Mine.from_env(NAMES)) is Mine


def test_the_pool_is_configured() -> None:
    client = BriqpayClient("shop", SECRET, pool=Pool(size=3))
    assert client._caller.transport._pool.size == 3  # type: ignore[attr-defined]
