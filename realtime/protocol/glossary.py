"""What each field of the messages means. One name means one thing all over; where a struct differs, it says so."""

import msgspec

from realtime.protocol import messages
from realtime.protocol.errors import ErrorData, FieldError

MEANINGS = {
    "account_id": "The account.",
    "accounts": "All accounts that the active user may see, by id.",
    "active_orders": "Its open orders, by id.",
    "as_of": "The last event of each durable channel that this state includes; `resume` from here.",
    "ask": "The best ask, where the market gives a book.",
    "average_price": "The average of its fills, or null before the first.",
    "balance": "Cash, in USDC.",
    "bid": "The best bid, where the market gives a book.",
    "channels": "The channels subscribed to now.",
    "client_decision_id": "The client's own name for the decision, unique for its account for ever.",
    "client_order_id": "The client's own name for the order, unique for its account for ever.",
    "created_at": "When it was placed.",
    "daily_pnl": "Profit or loss since the day began, UTC, in USDC.",
    "daily_return_pct": "`daily_pnl` in percent of the equity at the day's begin; null where that was not above 0.",
    "decision_id": "The model's decision that it followed from, or null.",
    "entry_price": "The average price paid, ten decimals; 0 when closed.",
    "epoch": "Names the stream's history: where it differs from the one known, load anew.",
    "equity": "`balance` and the unrealised PnL together, in USDC.",
    "expires_at": "When the session ends, or null for never.",
    "filled_size": "How much is filled so far.",
    "leverage": "The position's leverage; it sets the margin that it uses.",
    "margin_mode": "`cross`: stands together with all others; `isolated`: stands alone, with its own margin.",
    "margin_used": "Value divided by leverage; of isolated positions all that they are worth. In USDC.",
    "mark_price": "The price that positions are valued at.",
    "order_id": "The order.",
    "order_type": "`market` or `limit`, now; `stop_…` or `take_profit_…`: that, once its trigger is reached.",
    "owner": "Who owns the account.",
    "pnl": "Realised by what the fill closed, before the fee; null where it closed nothing.",
    "parent_order_id": "The order that it protects, or null.",
    "position_value": "Size times mark, in USDC.",
    "positions": "Its open positions, by symbol.",
    "price": "The limit; null for orders that go to the market.",
    "realized_pnl": "Over the position's whole life, before fees.",
    "reason": "Why a canceled order ended, or that the order was forced; else null.",
    "reduce_only": "Whether the order may only reduce a position.",
    "return_on_equity": "Unrealised PnL as a fraction of the margin at entry.",
    "seq": "The event's number in its stream: 1, 2, 3 … without holes.",
    "server_time": "Now, by the server's clock.",
    "side": "`buy` or `sell`.",
    "size": "In units of the symbol.",
    "status": "`pending_trigger`, `open`, `partially_filled`, `filled` or `canceled`.",
    "symbol": "What is traded.",
    "time_in_force": "`gtc` (until canceled), `ioc` (at once or not at all) or `alo` (only if it rests).",
    "timeframe": "How far back.",
    "timestamp": "When this was so.",
    "trigger_price": "The mark at which it goes to the market or becomes a limit order; null for all others.",
    "triggered_at": "When its trigger was reached, or null.",
    "unrealized_pnl": "What closing at the mark would realise, in USDC.",
    "user": "Whose accounts the session sees.",
    "whole_position": "Whether it closes whatever the position is by then; its size follows that.",
    "withdrawable": "Cash and cross profit that neither positions nor open orders hold, in USDC.",
}

