"""Asking an endpoint: tries within a deadline, and what came of them."""

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam

from trading.agents.llm.completion import Completion, NoCompletion, read_completion
from trading.agents.llm.endpoints import Endpoint
from trading.agents.llm.settings import FORMATS, LlmSettings
from trading.agents.llm.transport import Outlet, Unreadable

LOST_STATUSES = (502, 504, 524)
"""Statuses of a gateway that did not wait for an answer which may have been billed."""
PRIVATE_STATUSES = (401, 403)
"""Statuses whose answer may repeat a part of the key."""
LONGEST_BACKOFF_S = 30.0
TOLD = 300
ABOUT_FORMAT = re.compile(r"response_format|json_schema|json_object|structured", re.IGNORECASE)


@dataclass(slots=True)
class Call:
    """What came of asking an endpoint. `completion` is None where `error` says why there is none.

    `lost` counts the tries that may have been billed without telling how much.
    """

    completion: Completion | None = None
    error: str = ""
    body: str = ""
    attempts: int = 0
    lost: int = 0
    latency_ms: int = 0
    """Of the last try."""
    format: str = ""
    """The response format that was tried last."""


@dataclass
class _Failed(Exception):
    """One try failed. `retried`: another may succeed, after `wait_s` where the endpoint says so."""

    why: str
    retried: bool = False
    wait_s: float | None = None
    refuses_format: bool = False


@dataclass(frozen=True, slots=True)
class _Caller:
    endpoint: Endpoint
    settings: LlmSettings
    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any]
    call: Call = field(default_factory=Call)

    async def run(self) -> None:
        """Ask until there is an answer, a failure that stays one, or no time or try left."""
        try:
            async with asyncio.timeout(float(self.settings.total_s)) as deadline, self._client() as client:
                await self._ask(client, deadline)
        except TimeoutError:  # whatever failed before does not matter as much
            self.call.error = f"no answer within {self.settings.total_s} s, in {_tries(self.call.attempts)}"
        except Exception as error:  # noqa: BLE001  (an address or a library may be wrong: that ends in an outcome too)
            self.call.error = f"asking failed ({type(error).__name__})"

    def _client(self) -> openai.AsyncOpenAI:
        outlet = Outlet(self.endpoint, self.settings.max_reply_bytes)
        timeout = httpx2.Timeout(float(self.settings.read_s), connect=float(self.settings.connect_s))
        return openai.AsyncOpenAI(
            base_url=self.endpoint.base_url,
            api_key="-",  # the outlet has it
            max_retries=0,  # these are ours: they have a deadline
            timeout=timeout,
            http_client=httpx2.AsyncClient(transport=outlet, timeout=timeout, follow_redirects=False, trust_env=False),
        )

    async def _ask(self, client: openai.AsyncOpenAI, deadline: asyncio.Timeout) -> None:
        call, tried = self.call, 0
        while True:
            call.attempts += 1
            began = time.monotonic()
            try:
                call.completion = await self._try(client)
                call.error = ""
                return
            except _Failed as failed:
                call.error = failed.why
                if failed.refuses_format and call.format != FORMATS[-1]:
                    call.format = FORMATS[FORMATS.index(call.format) + 1]
                    continue  # not a failure of the endpoint: it takes no try
                tried += 1
                if not failed.retried or tried >= self.settings.tries:
                    call.error += f", after {_tries(call.attempts)}" if call.attempts > 1 else ""
                    return
                wait = _wait(failed.wait_s, float(self.settings.backoff_s), tried)
            finally:
                call.latency_ms = round((time.monotonic() - began) * 1000)
            left = (deadline.when() or 0.0) - asyncio.get_running_loop().time()
            if wait >= left:
                call.error += f"; {wait:.0f} s until the next try are more than is left of {self.settings.total_s} s"
                return
            await asyncio.sleep(wait)

    async def _try(self, client: openai.AsyncOpenAI) -> Completion:
        call = self.call
        call.body = ""
        call.lost += 1  # until it is known to be otherwise
        try:
            answer = await client.chat.completions.with_raw_response.create(**self._request())
        except openai.APIStatusError as error:
            raise self._refused(error.response) from None
        except openai.APITimeoutError as error:
            call.lost -= isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)
            raise _Failed(_timed_out(error.__cause__, self.settings), retried=True) from None
        except Unreadable as error:
            raise _Failed(str(error)) from None
        except openai.APIConnectionError as error:
            call.lost -= isinstance(error.__cause__, httpx2.ConnectError)
            raise _Failed(_broken(error.__cause__), retried=True) from None
        except (httpx2.RequestError, OSError) as error:  # while an error's text was read
            raise _Failed(_broken(error), retried=True) from None
        except Exception as error:  # noqa: BLE001  (whatever it sends must end in an outcome; the text may hold the key)
            raise _Failed(f"the answer can't be read ({type(error).__name__})") from None
        response = answer.http_response
        call.body = self._text(response)
        try:
            found = read_completion(
                response.content, self.endpoint.without_key(response.headers.get("content-type", ""))
            )
        except NoCompletion as error:
            raise _Failed(self.endpoint.clean(str(error))) from None
        found = self._without_key(found)
        if found.prompt_tokens is not None and found.completion_tokens is not None:
            call.lost -= 1
        return found

    def _request(self) -> dict[str, Any]:
        messages: list[ChatCompletionMessageParam] = [dict(each) for each in self.messages]  # type: ignore[misc]
        request: dict[str, Any] = {"model": self.endpoint.model, "messages": messages}
        request[self.settings.max_tokens_field] = self.settings.max_tokens
        if self.call.format == "json_schema":
            described = {"name": "decisions", "strict": True, "schema": self.schema}
            request["response_format"] = {"type": "json_schema", "json_schema": described}
        elif self.call.format == "json_object":
            request["response_format"] = {"type": "json_object"}
        return request

    def _refused(self, response: httpx2.Response) -> _Failed:
        """Tell what a status other than 2xx means."""
        status = response.status_code
        text = "" if status in PRIVATE_STATUSES else self._text(response)
        self.call.body = text
        self.call.lost -= status not in LOST_STATUSES
        why = f"the endpoint answered {status}"
        if 300 <= status < 400:
            return _Failed(f"{why}, a redirect, which is not followed")
        if text.strip():
            why += f": {' '.join(text.split())[:TOLD]}"
        if status == 429 or status >= 500:
            return _Failed(why, retried=True, wait_s=retry_after(response.headers.get("retry-after")))
        return _Failed(why, refuses_format=status in (400, 422) and bool(ABOUT_FORMAT.search(text)))

    def _without_key(self, found: Completion) -> Completion:
        """Take the key out of what was said before anything is cut from it: half a key is a part of it still."""
        content, refusal, reason = (
            None if text is None else self.endpoint.without_key(text)
            for text in (found.content, found.refusal, found.finish_reason)
        )
        return replace(found, content=content, refusal=refusal, finish_reason=reason)

    def _text(self, response: httpx2.Response) -> str:
        return self.endpoint.clean(response.content.decode("utf-8", "replace"))


