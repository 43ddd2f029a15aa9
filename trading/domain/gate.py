"""The risk gate: what orders that follow from decisions may not do, whatever a model or its prompt says.

Asked for each such order before it is placed. One that only reduces what is held always passes: getting out late is
better than not at all. It only reduces where it is reduce-only, or takes from the book at once no more than the
position has; but it may not raise the leverage above the limit on its way. All is reckoned at the marks of the moment,
with the equity as it is before the order.
"""

from datetime import datetime
from decimal import Decimal

from trading.domain import brackets
from trading.domain.commands import Bracket, PlaceOrder
from trading.domain.decisions import Decision
from trading.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from trading.domain.errors import FieldProblem, OrderRejected
from trading.domain.forms import check_order
from trading.domain.limits import RiskLimits
from trading.domain.market import Market
from trading.domain.money import ZERO, round_micro
from trading.domain.orders import Order
from trading.domain.placing import leverage_of
from trading.domain.policies import Policies
from trading.domain.state import AccountState
from trading.domain.values import replace


def check(
    state: AccountState, order: PlaceOrder, decision: Decision, market: Market, now: datetime, policies: Policies
) -> None:
    """Refuse an order that breaks one of the account's limits: `OrderRejected` with a `risk_…` reason.

    Raise as placing does where the order is no order at all, or there is no price.
    """
    instrument = market.instrument(order.symbol)
    check_order(order, instrument)
    mark = market.quote(order.symbol, now).mark
    limits, leverage = state.limits, leverage_of(state, order, instrument)
    opens = _opens(state, order, policies)
    held = state.positions.get(order.symbol)
    if opens or held is None or leverage > held.leverage:
        _check_leverage(limits, leverage)
    if not opens:
        return
    _check_decision(limits, decision, mark, now)
    equity = state.equity(market)
    _check_account(state, equity, now)
    _check_trade(limits, order, opens, mark, equity)
    _check_exposure(state, order, market, equity, policies)


def check_amended(
    state: AccountState, order: Order, amended: Order, market: Market, now: datetime, policies: Policies
) -> None:
    """Refuse to make of a decision's order what the limits would not let in. One that only shrinks passes.

    An order that may open is held to them as a new one, but for how many there may be; its decision must be fresh only
    where it asks for more. A bracket may always go nearer; further away as far as its trade may lose so much.
    """
    limits, mark = state.limits, market.quote(order.symbol, now).mark
    if order.reduce_only:
        _check_bracket(state, order, amended, mark, state.equity(market))
        return
    grows = amended.size > order.size
    if not grows and (amended.price, amended.trigger_price) == (order.price, order.trigger_price):
        return
    anew = _as_placed(state, amended)
    if grows:
        _check_leverage(limits, order.leverage)
        decision = state.decided.get(order.decision_ref or 0)
        if decision is not None:  # else it is of this very batch
            _check_decision(limits, decision, mark, now)
    equity = state.equity(market)
    others = replace(state, orders={ref: each for ref, each in state.orders.items() if ref != order.ref})
    _check_account(replace(others, limits=replace(limits, orders_per_hour=None)), equity, now)
    _check_trade(limits, anew, amended.size, mark, equity)
    _check_exposure(others, replace(anew, size=amended.remaining), market, equity, policies)


def _as_placed(state: AccountState, order: Order) -> PlaceOrder:
    """Return what would place an order as it is, with its brackets that still sleep."""
    waits, found = order.status is OrderStatus.PENDING_TRIGGER, dict[bool, Bracket]()
    for child in brackets.asleep(state, order.ref):
        if child.trigger_price is not None:
            price = None if child.order_type.is_market else child.price
            found[child.order_type.is_stop] = Bracket(child.trigger_price, price)
    return PlaceOrder(
        order.symbol,
        order.side,
        order.size,
        order.order_type,
        price=None if order.order_type.is_market else order.price,
        time_in_force=order.time_in_force,
        leverage=order.leverage,
        trigger_price=order.trigger_price if waits else None,
        stop_loss=found.get(True),
        take_profit=found.get(False),
    )


def _check_bracket(state: AccountState, order: Order, amended: Order, mark: Decimal, equity: Decimal) -> None:
    limits, side = state.limits, order.side.other
    if order.parent_ref is None or _worst(amended, side) * side.sign >= _worst(order, side) * side.sign:
        return
    parent = state.orders.get(order.parent_ref)
    if order.awaits_parent and parent is not None:
        _check_trade(limits, _as_placed(state.with_order(amended), parent), parent.size, mark, equity)
        return
    held = state.positions.get(order.symbol)
    if (
        order.order_type.is_stop
        and held is not None
        and held.side.closing_side is order.side
        and limits.risk_pct is not None
    ):
        loss = min(held.size, amended.remaining) * (held.entry_price - _worst(amended, side)) * side.sign
        _check_risk(limits.risk_pct, loss, equity)


