"""What was measured, by metric and server: one value for each repeat."""

from dataclasses import dataclass, field
from statistics import median


@dataclass
class Results:
    """`values[metric][server]` are the repeats in their order; a server that failed at a metric has none there.

    `generator` holds, by scenario, the greatest share of one core that the generator used in any measurement.
    """

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    generator: dict[str, float] = field(default_factory=dict)

    def add(self, key: str, server: str, value: float) -> None:
        self.values.setdefault(key, {}).setdefault(server, []).append(value)

    def get(self, key: str, server: str) -> list[float]:
        return self.values.get(key, {}).get(server, [])

    def generator_used(self, scenario: str, share: float) -> None:
        self.generator[scenario] = max(share, self.generator.get(scenario, 0.0))

    def ratio(self, key: str, server: str, others: tuple[str, ...]) -> list[float]:
        """Return, for each repeat, a server's value over the best of the others in that very repeat."""
        rivals = [values for other in others if (values := self.get(key, other))]
        best = [max(values) for values in zip(*rivals, strict=True)]
        return [mine / theirs for mine, theirs in zip(self.get(key, server), best, strict=False) if theirs]


@dataclass(frozen=True)
class Summary:
    """The median of the repeats, and the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: list[float]) -> "Summary":
        return cls(median(values), min(values), max(values))
