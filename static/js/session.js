// The conversation with the server: open the session, load an account, follow it, and refresh what events don't tell.

const CHANNELS = ["trades", "positions", "orders", "model_chat", "asset_curve", "prices"];
const LISTS = new Set(["trades", "model_chat"]);
const TIMEFRAME = "24h";
const REFRESH_EVERY_MS = 5_000;
const COMPARE_EVERY_MS = 30_000;

export class Session {
  #socket = null;
  #store;
  #wanted;
  #following = null;
  #refreshAt = 0;
  #refreshTimer = null;
  #comparedOver = TIMEFRAME;
  #compareTimer = null;

  /** `wanted`: the account to begin with, if the viewer may see it. */
  constructor(store, wanted = null) {
    this.#store = store;
    this.#wanted = wanted;
  }

  /** Called with every new connection, the first and those after a loss. */
  async open(socket) {
    this.#socket = socket;
    this.#following = null;
    const { user } = await socket.request("connect");
    const { accounts, account_id } = await socket.request("bootstrap");
    this.#store.meet(user, accounts);
    if (!accounts.some(({ id }) => id === this.#wanted)) this.#wanted = account_id;
    if (this.#wanted === null) await socket.request("subscribe", { channels: ["prices"] });
    else await this.#follow();
    this.#compare();
  }

  /** Compare the accounts over another timeframe from now on. */
  compareOver(timeframe) {
    this.#comparedOver = timeframe;
    this.#compare();
  }

  /** Show another account from now on. */
  async switchTo(accountId) {
    this.#wanted = accountId;
    this.#store.choose(accountId);
    if (this.#following || this.#socket?.state !== "live") return; // what loads now, or next, goes on to it
    const socket = this.#socket;
    try {
      await this.#follow();
    } catch {
      socket.restart();
    }
  }

  /** Take an event; soon after one that told something new, fetch what no event carries. */
  take(message) {
    if (this.#store.apply(message)) this.#refreshSoon();
  }

  /** Load and follow the wanted account; where the viewer has gone on to another one meanwhile, that one. */
  async #follow() {
    const following = (this.#following = {});
    try {
      let accountId;
      do {
        accountId = this.#wanted;
        await this.#load(accountId);
      } while (accountId !== this.#wanted);
    } finally {
      if (this.#following === following) this.#following = null;
    }
  }

  /** State first, then the events that follow it, from the places at which the state was read. */
  async #load(accountId) {
    const socket = this.#socket;
    this.#store.choose(accountId);
    const [, , snapshot, curve] = await Promise.all([
      socket.request("unsubscribe"),
      socket.request("switch_account", { account_id: accountId }),
      socket.request("get_snapshot", { account_id: accountId }),
      socket.request("get_asset_curve", { account_id: accountId, timeframe: TIMEFRAME }),
    ]);
    if (accountId !== this.#wanted) return;
    const resume = this.#store.load(snapshot, curve.points);
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    const { streams } = await socket.request("subscribe", { channels: CHANNELS, resume });
    if (accountId !== this.#wanted) return;
    for (const [channel, head] of Object.entries(streams ?? {})) {
      if (head.recovered !== false) continue;
      if (!LISTS.has(channel)) throw new Error(`The ${channel} of the snapshot can't be continued.`);
      this.#store.skip(channel, head);
    }
  }

  /** Fetch the leaderboard, now and again as long as the page is looked at. */
  async #compare() {
    clearTimeout(this.#compareTimer);
    this.#compareTimer = setTimeout(() => this.#compare(), COMPARE_EVERY_MS);
    if (document.hidden) return;
    const timeframe = this.#comparedOver;
    try {
      const { standings } = await this.#socket.request("get_leaderboard", { timeframe });
      if (timeframe === this.#comparedOver) this.#store.compare(standings);
    } catch {
      // It asks again in a while; a lost connection loads anew.
    }
  }

  #refreshSoon() {
    if (this.#refreshTimer !== null) return;
    const delay = Math.max(0, this.#refreshAt - performance.now());
    this.#refreshTimer = setTimeout(() => this.#refresh(), delay);
  }

  async #refresh() {
    this.#refreshTimer = null;
    this.#refreshAt = performance.now() + REFRESH_EVERY_MS;
    try {
      this.#store.refresh(await this.#socket.request("get_snapshot", { account_id: this.#store.state.accountId }));
    } catch {
      // The next change asks again; a lost connection loads anew.
    }
  }
}
