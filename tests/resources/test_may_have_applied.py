"""After which failures a change may nevertheless have taken effect."""

from __future__ import annotations

import pytest

from briqpay_async import (
    BriqpayError,
    CallTimeoutError,
    ConnectError,
    InvalidDataError,
    OutcomeUnknownError,
    PatchNotAppliedError,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    TransportError,
)
from briqpay_async.resources.base import may_have_applied


@pytest.mark.parametrize(
    "error",
    [
        ServerError(status=500),
        ServerError(status=503),
        ServerError(status=504),
        TransportError(sent=None),
        TransportError(sent=True),
        OutcomeUnknownError(sent=True),
        CallTimeoutError(sent=None),
        ResponseDecodeError(status=200),
        PatchNotAppliedError(),
    ],
    ids=repr,
)
def test_a_lost_or_broken_answer_leaves_it_open(error: BriqpayError) -> None:
    assert may_have_applied(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectError(sent=False),
        CallTimeoutError(sent=False),
        InvalidDataError(status=400),
        RateLimitedError(status=429),
    ],
    ids=repr,
)
def test_a_refusal_and_a_request_that_never_left_change_nothing(error: BriqpayError) -> None:
    assert not may_have_applied(error)
