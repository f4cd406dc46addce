from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.ondisk.fake import FakeCloud, fake_cloud


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    with fake_cloud() as made:
        yield made
