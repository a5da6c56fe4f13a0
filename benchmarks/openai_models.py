"""The session as the openai package models answers: what is looked at is typed, the rest is kept."""

from __future__ import annotations

from openai import BaseModel
from pydantic import Field

__all__ = ["Session"]


class Line(BaseModel):
    """A line of the cart."""

    name: str
    quantity: int
    unit_price: int = Field(alias="unitPrice")


class Order(BaseModel):
    """The order."""

    currency: str
    cart: list[Line]


class Data(BaseModel):
    """What a PATCH carries."""

    order: Order


class Session(BaseModel):
    """The answer."""

    session_id: str = Field(alias="sessionId")
    data: Data