SPECIAL: dict[type[msgspec.Struct], dict[str, str]] = {
    messages.Connect: {
        "session_token": "A token of `seed_accounts` or of the admin. Not needed where the handshake carries a login.",
    },
    messages.Subscribe: {
        "channels": "Channels to add. An unknown one is rejected alone, by name.",
        "account_id": "Pins these subscriptions to the account; without it they follow the active one.",
        "resume": "For each channel the last event seen: every later one is sent again, then the live ones.",
    },
    messages.Unsubscribe: {
        "channels": "Channels to leave; without it all.",
        "account_id": "Leaves those pinned to this account; without it those that follow the active one.",
    },
    messages.StreamPosition: {"seq": "The number of the last event seen."},
    messages.SwitchUser: {"user_id": "The user to act as. Others than oneself need a permission."},
    messages.SwitchAccount: {"account_id": "An account that the active user may see."},
    messages.GetSnapshot: {"account_id": "Default: the active account."},
    messages.GetAssetCurve: {"account_id": "Default: the active account."},
    messages.PlaceOrder: {
        "account_id": "The account to trade on.",
        "symbol": "What to trade.",
        "side": "Of the order.",
        "order_type": (
            "`market` takes what is there now; `limit` nothing beyond its price, and rests. The others wait until the "
            "mark is at their trigger: stops when it moves against their side, take profits when it moves with it."
        ),
        "size": "A multiple of the symbol's lot. A reduce-only trigger without it follows the position.",
        "price": "On the symbol's tick. Required for `limit` and `…_limit`, not allowed for the others.",
        "trigger_price": "On the symbol's tick. Required for `stop_…` and `take_profit_…`, not allowed for the others.",
        "time_in_force": "Default `gtc`. Only for `limit` and `…_limit`.",
        "stop_loss": "Closes what the order opens when the mark moves that far against it.",
        "take_profit": "Closes what the order opens when the mark moves that far with it.",
        "leverage": "From 1 to the symbol's greatest. Default: the position's, else the symbol's.",
        "margin_mode": "`cross` or `isolated`; changes only while nothing is held. Default: its own, else `cross`.",
        "client_order_id": "Your own name for the order, unique for ever: with it a retry can never trade twice.",
        "decision_id": "The decision that it follows from: the order is then held to the account's risk limits.",
    },
    messages.SubmitDecision: {
        "account_id": "The account that it is about.",
        "symbol": "What it is about.",
        "decision": "`buy`, `sell`, `hold` or `close`. No order is placed: send that with the `decision_id`.",
        "reasoning": "Why, in the model's words.",
        "confidence": "From 0 to 1, rounded to four decimals.",
        "model": "Who decided. Default: the user's name.",
        "client_decision_id": "Your own name for the decision, unique for ever: a retry is told only once.",
    },
    messages.Bracket: {
        "trigger_price": "The mark at which it fires; on the symbol's tick.",
        "price": "The limit that it then has. Default: none, it goes to the market.",
    },
    messages.AmendOrder: {
        "order_id": "The order. Either this or `client_order_id`, not both.",
        "client_order_id": "The order by your own name. Either this or `order_id`, not both.",
        "size": "The new size, what is filled included. Default: as it is.",
        "price": "The new limit. Default: as it is.",
        "trigger_price": "The new trigger, while it waits for that. Default: as it is.",
    },
    messages.ClosePosition: {"client_order_id": "Your own name for the order that closes it, unique for ever."},
    messages.CancelAfter: {
        "account_id": "The account whose orders to cancel.",
        "timeout_s": "In how many seconds, a week at most; 0: not at all.",
    },
    messages.DeadlineSet: {"trigger_time": "When, unless `cancel_after` comes again before; null: not at all."},
    messages.CancelOrder: {
        "order_id": "The order. Either this or `client_order_id`, not both.",
        "client_order_id": "The order by your own name. Either this or `order_id`, not both.",
    },
    messages.CancelAllOrders: {"symbol": "Only orders of this symbol."},
    messages.Connected: {
        "session_id": "Names this socket, in reports of problems.",
        "account_id": "The active account, or null.",
        "scopes": "What the token allows: `read`, `trade`.",
        "limits": "This server's limits.",
        "protocol": "The version of this protocol.",
    },
    messages.UserData: {"id": "The user.", "username": "Its name."},
    messages.StreamHead: {
        "seq": "The number of the last event.",
        "recovered": "Answers a `resume`: whether every event after the given place is sent.",
        "replayed": "How many of them follow this reply.",
    },
    messages.AccountData: {
        "id": "The account.",
        "name": "Its name.",
        "status": "`active` or `frozen`.",
        "model": "The model that trades it, or null.",
        "role": "The active user's: `owner`, `trader` or `viewer`. A viewer may not trade.",
        "starting_capital": "What it began with, in USDC.",
    },
    messages.PositionData: {
        "side": "`long` or `short`; of a closed position the last.",
        "size": "In units of the symbol; 0: closed.",
        "timestamp": "When it changed; of an event without `seq`, when it was worked out.",
    },
    messages.SnapshotPosition: {
        "liquidation_price": (
            "The mark at which it would be liquidated, all others held, or null where that is not above 0."
        ),
        "timestamp": "When it last changed.",
    },
    messages.OrderData: {
        "size": "As admitted: of a reduce-only order after the clip.",
        "timestamp": "When it last changed.",
    },
    messages.Bootstrap: {"account_id": "The active account, or null: then there are no positions, orders and places."},
    messages.UserSwitched: {"account_id": "The new active account, or null."},
    messages.AccountSwitched: {
        "account_id": "The active account.",
        "as_of": "The last event of each durable channel before the switch.",
    },
    messages.Subscribed: {
        "channels": "All channels subscribed to now: those that follow the active account, or those of `account_id`.",
        "streams": "Of the durable channels asked for, the last event: the next live one follows it.",
        "rejected": "Channels that there are not, each with `unknown_channel`.",
        "account_id": "Of pinned subscriptions.",
    },
    messages.Unsubscribed: {"channels": "The channels left over.", "account_id": "Of pinned subscriptions."},
    messages.Snapshot: {"unrealized_pnl": "Of all its positions, in USDC.", "timestamp": "When it was read."},
    messages.CurvePoint: {"timestamp": "Of this point."},
    messages.AssetCurve: {"points": "Oldest first, the last one now; at most 1,000, evenly thinned out beyond that."},
    messages.OrderPlaced: {
        "duplicate": "True: an earlier request placed this order, and nothing new was done.",
    },
    messages.DecisionSubmitted: {
        "decision_id": "The decision; `place_order` takes it.",
        "duplicate": "True: an earlier request submitted this decision, and nothing new was done.",
    },
    messages.OrderCanceled: {"status": "`canceled`.", "filled_size": "How much was filled before."},
    messages.OrdersCanceled: {"canceled": "The orders' ids.", "failed": "The ids of those that were not; empty."},
    messages.ServerShutdown: {"reconnect_after_ms": "How long to wait before connecting again."},
    messages.TradeUpdate: {
        "liquidation": "True where the fill was forced: see liquidation.",
        "trade_id": "The fill. It comes again, corrected, where the stored trade is.",
        "side": "`buy` or `sell`, of the order.",
        "status": "`closed` where the fill reduced, closed or turned the position, else `filled`.",
        "price": "Of this fill.",
        "size": "Of this fill.",
        "timestamp": "When it was executed.",
        "fee": "Paid for this fill, in USDC.",
        "liquidity": "`taker` or `maker`.",
        "fill_quality": "Where the price came from: `book`, `synthetic` or `backstop`.",
    },
    messages.ModelChatUpdate: {
        "decision_id": "The decision.",
        "symbol": "What it is about.",
        "decision": "`buy`, `sell`, `hold` or `close`.",
        "reasoning": "Why, in the model's words.",
        "timestamp": "When it was made.",
        "model": "Who decided.",
        "confidence": "From 0 to 1, or null.",
        "order_id": "The order that followed, or null.",
        "outcome": "What became of it, for people.",
    },
    messages.PriceUpdate: {
        "oracle_price": "The index price, where the market gives one.",
        "timestamp": "When the market said so.",
    },
    ErrorData: {
        "code": "Stable: what to act on.",
        "message": "One sentence for people; may change.",
        "in_reply_to": "The request's type, where it could be read.",
        "fields": "What is wrong, and where: all of it at once.",
        "retry_after_ms": "Wait that long before trying again.",
        "reason": "The rule of the exchange that refused an order.",
    },
    FieldError: {"path": "The field.", "message": "What is wrong with it."},
}

