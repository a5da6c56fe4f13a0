"""The same laws once more over a socket: the sandbox judges the bodies, stores them and is read back."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from hypothesis import given
from support.shop import new_session
from support.sockets import exactly

from briqpay_async import (
    BriqpayClient,
    EditableData,
    MergeDepth,
    Modules,
    NewSession,
    Session,
    SessionPatch,
    unstructure,
)
from briqpay_async.sandbox import Sandbox
from briqpay_async.testing import strategies


def creating(state: Session) -> NewSession:
    """What creates a session in a state."""
    editable = state.data.editable() if state.data else EditableData()
    new = new_session(editable, str(state.customer_type))
    return attrs.evolve(new, modules=state.modules or Modules())


def stored(sandbox: Sandbox, session_id: str) -> Any:
    """What the server holds of all that a PATCH can reach."""
    state = sandbox.sessions[session_id]
    return {"data": state["data"], "modules": state.get("modules", {})}


def intended(state: Session) -> Any:
    return {"data": unstructure(state.data or EditableData()), "modules": unstructure(state.modules or Modules())}


READINGS = [("field", MergeDepth.FIELD), ("field", MergeDepth.SECTION), ("section", MergeDepth.SECTION)]


@pytest.mark.parametrize(("merge", "depth"), READINGS)
def test_a_patched_session_is_the_intended_one_on_the_server(merge: str, depth: MergeDepth) -> None:
    with asyncio.Runner() as runner:
        sandbox = Sandbox(merge=merge, show_modules=True)
        runner.run(sandbox.__aenter__())
        client = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, check_totals="off")

        async def patched(before: Session, after: Session) -> None:
            created = await client.sessions.create(creating(before))
            assert created.session_id is not None
            patch = SessionPatch.between(before, after, depth)
            requests = len(sandbox.journal)
            answer = await client.sessions.update(created.session_id, patch)
            assert len(sandbox.journal) - requests == (0 if patch.is_noop else 1)
            assert exactly(stored(sandbox, created.session_id)) == exactly(intended(after))
            if answer is not None and answer.data is not None:
                read = await client.sessions.read(created.session_id)
                assert read.data is not None
                assert SessionPatch.between(answer.data, read.data).is_noop
                assert SessionPatch.between(read.data, after.data or EditableData()).is_noop

        @given(edit=strategies.edits(max_lines=20))
        def laws(edit: tuple[Session, Session]) -> None:
            runner.run(patched(*edit))

        laws()
        runner.run(client.aclose())
        runner.run(sandbox.__aexit__(None, None, None))
