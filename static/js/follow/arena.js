// Following the arena: all accounts that the viewer sees (at most `MOST`), their curves, trades and decisions.

const CHANNELS = ["trades", "model_chat", "asset_curve"];
const MOST = 24;
const AT_ONCE = 8;
const FEED = 100;
const COMPARE_EVERY_MS = 30_000;

export class ArenaFollower {
  #app;
  #socket = null;
  #pinned = new Set();
  #compareTimer = null;

  constructor(app) {
    this.#app = app;
  }

  /** Subscribe, from the places of before where there are any, then load what no event tells. */
  async enter(socket) {
    const { arena } = this.#app;
    this.#socket = socket;
    this.#pinned.clear();
    await socket.ask("subscribe", { channels: ["prices"] });
    await this.#compare();
    const ids = this.#accountIds();
    let complete = arena.state.loaded;
    await inTurns(ids, async (account_id) => {
      const resume = arena.state.streams.get(account_id);
      const { streams } = await socket.ask("subscribe", { channels: CHANNELS, account_id, ...(resume ? { resume } : {}) });
      this.#pinned.add(account_id);
      if (arena.follow(account_id, streams) || !resume) complete = false;
    });
    await this.show(arena.state.timeframe);
    if (complete) return;
    await this.#fill(socket);
  }

  /** Read the feed; that of accounts which are not followed is read again and again. */
  async #fill(socket) {
    const all = { all_accounts: true, limit: FEED };
    const [{ trades }, { decisions }] = await Promise.all([socket.ask("get_trades", all), socket.ask("get_decisions", all)]);
    if (socket === this.#socket) this.#app.arena.fill(trades, decisions);
  }

  /** Load the curves and the leaderboard over a timeframe. */
  async show(timeframe) {
    const { arena } = this.#app;
    const socket = this.#socket;
    const other = timeframe !== arena.state.timeframe;
    if (other) arena.state.timeframe = timeframe;
    const points = new Map();
    await inTurns([...this.#pinned], async (account_id) => {
      if (timeframe !== arena.state.timeframe) return;
      points.set(account_id, (await socket.ask("get_asset_curve", { account_id, timeframe })).points);
    });
    if (timeframe !== arena.state.timeframe) return;
    arena.load(timeframe, new Map([...this.#pinned].sort((a, b) => a - b).map((id) => [id, points.get(id) ?? []])));
    if (other) await this.#compare();
  }

  /** Follow nothing more. The socket may be gone already. */
  async leave() {
    clearTimeout(this.#compareTimer);
    const socket = this.#socket;
    this.#socket = null;
    await inTurns([...this.#pinned], (account_id) => socket.ask("unsubscribe", { account_id }));
    this.#pinned.clear();
    await socket.ask("unsubscribe");
  }

  /** The connection is gone: what was followed over it must be asked for anew. */
  lose() {
    clearTimeout(this.#compareTimer);
    this.#socket = null;
    this.#pinned.clear();
  }

  /** The best accounts by the leaderboard, then the others. */
  #accountIds() {
    const ranked = (this.#app.arena.state.standings ?? []).map(({ account_id }) => account_id);
    const all = this.#app.state.accounts.map(({ id }) => id);
    return [...new Set([...ranked, ...all])].slice(0, MOST);
  }

  /** Fetch the leaderboard, now and again as long as the page is looked at. */
  async #compare() {
    clearTimeout(this.#compareTimer);
    const socket = this.#socket;
    if (socket === null) return;
    this.#compareTimer = setTimeout(() => this.#compare(), COMPARE_EVERY_MS);
    if (document.hidden && this.#app.arena.state.standings) return;
    const { timeframe, loaded } = this.#app.arena.state;
    try {
      if (loaded && this.#app.state.accounts.length > MOST) await this.#fill(socket);
      const { standings } = await socket.ask("get_leaderboard", { timeframe });
      if (timeframe === this.#app.arena.state.timeframe) this.#app.arena.compare(standings);
    } catch {
      // It asks again in a while; a lost connection loads anew.
    }
  }
}

/** Do something for each item, a few at a time: the server takes so many requests in flight. */
async function inTurns(items, work) {
  const rest = [...items];
  const worker = async () => {
    while (rest.length) await work(rest.shift());
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) }, worker));
}
