// The candles of one symbol: read in pages, the last one live by the marks.

import { Paged } from "./paged.js";

/** How long the candles of each interval are, in ms. */
export const INTERVALS = { "5s": 5e3, "1m": 60e3, "5m": 300e3, "15m": 900e3, "1h": 3_600e3, "4h": 14_400e3, "1d": 86_400e3 };

/** More candles than these are not kept as time goes on; the oldest fall off, and can be read again. */
const MOST = 5_000;

export class Candles {
  /** Oldest first: {at (ms), open, high, low, close, volume (or null)}. */
  rows = [];
  /** Goes up whenever more than the last candle changed. */
  version = 0;
  loading = false;
  loaded = false;
  failed = "";
  /** Nothing older is to be had. */
  complete = false;
  /** A candle was closed since they were read last. */
  due = false;
  symbol;
  interval;
  /** The account's fills of this symbol. */
  fills;

  constructor(symbol, interval, fills = null) {
    this.symbol = symbol;
    this.interval = interval;
    this.fills = fills ?? new Paged("fills", { symbol });
  }

  get span() {
    return INTERVALS[this.interval];
  }

  /** How many were to be read to know those that closed since the last one that was read. */
  get missing() {
    const read = this.rows.findLastIndex(({ live }) => !live);
    return Math.min(1_000, this.rows.length - Math.max(0, read) + 1);
  }

  /** Take candles as they were received: `older` ones, or new ones, or all `anew`. */
  fill(candles, { older = false, anew = false } = {}) {
    const rows = candles.map(({ timestamp, ...values }) => ({ at: Date.parse(timestamp), ...values }));
    if (anew) this.complete = false;
    if (older && rows.length === 0) this.complete = true;
    const known = new Map([...(anew ? [] : this.rows), ...rows].map((row) => [row.at, row]));
    this.rows = [...known.values()].sort((a, b) => a.at - b.at);
    this.version += 1;
    this.loading = false;
    this.loaded = true;
    if (older) return;
    this.due = false;
    if (this.rows.length <= MOST) return;
    this.rows = this.rows.slice(-MOST);
    this.complete = false;
  }

  fail(message) {
    this.loading = false;
    this.failed = message;
  }

  /** Take a mark: it moves the last candle, or closes it and begins the next one. */
  tick({ mark_price: mark, timestamp }) {
    if (!this.loaded) return false;
    const last = this.rows.at(-1);
    const at = Math.floor(Date.parse(timestamp) / this.span) * this.span;
    if (last && at < last.at) return false;
    if (at === last?.at) {
      this.rows[this.rows.length - 1] = { ...last, close: mark, high: Math.max(last.high, mark), low: Math.min(last.low, mark) };
    } else {
      this.rows.push({ at, open: mark, high: mark, low: mark, close: mark, volume: null, live: true });
      this.due = true;
    }
    return true;
  }
}
