"""Bytes to models and back, against orjson alone and against cattrs with nothing but its documented options."""

from __future__ import annotations

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import payloads, plain_models
from briqpay_async import Session
from briqpay_async.conversion.decode import decode
from briqpay_async.conversion.encode import render

sizes = pytest.mark.parametrize("lines", [1, 10, 100])


@pytest.fixture
def content(lines: int, benchmark: BenchmarkFixture) -> bytes:
    """An answer; results are grouped by its size."""
    benchmark.group = f"{benchmark.name.split('_')[1]}, {lines:3} lines"
    return payloads.answer(lines)


@sizes
def test_structure_orjson(benchmark: BenchmarkFixture, content: bytes, lines: int) -> None:
    """The baseline: dictionaries, no models."""
    wire = benchmark(orjson.loads, content)
    assert len(wire["data"]["order"]["cart"]) == lines


@sizes
def test_structure_session(benchmark: BenchmarkFixture, content: bytes) -> None:
    """What a call does to an answer that is not read."""
    session = benchmark(lambda: decode(orjson.loads(content), Session))
    assert session.session_id == payloads.session_ids(1)[0]


@sizes
def test_structure_session_and_read(benchmark: BenchmarkFixture, content: bytes, lines: int) -> None:
    """The same, and every line and both addresses are looked at."""

    def work() -> int:
        data = decode(orjson.loads(content), Session).data
        assert data is not None
        assert data.billing is not None
        assert data.shipping is not None
        assert data.order is not None
        assert data.billing.city != data.shipping.city
        return sum(line.name is not None for line in data.order.cart or ())

    assert benchmark(work) == lines


@sizes
def test_structure_plain_cattrs(benchmark: BenchmarkFixture, content: bytes, lines: int) -> None:
    """The peer: plain attrs classes, plain cattrs."""
    converter = plain_models.converter()
    session = benchmark(lambda: converter.structure(orjson.loads(content), plain_models.Session))
    assert len(session.data.order.cart) == lines


@sizes
def test_unstructure_orjson(benchmark: BenchmarkFixture, content: bytes) -> None:
    """The baseline: a dictionary to bytes."""
    assert benchmark(orjson.dumps, orjson.loads(content)) == content


@sizes
def test_unstructure_session(benchmark: BenchmarkFixture, content: bytes) -> None:
    """A model to bytes. A line that was read keeps its wire form, and an edited one makes it once."""
    session = decode(orjson.loads(content), Session)
    assert orjson.loads(benchmark(lambda: orjson.dumps(render(session)))) == orjson.loads(content)


@sizes
def test_unstructure_plain_cattrs(benchmark: BenchmarkFixture, content: bytes) -> None:
    """The peer: plain attrs classes, plain cattrs."""
    converter = plain_models.converter()
    session = converter.structure(orjson.loads(content), plain_models.Session)
    encoded = benchmark(lambda: orjson.dumps(converter.unstructure(session)))
    assert orjson.loads(encoded) == orjson.loads(content)
