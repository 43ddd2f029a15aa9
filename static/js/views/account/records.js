// The tabs of positions, orders and lists: which one is shown, how many rows it has, and its export.

import { csvOf, fileName, save } from "../../csv.js";
import { byId, setText } from "../../dom.js";
import { accountOf } from "../../state/may.js";
import { Tabs } from "../../tabs.js";

const FIRST = "positions";
const counts = { positions: byId("tab-positions").querySelector(".count"), orders: byId("tab-orders").querySelector(".count") };
const exporters = new Map();
const finders = new Map();

let shown = FIRST;
let tabs = null;
let route = null;

export const shows = ["route", "account", "positions", "orders"];

/** Whether a tab is shown: others need not be drawn. */
export const isShown = (name) => name === shown;

/** Show a tab. */
export const select = (name) => tabs.choose(name);

/** Let a table be saved: its columns [{title, value(row)}], and its rows by the state. */
export const exportable = (name, columns, rowsOf) => exporters.set(name, { columns, rowsOf });

/** Let rows of a table be found: `find(keys)` marks them and brings them into sight. */
export const findable = (name, find) => finders.set(name, find);

/** Show a tab with these rows in sight. */
export function reveal(name, keys) {
  if (name !== "model-chat") select(name);
  finders.get(name)(keys);
}

export function start({ app, redraw }) {
  tabs = new Tabs(byId("records").querySelector('[role="tablist"]'), (name) => {
    shown = name;
    keepAddress();
    redraw();
  });
  const fromAddress = () => {
    const name = location.hash.slice(1);
    if (tabs.names.includes(name) && name !== shown) tabs.choose(name);
  };
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
  byId("account-body").addEventListener("click", ({ target }) => {
    const name = target.closest("[data-export]")?.dataset.export;
    if (name) download(name, app.state);
  });
}

export function render(state) {
  const moved = route !== state.route;
  route = state.route;
  if (moved) keepAddress();
  for (const [name, count] of Object.entries(counts)) {
    const { size } = state.account[name];
    setText(count, String(size));
    count.hidden = size === 0;
  }
}

/** The tab stays in the address, for a reload or a link. */
function keepAddress() {
  if (route?.view !== "account") return;
  const hash = shown === FIRST ? "" : `#${shown}`;
  if (location.hash !== hash) history.replaceState(history.state, "", location.pathname + location.search + hash);
}

function download(name, state) {
  const { columns, rowsOf } = exporters.get(name);
  save(fileName(accountOf(state)?.name ?? "", name), csvOf(columns, rowsOf(state)));
}
