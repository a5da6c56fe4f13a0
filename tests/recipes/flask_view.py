"""A Flask view that changes a cart with the blocking client: one client for all threads and forked workers."""

from __future__ import annotations

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from briqpay_async import BriqpayError
from briqpay_async.blocking import BlockingBriqpayClient


def make_app(briqpay: BlockingBriqpayClient) -> Flask:
    """The shop; in production, ``make_app(BlockingBriqpayClient.from_env())``."""
    app = Flask(__name__)

    @app.put("/carts/<session_id>/<sku>/<int:quantity>")
    def set_quantity(session_id: str, sku: str, quantity: int) -> ResponseReturnValue:
        with briqpay.sessions.edit(session_id, timeout=10) as builder:
            builder.cart.set_quantity(sku, quantity)
        return jsonify(amount=builder.build().body.get("data", {}).get("order", {}).get("amountIncVat"))

    @app.errorhandler(BriqpayError)
    def refused(error: BriqpayError) -> ResponseReturnValue:
        return jsonify(error=type(error).__name__), 502 if error.status is None else error.status

    return app
