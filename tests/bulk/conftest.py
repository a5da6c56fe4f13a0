from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bulk.bulk_world import FakeApi

from briqpay_async import BulkJournal


@pytest.fixture
def api(fake_time: Any) -> FakeApi:
    return FakeApi(fake_time)


@pytest.fixture
def journal(tmp_path: Path) -> BulkJournal:
    return BulkJournal(tmp_path / "run.db")
