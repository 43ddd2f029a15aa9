// Following one account: state first, then the events that go on from it, and now and then what no event carries.

import { loadCandles, loadMore, renew } from "./lists.js";

const CHANNELS = ["trades", "positions", "orders", "model_chat", "asset_curve", "prices"];
const LISTS = new Set(["trades", "model_chat", "orders"]);
/** Lists that no event tells. */
const SILENT = ["ledger", "funding"];
const REFRESH_EVERY_MS = 5_000;

export class AccountFollower {
  #app;
  #socket = null;
  #accountId = null;
  #refreshAt = 0;
  #refreshTimer = null;

  constructor(app) {
    this.#app = app;
  }

  async enter(socket, accountId) {
    const { account } = this.#app;
    this.#socket = socket;
    this.#accountId = accountId;
    account.pause();
    account.choose(accountId);
    const { timeframe } = account.state;
    account.prepare();
    const isGone = () => account.state.accountId !== accountId;
    let replies;
    try {
      replies = await Promise.all([
        socket.ask("unsubscribe"),
        socket.ask("switch_account", { account_id: accountId }),
        socket.ask("get_snapshot", { account_id: accountId }),
        socket.ask("get_asset_curve", { account_id: accountId, timeframe }),
        this.#fill(), // after the switch, whose places are therefore older than these pages
      ]);
    } catch (error) {
      if (error.code !== "not_found") throw error;
      if (!isGone()) account.miss();
      return;
    }
    if (isGone()) return;
    const [, { as_of }, snapshot, curve] = replies;
    const resume = account.load(snapshot, curve, as_of);
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    const { streams } = await socket.ask("subscribe", { channels: CHANNELS, resume });
    if (isGone()) return;
    for (const [channel, head] of Object.entries(streams ?? {})) {
      if (head.recovered !== false) continue;
      if (!LISTS.has(channel)) throw new Error(`The ${channel} of the snapshot can't be continued.`);
      account.skip(channel, head);
      if (channel === "orders") this.#refresh();
    }
    this.#fill();
    if (account.state.timeframe !== timeframe) await this.show(account.state.timeframe); // another one was chosen meanwhile
    if (account.state.candles) loadCandles(account, this.#request, account.state.candles);
    this.#renew();
  }

  async leave() {
    const socket = this.#socket;
    this.lose();
    await socket.ask("unsubscribe");
  }

  lose() {
    this.#app.account.pause();
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = null;
    this.#socket = null;
  }

  /** Show the curve over another timeframe. */
  async show(timeframe) {
    const { account } = this.#app;
    account.state.timeframe = timeframe;
    const curve = await this.#socket.ask("get_asset_curve", { account_id: this.#accountId, timeframe });
    if (curve.account_id === account.state.accountId && curve.timeframe === account.state.timeframe) account.draw(curve);
  }

  /** Soon after something new was told, fetch what no event carries. */
  refreshSoon() {
    if (this.#refreshTimer !== null || this.#socket === null) return;
    const delay = Math.max(0, this.#refreshAt - performance.now());
    this.#refreshTimer = setTimeout(() => this.#refresh(), delay);
  }

  #request = (type, data) => this.#socket.ask(type, data);

  /** Read the first pages of the lists that are always in sight, where there are none yet. */
  #fill() {
    const { account } = this.#app;
    const { trades, decisions } = account.state.lists;
    const missing = [trades, decisions].filter((list) => !list.started);
    return Promise.all(missing.map((list) => loadMore(account, this.#request, list)));
  }

  async #refresh() {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = null;
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    try {
      this.#app.account.refresh(await this.#request("get_snapshot", { account_id: this.#accountId }));
      this.#renew();
    } catch {
      // The next change asks again; a lost connection loads anew.
    }
  }

  /** Bring the lists that no event tells up to date, where they were opened. */
  #renew() {
    const { account } = this.#app;
    for (const name of SILENT) {
      const list = account.state.lists[name];
      if (list.started) renew(account, this.#request, list);
    }
  }
}
