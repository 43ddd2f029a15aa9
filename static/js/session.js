// The conversation with the server: open the session, act as somebody, and follow what the current view shows.

import { AccountFollower } from "./follow/account.js";
import { ArenaFollower } from "./follow/arena.js";
import { addressOf } from "./router.js";

export class Session {
  #app;
  #socket = null;
  #followers;
  #entered = null;
  #moving = null;
  #actAs = null;

  constructor(app) {
    this.#app = app;
    this.#followers = { arena: new ArenaFollower(app), account: new AccountFollower(app) };
  }

  /** Called with every new connection, the first and those after a loss. */
  async open(socket) {
    this.#socket = socket;
    this.#moving = null;
    if (this.#entered) this.#follower(this.#entered).lose();
    this.#entered = null;
    const { user, scopes } = await socket.request("connect");
    const acting = this.#actAs !== null && this.#actAs !== user.id;
    const seen = acting ? await socket.request("switch_user", { user_id: this.#actAs }) : { user };
    const [{ accounts }, { instruments }] = await Promise.all([socket.request("bootstrap"), socket.request("get_instruments")]);
    this.#app.meet({ self: user, user: seen.user, scopes, accounts });
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

  /** Act as another user from now on; raise `ProtocolError` where that is not allowed. */
  async actAs(userId) {
    const { user, accounts } = await this.#socket.request("switch_user", { user_id: userId });
    this.#actAs = userId;
    this.#app.arena.clear();
    this.#app.account.choose(null);
    this.#app.meet({ user, accounts });
    if (this.#entered) this.#follower(this.#entered).lose();
    this.#entered = null;
    await this.go();
  }

  /** Ask the server something; the promise brings the reply's data, or raises `ProtocolError` or `ConnectionLost`. */
  request(type, data) {
    return this.#socket.request(type, data);
  }

  /** Show the view's curves over another timeframe. */
  async show(timeframe) {
    const socket = this.#socket;
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

  async #move() {
    const moving = (this.#moving = {});
    try {
      let route;
      do {
        route = this.#app.state.route;
        if (this.#entered && this.#entered.view !== route.view) await this.#follower(this.#entered).leave();
        this.#entered = route;
        await this.#follower(route).enter(this.#socket, route.accountId);
      } while (moving === this.#moving && addressOf(route) !== addressOf(this.#app.state.route));
    } finally {
      if (this.#moving === moving) this.#moving = null;
    }
  }

  #follower = ({ view }) => this.#followers[view];
}
