"""The blocking client is the async one without ``await``: the same methods, arguments and results."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from briqpay_async import BriqpayClient, SessionWriter
from briqpay_async.blocking import BlockingBriqpayClient, BlockingSessionWriter

ASYNC = BriqpayClient("user", "secret")
BLOCKING = BlockingBriqpayClient("user", "secret")
RESOURCES = sorted(name for name, value in vars(ASYNC).items() if not name.startswith("_"))
NAMED_DIFFERENTLY = {"aclose": "close"}
OWN = {"async_original"}


def _methods(cls: type) -> dict[str, Any]:
    members = inspect.getmembers(cls, inspect.isfunction)
    return {name: member for name, member in members if not name.startswith("_")}


PAIRS = [
    (type(getattr(ASYNC, name)), type(getattr(BLOCKING, name, None)), method)
    for name in RESOURCES
    for method in _methods(type(getattr(ASYNC, name)))
] + [(SessionWriter, BlockingSessionWriter, "put"), (BriqpayClient, BlockingBriqpayClient, "with_options")]


def test_there_are_methods_to_compare() -> None:
    assert RESOURCES == ["hosted_pages", "orders", "sessions", "tokens"]
    assert len(PAIRS) >= 17


@pytest.mark.parametrize(
    ("original", "blocking", "name"), PAIRS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_method_has_the_arguments_and_the_result_of_its_async_original(
    original: type, blocking: type, name: str
) -> None:
    wanted, found = inspect.signature(getattr(original, name)), inspect.signature(getattr(blocking, name))
    assert list(found.parameters.values()) == list(wanted.parameters.values())
    assert not inspect.iscoroutinefunction(getattr(blocking, name))
    if inspect.iscoroutinefunction(getattr(original, name)):
        assert found.return_annotation == wanted.return_annotation


@pytest.mark.parametrize("name", RESOURCES)
def test_no_method_is_missing_and_none_is_invented(name: str) -> None:
    original, blocking = _methods(type(getattr(ASYNC, name))), _methods(type(getattr(BLOCKING, name)))
    assert blocking.keys() - OWN == original.keys()


def test_the_client_has_the_constructor_and_the_methods_of_the_async_one() -> None:
    original, blocking = inspect.signature(BriqpayClient), inspect.signature(BlockingBriqpayClient)
    assert original.parameters == blocking.parameters
    names = {NAMED_DIFFERENTLY.get(name, name) for name in dir(BriqpayClient) if not name.startswith("_")}
    assert {name for name in dir(BlockingBriqpayClient) if not name.startswith("_")} == names


def test_every_method_says_what_it_does() -> None:
    undocumented = [name for _, blocking, name in PAIRS if not inspect.getdoc(getattr(blocking, name))]
    assert undocumented == []


def test_the_public_state_of_a_writer_is_that_of_the_async_one() -> None:
    def properties(cls: type) -> set[str]:
        return {name for name, member in vars(cls).items() if isinstance(member, property)}

    assert properties(BlockingSessionWriter) == properties(SessionWriter)
