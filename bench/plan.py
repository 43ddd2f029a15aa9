"""How much is measured: the sizes of a full run, of a quick one, and of one that only shows that all works."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """Sizes. Seconds are those of one measurement, of which each repeat makes one for every server."""

    name: str
    repeats: int
    seconds: float
    fanout: tuple[int, ...] = (100, 500, 2_000)
    last_of: int = 2_000
    last_rounds: int = 20
    last_seconds: float = 4.0
    ping_connections: int = 8
    ping_window: int = 32
    readers: int = 16
    traders: int = 50
    busy_accounts: int = 4
    durable_seconds: float = 3.0
    pgbench_clients: int = 8
    pgbench_scale: int = 10
    positions: int = 10_000
    resting: int = 100_000
    triggers: int = 20_000
    crossing: int = 100
    ticks: int = 20
    short_history: int = 100
    long_history: int = 1_000_000
    history_orders: int = 50
    bars: int = 40_000
    idle: int = 1_000
    idle_repeats: int = 2
    many: int = 10_000
    many_seconds: float = 4.0
    resumers: int = 500
    missed: int = 1_000
    resume_repeats: int = 3
    stall_members: int = 1_000
    stall_share: float = 0.01
    stall_seconds: float = 3.0
    soak: float = 60.0
    soak_clients: int = 100
    servers: tuple[str, ...] = field(
        default=("hyperoru", "hyperoru-pg", "hyperoru-redis", "stock-redis", "stock-pubsub", "picows")
    )

    @staticmethod
    def window(members: int) -> int:
        """Return how many events are on their way at once: enough to keep every server busy, few enough to wait for."""
        return max(4, min(16, 4_000 // members))


FULL = Plan("full", repeats=5, seconds=1.5)
QUICK = Plan(
    "quick",
    repeats=2,
    seconds=0.7,
    fanout=(100, 500),
    last_of=500,
    last_rounds=8,
    durable_seconds=1.0,
    ticks=10,
    long_history=50_000,
    history_orders=20,
    bars=20_000,
    idle=300,
    idle_repeats=1,
    many=2_000,
    many_seconds=2.0,
    resumers=100,
    resume_repeats=1,
    stall_members=300,
    stall_seconds=2.0,
    soak=15.0,
)
TINY = Plan(
    "tiny",
    repeats=1,
    seconds=0.2,
    fanout=(5,),
    last_of=5,
    last_rounds=2,
    ping_connections=2,
    ping_window=2,
    readers=2,
    traders=4,
    busy_accounts=2,
    durable_seconds=0.2,
    pgbench_scale=1,
    positions=20,
    resting=60,
    triggers=20,
    crossing=5,
    ticks=2,
    short_history=2,
    long_history=50,
    history_orders=2,
    bars=100,
    idle=10,
    idle_repeats=1,
    many=20,
    many_seconds=0.2,
    resumers=3,
    missed=20,
    resume_repeats=1,
    stall_members=100,
    stall_seconds=0.3,
    soak=1.0,
    soak_clients=5,
)
PLANS = {plan.name: plan for plan in (FULL, QUICK, TINY)}