def _worst(bracket: Order, side: Side) -> Decimal:
    """Return at what price a bracket of a trade on `side` is expected to end it."""
    at = bracket.trigger_price or bracket.price
    return at if bracket.order_type.is_market else side.sign * min(side.sign * at, side.sign * bracket.price)


def _opens(state: AccountState, order: PlaceOrder, policies: Policies) -> Decimal:
    """Return how much of an order may open, units: of one that waits all, whatever is held by then."""
    if order.reduce_only or order.size is None:
        return ZERO
    position = state.positions.get(order.symbol)
    if position is None or position.side.closing_side is not order.side or not _is_at_once(order, policies):
        return order.size
    return max(ZERO, order.size - position.size)


def _is_at_once(order: PlaceOrder, policies: Policies) -> bool:
    takes = order.order_type is OrderType.MARKET or (
        order.order_type is OrderType.LIMIT and order.time_in_force is TimeInForce.IOC
    )
    return takes and not policies.latency.most_ms


def _check_leverage(limits: RiskLimits, leverage: int) -> None:
    if limits.max_leverage is not None and leverage > limits.max_leverage:
        raise OrderRejected(
            f"The order has a leverage of {leverage}; decisions on this account may use {limits.max_leverage} at most.",
            reason="risk_leverage",
            fields=[FieldProblem("leverage", f"must be at most {limits.max_leverage}")],
        )


def _check_decision(limits: RiskLimits, decision: Decision, mark: Decimal, now: datetime) -> None:
    """Refuse what comes too long after it was decided, or when the price is another by now."""
    age = now - decision.at
    if limits.max_age is not None and age > limits.max_age:
        raise OrderRejected(
            f"The decision is {age.total_seconds():.0f} s old; after {limits.max_age.total_seconds():.0f} s nothing "
            "more is opened on it. Decide anew.",
            reason="risk_decision_expired",
            fields=[FieldProblem("decision_id", "has expired")],
        )
    if limits.max_drift_pct is None or decision.mark is None:
        return
    if abs(mark - decision.mark) * 100 > limits.max_drift_pct * decision.mark:
        raise OrderRejected(
            f"The mark is {mark:f} and was {decision.mark:f} when it was decided; it may drift by "
            f"{_plain(limits.max_drift_pct)} % at most. Decide anew.",
            reason="risk_price_drift",
            fields=[FieldProblem("decision_id", "was made at another price")],
        )


def _check_account(state: AccountState, equity: Decimal, now: datetime) -> None:
    """Refuse to open more on an account that lost too much today, has just lost, or trades too often."""
    limits, day = state.limits, state.day.rolled(now)
    loss = -day.profit(equity).pnl
    if limits.daily_loss_pct is not None and loss > 0:
        allowed = limits.daily_loss_pct * max(ZERO, day.open_equity + day.net_deposits) / 100
        if loss >= allowed:
            raise OrderRejected(
                f"The account has lost {_usdc(loss)} USDC since 00:00 UTC, of the {_usdc(allowed)} that a day may "
                "lose; until the next day nothing more is opened.",
                reason="risk_daily_loss",
            )
    lost_at = state.conduct.lost_at
    if limits.cooldown is not None and lost_at is not None and now < lost_at + limits.cooldown:
        until = lost_at + limits.cooldown
        raise OrderRejected(
            f"A fill lost at {lost_at:%H:%M:%S} UTC; until {until:%H:%M:%S} nothing more is opened.",
            reason="risk_cooldown",
        )
    if limits.orders_per_hour is not None and len(state.conduct.within_hour(now)) >= limits.orders_per_hour:
        raise OrderRejected(
            f"{limits.orders_per_hour} orders may follow from decisions within an hour, and have; wait.",
            reason="risk_orders_per_hour",
        )


