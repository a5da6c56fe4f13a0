"""Every change of a status passes the store's listeners, once, in order, as a frozen value."""

from typing import Any

import pytest
from sandbox.sandbox_samples import MUG, SESSION, TEA, Shop

from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.state.changes import StatusChange, status_changes


@pytest.fixture
def seen(box: Sandbox) -> list[StatusChange]:
    changes: list[StatusChange] = []
    box._store.listeners.append(changes.append)
    return changes


def summary_of(changes: list[StatusChange], *, modules: bool = False) -> list[tuple[str, str | None, str]]:
    found = [(each.subject, each.before, each.status) for each in changes if modules or each.subject != "module"]
    changes.clear()
    return found


async def test_each_status_of_an_order_is_reported(shop: Shop, box: Sandbox, seen: list[StatusChange]) -> None:
    session_id = await shop.create()
    assert summary_of(seen) == [("session", None, "started")]
    await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
    assert summary_of(seen) == [("session", "started", "modules_in_progress")]
    box.complete(session_id, "order_pending")
    assert summary_of(seen) == [("session", "modules_in_progress", "completed"), ("order", None, "order_pending")]
    box.complete(session_id)
    assert summary_of(seen) == [("order", "order_pending", "order_approved_not_captured")]
    _, capture = await shop.capture(session_id, MUG)
    assert [each.capture_id for each in seen if each.subject == "capture"] == [capture["captureId"]]
    assert summary_of(seen) == [
        ("order", "order_approved_not_captured", "captured_partial"),
        ("capture", None, "approved"),
    ]
    await shop.capture(session_id, TEA)
    assert summary_of(seen) == [("order", "captured_partial", "captured_full"), ("capture", None, "approved")]
    _, refund = await shop.refund(session_id, MUG, capture_id=capture["captureId"])
    assert [each.refund_id for each in seen] == [refund["refundId"]]
    assert summary_of(seen) == [("refund", None, "approved")]


async def test_a_change_carries_the_state_after_it(shop: Shop, box: Sandbox, seen: list[StatusChange]) -> None:
    session_id = await shop.create()
    box.complete(session_id, "captured_full")
    assert all(each.session_id == session_id for each in seen)
    assert seen[-1].session is box.sessions[session_id]
    assert [each.auto_captured for each in seen if each.subject == "capture"] == [True]


async def test_modules_are_reported_by_name(shop: Shop, seen: list[StatusChange]) -> None:
    session_id = await shop.create()
    seen.clear()
    await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
    assert [(each.module, each.before, each.status) for each in seen if each.subject == "module"] == [
        ("payment", "not_yet_reached", "visible_required")
    ]


async def test_what_changes_no_status_is_not_reported(shop: Shop, seen: list[StatusChange]) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
    seen.clear()
    await shop.patch(session_id, {"data": {"billing": {"city": "Malmö"}}})
    await shop.call("PATCH", f"/v3/session/{session_id}/metadata", {"references": {"a": "b"}})
    await shop.call("POST", "/v3/session", {**SESSION, "locale": "no"})
    assert seen == []


@pytest.mark.parametrize("vocabulary", ["seed", "plugins", "missing"])
async def test_words_of_captures_and_refunds_do_not_depend_on_a_switch(opened: Any, vocabulary: str) -> None:
    sandbox, shop = await opened(vocabulary=vocabulary)
    changes: list[StatusChange] = []
    sandbox._store.listeners.append(changes.append)
    session_id = await shop.create()
    sandbox.complete(session_id)
    await shop.capture(session_id, MUG)
    await shop.refund(session_id, MUG)
    assert [each.status for each in changes if each.subject in ("capture", "refund")] == ["approved", "approved"]


def test_an_operation_that_moves_on_is_reported_with_its_status_before() -> None:
    def state(status: str) -> dict[str, Any]:
        return {
            "sessionId": "s",
            "status": "completed",
            "moduleStatus": {"payment": {}},
            "data": {"refunds": [{"refundId": "r", "status": status}]},
        }

    (change,) = status_changes(state("pending"), state("rejected"))
    assert (change.subject, change.refund_id, change.before, change.status) == (
        "refund",
        "r",
        "pending",
        "rejected",
    )
