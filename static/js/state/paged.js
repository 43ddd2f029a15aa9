// A list that is read in pages, newest first, and goes on by events.

/** More rows than these are not kept; the oldest fall off. */
export const MOST = 10_000;

/** What each list is called in the protocol, and what tells its rows apart and puts them in order. */
export const LISTS = {
  trades: { type: "get_trades", field: "trades", keyOf: ({ trade_id }) => trade_id, rank: ({ trade_id }) => trade_id },
  decisions: { type: "get_decisions", field: "decisions", keyOf: ({ decision_id }) => decision_id, rank: ({ decision_id }) => numberOf(decision_id) },
  history: { type: "get_orders", field: "orders", keyOf: ({ order_id }) => order_id, rank: ({ order_id }) => order_id },
  ledger: { type: "get_ledger", field: "entries", keyOf: ({ entry_id }) => entry_id, rank: ({ entry_id }) => entry_id },
  funding: { type: "get_funding", field: "payments", keyOf: ({ symbol, timestamp }) => `${symbol} ${timestamp}`, rank: ({ timestamp }) => Date.parse(timestamp) },
  fills: { type: "get_trades", field: "trades", keyOf: ({ trade_id }) => trade_id, rank: ({ trade_id }) => trade_id },
};

const numberOf = (id) => Number(/\d+$/.exec(id)?.[0] ?? 0);

export class Paged {
  rows = [];
  /** The cursor of the next page: undefined before the first one was read, null at the end. */
  next;
  loading = false;
  failed = "";
  /** Whether rows fell off. */
  cut = false;
  filter;
  name;
  #late = new Map();

  constructor(name, filter = {}) {
    this.name = name;
    this.filter = filter;
  }

  get started() {
    return this.next !== undefined;
  }

  get ended() {
    return this.next === null;
  }

  begin() {
    this.loading = true;
    this.failed = "";
    this.#late.clear();
  }

  fail(message) {
    this.loading = false;
    this.failed = message;
  }

  /**
   * Take a page. What is known stands: it came by an event, or its changes do. Of what events told while the page was on
   * its way the event stands.
   */
  fill(rows, next) {
    const { keyOf } = LISTS[this.name];
    const known = new Map(this.rows.map((row) => [keyOf(row), row]));
    for (const row of rows) if (!known.has(keyOf(row))) known.set(keyOf(row), this.#late.get(keyOf(row)) ?? row);
    this.rows = [...known.values()].sort((a, b) => this.#compare(a, b));
    this.next = next;
    this.loading = false;
    this.#trim();
  }

  /** Take the first page once more, of a list that no event tells. Where it does not reach what is known, that is left. */
  renew(rows, next) {
    const { keyOf } = LISTS[this.name];
    const known = new Set(this.rows.map(keyOf));
    const reaches = rows.some((row) => known.has(keyOf(row))) || next === null;
    const fresh = new Set(rows.map(keyOf));
    this.rows = reaches ? [...rows, ...this.rows.filter((row) => !fresh.has(keyOf(row)))].sort((a, b) => this.#compare(a, b)) : rows;
    if (!reaches || !this.started) this.next = next;
    this.loading = false;
  }

  /** Take an event's row: in its place by age, or instead of the one that it corrects. */
  put(row) {
    if (!this.started && !this.loading) return; // the first page will have it
    const { keyOf } = LISTS[this.name];
    const key = keyOf(row);
    if (this.loading) this.#late.set(key, row);
    const at = this.rows.findIndex((each) => this.#compare(each, row) >= 0);
    if (at !== -1 && keyOf(this.rows[at]) === key) this.rows = this.rows.with(at, row);
    else if (at !== -1) this.rows = this.rows.toSpliced(at, 0, row);
    else if (this.rows.length === 0 || this.ended) this.rows = [...this.rows, row]; // else a page that is to come has it
    this.#trim();
  }

  remove(key) {
    const { keyOf } = LISTS[this.name];
    this.rows = this.rows.filter((row) => keyOf(row) !== key);
  }

  find(key) {
    const { keyOf } = LISTS[this.name];
    return this.rows.find((row) => keyOf(row) === key);
  }

  #trim() {
    if (this.rows.length <= MOST) return;
    this.rows = this.rows.slice(0, MOST);
    this.next = null;
    this.cut = true;
  }

  /** Below 0 where `a` is newer. */
  #compare(a, b) {
    const { rank, keyOf } = LISTS[this.name];
    if (rank(a) !== rank(b)) return rank(b) - rank(a);
    return keyOf(a) === keyOf(b) ? 0 : String(keyOf(a)) < String(keyOf(b)) ? -1 : 1;
  }
}
