"""The prompts, by version. A version that has been used never changes: a new text is a new file."""

from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent
PARTS = "\n=== user ===\n"
"""What divides the system's message from the user's, in a template and in a prompt as it is stored."""


@cache
def versions() -> tuple[str, ...]:
    """Return the names of the templates, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))


@cache
def template(version: str) -> Template:
    """Return a template by its version."""
    return Template((FOLDER / f"{version}.txt").read_text(encoding="utf-8"))


def messages(prompt: str) -> list[dict[str, str]]:
    """Return the messages that a prompt is sent as."""
    system, user = prompt.split(PARTS, 1)
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]
