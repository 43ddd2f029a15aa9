// Puts the page together: the store between the session and the views, drawn at most once a frame.

import { Session } from "./session.js";
import { Socket } from "./socket.js";
import { Store } from "./store.js";
import * as accounts from "./views/accounts.js";
import * as connection from "./views/connection.js";
import * as equity from "./views/equity.js";
import * as leaderboard from "./views/leaderboard.js";
import * as modelChat from "./views/model-chat.js";
import * as orders from "./views/orders.js";
import * as positions from "./views/positions.js";
import * as prices from "./views/prices.js";
import * as summary from "./views/summary.js";
import * as trades from "./views/trades.js";

const VIEWS = [accounts, prices, summary, equity, positions, orders, trades, modelChat, leaderboard];

const store = new Store();
const session = new Session(store, accountInAddress());

let due = false;
function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    for (const view of VIEWS) view.render(store.state);
  });
}

store.onChange(redraw);
accounts.onChoice((accountId) => {
  history.replaceState(null, "", `#account=${accountId}`);
  session.switchTo(accountId);
});
modelChat.onFilter(redraw);
leaderboard.onSort(redraw);
leaderboard.onTimeframe((timeframe) => session.compareOver(timeframe));
equity.onResize(redraw);

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
new Socket(`${scheme}//${location.host}/ws`, {
  open: (socket) => session.open(socket),
  frame: (message) => session.take(message),
  changed: connection.render,
}).start();

/** The account that the address names, so that a reload shows the same one. */
function accountInAddress() {
  const id = Number(new URLSearchParams(location.hash.slice(1)).get("account"));
  return Number.isSafeInteger(id) && id > 0 ? id : null;
}
