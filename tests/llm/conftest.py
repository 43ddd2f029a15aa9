"""An endpoint for each test, and the environment that names it."""

from collections.abc import Iterator

import pytest

from tests.llm.endpoint import ChatServer, chat_server
from tests.llm.given import KEY


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with chat_server() as server:
        monkeypatch.setenv("HYPERORU_LLM_DEFAULT_BASE_URL", server.base_url)
        monkeypatch.setenv("HYPERORU_LLM_DEFAULT_MODEL", "loopback")
        monkeypatch.setenv("HYPERORU_LLM_DEFAULT_KEY", KEY)
        yield server
