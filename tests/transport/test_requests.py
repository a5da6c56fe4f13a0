"""What goes into a request line and its headers: queries, path parts, extra headers."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async import ValidationError
from briqpay_async.transport.requests import check_headers, fields_query, path_part, session_path


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        (None, ""),
        ("none", "fields=none"),
        (["data"], "fields=data"),
        (("data", "moduleStatus"), "fields=data,moduleStatus"),
        (iter(["status", "data"]), "fields=status,data"),
        ({"status": 1}, "fields=status"),
    ],
)
def test_fields_become_one_query(fields: Any, query: str) -> None:
    assert fields_query(fields) == query


@pytest.mark.parametrize(
    "fields",
    ["", "data", "all", [], ["none"], ["none", "data"], [""], ["a,b"], ["a b"], ["a&b=c"], ["é"], ["a\n"], [1],
     ["data", None], b"data", 5, 1.5, True, object()],
)  # fmt: skip
def test_anything_else_as_fields_is_a_validation_error(fields: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        fields_query(fields)
    assert caught.value.problems[0][0] == "/fields"


def test_the_refusal_of_a_bare_name_shows_how_to_write_it() -> None:
    with pytest.raises(ValidationError, match=r"\['data'\]"):
        fields_query("data")


def test_a_session_path_has_its_suffix() -> None:
    assert session_path("some-id", "/metadata") == "/v3/session/some-id/metadata"


@pytest.mark.parametrize(
    ("identifier", "part"),
    [
        ("abc-123", "abc-123"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("ö", "%C3%B6"),
        ("...", "..."),
    ],
)
def test_an_identifier_is_escaped_for_the_path(identifier: str, part: str) -> None:
    assert path_part(identifier, "tokenId") == part


@pytest.mark.parametrize(
    "identifier",
    ["", ".", "..", "a/b", "/", "a\n", "\x00", "\x7f", "\u2028", "\ud800", "x" * 257, 5, None, b"abc", True],
)
def test_what_is_no_identifier_is_refused_by_name(identifier: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        path_part(identifier, "tokenId")
    assert caught.value.problems[0][0] == "/tokenId"


@given(st.text())
def test_an_identifier_stays_one_part_of_the_path_and_comes_back_whole(identifier: str) -> None:
    try:
        part = path_part(identifier, "tokenId")
    except ValidationError:
        return
    assert unquote(part) == identifier
    assert part not in {"", ".", ".."}
    assert part.isascii()
    assert not set(part) & set("/?#\\ \r\n")


@pytest.mark.parametrize("headers", [None, {}])
def test_no_extra_headers_are_none(headers: Any) -> None:
    assert check_headers(headers) is None


def test_harmless_headers_pass_as_a_copy() -> None:
    given_headers = MappingProxyType(
        {"X-Request-Id": "abc", "traceparent": "00-1-2-01", "X-Tab": "a\tb", "X-None": ""}
    )
    assert check_headers(given_headers) == dict(given_headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nInjected: yes"),
        ("X-A", "b\nInjected: yes"),
        ("X-A", "\r"),
        ("X-A", "a\x00b"),
        ("X-A", "a\u2028b"),
        ("X-A", "\ud800"),
        ("X-A", 5),
        ("X-A", None),
        ("X-A", b"bytes"),
        ("X-A\r\nInjected", "b"),
        ("X A", "b"),
        ("X:A", "b"),
        ("X-Ä", "b"),
        ("", "b"),
        (5, "b"),
    ],
)
def test_a_header_that_could_break_out_of_its_line_is_refused(name: Any, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        check_headers({name: value})
    assert caught.value.problems[0][0] == f"/headers/{name}"


@pytest.mark.parametrize(
    "name", ["Authorization", "content-type", "CONTENT-LENGTH", "Host", "Connection", "Transfer-Encoding"]
)
def test_headers_of_the_client_itself_cannot_be_replaced(name: str) -> None:
    with pytest.raises(ValidationError, match="does not set itself"):
        check_headers({name: "x"})


def test_every_bad_header_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        check_headers({"Host": "x", "X-Fine": "y", "X-Bad": "\n"})
    assert [pointer for pointer, _ in caught.value.problems] == ["/headers/Host", "/headers/X-Bad"]


@pytest.mark.parametrize("headers", [[("X-A", "b")], "X-A", 5, {"X-A"}])
def test_headers_that_are_no_mapping_are_refused(headers: Any) -> None:
    with pytest.raises(ValidationError, match="mapping"):
        check_headers(headers)


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_no_header_that_passes_has_a_line_break(headers: dict[str, str]) -> None:
    try:
        passed = check_headers(headers)
    except ValidationError:
        return
    assert passed is not None
    for name, value in passed.items():
        assert len(f"{name}: {value}".splitlines()) == 1
