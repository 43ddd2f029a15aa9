"""Fee tiers by volume, at their bounds."""

import pytest

from tests.domain.given import d
from trading.domain.enums import Liquidity
from trading.domain.fees import FeeRates, Volume, fee, rates_for

CENT = d("0.000001")
BOUNDS = [
    ("5e6", "0.00045", "0.00015", "0.0004", "0.00012"),
    ("25e6", "0.0004", "0.00012", "0.00035", "0.00008"),
    ("100e6", "0.00035", "0.00008", "0.0003", "0.00004"),
    ("500e6", "0.0003", "0.00004", "0.00028", "0"),
    ("2e9", "0.00028", "0", "0.00026", "0"),
    ("7e9", "0.00026", "0", "0.00024", "0"),
]


@pytest.mark.parametrize(("bound", "taker", "maker", "next_taker", "next_maker"), BOUNDS)
def test_a_tier_begins_just_above_its_bound(
    bound: str, taker: str, maker: str, next_taker: str, next_maker: str
) -> None:
    assert rates_for(d(bound) - CENT) == rates_for(d(bound)) == FeeRates(d(taker), d(maker))
    assert rates_for(d(bound) + CENT) == FeeRates(d(next_taker), d(next_maker))


def test_without_volume_the_base_tier_holds() -> None:
    assert rates_for(d(0)) == FeeRates() == FeeRates(d("0.00045"), d("0.00015"))


@pytest.mark.parametrize(
    ("share", "maker"),
    [("0.005", "0.00015"), ("0.0051", "-0.00001"), ("0.015", "-0.00001"), ("0.016", "-0.00002"), ("0.03", "-0.00002"),
     ("0.031", "-0.00003")],
)  # fmt: skip
def test_large_makers_have_a_rebate_where_their_share_is_known(share: str, maker: str) -> None:
    assert rates_for(d(0), d(share)) == FeeRates(d("0.00045"), d(maker))


def test_a_rebate_is_cut_towards_zero_as_a_fee_is() -> None:
    assert fee(d("66653"), d("0.001"), d("-0.00001")) == d("-0.000666")


def test_volume_is_counted_by_liquidity() -> None:
    assert Volume().plus(d(5), Liquidity.TAKER).plus(d(7), Liquidity.MAKER) == Volume(d(5), d(7))
