"""The parts behind ``briqpay bulk`` that need no server: lines, rows, progress, statistics and the picture."""

from __future__ import annotations

import asyncio
import io
import os
import xml.etree.ElementTree as ET
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from rich.console import Console

from briqpay_async.bulk.journal import BulkJournal, JournalRow, JournalSummary
from briqpay_async.bulk.rows import BulkProgress, UpdateStatus
from briqpay_async.cli.bulk import lines as bulk_lines
from briqpay_async.cli.bulk.chart import draw
from briqpay_async.cli.bulk.lines import Lines, StoppedError, count_lines
from briqpay_async.cli.bulk.rows import parse_row
from briqpay_async.cli.bulk.run import SHOWN, Changes, Totals
from briqpay_async.cli.bulk.statistics import Statistics, percentile, read_statistics
from briqpay_async.cli.bulk.view import (
    duration,
    plain_progress,
    progress_line,
    show_changes,
    show_totals,
    watching,
)
from briqpay_async.cli.exits import InputError

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"
OTHER = "00000000-0000-4000-8000-000000000000"
HOME = {"billing": {"city": "Lund", "zip": "222 22"}}
MOVED = {"billing": {"city": "Ystad", "zip": "222 22"}}


async def read(content: bytes) -> list[tuple[int, bytes]]:
    return [line async for line in Lines(io.BytesIO(content).read)]


# --- lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\n", [(1, b"a")]),
        (b"a\n\n \t\r\nb\r\n", [(1, b"a"), (4, b"b\r")]),
    ],
)
async def test_lines_are_numbered_and_empty_ones_left_out(content: bytes, lines: Any) -> None:
    assert await read(content) == lines


async def test_a_line_may_be_cut_anywhere_by_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_lines, "_CHUNK", 3)

    assert await read(b"12345\n6\n789\n") == [(1, b"12345"), (2, b"6"), (3, b"789")]


async def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_lines, "_LONGEST", 10)
    with pytest.raises(InputError, match=r"line 2 is longer than"):
        await read(b"1\n" + b"x" * 11)


async def test_a_file_that_cannot_be_read_on_is_reported() -> None:
    def fail(_: int) -> bytes:
        raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"cannot read on: .*Input/output error"):
        await anext(aiter(Lines(fail)))


async def test_reading_can_be_stopped_while_it_waits_for_a_pipe() -> None:
    inlet, outlet = os.pipe()
    with open(inlet, "rb", buffering=0) as file, open(outlet, "wb", buffering=0) as feed:  # noqa: ASYNC230, PTH123
        lines = Lines(file.read)
        iterator = aiter(lines)
        feed.write(b"one\n")
        assert await anext(iterator) == (1, b"one")
        waiting = asyncio.ensure_future(anext(iterator))
        await asyncio.sleep(0)
        lines.stop()
        with pytest.raises(StoppedError):
            await waiting
        feed.write(b"too late\n")  # lets the thread end before its file is closed


async def test_reading_can_be_stopped_between_lines_and_before_it_begins() -> None:
    lines = Lines(io.BytesIO(b"1\n2\n").read)
    iterator = aiter(lines)
    await anext(iterator)
    lines.stop()
    with pytest.raises(StoppedError):
        await anext(iterator)
    with pytest.raises(StoppedError):
        await anext(aiter(lines))


def test_what_is_read_after_the_reader_has_gone_is_dropped() -> None:
    inlet, outlet = os.pipe()
    with open(inlet, "rb", buffering=0) as file, open(outlet, "wb", buffering=0) as feed:  # noqa: PTH123

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(aiter(Lines(file.read)))
            feed.write(b"late\n")
            await asyncio.sleep(0.01)

        asyncio.run(give_up())


@pytest.mark.parametrize(("content", "count"), [(b"", 0), (b"1\n2\n", 2), (b"1\n2", 2)])
def test_the_lines_of_a_regular_file_are_counted(tmp_path: Path, content: bytes, count: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)

    assert count_lines(str(path)) == count


def test_what_can_be_read_only_once_is_not_counted() -> None:
    assert count_lines("-") is None
    assert count_lines(os.devnull) is None


# --- rows -----------------------------------------------------------------------------------------------------


def row(document: Any, *, read_first: bool = False) -> Any:
    line = document if isinstance(document, bytes) else orjson.dumps(document)
    return parse_row(7, line, read_first=read_first, depth="field")


@pytest.mark.parametrize(
    ("members", "body"),
    [
        ({"patch": {"data": MOVED}}, {"data": MOVED}),
        (
            {"patch": {"modules": {"config": {"upsell": {"header": "Hi"}}}}},
            {"modules": {"config": {"upsell": {"header": "Hi"}}}},
        ),
        ({"before": HOME, "after": MOVED}, {"data": {"billing": {"city": "Ystad"}}}),
        ({"before": {"data": HOME}, "after": {"data": MOVED}}, {"data": {"billing": {"city": "Ystad"}}}),
    ],
    ids=["patch", "modules", "states", "whole states"],
)
def test_a_line_becomes_a_patch(members: Any, body: Any) -> None:
    found = row({"sessionId": ID, "key": "k", **members})

    assert (found.problem, found.line, found.session_id, found.key) == (None, 7, ID, "k")
    assert found.patch.body == body


