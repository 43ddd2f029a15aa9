"""The page about models names every model, every setting and its default."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trading.agents.registry import RULES
from trading.agents.rule import Watcher

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "models.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("kind", RULES)
def test_every_model_and_setting_is_there(kind: type[Watcher[Any]]) -> None:
    name = f"`{kind.name}`"
    assert any(row[0] == name for row in ROWS)
    for setting in fields(kind.settings_type):
        rows = [row for row in ROWS if f"`{setting.name}`" in row[0] and row[0] != name]
        told = [row for row in rows if row[2] == name] or [row for row in rows if row[2].startswith("all")]
        assert told, setting.name
        default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
        if setting.name != "symbols":
            assert default in told[0][1], setting.name
