"""Values compare, hash and print as plain frozen attrs classes do, though attrs writes their methods late."""

from __future__ import annotations

import copy
import math
import pickle
import weakref
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async import Address, EditableData, SessionData, Timeouts
from briqpay_async.values import Value


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Late(Value):
    first: Any = None
    second: Any = attrs.field(default=None, repr=False)
    third: Any = attrs.field(default=None, hash=False)
    fourth: Any = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class Plain:
    first: Any = None
    second: Any = attrs.field(default=None, repr=False)
    third: Any = attrs.field(default=None, hash=False)
    fourth: Any = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Longer(Late):
    fifth: Any = None


MEMBERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("first", "second", "third", "fourth"), st.sampled_from((0, 1, 1.0, "1", math.nan)))
)


@given(one=MEMBERS, other=MEMBERS)
def test_a_value_does_what_a_plain_attrs_class_does(one: dict[str, Any], other: dict[str, Any]) -> None:
    late, plain = (Late(**one), Late(**other)), (Plain(**one), Plain(**other))
    assert (late[0] == late[1]) is (plain[0] == plain[1])
    assert (late[0] != late[1]) is (plain[0] != plain[1])
    assert (hash(late[0]) == hash(late[1])) is (hash(plain[0]) == hash(plain[1]))
    assert repr(late[0]) == repr(plain[0]).replace("Plain", "Late")


def test_a_class_does_not_compare_by_the_members_of_its_base() -> None:
    assert Late() == Late()  # so that the methods of the base are there first
    assert Longer(fifth=1) != Longer(fifth=2)
    assert hash(Longer(fifth=1)) != hash(Longer(fifth=2))
    assert repr(Longer(fifth=1)) == "Longer(first=None, third=None, fourth=None, fifth=1)"
    assert Late() != Longer()
    assert EditableData() != SessionData()


@pytest.mark.parametrize("method", ["__eq__", "__ne__"])
@pytest.mark.parametrize("other", [None, 1, Plain(), Longer()])
def test_a_value_leaves_it_to_another_class_whether_they_are_equal(method: str, other: object) -> None:
    assert getattr(Late(), method)(other) is NotImplemented


@pytest.mark.parametrize("value", [Address(city="Lund"), Timeouts(call=5), SessionData(billing=Address())])
def test_a_value_can_be_copied_sent_and_referred_to(value: Any) -> None:
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value)), attrs.evolve(value)):  # noqa: S301 - our own bytes
        assert twin is not value
        assert (twin, hash(twin), repr(twin)) == (value, hash(value), repr(value))
    assert weakref.ref(value)() is value
    assert type(value).__match_args__ == ()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.extra = {}
