// The state of one account, reduced from snapshots, pages and events. Knows neither the socket nor the page.
//
// `streams` are the places in the durable channels: epoch and number of the last event that was taken, from where the
// lists go on. `floors` are the places that the last snapshot had: what it says of positions and orders holds until a
// later event.

import { Candles } from "./candles.js";
import { SPANS, keyed, pointOf, withPoint } from "./lists.js";
import { Paged } from "./paged.js";

const MOST_POINTS = 2_000;
const FINISHED = new Set(["filled", "canceled"]);
const MARK_KEYS = ["mark_price", "unrealized_pnl", "position_value", "margin_used", "return_on_equity", "timestamp"];
/** The lists that events go on with, by their channel. */
const LIST_OF = { trades: "trades", model_chat: "decisions", orders: "history" };
const PAGED = ["trades", "decisions", "history", "ledger", "funding"];

const emptyAccount = (accountId) => ({
  accountId,
  missing: false,
  loaded: false,
  timeframe: "24h",
  summary: null,
  positions: new Map(),
  orders: new Map(),
  curve: [],
  lists: Object.fromEntries(PAGED.map((name) => [name, new Paged(name)])),
  candles: null,
  streams: {},
  floors: {},
});

const ALL = ["account", "summary", "positions", "orders", ...PAGED, "candles", "fills", "curve"];

export class AccountStore {
  state = emptyAccount(null);
  #touch;
  #followed = false;

  /** `touch(...parts)` is told which parts changed. */
  constructor(touch = () => {}) {
    this.#touch = touch;
  }

  /** Turn to an account: nothing of another one stays. */
  choose(accountId) {
    if (accountId === this.state.accountId) return;
    this.#followed = false;
    Object.assign(this.state, emptyAccount(accountId), { timeframe: this.state.timeframe });
    this.#touch(...ALL);
  }

  /** There is no such account, or not for this viewer. */
  miss() {
    this.state.missing = true;
    this.#touch(...ALL);
  }

  /** It is to be loaded: lists whose events were not followed yet are read anew, what failed is tried again. */
  prepare() {
    const { lists, loaded } = this.state;
    if (!loaded) for (const name of Object.values(LIST_OF)) this.forget(name);
    for (const list of Object.values(lists)) list.failed = "";
  }

  /** Events come no more, or not all of them: what comes until the next `load` is not taken. */
  pause() {
    this.#followed = false;
  }

  /**
   * Put the loaded state in, and return the places to resume from. Lists that were read before go on from where they
   * stood; new ones from `before`, places that are older than their first page.
   */
  load(snapshot, curve, before = {}) {
    const state = this.state;
    const known = state.streams;
    state.streams = { ...snapshot.as_of };
    for (const channel of Object.keys(LIST_OF)) {
      const place = known[channel] ?? before[channel];
      if (place) state.streams[channel] = place;
    }
    state.floors = { ...snapshot.as_of };
    state.positions = keyed(snapshot.positions, "symbol");
    state.orders = keyed(snapshot.active_orders, "order_id");
    state.summary = summaryOf(snapshot);
    if (curve.timeframe === state.timeframe) state.curve = curve.points.map(pointOf); // else another one was chosen meanwhile
    state.loaded = true;
    state.missing = false;
    this.#followed = true;
    this.#touch("account", "summary", "positions", "orders", "curve");
    return { ...state.streams };
  }

  /** Another timeframe's curve. */
  draw(curve) {
    this.state.timeframe = curve.timeframe;
    this.state.curve = curve.points.map(pointOf);
    this.#touch("curve");
  }

  /** The server could not replay all of a list's events since its place: it goes on from `head`, and is read anew. */
  skip(channel, head) {
    this.state.streams[channel] = { epoch: head.epoch, seq: head.seq };
    this.forget(LIST_OF[channel]);
    if (channel === "trades" && this.state.candles) this.state.candles.fills = new Paged("fills", { symbol: this.state.candles.symbol });
  }

  /** Empty a list, to be read anew, perhaps by another filter. */
  forget(name, filter = this.state.lists[name].filter) {
    this.state.lists[name] = new Paged(name, filter);
    this.#touch(name);
  }

  /** Show the candles of a symbol. */
  chart(symbol, interval) {
    const { candles } = this.state;
    this.state.candles = new Candles(symbol, interval, candles?.symbol === symbol ? candles.fills : null);
    this.#touch("candles", "fills");
  }