@pytest.mark.parametrize("after", [MOVED, {"data": MOVED}, {"data": MOVED, "status": "started"}])
def test_the_full_body_is_what_a_patch_could_carry_of_the_whole_state(after: Any) -> None:
    found = row({"sessionId": ID, "before": after | {}, "after": after})

    assert found.patch.is_noop
    assert found.full_bytes == len(orjson.dumps({"data": MOVED}))


def test_a_state_without_data_has_an_empty_full_body() -> None:
    found = row({"sessionId": ID, "before": {"status": "started"}, "after": {"status": "started"}})

    assert (found.problem, found.full_bytes) == (None, len(b'{"data":{}}'))


def test_the_first_line_may_begin_with_a_byte_order_mark() -> None:
    assert row(b"\xef\xbb\xbf" + orjson.dumps({"sessionId": ID, "patch": {"data": HOME}})).problem is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{", "it is not JSON"),
        ([], "a JSON object is needed"),
        ({"patch": {}}, "must be a UUID"),
        ({"sessionId": "42", "patch": {}}, "must be a UUID"),
        ({"sessionId": ID, "key": 1, "patch": {}}, "key must be text"),
        ({"sessionId": ID}, "it has neither"),
        ({"sessionId": ID, "pacth": {}}, "it has pacth"),
        ({"sessionId": ID, "patch": {}, "after": {}}, "it has after, patch"),
        ({"sessionId": ID, "patch": []}, "patch must be the body of a PATCH"),
        (
            {"sessionId": ID, "patch": {"status": "x", "data": {"refunds": []}}},
            "no PATCH can carry /status, /data",
        ),
        ({"sessionId": ID, "patch": {"data": {"billing": 1}}}, "billing"),
        ({"sessionId": ID, "after": MOVED}, "give before as well, or --read-first"),
        ({"sessionId": ID, "before": 1, "after": MOVED}, "before must be an object"),
        ({"sessionId": ID, "before": HOME, "after": {}}, "after must be a session such as"),
        ({"sessionId": ID, "before": HOME, "after": {"status": "x", **MOVED}}, "after must be a session such as"),
        ({"sessionId": ID, "before": HOME, "after": {"sessionId": OTHER}}, f"the file is of session {OTHER}"),
        ({"sessionId": ID, "before": {"sessionId": OTHER}, "after": HOME}, f"the file is of session {OTHER}"),
        ({"sessionId": ID, "before": HOME, "after": {"shipping": {}}}, "No PATCH can express"),
    ],
)
def test_an_invalid_line_is_a_row_with_a_problem(document: Any, reason: str) -> None:
    found = row(document)

    assert found.patch is None
    assert reason in str(found.problem)


def test_a_state_alone_is_enough_when_sessions_are_read_first() -> None:
    found = row({"sessionId": ID, "after": MOVED}, read_first=True)

    assert (found.problem, found.patch, found.full_bytes) == (None, None, None)
    assert found.wanted.data.billing.city == "Ystad"


# --- progress and summaries -----------------------------------------------------------------------------------


def snapshot(done: int, elapsed: float, rate: float = 10.0) -> BulkProgress:
    return BulkProgress(
        done=done,
        applied=done - 3,
        unchanged=1,
        failed=1,
        skipped=1,
        retried=2,
        in_flight=4,
        limit=50,
        rate=rate,
        pace=None,
        bytes_sent=0,
        elapsed_s=elapsed,
    )


def test_a_line_of_progress_says_it_all() -> None:
    assert progress_line(snapshot(1_400, 3.0), 2_000) == (
        "1,400 of 2,000 (70%) rows | 10/s | 1.29 s left | "
        "1,397 applied, 1 unchanged, 1 failed, 1 skipped, 2 retried, 0 refused | 4 at once (at most 50)"
    )


@pytest.mark.parametrize(("total", "done"), [(None, 10), (100, 1)])
def test_no_time_left_is_made_up(total: int | None, done: int) -> None:
    assert "left" not in progress_line(snapshot(done, 1.0), total)


def test_the_admitted_rate_is_shown() -> None:
    assert "admitted: 48/s" in progress_line(attrs.evolve(snapshot(10, 1.0), pace=48.2, refused=3), 100)


def test_without_a_terminal_a_line_is_written_every_few_seconds() -> None:
    lines: list[str] = []
    watch = plain_progress(lines.append, None, 5.0)
    for elapsed in (0.1, 4.9, 5.0, 5.1, 9.9, 10.1, 14.0):
        watch(snapshot(int(elapsed * 10), elapsed))

    assert [line.split(" ")[0] for line in lines] == ["50", "101"]


