// The state of one account, reduced from snapshots and events. Knows neither the socket nor the page.
//
// Each durable channel has a place (`streams`): the epoch and number of the last event that the state holds. A snapshot
// moves the places of what it carries (positions, orders), never of the lists that grow only by events.

export const KEPT = { trades: 100, model_chat: 300 };
const DAY_MS = 86_400_000;
const MOST_POINTS = 2_000;
const FINISHED = new Set(["filled", "canceled"]);
const LIST_OF = { trades: ["trades", "trade_id"], model_chat: ["decisions", "decision_id"] };
const MARK_KEYS = ["mark_price", "unrealized_pnl", "position_value", "margin_used", "return_on_equity", "timestamp"];

const emptyAccount = (accountId) => ({
  accountId,
  loaded: false,
  summary: null,
  positions: new Map(),
  orders: new Map(),
  trades: [],
  decisions: [],
  curve: [],
  streams: {},
  incomplete: new Set(),
});

export class Store {
  state = { user: null, accounts: [], prices: new Map(), standings: null, ...emptyAccount(null) };
  #listeners = [];

  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Who looks, and what accounts there are. */
  meet(user, accounts) {
    Object.assign(this.state, { user, accounts });
    this.#changed();
  }

  /** How the accounts did, beside each other. */
  compare(standings) {
    this.state.standings = standings;
    this.#changed();
  }

  /** Turn to an account: nothing of another one stays. */
  choose(accountId) {
    if (accountId === this.state.accountId) return;
    Object.assign(this.state, emptyAccount(accountId));
    this.#changed();
  }

  /**
   * Put the loaded state in, and return the places to resume from. Lists that were followed before go on from where
   * they stood; new ones begin a little back, so that the log's last events fill them.
   */
  load(snapshot, points) {
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
    state.curve = points.map(pointOf);
    state.loaded = true;
    this.#changed();
    return { ...state.streams };
  }

  /** The server could not replay all of a list since its place: it goes on from `head`, and says what it lacks. */
  skip(channel, head) {
    const [list] = LIST_OF[channel];
    this.state[list] = [];
    this.state.streams[channel] = { epoch: head.epoch, seq: head.seq };
    this.state.incomplete.add(channel);
    this.#changed();
  }

  /** Take a snapshot that was fetched while events went on: whatever part of it is older than the state is left. */
  refresh(snapshot) {
    const state = this.state;
    if (snapshot.account_id !== state.accountId || !state.loaded) return;
    if (this.#reaches("positions", snapshot)) state.positions = keyed(snapshot.positions, "symbol");
    if (this.#reaches("orders", snapshot)) state.orders = keyed(snapshot.active_orders, "order_id");
    if (Date.parse(snapshot.timestamp) >= Date.parse(state.summary.timestamp)) state.summary = summaryOf(snapshot);
    this.#changed();
  }

  /** Reduce one event; returns whether it told anything new about the account. */
  apply(message) {
    const { type, data } = message;
    if (type === "price_update") {
      this.state.prices.set(data.symbol, data);
      this.#changed();
      return false;
    }
    const reduce = REDUCERS[type];
    if (!reduce || data.account_id !== this.state.accountId || !this.state.loaded) return false;
    if (message.seq !== undefined) {
      const place = this.state.streams[message.channel];
      if (place && place.epoch === message.epoch && message.seq <= place.seq) return false;
      this.state.streams[message.channel] = { epoch: message.epoch, seq: message.seq };
    }
    reduce(this.state, data, message.seq !== undefined);
    this.#changed();
    return true;
  }

  #reaches(channel, snapshot) {
    const place = this.state.streams[channel];
    const head = snapshot.as_of[channel];
    if (!head || (place && place.epoch === head.epoch && head.seq < place.seq)) return false;
    this.state.streams[channel] = { epoch: head.epoch, seq: head.seq };
    return true;
  }

  #changed() {
    for (const listener of this.#listeners) listener(this.state);
  }
}

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
    state.curve = withPoint(state.curve, pointOf(update));
    if (Date.parse(update.timestamp) >= Date.parse(state.summary.timestamp)) {
      const { timestamp, equity, daily_pnl, daily_return_pct } = update;
      state.summary = { ...state.summary, timestamp, equity, daily_pnl, daily_return_pct };
    }
  },
};

const keyed = (rows, key) => new Map(rows.map((row) => [row[key], row]));

function summaryOf({ timestamp, equity, daily_pnl, daily_return_pct, margin_used, withdrawable }) {
  return { timestamp, equity, daily_pnl, daily_return_pct, margin_used, withdrawable };
}

/** A list with one more entry in front; one that is in it already is corrected in its place. */
function newestFirst(list, entry, key, most) {
  const at = list.findIndex((each) => each[key] === entry[key]);
  return at === -1 ? [entry, ...list].slice(0, most) : list.with(at, entry);
}

const pointOf = ({ timestamp, equity }) => ({ at: Date.parse(timestamp), equity });

/** The curve with one more point in its place in time; what is older than a day falls off. */
function withPoint(curve, point) {
  const after = curve.findLastIndex((each) => each.at <= point.at);
  const same = curve[after]?.at === point.at;
  const points = curve.toSpliced(same ? after : after + 1, same ? 1 : 0, point);
  const recent = points.filter((each) => each.at >= point.at - DAY_MS);
  return recent.length <= MOST_POINTS ? recent : recent.filter((_, index) => index % 2 === recent.length % 2);
}
