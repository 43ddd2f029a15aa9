"""One run: its plan, its servers, its results."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.load.sockets import Sockets
from bench.plan import Plan
from bench.results import Results
from bench.servers import TITLES, make
from bench.servers.process import Server
from bench.servers.template import Template


@dataclass
class Used:
    """Processor time, in seconds."""

    seconds: float = 0.0


@dataclass
class Run:
    """What a scenario gets. `servers` are the names of those that may be started."""

    plan: Plan
    template: Template
    servers: tuple[str, ...]
    results: Results = field(default_factory=Results)

    def tell(self, text: str) -> None:
        """Say how far it is."""
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def serving(self, *names: str, templates: Mapping[str, Template] | None = None) -> Iterator[dict[str, Server]]:
        """Run those of these servers that were asked for, each from a fresh folder, until the block ends.

        `templates` are those of servers that don't start from the run's own.
        """
        with ExitStack() as stack:
            started = {}
            for name in names:
                if name not in self.servers and name != "firehose":
                    continue
                server = make(name, (templates or {}).get(name, self.template))
                stack.callback(server.stop)
                server.start()
                started[name] = server
            try:
                yield started
            except BaseException:
                for name, server in started.items():
                    self.tell(f"The log of {name}:\n{server.log()}")
                raise

    @contextmanager
    def sockets(self) -> Iterator[Sockets]:
        made = Sockets()
        try:
            yield made
        finally:
            made.shut()

    @contextmanager
    def watching_generator(self, scenario: str) -> Iterator["Used"]:
        """Note how much of a core the generator used while the block ran; its seconds are in what is given."""
        used = Used()
        wall, before = time.perf_counter(), time.process_time()
        yield used
        wall = time.perf_counter() - wall
        used.seconds = time.process_time() - before
        self.results.generator_used(scenario, used.seconds / wall)


def title(server: str) -> str:
    return TITLES[server]