def call(
    endpoint: Endpoint,
    settings: LlmSettings,
    messages: Sequence[Mapping[str, str]],
    schema: Mapping[str, Any],
    response_format: str,
) -> Call:
    """Ask an endpoint for a chat completion. Never raises for what it does, and takes `total_s` at most.

    Retried: 429, 5xx and the network, after what `retry-after` says or twice as long each time, with jitter.
    """
    caller = _Caller(endpoint, settings, messages, schema, Call(format=response_format))
    asyncio.run(caller.run())
    return caller.call


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a `retry-after` asks to wait, given as such or as a date; None where it says nothing."""
    if not header:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", header.strip(), re.ASCII):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _wait(asked: float | None, backoff: float, tried: int) -> float:
    """Return how long to wait before the next try: never less than asked, and not the same for all who wait."""
    jitter = random.random()  # noqa: S311
    if asked is not None:
        return asked + jitter * min(backoff, 1.0)
    return min(backoff * 2.0 ** (tried - 1), LONGEST_BACKOFF_S) * (0.5 + jitter / 2)


def _timed_out(cause: BaseException | None, settings: LlmSettings) -> str:
    if isinstance(cause, httpx2.ConnectTimeout):
        return f"no connection within {settings.connect_s} s"
    return f"the endpoint was silent for {settings.read_s} s"


def _broken(cause: BaseException | None) -> str:
    if isinstance(cause, httpx2.ConnectError):
        return "the endpoint can't be reached"
    return f"the connection broke before the answer was whole ({type(cause).__name__})"


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"