LIMITS = {
    "max_frame_bytes": "Bytes of a frame.",
    "max_in_flight": "Unanswered requests of a socket.",
    "max_queued_bytes": "Bytes queued for a socket; ephemeral events are dropped first.",
    "max_resume_events": "Events that `resume` replays, for each stream.",
    "messages_per_s": "Messages a second of a socket, lastingly; 0: unlimited.",
    "messages_burst": "Messages of a socket at once.",
    "malformed_burst": "Malformed frames of a socket at once; they are forgiven at one a second.",
    "orders_per_s": "Orders a second of an account, lastingly; 0: unlimited.",
    "orders_burst": "Orders of an account at once.",
    "cancels_per_s": "Cancels a second of an account, lastingly; 0: unlimited.",
    "cancels_burst": "Cancels of an account at once.",
    "unauthenticated_per_address": "Sockets of an address that are not connected yet; 0: unlimited.",
    "sockets_per_address": "Connected sockets of an address; 0: unlimited.",
}


def meaning(struct: type[msgspec.Struct], field: str) -> str | None:
    """Return what a field means: the struct's own word, one that it inherits, or the name's."""
    for each in struct.__mro__:
        if field in SPECIAL.get(each, ()):
            return SPECIAL[each][field]
    return MEANINGS.get(field)
