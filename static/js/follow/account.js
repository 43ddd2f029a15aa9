// Following one account: state first, then the events that go on from it, and now and then what no event carries.

const CHANNELS = ["trades", "positions", "orders", "model_chat", "asset_curve", "prices"];
const LISTS = new Set(["trades", "model_chat"]);
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
    account.choose(accountId);
    let replies;
    try {
      replies = await Promise.all([
        socket.request("unsubscribe"),
        socket.request("switch_account", { account_id: accountId }),
        socket.request("get_snapshot", { account_id: accountId }),
        socket.request("get_asset_curve", { account_id: accountId, timeframe: account.state.timeframe }),
      ]);
    } catch (error) {
      if (error.code !== "not_found") throw error;
      account.miss();
      return;
    }
    const [, , snapshot, curve] = replies;
    const resume = account.load(snapshot, curve);
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    const { streams } = await socket.request("subscribe", { channels: CHANNELS, resume });
    for (const [channel, head] of Object.entries(streams ?? {})) {
      if (head.recovered !== false) continue;
      if (!LISTS.has(channel)) throw new Error(`The ${channel} of the snapshot can't be continued.`);
      account.skip(channel, head);
    }
  }

  async leave() {
    const socket = this.#socket;
    this.lose();
    await socket.request("unsubscribe");
  }

  lose() {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = null;
    this.#socket = null;
  }

  /** Show the curve over another timeframe. */
  async show(timeframe) {
    const curve = await this.#socket.request("get_asset_curve", { account_id: this.#accountId, timeframe });
    if (curve.account_id === this.#app.state.account.accountId) this.#app.account.draw(curve);
  }

  /** Soon after something new was told, fetch what no event carries. */
  refreshSoon() {
    if (this.#refreshTimer !== null || this.#socket === null) return;
    const delay = Math.max(0, this.#refreshAt - performance.now());
    this.#refreshTimer = setTimeout(() => this.#refresh(), delay);
  }

  async #refresh() {
    this.#refreshTimer = null;
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    try {
      this.#app.account.refresh(await this.#socket.request("get_snapshot", { account_id: this.#accountId }));
    } catch {
      // The next change asks again; a lost connection loads anew.
    }
  }
}
