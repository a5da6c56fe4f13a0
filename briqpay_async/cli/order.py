"""``briqpay order``: capture, refund, cancel and release; calls that move money are made once."""

from __future__ import annotations

from cyclopts import App

from briqpay_async.cli.connect import File, Flag, Pairs, call_api, pairs_of
from briqpay_async.cli.exits import InputError
from briqpay_async.cli.output import say, write_json
from briqpay_async.cli.state_files import read_order
from briqpay_async.client import BriqpayClient
from briqpay_async.conversion.decode import unstructure
from briqpay_async.models.order import Order
from briqpay_async.models.payments import Capture, Refund

__all__ = ["register"]

_order = App(name="order", help="Capture, refund, cancel and release the order of a completed session.")


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_order)


@_order.command
def capture(
    session_id: str,
    /,
    *,
    everything: Flag = False,
    line: Pairs = None,
    order: File | None = None,
    dry_run: Flag = False,
) -> None:
    """Take the money for some lines of an order, or for all that is still open, and print the capture.

    It is sent once. When its answer is lost, the session is looked at: the capture is printed if it can be told
    apart, and otherwise the command fails and says that it may have happened.

    Args:
        session_id: The session's id, a UUID.
        everything: Capture whatever has not been captured.
        line: REFERENCE=QUANTITY of a line; may be given several times.
        order: A JSON file with the order to capture as the API takes it; - reads stdin.
        dry_run: Print the order that would be captured instead of sending it.
    """
    given, chosen = _chosen(everything=everything, line=line, order=order)

    async def work(briqpay: BriqpayClient) -> Order | Capture:
        session = await briqpay.sessions.read(session_id)
        wanted = given or _some(session.capturable_order(), chosen, "capture")
        return wanted if dry_run else await briqpay.orders.capture(session_id, wanted)

    _print_made(call_api(work), dry_run=dry_run)


@_order.command
def refund(
    session_id: str,
    /,
    *,
    capture: str | None = None,
    everything: Flag = False,
    line: Pairs = None,
    order: File | None = None,
    dry_run: Flag = False,
) -> None:
    """Give money back for some lines of a capture, or for all that is left of it, and print the refund.

    It is sent once, as a capture is.

    Args:
        session_id: The session's id, a UUID.
        capture: Which capture; needed when there are several.
        everything: Refund whatever is left of the capture.
        line: REFERENCE=QUANTITY of a line; may be given several times.
        order: A JSON file with the order to refund as the API takes it; - reads stdin.
        dry_run: Print the order that would be refunded instead of sending it.
    """
    given, chosen = _chosen(everything=everything, line=line, order=order)

    async def work(briqpay: BriqpayClient) -> Order | Refund:
        session = await briqpay.sessions.read(session_id)
        wanted = given or _some(session.refundable_order(capture), chosen, "refund")
        return wanted if dry_run else await briqpay.orders.refund(session_id, wanted, capture)

    _print_made(call_api(work), dry_run=dry_run)


@_order.command
def cancel(session_id: str, /) -> None:
    """Cancel an order of which nothing has been captured. Nothing is printed to stdout.

    Args:
        session_id: The session's id, a UUID.
    """
    call_api(lambda briqpay: briqpay.orders.cancel(session_id))
    say("cancelled")


@_order.command
def release(session_id: str, /) -> None:
    """Let go of what has not been captured of a partly captured order: no more captures. Prints nothing to stdout.

    Args:
        session_id: The session's id, a UUID.
    """
    call_api(lambda briqpay: briqpay.orders.release_remaining(session_id))
    say("released")


@_order.command
def references(session_id: str, /, *, reference: Pairs = None) -> None:
    """Set the references of a completed order. Nothing is printed to stdout.

    The references given probably take the place of all that there are: give every one that is to stay.

    Args:
        session_id: The session's id, a UUID.
        reference: NAME=VALUE; may be given several times.
    """
    wanted = pairs_of(reference, "--reference")
    if not wanted:
        raise InputError("give --reference NAME=VALUE")
    call_api(lambda briqpay: briqpay.orders.update_references(session_id, wanted))
    say("updated")


def _chosen(
    *, everything: bool, line: list[str] | None, order: str | None
) -> tuple[Order | None, dict[str, int] | None]:
    """The order that a file has, or the quantities by reference; neither means everything that is open."""
    if everything + bool(line) + (order is not None) != 1:
        raise InputError("say what: --everything, --line REFERENCE=QUANTITY or --order FILE")
    if order is not None:
        return read_order(order), None
    if everything:
        return None, None
    quantities = {}
    for reference, quantity in pairs_of(line, "--line").items():
        if not (quantity.isascii() and quantity.isdigit()):
            raise InputError(f"--line {reference}={quantity}: a quantity is a whole number")
        quantities[reference] = int(quantity)
    return None, quantities


def _some(still_open: Order, quantities: dict[str, int] | None, verb: str) -> Order:
    if not still_open.cart:
        raise InputError(f"there is nothing left to {verb}")
    return still_open if quantities is None else still_open.select(quantities)


def _print_made(made: Order | Capture | Refund, *, dry_run: bool) -> None:
    if dry_run:
        say("dry run: nothing is sent")
    elif isinstance(made, Capture | Refund) and not made.is_settled:
        say(f"its status is {made.status}: look again before you count on it")
    write_json(unstructure(made))
