"""What an order would do, before it is placed."""

from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.handlers.asked import order_asked, refusal
from realtime.handlers.seeing import Viewer
from realtime.orm import in_orm
from realtime.protocol.previewing import OrderPreview, PreviewOrder
from trading.authority import Actor
from trading.domain.commands import PlaceOrder
from trading.domain.errors import Rejection
from trading.previewing import preview


async def preview_order(connection: Connection, data: PreviewOrder) -> Answer:
    """Tell what an order would do if it were placed now, and how large it could be. Nothing is done."""
    viewer = Viewer.of(connection.session)
    actor = Actor(token=viewer.token, user_id=viewer.user_id, token_user_id=viewer.token_user_id)
    return Answer(await in_orm(_preview, data.account_id, order_asked(data), actor))


def _preview(account_id: int, command: PlaceOrder, actor: Actor) -> OrderPreview:
    try:
        return wire.order_preview(preview(account_id, command, actor))
    except Rejection as error:
        raise refusal(error) from None
