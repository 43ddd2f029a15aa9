"""What is measured, one file for each job. A scenario takes a run and adds to its results."""

from bench.scenarios.backtest import backtest
from bench.scenarios.calibration import calibration
from bench.scenarios.durable import durable
from bench.scenarios.fanout import fanout
from bench.scenarios.history import history
from bench.scenarios.idle import idle
from bench.scenarios.many import many
from bench.scenarios.orders import orders
from bench.scenarios.pings import pings
from bench.scenarios.reads import reads
from bench.scenarios.resume import resume
from bench.scenarios.soak import soak
from bench.scenarios.stalled import stalled
from bench.scenarios.tick import tick

SCENARIOS = {
    "calibration": calibration,
    "pings": pings,
    "fanout": fanout,
    "reads": reads,
    "orders": orders,
    "durable": durable,
    "tick": tick,
    "history": history,
    "backtest": backtest,
    "idle": idle,
    "many": many,
    "resume": resume,
    "stalled": stalled,
    "soak": soak,
}
