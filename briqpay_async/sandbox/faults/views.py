"""Faults in what answers show of a session: states that lag behind, captures that are shown differently.

The stored state is right all the time; only the reader is misled.
"""

from collections.abc import Sequence

from briqpay_async.sandbox.faults.alterations import Json, View, altered
from briqpay_async.sandbox.faults.faults import Fault
from briqpay_async.sandbox.faults.kinds import VIEWS
from briqpay_async.sandbox.state.history import History


def view_of(faults: Sequence[Fault], history: History) -> View | None:
    """Return what several faults together make of a session that is shown, or None for nothing."""
    # First an older state, and then what is altered about it.
    chosen = sorted((fault for fault in faults if fault.kind in VIEWS), key=lambda fault: VIEWS.index(fault.kind))
    views = [_view(fault, history) for fault in chosen]
    if not views:
        return None

    def show(session: Json) -> Json:
        for view in views:
            session = view(session)
        return session

    return show


def _view(fault: Fault, history: History) -> View:
    params = fault.params
    if fault.kind == "altered_captures":
        names = params["show"]
        return lambda session: altered(session, (names,) if isinstance(names, str) else names)
    reads, seconds = params["reads"], params["seconds"]
    if reads is not None:
        return lambda session: history.reads_ago(session, reads)
    return lambda session: history.seconds_ago(session, seconds)
