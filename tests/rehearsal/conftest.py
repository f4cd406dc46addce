from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.rehearsal.bases import shared_bases
from tests.rehearsal.house import House, open_house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with shared_bases(folder / "cloud", tmp_path_factory), open_house(folder) as made:
        yield made
