"""What type checkers must know of the blocking client. Checked, never run."""

from typing import assert_type

from briqpay_async import (
    Capture,
    NewSession,
    Order,
    PatchBuilder,
    Session,
    SessionPatch,
    SessionUpdate,
    Token,
    UpdateOutcome,
)
from briqpay_async.blocking import BlockingBriqpayClient, BlockingSessionWriter


def use(new: NewSession, patch: SessionPatch, order: Order) -> None:
    with BlockingBriqpayClient("user", "secret", base_url=None) as briqpay:
        assert_type(briqpay, BlockingBriqpayClient)
        assert_type(briqpay.with_options(check_totals="off"), BlockingBriqpayClient)
        assert_type(BlockingBriqpayClient.from_env(), BlockingBriqpayClient)
        session = briqpay.sessions.create(new)
        assert_type(session, Session)
        assert_type(briqpay.sessions.create(new, "none"), None)
        assert_type(briqpay.sessions.read("id", ("data",), timeout=1.5), Session)
        assert_type(briqpay.sessions.read("id", fields="none"), None)
        with briqpay.sessions.edit(session) as builder:
            assert_type(builder, PatchBuilder)
        for outcome in briqpay.sessions.update_many([SessionUpdate("id", patch)], concurrency="auto"):
            assert_type(outcome, UpdateOutcome)
        writer = briqpay.sessions.writer(session)
        assert_type(writer, BlockingSessionWriter)
        assert_type(briqpay.orders.capture("id", order), Capture)
        assert_type(briqpay.orders.cancel("id"), None)
        assert_type(briqpay.tokens.read("id"), Token)
        briqpay.sessions.read(4)  # type: ignore[call-overload]
        briqpay.sessions.read("id", nonsense=1)  # type: ignore[call-overload]
        BlockingBriqpayClient("user")  # type: ignore[call-arg]
