"""The hub of the running event loop."""

import asyncio
from weakref import WeakKeyDictionary

from realtime.hub import Hub
from realtime.looks import Looks
from realtime.refresh import Refresher
from realtime.warden import Warden

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


async def get_hub() -> Hub:
    """Return the running loop's hub, started."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
    await hub.start(Looks(hub).run, Refresher(hub).run, Warden(hub).run)
    return hub


def running_hub() -> Hub | None:
    """Return the running loop's hub if it has one."""
    return _hubs.get(asyncio.get_running_loop())
