"""The market over REST: reading prices, and setting them where the market is `manual`."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from rest_framework import permissions, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Scope, SessionToken
from trading.crossing import reached
from trading.desk import desk
from trading.domain.book import Book, Level
from trading.domain.instruments import Instrument as InstrumentValue
from trading.domain.market import Quote
from trading.domain.money import decimals, problem_with_positive
from trading.market.board import board
from trading.models import Instrument
from trading.prices import market_now, store, stored

MAX_LEVELS = 100
MAX_PRICE = Decimal("1e9")


class NotManual(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "Prices come from the market's feed; set HYPERORU_MARKET=manual to set them by hand."
    default_code = "market_not_manual"


class MaySetPrices(permissions.BasePermission):
    """Staff may set prices, with a token of scope `trade` or logged in; whoever is signed in may read them."""

    message = "Only staff may set prices, with a token of scope 'trade'."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method in permissions.SAFE_METHODS:
            return True
        token = request.auth
        may_write = not isinstance(token, SessionToken) or token.scope == Scope.TRADE
        return bool(request.user.is_staff and may_write)


class Positive(serializers.Field):
    """A number greater than 0 that fits, given as JSON number or string."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | float | str):
            raise serializers.ValidationError("must be a number")
        try:
            value = Decimal(str(data))
        except ArithmeticError:
            raise serializers.ValidationError("must be a number") from None
        problem = problem_with_positive(value)
        if problem:
            raise serializers.ValidationError(problem)
        return value

    def to_representation(self, value: Decimal) -> Decimal:
        return value


class LevelsField(serializers.ListField):
    """``[[price, size], …]``, best first."""

    child = serializers.ListField(child=Positive(), min_length=2, max_length=2)


class PriceInput(serializers.Serializer[Any]):
    """A price to set. `mark` is required; the sides of the book are, where given, best first."""

    mark = Positive()
    oracle = Positive(required=False)
    bids = LevelsField(required=False, max_length=MAX_LEVELS)
    asks = LevelsField(required=False, max_length=MAX_LEVELS)

    def __init__(self, *args: Any, instrument: InstrumentValue, **kwargs: Any) -> None:
        self.instrument = instrument
        super().__init__(*args, **kwargs)

    def _on_grid(self, price: Decimal) -> Decimal:
        if price > MAX_PRICE:
            raise serializers.ValidationError(f"must be at most {MAX_PRICE:f}")
        if decimals(price) > self.instrument.price_decimals:
            raise serializers.ValidationError(f"must have at most {self.instrument.price_decimals} decimals")
        return price

    validate_mark = validate_oracle = _on_grid

    def _levels(self, rows: list[list[Decimal]], *, falling: bool) -> tuple[Level, ...]:
        for price, size in rows:
            self._on_grid(price)
            if not self.instrument.size_is_valid(size):
                raise serializers.ValidationError(f"sizes must have at most {self.instrument.size_decimals} decimals")
        prices = [price for price, _ in rows]
        if prices != sorted(set(prices), reverse=falling):
            raise serializers.ValidationError("levels must be best first, each price once")
        return tuple(Level(price, size) for price, size in rows)

    def validate_bids(self, rows: list[list[Decimal]]) -> tuple[Level, ...]:
        return self._levels(rows, falling=True)

    def validate_asks(self, rows: list[list[Decimal]]) -> tuple[Level, ...]:
        return self._levels(rows, falling=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        bids, asks = attrs.get("bids") or (), attrs.get("asks") or ()
        if bids and asks and bids[0].price >= asks[0].price:
            raise serializers.ValidationError({"bids": "the best bid must be below the best ask"})
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "is not a field of a price"))
        return attrs


class MarketView(APIView):
    permission_classes = [MaySetPrices]

    def get(self, request: Request) -> Response:
        """List the last price of each instrument."""
        quotes = {quote.symbol: quote for quote in stored()}
        symbols = Instrument.objects.filter(listed=True).values_list("symbol", flat=True)
        return Response([_price(symbol, quotes.get(symbol)) for symbol in symbols])


class PriceView(APIView):
    permission_classes = [MaySetPrices]

    def get(self, request: Request, symbol: str) -> Response:
        """Return the last price of one instrument."""
        instrument = _listed(symbol)
        return Response(_price(symbol, next((q for q in stored() if q.symbol == instrument.symbol), None)))

    def put(self, request: Request, symbol: str) -> Response:
        """Set the price of one instrument, where the market is `manual`. It stands until it is set again."""
        instrument = _listed(symbol)
        if settings.HYPERORU_MARKET != "manual":
            raise NotManual
        price = PriceInput(data=request.data, instrument=instrument.to_domain())
        price.is_valid(raise_exception=True)
        data = price.validated_data
        book = Book(data.get("bids", ()), data.get("asks", ())) if "bids" in data or "asks" in data else None
        quote = Quote(symbol, data["mark"], timezone.now(), data.get("oracle"), book, expires=False)
        store([quote])
        board.put([quote])
        # At once, not at the engine's next look: the price may be another by then, and was here all the same.
        for future in [desk.submit(request) for request in reached(market_now(board), symbol)]:
            future.result()
        return Response(_price(symbol, quote))


def _listed(symbol: str) -> Instrument:
    instrument = Instrument.objects.filter(symbol=symbol, listed=True).first()
    if instrument is None:
        raise Http404(f"{symbol} is not traded here.")
    return instrument


def _price(symbol: str, quote: Quote | None) -> dict[str, Any]:
    if quote is None:
        return {"symbol": symbol, "mark": None, "oracle": None, "bids": None, "asks": None, "timestamp": None}
    book = quote.book
    return {
        "symbol": symbol,
        "mark": quote.mark,
        "oracle": quote.oracle,
        "bids": [[level.price, level.size] for level in book.bids] if book else None,
        "asks": [[level.price, level.size] for level in book.asks] if book else None,
        "timestamp": quote.at,
    }
