// The viewer's accounts beside each other, sorted by any column.

import { byId, make, reconcile, setText, setTone } from "../../dom.js";
import { NONE, money, multiple, plain, signedPercent, tone } from "../../format.js";
import { cell, rowOf, setEmpty } from "../../parts.js";
import { addressOf } from "../../router.js";
import { t } from "../../text.js";

const NAMES = ["account", "model", "equity", "return", "drawdown", "sharpe", "win-rate", "trades", "fees", "open-risk"];
const KEYS = {
  account: "name",
  model: "model",
  equity: "equity",
  return: "return_pct",
  drawdown: "max_drawdown_pct",
  sharpe: "sharpe",
  "win-rate": "win_rate_pct",
  trades: "trades",
  fees: "fees",
  "open-risk": "open_risk",
};
const UPWARDS = new Set(["account", "model", "drawdown"]); // what is best, or first, is the least
const panel = byId("leaderboard");
const note = byId("leaderboard-note");
const body = panel.querySelector("tbody");
const heads = [...panel.querySelectorAll("thead th")];

let sorted = { name: "return", upwards: false };

export const shows = ["standings"];

export function start({ redraw }) {
  heads.forEach((head, index) => {
    head.querySelector("button").addEventListener("click", () => {
      const name = NAMES[index];
      sorted = { name, upwards: sorted.name === name ? !sorted.upwards : UPWARDS.has(name) };
      redraw();
    });
  });
}

export function render({ arena }) {
  const { standings, timeframe } = arena;
  setText(note, t("Over {timeframe}", { timeframe }));
  const rows = inOrder(standings ?? [], KEYS[sorted.name], sorted.upwards);
  heads.forEach((head, index) => {
    const order = NAMES[index] === sorted.name ? (sorted.upwards ? "ascending" : "descending") : "none";
    if (head.getAttribute("aria-sort") !== order) head.setAttribute("aria-sort", order);
  });
  reconcile(body, rows, ({ account_id }) => account_id, build, update);
  setEmpty(panel, rows.length ? null : standings ? t("No account to compare.") : t("Loading…"));
}

/** Rows by a key; those that have none come last, whichever way. */
export function inOrder(rows, key, upwards) {
  const way = upwards ? 1 : -1;
  const missing = (value) => value === null || value === undefined;
  return [...rows].sort((a, b) => {
    const [left, right] = [a[key], b[key]];
    if (missing(left) || missing(right)) return Number(missing(left)) - Number(missing(right)) || a.account_id - b.account_id;
    const order = typeof left === "string" ? left.localeCompare(right) : left - right;
    return way * order || a.account_id - b.account_id;
  });
}

function build({ account_id }) {
  const row = rowOf(panel, NAMES);
  cell(row, "account").append(make("a", { href: addressOf({ view: "account", accountId: account_id }), "data-route": "" }));
  return row;
}

function update(row, standing) {
  const name = cell(row, "account").firstElementChild;
  if (setText(name, standing.name)) name.title = standing.name;
  setText(cell(row, "model"), standing.model ?? NONE);
  setText(cell(row, "equity"), money(standing.equity));
  setText(cell(row, "return"), signedPercent(standing.return_pct));
  setTone(cell(row, "return"), tone(standing.return_pct));
  setText(cell(row, "drawdown"), plain(standing.max_drawdown_pct, "%"));
  setText(cell(row, "sharpe"), plain(standing.sharpe));
  setText(cell(row, "win-rate"), plain(standing.win_rate_pct, "%"));
  setText(cell(row, "trades"), String(standing.trades));
  setText(cell(row, "fees"), money(standing.fees));
  setText(cell(row, "open-risk"), multiple(standing.open_risk));
}
