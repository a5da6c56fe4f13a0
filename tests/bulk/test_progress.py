"""The progress callback."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

import attrs
import pytest
from bulk.bulk_world import NOOP, FakeApi, rows, session_id

from briqpay_async import BulkProgress, InvalidDataError, RateLimitedError, SessionUpdate


async def test_the_last_snapshot_counts_everything(api: FakeApi) -> None:
    api.fail("City 3", InvalidDataError("bad", status=400))
    api.fail("City 4", RateLimitedError("slow down", status=429))
    seen: list[BulkProgress] = []

    await api.outcomes([*rows(20), SessionUpdate(session_id(0), NOOP)], progress=seen.append)

    last = seen[-1]
    assert (last.done, last.applied, last.unchanged, last.failed, last.skipped) == (21, 19, 1, 1, 0)
    assert (last.retried, last.in_flight) == (1, 0)
    assert last.rate == pytest.approx(20 / last.elapsed_s)  # one was not sent


async def test_snapshots_come_a_tenth_of_a_second_apart_and_once_at_the_end(api: FakeApi) -> None:
    moments: list[float] = []

    await api.outcomes(rows(500), concurrency=10, progress=lambda _: moments.append(api.time.now))

    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(moments) >= 5
    assert all(gap == pytest.approx(0.1) for gap in gaps[:-1])


async def test_a_snapshot_shows_what_is_going_on(api: FakeApi) -> None:
    seen: list[BulkProgress] = []

    await api.outcomes(rows(500), concurrency=5, progress=seen.append)

    middle = seen[2]
    assert middle.in_flight == middle.limit == 5
    assert middle.rate == pytest.approx(500, rel=0.2)
    assert middle.pace is None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        middle.done = 0  # type: ignore[misc]


async def test_a_callback_that_raises_is_logged_and_harms_nothing(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: BulkProgress) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, logger="briqpay_async"):
        outcomes = await api.outcomes(rows(5), progress=broken)

    assert len(outcomes) == 5
    assert "the progress callback raised" in caplog.text


async def test_a_run_that_is_left_early_reports_progress_once_more(api: FakeApi) -> None:
    seen: list[Any] = []
    run = api.run(rows(100), progress=seen.append)
    await anext(run)
    await run.aclose()

    assert len(seen) == 1
