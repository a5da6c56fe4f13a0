"""What a client remembers of changes: a state that is out of date is never taken for the last."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from briqpay_async.transport import session_history
from briqpay_async.transport.session_history import SessionHistory

Events: TypeAlias = list[tuple[str, str]]

events = st.lists(st.tuples(st.sampled_from(["ask", "change"]), st.sampled_from("abcdefgh")), max_size=60)


def is_known_to_be_last(history: SessionHistory, session: str, asked: int) -> bool:
    return history.last_change(session) <= asked


@given(events)
def test_a_state_is_the_last_if_its_session_was_not_changed_since(told: Events) -> None:
    history, last = SessionHistory(), dict[str, int]()
    for what, session in told:
        if what == "ask":
            last[session] = history.now()
        else:
            history.changed(session)
            last.pop(session, None)
        assert [each for each in last if not is_known_to_be_last(history, each, last[each])] == []


@example([("ask", "a"), ("change", "a"), ("change", "b"), ("change", "c")], 1)
@given(events, st.integers(1, 5))
def test_a_state_whose_session_was_changed_is_never_the_last(told: Events, remembered: int) -> None:
    """However few sessions are remembered."""
    history, out_of_date = SessionHistory(), set[tuple[str, int]]()
    asked = dict[str, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_history, "_GENERATION", remembered)
        for what, session in told:
            if what == "ask":
                asked[session] = history.now()
            else:
                history.changed(session)
                out_of_date |= {(session, asked[session])} & {*asked.items()} if session in asked else set()
            assert [each for each in out_of_date if is_known_to_be_last(history, *each)] == []


def test_changes_before_a_state_was_asked_for_are_not_forgotten() -> None:
    history = SessionHistory()
    assert not history.last_change("a")
    history.changed("b")
    assert history.last_change("a"), "which session was changed is not remembered, so each may have been"
    assert is_known_to_be_last(history, "a", history.now())


def test_an_answer_is_known_as_long_as_it_lives() -> None:
    class State:
        pass

    history = SessionHistory()
    state, moment = State(), history.now()
    assert history.asked(state) is None
    history.answered(state, moment)
    assert history.asked(state) == moment
    assert history.asked(State()) is None
