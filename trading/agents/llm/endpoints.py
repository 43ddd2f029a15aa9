"""Where language models are: named endpoints, from the environment.

`HYPERORU_LLM_<NAME>_BASE_URL`, `…_MODEL` and, where it wants one, `…_KEY`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

KEY = re.compile(r"[!-\[\]-~]{1,4096}", re.ASCII)
SHORTEST_KEY = 8
WITHHELD = "[key]"


class EndpointError(ValueError):
    """The environment does not say, or wrongly, where an endpoint is. Never tells a key."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. The key is shown by nothing."""

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port: a path may be private too."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"[:200]

    def clean(self, text: str) -> str:
        """Return a text without the key (shorter ones are placeholders) and without what a database can't store."""
        text = self.without_key(text).replace("\0", "\N{REPLACEMENT CHARACTER}")
        return text.encode("utf-8", "replace").decode()

    def without_key(self, text: str) -> str:
        """Return a text with the key withheld, however JSON writes it, and nothing else changed."""
        return _spelled(self.key).sub(WITHHELD, text) if len(self.key) >= SHORTEST_KEY else text


def endpoint(name: str, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Read an endpoint from the environment. Raise `EndpointError` for one that is not there or can't be used."""
    prefix = f"HYPERORU_LLM_{name.upper()}_"
    base_url, model, key = (environ.get(prefix + each, "").strip() for each in ("BASE_URL", "MODEL", "KEY"))
    if not base_url or not model:
        raise EndpointError(f"The endpoint {name} is not there: {prefix}BASE_URL and {prefix}MODEL must be set.")
    problem = _problem(base_url)
    if problem:
        raise EndpointError(f"{prefix}BASE_URL {problem}.")
    if len(model) > 120:
        raise EndpointError(f"{prefix}MODEL is longer than 120 characters.")
    if key and not KEY.fullmatch(key):
        raise EndpointError(f"{prefix}KEY must be printable ASCII without spaces and backslashes.")
    return Endpoint(name, base_url, model, key)


@cache
def _spelled(key: str) -> re.Pattern[str]:
    r"""Return a pattern of a key as it is, and as JSON may write it: `/` as `\/`, `+` as `\u002b`.

    JSON within JSON doubles its backslashes, so there may be several.
    """
    letters = (rf"(?:(?>\\{{0,9}}){re.escape(each)}|\\{{1,9}}u(?i:{ord(each):04x}))" for each in key)
    return re.compile("".join(letters))


def _problem(base_url: str) -> str | None:
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "must be a URL that begins with http:// or https://"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must have neither user, password, query nor fragment"
    return None