  /** Say that something of `lists` or `candles` was changed. */
  changed(...parts) {
    this.#touch(...parts);
  }

  /** Take a mark. */
  price(quote) {
    const { candles } = this.state;
    if (candles?.symbol === quote.symbol && candles.tick(quote)) this.#touch("candles");
  }

  /** Take a snapshot that was fetched while events went on: whatever part of it is older than the state is left. */
  refresh(snapshot) {
    const state = this.state;
    if (snapshot.account_id !== state.accountId || !state.loaded) return;
    if (this.#reaches("positions", snapshot)) state.positions = keyed(snapshot.positions, "symbol");
    if (this.#reaches("orders", snapshot)) state.orders = keyed(snapshot.active_orders, "order_id");
    if (Date.parse(snapshot.timestamp) >= Date.parse(state.summary.timestamp)) state.summary = summaryOf(snapshot);
    this.#touch("summary", "positions", "orders");
  }

  /** Reduce one event; returns whether it told anything new about the account. */
  apply(message) {
    const { type, channel, epoch, seq, data } = message;
    const reduce = REDUCERS[type];
    if (!reduce || !this.#followed || data.account_id !== this.state.accountId) return false;
    const durable = seq !== undefined;
    if (durable) {
      if (isWithin(this.state.streams[channel], epoch, seq)) return false;
      this.state.streams[channel] = { epoch, seq };
    }
    const news = !durable || !isWithin(this.state.floors[channel], epoch, seq);
    reduce(this.state, data, { durable, news });
    this.#touch(...PARTS[type]);
    return true;
  }

  #reaches(channel, snapshot) {
    const head = snapshot.as_of[channel];
    const seen = [this.state.streams[channel], this.state.floors[channel]];
    if (!head || seen.some((place) => place?.epoch === head.epoch && head.seq < place.seq)) return false;
    this.state.floors[channel] = { epoch: head.epoch, seq: head.seq };
    return true;
  }
}

const isWithin = (place, epoch, seq) => place !== undefined && place.epoch === epoch && seq <= place.seq;

/** What each event changes. */
const PARTS = {
  trade_update: ["trades", "fills"],
  model_chat_update: ["decisions"],
  order_update: ["orders", "history"],
  position_update: ["positions", "summary"],
  asset_curve_update: ["curve", "summary"],
};

const REDUCERS = {
  trade_update({ lists, candles }, trade) {
    lists.trades.put(trade);
    if (candles !== null && candles.symbol === trade.symbol) candles.fills.put(trade);
  },

  model_chat_update({ lists }, decision) {
    lists.decisions.put(decision);
  },

  order_update({ lists, orders }, order, { news }) {
    const { status } = lists.history.filter;
    if (!status || status.includes(order.status)) lists.history.put(order);
    else lists.history.remove(order.order_id);
    if (!news) return;
    if (FINISHED.has(order.status)) orders.delete(order.order_id);
    else orders.set(order.order_id, order);
  },

  /** A durable update is the position; one without a number only tells its worth at a newer mark. */
  position_update(state, position, { durable, news }) {
    const held = state.positions.get(position.symbol);
    if (!news) return;
    if (durable) {
      if (position.size === 0) state.positions.delete(position.symbol);
      else state.positions.set(position.symbol, { liquidation_price: held?.liquidation_price ?? null, ...position });
    } else if (held && held.side === position.side && held.size === position.size) {
      const marks = Object.fromEntries(MARK_KEYS.map((key) => [key, position[key]]));
      state.positions.set(position.symbol, { ...held, ...marks });
    }
  },

  asset_curve_update(state, update) {
    state.curve = withPoint(state.curve, pointOf(update), SPANS[state.timeframe], MOST_POINTS);
    if (Date.parse(update.timestamp) >= Date.parse(state.summary.timestamp)) {
      const { timestamp, equity, daily_pnl, daily_return_pct } = update;
      state.summary = { ...state.summary, timestamp, equity, daily_pnl, daily_return_pct };
    }
  },
};

function summaryOf({ timestamp, equity, daily_pnl, daily_return_pct, margin_used, withdrawable }) {
  return { timestamp, equity, daily_pnl, daily_return_pct, margin_used, withdrawable };
}