def test_on_a_terminal_there_is_a_bar() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200)
    with watching(console, 100) as watch:
        watch(snapshot(50, 5.0))

    assert "50 of 100 (50%) rows | 10/s | " in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.42 s"), (42, "42 s"), (187, "3:07"), (7387, "2:03:07"), (59.9, "1:00")]
)
def test_a_duration_can_be_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_only_the_first_failures_are_listed(terminal: bool) -> None:
    out = io.StringIO()
    totals = Totals(statuses=Counter(failed=SHOWN + 5), failures=[(n + 1, "no") for n in range(SHOWN)])
    show_totals(totals, Console(file=out, force_terminal=terminal, width=100, color_system=None))

    lines = out.getvalue().splitlines()
    assert lines[-2:] == [f"line {SHOWN}: no", "... and 5 more failed (--report FILE lists all)"]


def test_a_dry_run_neither_remembers_all_failures_nor_all_members() -> None:
    changes, out = Changes(), io.StringIO()
    for number in range(SHOWN + 2):
        changes.add(row(b"?"))
        body = {"data": {"billing": {f"custom{number}-{other}": 1 for other in range(60)}}}
        changes.add(row({"sessionId": ID, "patch": body}))
    show_changes(changes, Console(file=out, width=100))

    assert (changes.rows, changes.failed, len(changes.failures)) == (SHOWN + 2, SHOWN + 2, SHOWN)
    assert len(changes.members) == 1_001
    assert "... and 981 more members" in out.getvalue()


# --- statistics and the picture -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "percent", "value"),
    [([], 50, 0.0), ([7.0], 99, 7.0), ([1.0, 2.0, 3.0, 4.0], 50, 2.0), ([1.0, 2.0, 3.0, 4.0], 51, 3.0)],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: int, value: float) -> None:
    assert percentile(values, percent) == value


def statistics(*rows: tuple[float, float, int], seconds: float = 10.0) -> Statistics:
    began, took, in_flight = zip(*rows, strict=True) if rows else ((), (), ())
    summary = JournalSummary(
        applied=len(rows), unchanged=0, failed=0, requests=len(rows), bytes_sent=0, runs=1, finished=True
    )
    return Statistics(
        summary=summary,
        began=array("d", began),
        took=array("d", took),
        in_flight=array("l", in_flight),
        seconds=seconds,
        retried=0,
        errors=Counter(),
    )


def test_a_break_between_two_runs_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(run: int, started: float, elapsed: float) -> JournalRow:
        return JournalRow(
            index=0,
            session_id=ID,
            run=run,
            status=UpdateStatus.APPLIED,
            started=started,
            elapsed_s=elapsed,
            attempts=2,
            bytes_sent=1,
            in_flight=3,
            http_status=None,
            error=None,
            again=False,
        )

    rows = [sent(1, 1_000.0, 2.0), sent(1, 1_001.0, 0.5), sent(2, 9_000.0, 1.0), sent(2, 9_000.5, 2.5)]
    monkeypatch.setattr(BulkJournal, "rows", lambda _: iter(rows))
    monkeypatch.setattr(BulkJournal, "summary", lambda _: None)

    found = read_statistics(BulkJournal("any.db"))

    assert list(found.began) == [0.0, 1.0, 2.0, 2.5]
    assert found.seconds == 5.0
    assert found.retried == 4
    assert found.latencies == [0.5, 1.0, 2.0, 2.5]


def drawing(picture: str) -> tuple[list[str], list[str]]:
    """The texts of a picture, and the points of its lines."""
    root = ET.fromstring(picture)  # noqa: S314 - our own
    name = "{http://www.w3.org/2000/svg}"
    return (
        [str(text.text) for text in root.iter(f"{name}text")],
        [line.attrib["points"] for line in root.iter(f"{name}polyline")],
    )


def test_the_picture_is_xml_with_three_diagrams() -> None:
    texts, lines = drawing(draw(statistics(*((n / 10, 0.2, 5) for n in range(98)))))

    assert {"rows per second", "latency in ms", "updates under way", "p50", "p95", "p99", "10 s"} <= set(texts)
    assert len(lines) >= 5


def test_nothing_is_drawn_outside_the_picture() -> None:
    picture = draw(statistics(*((n / 10, 0.2 * (n % 7 + 1), n % 50 + 1) for n in range(100)), seconds=11.0))
    _, _, width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split())  # noqa: S314 - our own

    for line in drawing(picture)[1]:
        for x, y in (map(float, point.split(",")) for point in line.split()):
            assert 0 < x < width
            assert 0 < y < height


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    _, lines = drawing(draw(statistics((0.0, 0.1, 1), (9.0, 0.9, 1))))

    assert len(lines) == 1 + 2 * 3 + 2  # throughput is known all the time; the others at both ends


@pytest.mark.parametrize("rows", [[], [(0.0, 0.0, 0)]], ids=["no row", "no request"])
def test_a_run_without_requests_is_drawn_too(rows: Any) -> None:
    texts, lines = drawing(draw(statistics(*rows, seconds=0.0)))

    assert texts[0] == f"{len(rows)} rows in 0.0 s"
    assert len(lines) == 1


def test_the_picture_has_no_background_and_no_black_or_white() -> None:
    picture = draw(statistics((0.0, 0.1, 1)))

    assert "<rect" not in picture
    assert not {"#000", "#fff", "black", "white"} & set(picture.replace('"', " ").split())
