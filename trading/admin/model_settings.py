"""The form of an account: a model's settings are refused here rather than when it is to run."""

from typing import Any

from django import forms

from accounts.admin.account import AccountAdmin
from accounts.models import Account
from trading.agents import SettingsError, known_agents, known_askers, make_agent, make_asker
from trading.models import Instrument


class AccountForm(forms.ModelForm):
    """Checks the model's settings where they or the model are edited: an account with old ones can still be frozen."""

    class Meta:
        model = Account
        fields = ("model", "model_settings")  # the admin adds its own
        help_texts = {
            "model": f"One of {', '.join((*known_agents(), *known_askers()))}; another name is a model outside.",
            "model_settings": "A JSON object; a model outside has none. Never a key: those are in the environment.",
        }

    def clean_model_settings(self) -> Any:
        """Take an emptied field for no settings."""
        given = self.cleaned_data["model_settings"]
        return {} if given is None else given

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        names = ("model", "model_settings")
        if all(name in given for name in names) and any(given[name] != self.initial.get(name) for name in names):
            try:
                _check(given["model"], given["model_settings"])
            except SettingsError as error:
                self.add_error("model_settings", str(error))
        return given


def _check(model: str, given: object) -> None:
    """Raise `SettingsError` for settings that the model can't use."""
    if not isinstance(given, dict):
        raise SettingsError("The settings must be a JSON object.")
    if model in known_agents():
        symbols = make_agent(model, given).symbols
    elif model in known_askers():
        symbols = make_asker(model, given).symbols
    elif given:
        known = ", ".join((*known_agents(), *known_askers()))
        raise SettingsError(
            f"There is no model {model!r} here that has settings; choose one of {known}, or leave {{}}."
        )
    else:
        return
    listed = set(Instrument.objects.values_list("symbol", flat=True))
    if unknown := sorted(set(symbols) - listed):
        raise SettingsError(f"There is no market {', '.join(unknown)}; choose from {', '.join(sorted(listed))}.")


AccountAdmin.form = AccountForm
