"""What is not read of an answer costs nothing, counted.

Bounds leave about 15 % above what was counted when they were written; what is so by design is exact.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from support.counting import Calls, counted_calls, counted_memory, in_one_step
from support.fake_transport import FakeTransport, document, sessions_over
from support.shop import SESSION_ID, answer_to_move

from briqpay_async import Session


class Reader:
    """Reads sessions of so many lines, as a program does that has read many."""

    def __init__(self, lines: int) -> None:
        self.body = answer_to_move(lines)
        self._sessions = sessions_over(FakeTransport(document(self.body)))
        for _ in range(5):
            _ = [line.name for line in self.read().data.order.cart]

    def read(self) -> Session:
        return in_one_step(self._sessions.read(SESSION_ID))


def test_an_unread_answer_takes_the_same_calls_however_long_it_is() -> None:
    def untouched(lines: int) -> Calls:
        reader = Reader(lines)
        with counted_calls() as calls:
            reader.read()
        return calls

    assert untouched(10) == untouched(1000)


@pytest.mark.parametrize("lines", [1, 10, 1000])
def test_a_look_at_one_line_takes_one_call_for_each_other_line(lines: int) -> None:
    # Lines that are not looked at are begun, which is the one call, and never filled.
    reader = Reader(lines)
    session = reader.read()
    with counted_calls() as calls:
        assert session.data.order.cart[0].name
    assert calls.python.total() <= 21 + lines, calls.python


@pytest.mark.parametrize("looked_at", [(), (0,), (7, 3)])
def test_only_lines_that_are_looked_at_are_structured(looked_at: tuple[int, ...]) -> None:
    cart = Reader(100).read().data.order.cart
    for index in looked_at:
        assert cart[index].name
    assert {index for index, line in enumerate(cart) if _is_structured(line)} == set(looked_at)


def test_an_answer_is_parsed_once_whatever_is_looked_at() -> None:
    reader = Reader(10)
    with counted_calls(orjson.loads, orjson.dumps) as calls:
        session = reader.read()
        assert [line.quantity for line in session.data.order.cart] == [1] * 10
        assert session.data.billing.city
    assert calls.native[orjson.loads] == 1
    # One for each object that is kept as it came or structured whole, to refuse what is nested too deeply.
    assert calls.native[orjson.dumps] <= 2


@pytest.mark.parametrize("lines", [100, 1000])
def test_an_unread_answer_takes_the_memory_of_its_json(lines: int) -> None:
    # 1.02 times the document; structured at once it would be more than twice that.
    reader = Reader(lines)
    with counted_memory():
        reader.read()
        orjson.loads(reader.body)
        with counted_memory() as document:
            held: Any = orjson.loads(reader.body)
        with counted_memory() as session:
            kept = reader.read()
    assert held["sessionId"] == kept.session_id
    assert session.kept < 1.15 * document.kept
    assert session.peak < 1.15 * document.peak


def test_a_line_that_was_looked_at_keeps_no_second_copy() -> None:
    # Its members are the objects of the document, and so is the form in which it is sent again: what comes on top
    # are its slots, 260 bytes. Another dictionary would more than double that.
    reader = Reader(100)
    session = reader.read()
    with counted_memory() as memory:
        for line in session.data.order.cart:
            assert line.name
    assert memory.kept < 100 * 300


def _is_structured(line: Any) -> bool:
    return line._pending is None
