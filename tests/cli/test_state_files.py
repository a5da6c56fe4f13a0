"""Files as models: the forms a state may have, and what is said of a file that cannot be used."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from briqpay_async.cli import state_files as documents
from briqpay_async.cli.exits import InputError
from briqpay_async.cli.state_files import read_new_session, read_state
from briqpay_async.models.session import Session

Save = Callable[..., Path]


@pytest.mark.parametrize(
    "content",
    [
        {"sessionId": "x", "status": "started", "data": {"billing": {"city": "Lund"}}},
        {"data": {"billing": {"city": "Lund"}}},
        {"billing": {"city": "Lund"}},
        b'\xef\xbb\xbf{"billing": {"city": "Lund"}}',
    ],
    ids=["session", "data", "inner data", "with a byte order mark"],
)
def test_a_state_comes_in_three_forms(save: Save, content: Any) -> None:
    state = read_state(str(save(content)))

    assert state.data is not None
    assert state.data.billing is not None
    assert state.data.billing.city == "Lund"


def test_a_state_may_hold_modules_alone(save: Save) -> None:
    state = read_state(str(save({"modules": {"config": {"upsell": {"header": "More?"}}}})))

    assert state == Session(modules=state.modules)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"billing":\n  {"city": oops}}', r"after\.json is not JSON: .* \(line 2, column 12\)"),
        (b"", r"after\.json is not JSON: .*line 1, column 1"),
        (b'{"a": NaN}', r"after\.json is not JSON"),
        (b"\xff\xfe{\x00}\x00", r"after\.json is not JSON"),
        (b"[]", r"after\.json: a JSON object is needed"),
        ({}, r'after\.json: give a session such as \{"data"'),
        ({"basket": {}}, r'after\.json: give a session such as \{"data"'),
        ({"data": {}, "billing": {}}, r"after\.json: billing belongs into data, because the file also has data"),
        ({"billing": {"city": True}}, r"after\.json: /data/billing/city must be text"),
        ({"data": {"order": {"cart": [{"quantity": "1"}]}}}, r"/data/order/cart/0/quantity must be an integer"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_with_its_place(save: Save, content: Any, message: str) -> None:
    path = save(content, "after.json")

    with pytest.raises(InputError, match=message):
        read_state(str(path))


def test_a_new_session_is_read_like_a_state(save: Save) -> None:
    assert read_new_session(str(save({"country": "SE"}))).country == "SE"
    with pytest.raises(InputError, match="/country must be text"):
        read_new_session(str(save({"country": True})))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_state(str(tmp_path))


def test_stdin_is_named_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{")))

    with pytest.raises(InputError, match=r"^stdin is not JSON"):
        read_state("-")


def test_a_file_without_end_is_not_read_to_its_end(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LARGEST", 2**20)

    with pytest.raises(InputError, match=r"is larger than 1 MiB"):
        read_state("/dev/zero")
