// The state of the arena: every followed account's curve, and one feed of all their trades and decisions.

import { SPANS, merged, newestFirst, pointOf, withPoint } from "./lists.js";

const KEPT = 200;
const MOST_POINTS = 1_000;
const FEEDS = { trade_update: ["trades", "trade_id"], model_chat_update: ["decisions", "decision_id"] };

const emptyArena = () => ({
  loaded: false,
  timeframe: "24h",
  /** Points of each followed account, by its id; in the order in which they are drawn. */
  curves: new Map(),
  standings: null,
  trades: [],
  decisions: [],
  /** Each followed account's places in its streams: `{trades: {epoch, seq}}`. */
  streams: new Map(),
});

export class ArenaStore {
  state = emptyArena();
  #touch;

  constructor(touch = () => {}) {
    this.#touch = touch;
  }

  /** Forget everything: other accounts are to be seen. */
  clear() {
    Object.assign(this.state, emptyArena(), { timeframe: this.state.timeframe });
    this.#touch("curves", "standings", "feed");
  }

  /** Show curves over a timeframe; those in `points` by account id, in this order. */
  load(timeframe, points) {
    this.state.timeframe = timeframe;
    this.state.curves = new Map([...points].map(([id, each]) => [id, each.map(pointOf)]));
    this.state.loaded = true;
    this.#touch("curves");
  }

  /** The latest trades and decisions, read while events went on. */
  fill(trades, decisions) {
    this.state.trades = merged(this.state.trades, trades, "trade_id", KEPT);
    this.state.decisions = merged(this.state.decisions, decisions, "decision_id", KEPT);
    this.#touch("feed");
  }

  /** How the accounts did, beside each other. */
  compare(standings) {
    this.state.standings = standings;
    this.#touch("standings");
  }

  /** Where an account's streams stand by a subscription's answer; returns whether any could not be resumed. */
  follow(accountId, heads) {
    const places = this.state.streams.get(accountId) ?? {};
    let lost = false;
    for (const [channel, { epoch, seq, recovered }] of Object.entries(heads)) {
      lost ||= recovered === false;
      if (recovered !== true) places[channel] = { epoch, seq };
    }
    this.state.streams.set(accountId, places);
    return lost;
  }

  apply(message) {
    const { type, data } = message;
    const places = this.state.streams.get(data?.account_id);
    if (message.seq === undefined || places === undefined) return;
    const place = places[message.channel];
    if (place && place.epoch === message.epoch && message.seq <= place.seq) return;
    places[message.channel] = { epoch: message.epoch, seq: message.seq };
    if (type in FEEDS) {
      const [list, key] = FEEDS[type];
      this.state[list] = newestFirst(this.state[list], data, key, KEPT);
      this.#touch("feed");
    } else if (type === "asset_curve_update") {
      const curve = this.state.curves.get(data.account_id);
      if (!curve) return;
      this.state.curves.set(data.account_id, withPoint(curve, pointOf(data), SPANS[this.state.timeframe], MOST_POINTS));
      const standing = this.state.standings?.find(({ account_id }) => account_id === data.account_id);
      if (standing) Object.assign(standing, worth(standing, data.equity));
      this.#touch("curves", "standings");
    }
  }
}

/** What an account is worth now, and its return since the same beginning as before. */
function worth({ equity, return_pct }, now) {
  const begin = return_pct === null ? null : equity / (1 + return_pct / 100);
  return { equity: now, return_pct: begin > 0 ? (now / begin - 1) * 100 : return_pct };
}