def _check_trade(limits: RiskLimits, order: PlaceOrder, opens: Decimal, mark: Decimal, equity: Decimal) -> None:
    """Refuse what could lose too much at its stop, or gain too little at its target for what it could lose.

    It is expected to open at the mark, its trigger or its limit, whichever is worse for it. Without a stop
    nobody knows what it may lose: then the exposure and the day's loss are what limits it, and `require_stop`.
    """
    sign = order.side.sign
    best = brackets.entry(order.side, order.price, order.trigger_price, mark)
    entry = sign * max(sign * best, sign * (order.price or order.trigger_price or mark))
    loss = gain = None
    if order.stop_loss is not None:
        stop = order.stop_loss.trigger_price
        if (best - stop) * sign <= 0:
            raise _wrong_side("stop_loss", "beyond", stop, best, reason="risk_stop_side")
        # Where it becomes a limit order, that is what it may get.
        loss = (entry - sign * min(sign * stop, sign * (order.stop_loss.price or stop))) * sign
    elif limits.require_stop:
        raise OrderRejected(
            "Decisions on this account may open nothing without a stop_loss.",
            reason="risk_stop_required",
            fields=[FieldProblem("stop_loss", "is required")],
        )
    if order.take_profit is not None:
        target = order.take_profit.trigger_price
        gain = (target - entry) * sign
        if gain <= 0:
            raise _wrong_side("take_profit", "short of", target, entry, reason="risk_target_side")
    if limits.risk_pct is not None and loss is not None:
        _check_risk(limits.risk_pct, opens * loss, equity)
    least = limits.min_reward_risk
    if least is not None and (loss is None or gain is None or gain < least * loss):
        raise OrderRejected(
            f"What it may gain at its take_profit must be at least {_plain(least)} times what it may lose at its "
            f"stop_loss, from an entry at {entry:f}; both are needed.",
            reason="risk_reward_risk",
            fields=[FieldProblem("take_profit", "gains too little for what may be lost, or one of the two is missing")],
        )


def _check_risk(risk_pct: Decimal, loss: Decimal, equity: Decimal) -> None:
    if loss * 100 > risk_pct * equity:
        raise OrderRejected(
            f"By {_plain(risk_pct)} % of the equity one trade may risk {_usdc(risk_pct * equity / 100)} "
            f"USDC; at its stop_loss it would lose {_usdc(loss)} USDC. Lower the size.",
            reason="risk_per_trade",
            fields=[FieldProblem("size", "risks too much")],
        )


def _check_exposure(
    state: AccountState, order: PlaceOrder, market: Market, equity: Decimal, policies: Policies
) -> None:
    """Refuse what would make the positions, once all that waits is filled, worth too many times the equity."""
    worth = {symbol: exposure(state, symbol, market) for symbol in _symbols(state) - {order.symbol}}
    of_symbol = exposure(state, order.symbol, market, order, policies)
    gross = sum(worth.values(), of_symbol)
    for limit, found, reason, what in (
        (state.limits.symbol_exposure, of_symbol, "risk_symbol_exposure", order.symbol),
        (state.limits.gross_exposure, gross, "risk_gross_exposure", "All positions together"),
    ):
        if limit is not None and found > limit * equity:
            raise OrderRejected(
                f"{what} would be worth {_usdc(found)} USDC with what is open; {_plain(limit)} times the equity, "
                f"{_usdc(limit * equity)}, is the most. Lower the size or cancel orders.",
                reason=reason,
                fields=[FieldProblem("size", "makes the exposure too large")],
            )


def exposure(
    state: AccountState,
    symbol: str,
    market: Market,
    order: PlaceOrder | None = None,
    policies: Policies | None = None,
) -> Decimal:
    """Return the most that a symbol's position can be worth once orders that wait are filled, and `order` too, USDC.

    The greater of the long position with all that buys and the short one with all that sells, so that no close and no
    fill makes it greater than it was admitted at. What can only reduce does not count.
    """
    position = state.positions.get(symbol)
    signed = position.signed_size if position is not None else ZERO
    mark = market.mark(symbol, otherwise=position.entry_price if position is not None else ZERO)
    waiting = {Side.BUY: ZERO, Side.SELL: ZERO}
    for each in state.orders.values():
        if each.symbol == symbol and each.is_active and not each.reduce_only:
            waiting[each.side] += each.remaining * _price(each, mark)
    if order is not None and policies is not None and order.size is not None and not order.reduce_only:
        if _is_at_once(order, policies):
            signed += order.side.sign * order.size
        else:
            waiting[order.side] += order.size * _price(order, mark)
    longs, shorts = max(signed, ZERO) * mark, max(-signed, ZERO) * mark
    return max(longs + waiting[Side.BUY], shorts + waiting[Side.SELL])


def _price(order: Order | PlaceOrder, mark: Decimal) -> Decimal:
    """Return at what price an order that waits counts: its limit or trigger; one that sells gets the mark if better."""
    price = (order.trigger_price or mark) if order.order_type.is_market else (order.price or mark)
    return max(price, mark) if order.side is Side.SELL else price


def _symbols(state: AccountState) -> set[str]:
    held = {symbol for symbol, position in state.positions.items() if position.is_open}
    return held | {order.symbol for order in state.orders.values() if order.is_active and not order.reduce_only}


def _wrong_side(path: str, where: str, trigger: Decimal, entry: Decimal, *, reason: str) -> OrderRejected:
    return OrderRejected(
        f"The {path} at {trigger:f} is {where} the entry at {entry:f}: it is on the wrong side.",
        reason=reason,
        fields=[FieldProblem(f"{path}.trigger_price", "is on the wrong side of the entry")],
    )


def _usdc(amount: Decimal) -> str:
    return f"{round_micro(amount):f}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
