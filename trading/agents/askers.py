"""The models that are asked about a whole account, by name. Whoever brings another one registers it."""

from collections.abc import Callable, Mapping
from typing import Any

from trading.agents.asking import Asker
from trading.agents.llm import LanguageModel
from trading.agents.settings import SettingsError, read_settings

MakeAsker = Callable[[Mapping[str, Any]], Asker]
_makers: dict[str, MakeAsker] = {
    LanguageModel.name: lambda given: LanguageModel(read_settings(LanguageModel.settings_type, given))
}


def register_asker(name: str, make: MakeAsker) -> None:
    """Make a model known by its name. `make` takes its settings, as they stand in JSON, and raises `SettingsError`."""
    _makers[name] = make


def known_askers() -> tuple[str, ...]:
    """Return the names that `make_asker` takes, sorted."""
    return tuple(sorted(_makers))


def make_asker(name: str, settings: Mapping[str, Any]) -> Asker:
    """Make a model from its settings, as they stand in JSON. Raise `SettingsError` for what can't be used."""
    if name not in _makers:
        raise SettingsError(f"There is no model {name!r:.60} to ask; choose one of {', '.join(known_askers())}.")
    return _makers[name](settings)
