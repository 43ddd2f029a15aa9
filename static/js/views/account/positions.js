// What the account holds.

import { byId, reconcile, setNumber, setText, setTone } from "../../dom.js";
import { leverage, money, price, signedMoney, signedPercent, size, tone } from "../../format.js";
import { badge, cell, rowOf, setEmpty } from "../../parts.js";
import { mayOrder } from "../../state/may.js";
import { exitsOf } from "../../state/exits.js";
import { t } from "../../text.js";
import { exportable, isShown } from "./records.js";
import { action } from "./rows.js";

const NAMES = ["symbol", "side", "size", "value", "entry", "mark", "upnl", "liquidation", "margin", "leverage", "exits", "actions"];
const panel = byId("positions");
const body = panel.querySelector("tbody");

const COLUMNS = [
  ...["symbol", "side", "size", "position_value", "entry_price", "mark_price", "unrealized_pnl", "return_on_equity", "realized_pnl", "liquidation_price", "margin_used", "leverage", "margin_mode", "timestamp"].map(
    (key) => ({ title: key, value: (row) => row[key] }),
  ),
];

export const shows = ["account", "positions", "orders", "who"];

export function start() {
  exportable("positions", COLUMNS, ({ account }) => sorted(account.positions));
}

export function render(state) {
  if (!isShown("positions")) {
    body.replaceChildren();
    return;
  }
  const { loaded, positions, orders } = state.account;
  const may = mayOrder(state);
  panel.classList.toggle("no-actions", !may);
  const rows = sorted(positions).map((position) => ({ position, exits: exitsOf(position, orders), may }));
  reconcile(body, rows, ({ position }) => `${position.symbol} ${position.side}`, build, update);
  setEmpty(panel, rows.length ? null : loaded ? t("No open position.") : t("Loading…"));
}

const sorted = (positions) => [...positions.values()].sort((a, b) => a.symbol.localeCompare(b.symbol));

function build({ position: { symbol, side } }) {
  const row = rowOf(panel, NAMES);
  cell(row, "symbol").append(symbol);
  cell(row, "side").append(badge(side));
  return row;
}

function update(row, { position, exits, may }) {
  const { symbol, unrealized_pnl: gain, return_on_equity: roe } = position;
  setNumber(cell(row, "size"), size(position.size));
  setNumber(cell(row, "value"), money(position.position_value));
  setNumber(cell(row, "entry"), price(position.entry_price));
  setNumber(cell(row, "mark"), price(position.mark_price));
  setNumber(cell(row, "upnl"), `${signedMoney(gain)} (${signedPercent(roe === null ? null : roe * 100)})`);
  setTone(cell(row, "upnl"), tone(gain));
  setNumber(cell(row, "liquidation"), price(position.liquidation_price));
  setNumber(cell(row, "margin"), money(position.margin_used));
  setText(cell(row, "leverage"), `${leverage(position.leverage)} ${t(position.margin_mode)}`);
  setText(cell(row, "exits"), `${pricesOf(exits.takeProfits)} / ${pricesOf(exits.stops)}`);
  const actions = cell(row, "actions");
  if (may === actions.childElementCount > 0) return;
  actions.replaceChildren(...(may ? [action("close-position", t("Close"), { symbol }), action("bracket", t("TP/SL"), { symbol })] : []));
}

const pricesOf = (orders) => (orders.length === 0 ? "–" : price(orders[0].trigger_price) + (orders.length > 1 ? ` +${orders.length - 1}` : ""));
