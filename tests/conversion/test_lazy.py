"""An answer that is decoded when it is read shows what it would if it were decoded at once."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.session_payloads import FRESH_SESSION, FULL_SESSION, ODD_SESSION
from support.wire_checks import at, changed, paths, pointer, same

import briqpay_async as bq
from briqpay_async.conversion import lazy
from briqpay_async.models.base import wire_names
from briqpay_async.testing.strategies import sessions
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import decode_model

ANSWERS = {"fresh": FRESH_SESSION, "full": FULL_SESSION, "odd": ODD_SESSION}
LATER = ((), ("data",), ("data", "order"), ("data", "order", "cart"))


def answered(wire: dict[str, Any]) -> bq.Session:
    return decode_model(Response(200, {}, orjson.dumps(wire)), bq.Session)


def pickled(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))  # noqa: S301 - our own


def attributes(model: bq.Model) -> list[str]:
    return [*wire_names(type(model)), "extra"]


def look(session: bq.Session, order: Callable[[list[str]], list[str]]) -> None:
    """Read every attribute of a session, its data, its order and its lines, in some order."""
    models: list[bq.Model] = [session]
    while models:
        model = models.pop(0)
        for name in order(attributes(model)):
            value = getattr(model, name)
            if name in {"data", "order"} and value is not None:
                models.append(value)
            if name == "cart" and value is not None:
                models += value


@pytest.mark.parametrize("repeated", range(5))  # constructors are compiled for shapes seen three times
@pytest.mark.parametrize("wire", ANSWERS.values(), ids=ANSWERS)
def test_it_equals_what_is_decoded_at_once(wire: dict[str, Any], repeated: int) -> None:
    whole = bq.structure(wire, bq.Session)
    assert answered(wire) == whole
    assert whole == answered(wire)
    assert repr(answered(wire)) == repr(whole)
    assert hash(answered(wire)) == hash(whole), repeated
    assert same(bq.unstructure(answered(wire)), wire)


@pytest.mark.parametrize("wire", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        attrs.evolve,
        lambda session: pickle.loads(pickle.dumps(session)),  # noqa: S301 - our own
    ],
    ids=["copy", "deepcopy", "evolve", "pickle"],
)
def test_it_is_copied_whole(wire: dict[str, Any], duplicate: Callable[[bq.Session], bq.Session]) -> None:
    session = answered(wire)
    assert session.created_at == wire.get("createdAt")  # some of it was looked at
    double = duplicate(session)
    assert double == session == bq.structure(wire, bq.Session)
    assert same(bq.unstructure(double), wire)


@given(sessions(max_lines=3), st.randoms(use_true_random=False))
def test_the_order_in_which_members_are_read_does_not_matter(session: bq.Session, random: Any) -> None:
    wire = orjson.loads(orjson.dumps(bq.unstructure(session)))
    read = answered(wire)
    look(read, lambda names: random.sample(names, len(names)))
    assert read == bq.structure(wire, bq.Session)
    assert same(bq.unstructure(read), wire)


@pytest.mark.parametrize("wire", ANSWERS.values(), ids=ANSWERS)
def test_what_was_read_is_not_kept_twice(wire: dict[str, Any]) -> None:
    session = answered(wire)
    look(session, list)
    order = session.data.order if session.data else None
    for model in (session, session.data, order, *((order.cart if order else None) or ())):
        assert getattr(model, "_pending", None) is None


def test_members_are_made_once() -> None:
    session = answered(FULL_SESSION)
    assert session.data is session.data
    assert session.data is not None
    assert session.data.order is session.data.order
    assert session.data.order is not None
    assert session.data.order.cart is session.data.order.cart
    assert session.hooks is session.hooks


def test_an_attribute_that_does_not_exist_is_an_attribute_error() -> None:
    session = answered(FULL_SESSION)
    assert session.data is not None
    for model in (session, session.data, session.data.order, session.data.order.cart[0]):  # type: ignore[union-attr,index]
        with pytest.raises(AttributeError, match="quantitty"):
            model.quantitty  # type: ignore[union-attr] # noqa: B018
        assert not hasattr(model, "quantitty")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            model.extra = {}  # type: ignore[union-attr,misc]


def _below(session: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        session = session[step] if isinstance(step, int) else getattr(session, _attribute(session, step))
    return session


def _attribute(model: Any, member: str) -> str:
    return next(name for name, wire in wire_names(type(model)).items() if wire == member)


@pytest.mark.parametrize(
    "path", [path for path in paths(FULL_SESSION) if (path and path[:-1] in LATER) or path[:-2] in LATER[3:]]
)
def test_a_malformed_member_is_an_error_whenever_it_is_read(path: tuple[Any, ...]) -> None:
    nonsense: Any = {} if isinstance(at(FULL_SESSION, path), str | int | list) else "text"
    wire = changed(FULL_SESSION, path, nonsense)
    try:
        bq.structure(wire, bq.Session)
    except bq.ResponseDecodeError as error:
        expected = error
    else:
        return  # some members may be anything
    for _ in range(5):
        try:
            session = answered(wire)
        except bq.ResponseDecodeError as error:
            assert len(path) == 1
            assert (error.pointer, error.message) == (expected.pointer, expected.message)  # noqa: PT017
            continue
        for _ in range(2):
            with pytest.raises(bq.ResponseDecodeError) as caught:
                _below(session, path)
            assert (caught.value.pointer, caught.value.message) == (pointer(path), expected.message)


def test_what_is_nested_too_deeply_is_an_error_when_it_is_read() -> None:
    for path in (
        ("data", "billing"),
        ("data", "futureMember"),
        ("data", "order", "cart", 0, "future"),
        ("modules",),
    ):
        raw = orjson.dumps(changed(FULL_SESSION, path, "here")).replace(
            b'"here"', b'{"a":' * 260 + b"1" + b"}" * 260
        )
        for _ in range(5):
            session = decode_model(Response(200, {}, raw), bq.Session)
            with pytest.raises(bq.ResponseDecodeError, match="is nested too deeply"):
                look(session, list)


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Threads that take turns all the time, as those of a busy server do now and then."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _in_readers(read: Callable[[], Any]) -> list[Any]:
    """What each of four readers that begin together finds, or the error that it meets."""
    barrier = threading.Barrier(4)
    found: list[Any] = []

    def run() -> None:
        barrier.wait(10)
        try:
            found.append(read())
        except Exception as error:  # noqa: BLE001 - the test shows it
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return found


def _all_members(session: bq.Session) -> tuple[Any, ...]:
    data = session.data
    assert data is not None
    order = data.order
    assert order is not None
    cart = order.cart
    assert cart is not None
    return (
        *(id(one) for one in (data, order, cart, session.urls, session.module_status)),
        session.session_id,
        order.amount_inc_vat,
        [(line.name, line.quantity) for line in cart if isinstance(line, bq.CartItem)],
    )


READINGS: dict[str, Callable[[bq.Session], Any]] = {
    "each member": _all_members,
    "equality": lambda session: session == bq.structure(FULL_SESSION, bq.Session),
    "pickle": lambda session: pickled(session) == session,
    "copy": lambda session: copy.copy(session) == session,
    "repr": repr,
}


@pytest.mark.usefixtures("impatient_threads")
@pytest.mark.parametrize("read", READINGS.values(), ids=READINGS)
def test_readers_in_several_threads_see_the_same(read: Callable[[bq.Session], Any]) -> None:
    for _ in range(60):
        session = answered(FULL_SESSION)
        found = _in_readers(lambda session=session: read(session))  # type: ignore[misc]
        assert found == [read(session)] * 4


@pytest.mark.usefixtures("impatient_threads")
def test_readers_of_one_line_see_the_same() -> None:
    for _ in range(60):
        session = answered(FULL_SESSION)
        assert session.data
        assert session.data.order
        line = (session.data.order.cart or ())[0]
        assert _in_readers(lambda line=line: pickled(line) == line) == [True] * 4  # type: ignore[misc]


def test_a_process_forked_while_a_thread_reads_can_read() -> None:
    session = answered(FULL_SESSION)
    with lazy._filling:  # as another thread holds it at that moment
        child = os.fork()
        if not child:  # pragma: no cover - in the child
            reader = threading.Thread(target=lambda: session.data, daemon=True)
            reader.start()
            reader.join(10)
            os._exit(reader.is_alive())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
