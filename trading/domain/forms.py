"""The form of what is asked: numbers on the grid, and fields that go with the order's type. All problems at once."""

from collections.abc import Sequence
from decimal import Decimal

from trading.domain.commands import AmendOrder, Bracket, PlaceOrder
from trading.domain.errors import FieldProblem, OrderRejected
from trading.domain.instruments import PRICE_FIGURES, Instrument
from trading.domain.money import LARGEST, LARGEST_SIZE
from trading.domain.orders import Order


def check_order(command: PlaceOrder, instrument: Instrument) -> None:
    """Refuse an order whose numbers are off the grid, or which has fields that do not go with its type."""
    kind = command.order_type
    problems: list[FieldProblem] = []
    reason = "tick_rejected"
    follows = kind.is_trigger and command.reduce_only
    wrong_size = None if command.size is None and follows else _size_problem(command.size, instrument)
    if wrong_size:
        reason = "lot_rejected"
        problems.append(FieldProblem("size", wrong_size))
    name = kind.replace("_", " ")
    if kind.is_trigger:
        problems += _price_problems("trigger_price", command.trigger_price, instrument, required_for=name)
    elif command.trigger_price is not None:
        problems.append(_stranger("trigger_price", name))
    if kind.is_market:
        given = (("price", command.price), ("time_in_force", command.time_in_force))
        problems += [_stranger(path, name) for path, value in given if value is not None]
    else:
        problems += _price_problems("price", command.price, instrument, required_for=name)
    for path, bracket in (("stop_loss", command.stop_loss), ("take_profit", command.take_profit)):
        if bracket is not None:
            problems += _bracket_problems(path, bracket, command, instrument)
    if command.leverage is not None and not 1 <= command.leverage <= instrument.max_leverage:
        reason = "leverage_rejected"
        problems.append(FieldProblem("leverage", f"must be from 1 to {instrument.max_leverage}"))
    _refuse(problems, reason, f"The order does not fit {instrument.symbol}")


def check_amendment(command: AmendOrder, order: Order, instrument: Instrument) -> None:
    """Refuse figures that are off the grid, that the order does not have, or less than what is filled."""
    problems: list[FieldProblem] = []
    reason = "tick_rejected"
    if command.size is not None:
        wrong_size = _size_problem(command.size, instrument)
        if order.awaits_parent:
            wrong_size = "is that of the order that it protects, until that is filled"
        elif not wrong_size and command.size <= order.filled_size:
            wrong_size = f"must be more than the {order.filled_size:f} that are filled"
        if wrong_size:
            reason = "lot_rejected"
            problems.append(FieldProblem("size", wrong_size))
    name = order.order_type.replace("_", " ")
    if command.price is not None:
        problems += (
            [_stranger("price", name)]
            if order.order_type.is_market
            else _price_problems("price", command.price, instrument, required_for=name)
        )
    if command.trigger_price is not None:
        if not order.order_type.is_trigger:
            problems.append(_stranger("trigger_price", name))
        elif order.triggered_at is not None:
            problems.append(FieldProblem("trigger_price", "can't be changed: it was reached already"))
        else:
            problems += _price_problems("trigger_price", command.trigger_price, instrument, required_for=name)
    _refuse(problems, reason, f"The change does not fit {instrument.symbol}")


def _bracket_problems(path: str, bracket: Bracket, command: PlaceOrder, instrument: Instrument) -> list[FieldProblem]:
    if command.reduce_only:
        return [FieldProblem(path, "does not go with a reduce-only order; leave it out")]
    problems = _price_problems(f"{path}.trigger_price", bracket.trigger_price, instrument, required_for=path)
    if bracket.price is not None:
        problems += _price_problems(f"{path}.price", bracket.price, instrument, required_for=path)
    return problems


def _size_problem(size: Decimal | None, instrument: Instrument) -> str | None:
    if size is None:
        return "is required, except for a reduce-only stop or take profit, which then follows the position"
    if not instrument.size_is_valid(size):
        return f"must be a multiple of {Decimal(1).scaleb(-instrument.size_decimals):f}"
    return f"must be less than {LARGEST_SIZE:f}" if size >= LARGEST_SIZE else None


def _price_problems(
    path: str, price: Decimal | None, instrument: Instrument, *, required_for: str
) -> list[FieldProblem]:
    if price is None:
        return [FieldProblem(path, f"is required for a {required_for} order")]
    if not instrument.price_is_valid(price):
        places = instrument.price_decimals
        return [
            FieldProblem(
                path, f"must be whole, or have at most {PRICE_FIGURES} significant figures and {places} decimals"
            )
        ]
    return [FieldProblem(path, f"must be less than {LARGEST:f}")] if price >= LARGEST else []


def _stranger(path: str, name: str) -> FieldProblem:
    return FieldProblem(path, f"does not go with a {name} order; leave it out")


def _refuse(problems: Sequence[FieldProblem], reason: str, what: str) -> None:
    if problems:
        told = "; ".join(f"{problem.path} {problem.message}" for problem in problems)
        raise OrderRejected(f"{what}: {told}.", reason=reason, fields=problems)
