"""What a language model says trades as it says, or not at all, and why not is stored."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import an_account, an_order, done, execute
from tests.llm.endpoint import ChatServer, say
from tests.llm.given import PRICES, QUICK, a_market, a_run, a_view, decided, entry, prices, reply
from trading.agents import make_asker
from trading.desk import Done
from trading.models import ModelDecision, Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def test_a_buy_trades_with_its_stop_and_target(chat: ChatServer) -> None:
    it = decided(chat, say(reply(entry())))
    order, *brackets = it.orders
    assert (it.row.decision, it.row.status, it.row.outcome) == ("buy", "accepted", "buy 0.02 filled at 67010")
    assert (it.row.reasoning, it.row.confidence) == ("Support held.", D("0.7"))
    assert (order.side, order.size, order.leverage, order.decision_id) == ("buy", D("0.02"), 5, it.row.pk)
    assert {(each.order_type, each.trigger_price) for each in brackets} == {
        ("stop_market", D(66000)),
        ("take_profit_market", D(69000)),
    }
    assert it.row.facts == {
        "action": "buy", "notional": "1340", "stop_loss": "66000", "take_profit": "69000", "leverage": 5,
        "mark": "67000", "size": "0.02",
    }  # fmt: skip
    assert (it.asked.status, it.asked.error) == ("done", "")


def test_numbers_of_json_count_as_they_are_written(chat: ChatServer) -> None:
    content = json.dumps(reply(entry(notional=1340.5, stop_loss=66000, take_profit=None, confidence=0)))
    it = decided(chat, say(content))
    assert it.orders[0].size == D("0.02")
    assert it.row.facts["notional"] == "1340.5"
    assert it.row.confidence == 0


def test_what_may_be_null_may_be_left_out(chat: ChatServer) -> None:
    it = decided(chat, say(reply({"symbol": "BTC", "action": "hold", "confidence": "1", "reasoning": "Nothing."})))
    assert (it.row.decision, it.row.status, it.row.outcome, it.orders) == ("hold", "none", "no order", [])


def test_a_size_is_cut_to_the_lot(chat: ChatServer) -> None:
    it = decided(chat, say(reply(entry(notional="999.999999"))))
    assert it.orders[0].size == D("0.01492")  # of 0.014925…


def test_a_close_closes_the_whole_position(chat: ChatServer) -> None:
    prices()
    account = an_account()
    done(account, an_order("0.013", "sell"))
    chat.will(say(reply(entry(action="close"))))
    market = a_market("BTC", position_size=D("-0.013"), entry_price=D(66990))
    view = replace(a_view(account, run=a_run(account)), symbols={"BTC": market})
    [command] = make_asker("llm", {**PRICES, **QUICK}).ask(view).decisions
    done(account, command)
    row = ModelDecision.objects.get()
    assert (row.decision, row.status, row.outcome) == ("close", "accepted", "buy 0.013 filled at 67010")
    assert Trade.objects.order_by("pk").last().status == "closed"  # type: ignore[union-attr]


def test_a_run_that_is_sent_again_trades_once(chat: ChatServer) -> None:
    prices()
    account = an_account()
    chat.will(say(reply(entry())), say(reply(entry(action="sell", stop_loss="68000", take_profit="66000"))))
    view = a_view(account, run=a_run(account))
    asker = make_asker("llm", {**PRICES, **QUICK})
    first, second = asker.ask(view), asker.ask(view)
    answers = execute(account, *first.decisions, *first.decisions, *second.decisions)
    assert [isinstance(each, Done) and each.duplicate for each in answers] == [False, True, True]
    assert Trade.objects.count() == 1
    assert ModelDecision.objects.get().decision == "buy"


BAD_ENTRIES: list[tuple[dict[str, Any], str]] = [
    ({"action": "open_long"}, "invalid: Invalid enum value 'open_long' - at `$.action`"),
    ({"action": ["buy"]}, "invalid: Expected `str`, got `array` - at `$.action`"),
    ({"leverage": 41}, "invalid: leverage 41 is over the most that BTC has, 40"),
    ({"leverage": 0}, "invalid: Expected `int` >= 1 - at `$.leverage`"),
    ({"leverage": "5"}, "invalid: Expected `int | null`, got `str` - at `$.leverage`"),
    ({"leverage": True}, "invalid: Expected `int | null`, got `bool` - at `$.leverage`"),
    ({"leverage": 2.5}, "invalid: Expected `int | null`, got `decimal` - at `$.leverage`"),
    ({"leverage": None}, "invalid: leverage is missing for buy"),
    ({"notional": None}, "invalid: notional is missing for buy"),
    ({"notional": "0"}, "invalid: notional 0 must be greater than 0 and less than 1000000000000"),
    ({"notional": "-1340"}, "invalid: notional -1340 must be greater than 0 and less than 1000000000000"),
    ({"notional": "1000000000000"}, "invalid: notional 1000000000000 must be greater than 0"),
    ({"notional": "0.5"}, "invalid: notional 0.5 is less than a lot of BTC is worth"),
    ({"notional": "NaN"}, "invalid: Expected a plain decimal string"),
    ({"notional": "Infinity"}, "invalid: Expected a plain decimal string"),
    ({"notional": "1_340"}, "invalid: Expected a plain decimal string"),
    ({"notional": " 1340"}, "invalid: Expected a plain decimal string"),
    ({"notional": "1e3"}, "invalid: Expected a plain decimal string"),
    ({"notional": "١٣٤٠"}, "invalid: Expected a plain decimal string"),
    ({"notional": "10% of equity"}, "invalid: Expected a plain decimal string"),
    ({"notional": 1e300}, "invalid: Expected a number of usual size"),
    ({"notional": True}, "invalid: Expected a decimal, got bool"),
    ({"notional": [1340]}, "invalid: Expected a decimal, got list"),
    ({"confidence": "70"}, "invalid: confidence 70 is not from 0 to 1"),
    ({"confidence": "-0.1"}, "invalid: confidence -0.1 is not from 0 to 1"),
    ({"confidence": "0.12345"}, "invalid: confidence has more than 4 decimals"),
    ({"confidence": None}, "invalid: Expected a decimal, got NoneType"),
    ({"reasoning": ""}, "invalid: Expected `str` of length >= 1 - at `$.reasoning`"),
    ({"reasoning": "x" * 4001}, "invalid: Expected `str` of length <= 4000 - at `$.reasoning`"),
    ({"order_type": "limit"}, "invalid: Object contains unknown field `order_type`"),
    ({"stop_loss": "67000"}, "invalid: stop_loss 67000 of a buy must be below the mark, 67000"),
    ({"stop_loss": "660000"}, "invalid: stop_loss 660000 of a buy must be below the mark, 67000"),
    ({"take_profit": "690000"}, "invalid: take_profit 690000 is further than half or double the mark, 67000"),
    ({"take_profit": "66500"}, "invalid: take_profit 66500 of a buy must be above the mark, 67000"),
    ({"stop_loss": "6600"}, "invalid: stop_loss 6600 is further than half or double the mark, 67000"),
    ({"stop_loss": "66000.5"}, "invalid: stop_loss 66000.5 is not on the tick"),
    ({"action": "sell"}, "invalid: stop_loss 66000 of a sell must be above the mark, 67000"),
    ({"action": "close", "notional": "1340"}, "invalid: notional must be null for close"),
    ({"action": "hold", "stop_loss": "66000"}, "invalid: stop_loss must be null for hold"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "told"), BAD_ENTRIES, ids=[str(each)[:40] for each, _ in BAD_ENTRIES])
def test_a_bad_entry_is_refused_alone_and_says_why(chat: ChatServer, wrong: dict[str, Any], told: str) -> None:
    it = decided(chat, say(reply(entry(**wrong), entry("ETH"))), symbols=("BTC", "ETH"))
    bad, good = it.rows
    assert (bad.decision, bad.status) == ("hold", "invalid")
    assert bad.outcome.startswith(told), bad.outcome
    assert "entry" in bad.facts
    assert good.status == "accepted"
    assert {order.instrument_id for order in it.orders} == {"ETH"}
    assert it.asked.error == f"BTC: {bad.outcome}"


def test_a_close_without_a_position_is_refused(chat: ChatServer) -> None:
    it = decided(chat, say(reply(entry(action="close"))))
    assert (it.row.status, it.row.outcome) == ("invalid", "invalid: there is no position in BTC to close")
    assert it.orders == []


def test_an_entry_that_names_a_field_twice_is_refused_alone(chat: ChatServer) -> None:
    twice = json.dumps(entry())[:-1] + ', "action": "sell"}'
    it = decided(chat, say(f'{{"decisions": [{twice}, {json.dumps(entry("ETH"))}]}}'), symbols=("BTC", "ETH"))
    bad, good = it.rows
    assert bad.outcome == "invalid: the reply has no decision about BTC; entry 1: it names 'action' twice"
    assert bad.facts == {"strays": ["entry 1: it names 'action' twice"]}
    assert good.status == "accepted"


def test_a_symbol_that_is_decided_twice_is_not_traded(chat: ChatServer) -> None:
    entries = [entry(), entry("ETH", "hold"), entry(action="hold")]
    it = decided(chat, say(reply(*entries)), symbols=("BTC", "ETH"))
    assert it.rows[0].outcome == "invalid: the reply decides 2 times about BTC"
    assert [row.status for row in it.rows] == ["invalid", "none"]
    assert it.orders == []


@pytest.mark.parametrize(
    ("stray", "told"),
    [
        (entry("DOGE"), "entry 1: 'DOGE' was not asked about"),
        (entry("btc"), "entry 1: 'btc' was not asked about"),
        ([1.5, 2.5], "entry 1: it is not an object but ["),
        ("buy", 'entry 1: it is not an object but "buy"'),
        ({"action": "buy"}, "entry 1: it names no symbol"),
        ({"symbol": ["BTC"]}, "entry 1: it names no symbol"),
    ],
)
def test_an_entry_of_no_symbol_is_told_and_disturbs_none(chat: ChatServer, stray: Any, told: str) -> None:
    it = decided(chat, say(reply(stray, entry())))
    assert it.row.status == "accepted"
    assert it.row.facts["strays"][0].startswith(told)
    assert it.asked.error.startswith(told)
    alone = decided(chat, say(reply(stray)))
    assert alone.row.outcome.startswith(f"invalid: the reply has no decision about BTC; {told}")
    assert alone.orders == []


WHOLE = json.dumps(reply(entry()))
UNUSABLE: list[tuple[Any, str]] = [
    ("I would buy some BTC here.", "invalid: the reply is not JSON and nothing else: Expecting value"),
    (f"Here you are: {WHOLE}", "invalid: the reply is not JSON and nothing else: Expecting value"),
    (f"{WHOLE}\nGood luck!", "invalid: the reply is not JSON and nothing else: Extra data"),
    (f"```json\n{WHOLE}\n```", "invalid: the reply is not JSON and nothing else: Expecting value"),
    (f"{WHOLE}{WHOLE}", "invalid: the reply is not JSON and nothing else: Extra data"),
    (WHOLE[:-5], "invalid: the reply is not JSON and nothing else: Unterminated string"),
    (WHOLE.replace('"1340"', "NaN"), "invalid: the reply is not JSON and nothing else: NaN is no number"),
    (WHOLE.replace('"1340"', "-Infinity"), "invalid: the reply is not JSON and nothing else: -Infinity is no number"),
    (WHOLE.replace('"1340"', "9" * 5000), "invalid: the reply is not JSON and nothing else: Exceeds the limit"),
    ("[" * 100_000, "invalid: the reply is not JSON and nothing else: "),
    (json.dumps([entry()]), "invalid: the reply is not an object of decisions: Expected `object`, got `array`"),
    (json.dumps(entry()), "invalid: the reply is not an object of decisions: Object contains unknown field `symbol`"),
    (json.dumps({"decisions": entry()}), "invalid: the reply is not an object of decisions: Expected `array`"),
    (json.dumps({"decisions": "buy"}), "invalid: the reply is not an object of decisions: Expected `array`"),
    (json.dumps({**reply(entry()), "macd": [1]}), "invalid: the reply is not an object of decisions: Object contains"),
    ("{}", "invalid: the reply is not an object of decisions: Object missing required field `decisions`"),
    ('{"decisions": [], "decisions": []}', "invalid: the reply names 'decisions' twice"),
    ('"buy"', "invalid: the reply is not an object of decisions: Expected `object`, got `str`"),
    ("null", "invalid: the reply is not an object of decisions: Expected `object`, got `null`"),
    ("", "invalid: the reply is empty"),
    ("  \n", "invalid: the reply is empty"),
    (None, "invalid: the reply is empty"),
    (json.dumps(reply()), "invalid: the reply has no decision about BTC"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told"), UNUSABLE, ids=[str(each)[:40] for each, _ in UNUSABLE])
def test_a_reply_that_is_no_decisions_ends_in_holds_that_say_so(chat: ChatServer, content: Any, told: str) -> None:
    it = decided(chat, say(content), symbols=("BTC", "ETH"))
    assert {(row.decision, row.status) for row in it.rows} == {("hold", "invalid")}
    assert it.rows[0].outcome.startswith(told), it.rows[0].outcome
    assert it.orders == []
    assert it.asked.cost > 0
    assert len(chat.requests) == 1  # a bad answer is paid for once
    assert json.loads(it.asked.raw_reply)["choices"][0]["message"]["content"] == content


def test_a_reply_that_was_cut_off_says_so(chat: ChatServer) -> None:
    it = decided(chat, say(WHOLE[:60], finish="length"))
    assert it.row.outcome.endswith("it was cut off at the most tokens that it may have")


def test_a_refusal_is_told(chat: ChatServer) -> None:
    it = decided(chat, say(None, refusal="I can't give financial advice."))
    assert it.row.outcome == "invalid: the model refuses to answer: I can't give financial advice."
    assert it.orders == []


def test_what_a_database_can_not_store_is_replaced(chat: ChatServer) -> None:
    content = json.dumps(reply(entry(reasoning="zero \0 and half a pair \ud83d.")))
    it = decided(chat, say(content))
    assert (it.row.status, it.row.reasoning) == ("accepted", "zero \N{REPLACEMENT CHARACTER} and half a pair ?.")
    odd = decided(chat, say(json.dumps(reply(entry(**{"a\0\ud83d": "b\0"})))))
    assert odd.row.status == "invalid"
    assert Order.objects.filter(account=odd.account).count() == 0


THOUGHTS = "<think>\nRSI is low {and} [rising].\n</think>\n\n"


@pytest.mark.parametrize("before", [THOUGHTS, "\n" + THOUGHTS, "<think></think>", '<think>{"decisions": []}</think>'])
def test_thoughts_before_the_answer_are_no_part_of_it(chat: ChatServer, before: str) -> None:
    said = before + json.dumps(reply(entry()))
    it = decided(chat, say(said))
    assert (it.row.decision, it.row.status, it.row.reasoning) == ("buy", "accepted", "Support held.")
    assert json.loads(it.asked.raw_reply)["choices"][0]["message"]["content"] == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (THOUGHTS, "invalid: the reply has thoughts but no answer"),
        (THOUGHTS + "Buy! {}", "invalid: the reply is not JSON and nothing else"),
        (THOUGHTS + "```json\n{}\n```", "invalid: the reply is not JSON and nothing else"),
        (THOUGHTS + THOUGHTS + "{}", "invalid: the reply is not JSON and nothing else"),
        ("Well. " + THOUGHTS + "{}", "invalid: the reply is not JSON and nothing else"),
        (THOUGHTS.partition("</think>")[0] + "{}", "invalid: the reply is not JSON and nothing else"),
        (THOUGHTS.partition("<think>")[2] + "{}", "invalid: the reply is not JSON and nothing else"),
        ("{}" + THOUGHTS, "invalid: the reply is not JSON and nothing else"),
    ],
)
def test_what_is_no_answer_after_thoughts_is_refused(chat: ChatServer, said: str, told: str) -> None:
    body = json.dumps(reply(entry()))
    it = decided(chat, say(said.replace("{}", body)))
    assert it.row.outcome.startswith(told)
    assert (it.row.status, it.orders) == ("invalid", [])


def test_a_reply_of_thousands_of_entries_is_told_in_short(chat: ChatServer) -> None:
    strays = [{}] * 5_000
    it = decided(chat, say(reply(entry(), *strays)))
    assert (it.row.decision, it.row.status) == ("buy", "accepted")
    assert len(it.row.facts["strays"]) == 21
    assert it.row.facts["strays"][-1] == "and 4980 more such entries"
    assert it.asked.error.endswith("entry 21: it names no symbol; and 4980 more such entries")


def test_a_symbol_that_is_decided_thousands_of_times_is_refused(chat: ChatServer) -> None:
    it = decided(chat, say(reply(*[{"symbol": "BTC"}] * 10_000)))
    assert it.row.outcome == "invalid: the reply decides 10000 times about BTC"
    assert len(it.row.facts["entry"]) == 2_000
