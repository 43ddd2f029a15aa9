// Puts the page together: the state between the session and the views, drawn at most once a frame.

import { Router } from "./router.js";
import { Session } from "./session.js";
import { Socket } from "./socket.js";
import { App } from "./state/app.js";
import * as accounts from "./views/shell/accounts.js";
import * as connection from "./views/shell/connection.js";
import * as language from "./views/shell/language.js";
import * as pages from "./views/shell/pages.js";
import * as theme from "./views/shell/theme.js";
import * as users from "./views/shell/users.js";
import * as activity from "./views/arena/activity.js";
import * as files from "./views/arena/files.js";
import * as curves from "./views/arena/curves.js";
import * as leaderboard from "./views/arena/leaderboard.js";
import * as marks from "./views/arena/marks.js";
import * as equity from "./views/account/equity.js";
import * as funding from "./views/account/funding.js";
import * as history from "./views/account/history.js";
import * as ledger from "./views/account/ledger.js";
import * as links from "./views/account/links.js";
import * as modelChat from "./views/account/model-chat.js";
import * as orders from "./views/account/orders.js";
import * as positions from "./views/account/positions.js";
import * as price from "./views/account/price.js";
import * as records from "./views/account/records.js";
import * as status from "./views/account/status.js";
import * as summary from "./views/account/summary.js";
import * as trades from "./views/account/trades.js";
import { ticketViews } from "./views/ticket/views.js";

/**
 * A view is a module: `render(state)` draws it, `shows` names the parts of the state that it shows, and `start(page)`,
 * where it has one, is called once. `page` is {app, session, router, redraw}.
 */
const VIEWS = {
  shell: [pages, accounts, users, theme, language],
  arena: [marks, curves, activity, leaderboard, files],
  account: [status, summary, price, records, positions, orders, trades, history, ledger, funding, equity, modelChat, links, ...ticketViews],
};

const app = new App();
const session = new Session(app);
const router = new Router(goTo);

let due = false;
let all = true;

/** Draw with the next frame: what changed, or all of it. */
function redraw(everything = true) {
  all ||= everything;
  if (due) return;
  due = true;
  requestAnimationFrame(draw);
}

function draw() {
  due = false;
  const touched = app.takeTouched();
  const anyway = all || touched.has("route") || touched.has("who");
  all = false;
  for (const view of [...VIEWS.shell, ...VIEWS[app.state.route.view]]) {
    if (anyway || view.shows.some((part) => touched.has(part))) view.render(app.state);
  }
}

function goTo(route) {
  app.goTo(route);
  session.go();
}

app.onChange(() => redraw(false));
app.goTo(router.route);
const page = { app, session, router, redraw };
for (const view of Object.values(VIEWS).flat()) view.start?.(page);

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
new Socket(`${scheme}//${location.host}/ws`, {
  open: (socket) => session.open(socket),
  frame: (message) => session.take(message),
  changed: (socket) => {
    app.connect(socket.state);
    connection.render(socket);
  },
}).start();
