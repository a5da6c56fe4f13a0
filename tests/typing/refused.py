"""Mistakes that type checkers name: each comment that accepts one is needed, or the check fails. Never run."""

from briqpay_async import BriqpayClient, NewSession, Order, SessionData, SessionStatusHook, Timeouts


async def mistakes(briqpay: BriqpayClient, session_id: str) -> None:
    Order(cart=[1, 2])  # type: ignore[list-item]
    NewSession(hooks=["x"])  # type: ignore[list-item]
    SessionStatusHook(statuses=[1])  # type: ignore[list-item]
    SessionData(captures=[Order()])  # type: ignore[list-item]
    BriqpayClient("user", "secret", hooks=["x"])  # type: ignore[list-item]
    BriqpayClient.from_env(hooks=["x"])  # type: ignore[list-item]
    BriqpayClient.from_env(timeout=5)  # type: ignore[call-arg]
    BriqpayClient.from_env(timeouts=5)  # type: ignore[arg-type]
    briqpay.with_options(timeouts=Timeouts(), rate=None)  # type: ignore[call-arg]
    await briqpay.sessions.update(session_id, {"data": {}})  # type: ignore[call-overload]
