"""A private file of the passwords and tokens that earlier runs made, so that a demo's login can be shown again."""

import json
import os
import tempfile
from pathlib import Path

from accounts.seeding.source import SeedError


class Kept:
    """What the file holds: passwords by username, tokens by username and label. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        """Read the file where there is one. Raises `SeedError` if it is not one of ours."""
        self.path = path
        self.passwords: dict[str, str] = {}
        self.tokens: dict[str, dict[str, str]] = {}
        if path is None or not path.exists():
            return
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            self.passwords = {str(name): str(value) for name, value in data["passwords"].items()}
            self.tokens = {
                str(name): {str(label): str(token) for label, token in labels.items()}
                for name, labels in data["tokens"].items()
            }
        except OSError as error:
            raise SeedError([f"{path}: {error.strerror}"]) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SeedError([f"{path}: holds no passwords and tokens of an earlier run; name another file"]) from None

    def token(self, username: str, label: str) -> str | None:
        return self.tokens.get(username, {}).get(label)

    def keep_token(self, username: str, label: str, raw: str) -> None:
        self.tokens.setdefault(username, {})[label] = raw

    def write(self) -> None:
        """Replace the file in one step, for its owner's eyes only (mode 0600). Raises `SeedError` if it can't."""
        if self.path is None:
            return
        text = json.dumps({"passwords": self.passwords, "tokens": self.tokens}, indent=2, ensure_ascii=False)
        temporary = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp makes it with mode 0600: nobody else can open it in between.
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(temporary).replace(self.path)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise SeedError([f"{self.path}: {error.strerror}"]) from None
