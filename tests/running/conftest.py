from collections.abc import Iterator

import pytest

from tests.running.given import World, a_world


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    with a_world() as made:
        yield made


@pytest.fixture
def two(transactional_db: None) -> Iterator[World]:
    with a_world(2) as made:
        yield made
