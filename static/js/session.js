// The conversation with the server: open the session, act as somebody, and follow what the current view shows.

import { AccountFollower } from "./follow/account.js";
import { ArenaFollower } from "./follow/arena.js";
import { addressOf } from "./router.js";

/** What the server says where one may not act as somebody. */
const REFUSED = new Set(["forbidden", "not_found"]);

/** How often the page looks for what no event tells: accounts opened, frozen or shared, and marks that went stale. */
const LOOK_EVERY_MS = 30_000;

export class Session {
  #app;
  #socket = null;
  #followers;
  #entered = null;
  /** What is under way, with `done`, its promise: one thing at a time. */
  #moving = null;
  #actAs = null;

  constructor(app) {
    this.#app = app;
    this.#followers = { arena: new ArenaFollower(app), account: new AccountFollower(app) };
    setInterval(() => this.#look(), LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** Called with every new connection, the first and those after a loss. */
  async open(socket) {
    this.#socket = socket;
    this.#moving = null;
    if (this.#entered) this.#follower(this.#entered).lose();
    this.#entered = null;
    const { user, scopes } = await socket.request("connect");
    const seen = await this.#become(socket, user);
    const [{ accounts }, { instruments }] = await Promise.all([socket.request("bootstrap"), socket.request("get_instruments")]);
    this.#app.meet({ self: user, user: seen, scopes, accounts });
    this.#app.trade(instruments);
    await this.#move();
  }

  /** Follow the view that the app now shows. Several calls in a row end at the last one's view. */
  async go() {
    const socket = this.#socket;
    if (this.#moving || socket?.state !== "live") return; // what moves now, or opens next, goes on to it
    try {
      await this.#move();
    } catch {
      socket.restart();
    }
  }

  /**
   * Act as another user from now on; raise `ProtocolError` where that is not allowed. `leave()` is called before anything
   * is loaded for the other one: the view of before may not be theirs to see.
   */
  async actAs(userId, leave = () => {}) {
    while (this.#moving) await this.#moving.done.catch(() => {}); // what it loads for the one must not end with the other
    await this.#alone(async () => {
      const { user, accounts } = await this.#socket.request("switch_user", { user_id: userId });
      this.#actAs = userId;
      this.#app.arena.clear();
      this.#app.account.choose(null);
      this.#app.meet({ user, accounts });
      if (this.#entered) this.#follower(this.#entered).lose();
      this.#entered = null;
      leave();
    });
    await this.go();
  }

  /** Ask the server something; the promise brings the reply's data, or raises `ProtocolError` or `ConnectionLost`. */
  request(type, data) {
    return this.#socket.request(type, data);
  }

  /** Show the view's curves over another timeframe; without a connection, as soon as there is one. */
  async show(timeframe) {
    const socket = this.#socket;
    if (socket?.state !== "live") {
      this.#app.want(timeframe);
      return;
    }
    try {
      await this.#follower(this.#app.state.route).show(timeframe);
    } catch {
      socket?.restart();
    }
  }

  /** Take an event. */
  take(message) {
    this.#app.apply(message);
    if (message.data?.account_id === this.#app.state.account.accountId) this.#followers.account.refreshSoon();
  }

  /** Act as whom one acted as before the connection was lost, or as oneself where that is not allowed any more. */
  async #become(socket, self) {
    if (this.#actAs === null || this.#actAs === self.id) return self;
    try {
      return (await socket.request("switch_user", { user_id: this.#actAs })).user;
    } catch (error) {
      if (!REFUSED.has(error.code)) throw error;
      this.#actAs = null;
      this.#app.arena.clear();
      this.#app.account.choose(null);
      return self;
    }
  }

  #move() {
    return this.#alone(async (isOver) => {
      let route;
      do {
        route = this.#app.state.route;
        if (this.#entered && this.#entered.view !== route.view) await this.#follower(this.#entered).leave();
        this.#entered = route;
        await this.#follower(route).enter(this.#socket, route.accountId);
      } while (!isOver() && addressOf(route) !== addressOf(this.#app.state.route));
    });
  }

  /** Do something, and meanwhile nothing else; a new connection ends it. */
  #alone(work) {
    const moving = (this.#moving = {});
    moving.done = work(() => this.#moving !== moving).finally(() => {
      if (this.#moving === moving) this.#moving = null;
    });
    return moving.done;
  }

  /** Look for what no event tells. */
  async #look() {
    const socket = this.#socket;
    if (socket?.state !== "live" || document.hidden || this.#moving) return;
    const acting = this.#actAs;
    try {
      const [{ accounts }, { instruments }] = await Promise.all([socket.request("bootstrap"), socket.request("get_instruments")]);
      if (acting !== this.#actAs || this.#moving) return;
      this.#app.trade(instruments);
      if (this.#app.see(accounts)) await this.go();
    } catch {
      // It looks again in a while; a lost connection loads anew.
    }
  }

  #follower = ({ view }) => this.#followers[view];
}
