// The state of one account, reduced from snapshots and events. Knows neither the socket nor the page.
//
// Each durable channel has a place (`streams`): the epoch and number of the last event that the state holds. A snapshot
// moves the places of what it carries (positions, orders), never of the lists that grow only by events.

import { SPANS, keyed, newestFirst, pointOf, withPoint } from "./lists.js";

export const KEPT = { trades: 100, model_chat: 300 };
const MOST_POINTS = 2_000;
const FINISHED = new Set(["filled", "canceled"]);
const LIST_OF = { trades: ["trades", "trade_id"], model_chat: ["decisions", "decision_id"] };
const MARK_KEYS = ["mark_price", "unrealized_pnl", "position_value", "margin_used", "return_on_equity", "timestamp"];

const emptyAccount = (accountId) => ({
  accountId,
  missing: false,
  loaded: false,
  timeframe: "24h",
  summary: null,
  positions: new Map(),
  orders: new Map(),
  trades: [],
  decisions: [],
  curve: [],
  streams: {},
  incomplete: new Set(),
});

const ALL = ["account", "summary", "positions", "orders", "trades", "decisions", "curve"];

export class AccountStore {
  state = emptyAccount(null);
  #touch;

  /** `touch(...parts)` is told which parts changed. */
  constructor(touch = () => {}) {
    this.#touch = touch;
  }

  /** Turn to an account: nothing of another one stays. */
  choose(accountId) {
    if (accountId === this.state.accountId) return;
    Object.assign(this.state, emptyAccount(accountId), { timeframe: this.state.timeframe });
    this.#touch(...ALL);
  }

  /** There is no such account, or not for this viewer. */
  miss() {
    this.state.missing = true;
    this.#touch(...ALL);
  }

  /**
   * Put the loaded state in, and return the places to resume from. Lists that were followed before go on from where
   * they stood; new ones begin a little back, so that the log's last events fill them.
   */
  load(snapshot, curve) {
    const state = this.state;
    const known = state.streams;
    state.streams = { ...snapshot.as_of };
    for (const [channel, kept] of Object.entries(KEPT)) {
      const head = snapshot.as_of[channel];
      if (head) state.streams[channel] = known[channel] ?? { epoch: head.epoch, seq: Math.max(0, head.seq - kept) };
    }
    state.positions = keyed(snapshot.positions, "symbol");
    state.orders = keyed(snapshot.active_orders, "order_id");
    state.summary = summaryOf(snapshot);
    state.timeframe = curve.timeframe;
    state.curve = curve.points.map(pointOf);
    state.loaded = true;
    state.missing = false;
    this.#touch(...ALL);
    return { ...state.streams };
  }

  /** Another timeframe's curve. */
  draw(curve) {
    this.state.timeframe = curve.timeframe;
    this.state.curve = curve.points.map(pointOf);
    this.#touch("curve");
  }

  /** The server could not replay all of a list since its place: it goes on from `head`, and says what it lacks. */
  skip(channel, head) {
    const [list] = LIST_OF[channel];
    this.state[list] = [];
    this.state.streams[channel] = { epoch: head.epoch, seq: head.seq };
    this.state.incomplete.add(channel);
    this.#touch(list);
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
    const { type, data } = message;
    const reduce = REDUCERS[type];
    if (!reduce || data.account_id !== this.state.accountId || !this.state.loaded) return false;
    if (message.seq !== undefined) {
      const place = this.state.streams[message.channel];
      if (place && place.epoch === message.epoch && message.seq <= place.seq) return false;
      this.state.streams[message.channel] = { epoch: message.epoch, seq: message.seq };
    }
    reduce(this.state, data, message.seq !== undefined);
    this.#touch(...PARTS[type]);
    return true;
  }

  #reaches(channel, snapshot) {
    const place = this.state.streams[channel];
    const head = snapshot.as_of[channel];
    if (!head || (place && place.epoch === head.epoch && head.seq < place.seq)) return false;
    this.state.streams[channel] = { epoch: head.epoch, seq: head.seq };
    return true;
  }
}

/** What each event changes. */
const PARTS = {
  trade_update: ["trades"],
  model_chat_update: ["decisions"],
  order_update: ["orders"],
  position_update: ["positions", "summary"],
  asset_curve_update: ["curve", "summary"],
};

const REDUCERS = {
  trade_update(state, trade) {
    state.trades = newestFirst(state.trades, trade, ...LIST_OF.trades.slice(1), KEPT.trades);
  },

  model_chat_update(state, decision) {
    state.decisions = newestFirst(state.decisions, decision, ...LIST_OF.model_chat.slice(1), KEPT.model_chat);
  },

  order_update(state, order) {
    if (FINISHED.has(order.status)) state.orders.delete(order.order_id);
    else state.orders.set(order.order_id, order);
  },

  /** A durable update is the position; one without a number only tells its worth at a newer mark. */
  position_update(state, position, durable) {
    const held = state.positions.get(position.symbol);
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
