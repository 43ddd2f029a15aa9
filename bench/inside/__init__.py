"""Measurements inside a process of the server: a child with a database of its own, asked by lines of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.servers.process import ROOT, python
from bench.servers.template import Template

Answer = dict[str, Any]


class Inside:
    """A child that measures. `ask` waits for its answer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **question: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"The measuring process ended with code {self._process.wait()}")
        answer: Answer = json.loads(said)
        return answer


@contextmanager
def inside(module: str, template: Template) -> Iterator[Inside]:
    """Run `bench.inside.<module>` on a copy of a template until the block ends."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    ours = {"DJANGO_SETTINGS_MODULE": "hyperoru.settings", "LOG_LEVEL": "WARNING"}
    environment = kept | ours | template.environment(template.copy())
    words = python("-m", f"bench.inside.{module}")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Inside(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def answer(respond: Callable[..., Answer]) -> None:
    """Answer what is asked until nobody asks any more: the child's side."""
    for line in sys.stdin:
        print(json.dumps(respond(**json.loads(line))), flush=True)
