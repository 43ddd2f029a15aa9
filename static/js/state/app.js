// All that the page knows, and which parts of it changed. Views read `state` and never change it.

import { AccountStore } from "./account.js";
import { ArenaStore } from "./arena.js";

/**
 * The parts, by the names that `touch` takes and views say they show:
 * `who` (user, self, scopes, accounts), `route`, `connection`, `market` (instruments), `prices`, and those of the account
 * (`account`, `summary`, `positions`, `orders`, `trades`, `decisions`, `history`, `ledger`, `funding`, `candles`, `fills`,
 * `curve`) and of the arena (`curves`, `standings`, `feed`).
 */
export class App {
  account = new AccountStore((...parts) => this.touch(...parts));
  arena = new ArenaStore((...parts) => this.touch(...parts));
  state = {
    self: null,
    user: null,
    scopes: [],
    accounts: [],
    instruments: new Map(),
    prices: new Map(),
    route: { view: "arena", accountId: null },
    connection: "connecting",
    account: this.account.state,
    arena: this.arena.state,
  };
  #touched = new Set();
  #changed = () => {};
  #awaiting = [];

  onChange(changed) {
    this.#changed = changed;
  }

  /** Say that parts changed: the views that show them are drawn with the next frame. */
  touch(...parts) {
    for (const part of parts) this.#touched.add(part);
    this.#changed();
  }

  /** The parts that changed since the last call. */
  takeTouched() {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  /** Who looks, as whom, and what accounts there are. */
  meet(parts) {
    Object.assign(this.state, parts);
    this.touch("who");
  }

  /** What accounts there are now; returns whether others than before. */
  see(accounts) {
    const before = this.state.accounts;
    if (textOf(before) === textOf(accounts)) return false;
    this.meet({ accounts });
    return String(before.map(({ id }) => id)) !== String(accounts.map(({ id }) => id));
  }

  /** Show curves over a timeframe as soon as they can be loaded. */
  want(timeframe) {
    this.state[this.state.route.view].timeframe = timeframe;
    this.touch("curve", "curves");
  }

  goTo(route) {
    this.state.route = route;
    if (route.view === "account") this.account.choose(route.accountId);
    this.touch("route");
  }

  connect(connection) {
    this.state.connection = connection;
    if (connection === "live" || connection === "ended") {
      for (const told of this.#awaiting.splice(0)) told(connection === "live");
    }
    this.touch("connection");
  }

  /** Wait until the session is open; false where the connection has ended for good. */
  async whenLive() {
    const { connection } = this.state;
    if (connection === "live" || connection === "ended") return connection === "live";
    return new Promise((told) => this.#awaiting.push(told));
  }

  trade(instruments) {
    this.state.instruments = new Map(instruments.map((each) => [each.symbol, each]));
    this.touch("market");
  }

  /** Reduce an event into whatever holds it. */
  apply(message) {
    if (message.type === "price_update") {
      this.state.prices.set(message.data.symbol, message.data);
      this.account.price(message.data);
      this.touch("prices");
      return;
    }
    this.account.apply(message);
    this.arena.apply(message);
  }
}

/** What the page tells of accounts: not their balance, which changes with each trade. */
const textOf = (accounts) => JSON.stringify(accounts.map(({ id, name, status, role, model, owner }) => [id, name, status, role, model, owner.id]));
