// The orders that are open.

import { byId, reconcile, setNumber, setText } from "../../dom.js";
import { price, size } from "../../format.js";
import { badge, cell, rowOf, setEmpty, timeOf } from "../../parts.js";
import { mayOrder, mayTrade } from "../../state/may.js";
import { t } from "../../text.js";
import { exportable, findable, isShown } from "./records.js";
import { action, notesOf, setStatus, typeOf } from "./rows.js";

const NAMES = ["symbol", "side", "type", "size", "filled", "price", "trigger", "status", "notes", "placed", "actions"];
const panel = byId("orders");
const body = panel.querySelector("tbody");
const cancelAll = panel.querySelector('[data-action="cancel-all"]');

/** Of the export, of this list and of the order history. */
export const ORDER_COLUMNS = [
  "order_id", "client_order_id", "symbol", "side", "order_type", "time_in_force", "size", "filled_size", "price", "trigger_price", "average_price", "status", "reason",
  "reduce_only", "leverage", "parent_order_id", "decision_id", "created_at", "timestamp",
].map((key) => ({ title: key, value: (row) => row[key] }));

const AMEND = ["amend-order", t("Amend")];
const CANCEL = ["cancel-order", t("Cancel")];

let found = null;

export const shows = ["account", "orders", "who"];

export function start({ app }) {
  exportable("orders", ORDER_COLUMNS, ({ account }) => sorted(account.orders));
  findable("orders", ([id]) => {
    found = String(id);
    render(app.state);
    const row = body.querySelector(".found");
    if (!row) return;
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  });
}

export function render(state) {
  if (!isShown("orders")) {
    body.replaceChildren();
    return;
  }
  const { loaded, orders } = state.account;
  const may = mayTrade(state);
  panel.classList.toggle("no-actions", !may);
  const amendable = mayOrder(state);
  const rows = sorted(orders).map((order) => ({ order, may: [...(amendable ? [AMEND] : []), ...(may ? [CANCEL] : [])] }));
  reconcile(body, rows, ({ order }) => order.order_id, build, update);
  cancelAll.hidden = !may || rows.length === 0;
  setEmpty(panel, rows.length ? null : loaded ? t("No open order.") : t("Loading…"));
}

const sorted = (orders) => [...orders.values()].sort((a, b) => b.order_id - a.order_id);

function build({ order }) {
  const row = rowOf(panel, NAMES);
  cell(row, "symbol").append(order.symbol);
  cell(row, "side").append(badge(order.side));
  cell(row, "placed").append(timeOf(order.created_at));
  return row;
}

function update(row, { order, may }) {
  row.classList.toggle("found", row.dataset.key === found);
  setText(cell(row, "type"), typeOf(order));
  setNumber(cell(row, "size"), size(order.size));
  setNumber(cell(row, "filled"), size(order.filled_size));
  setNumber(cell(row, "price"), order.price === null ? t("Market") : price(order.price));
  setNumber(cell(row, "trigger"), price(order.trigger_price));
  setText(cell(row, "notes"), notesOf(order));
  setStatus(row, order);
  const actions = cell(row, "actions");
  if (may.length === actions.childElementCount) return;
  actions.replaceChildren(...may.map(([name, text]) => action(name, text, { orderId: String(order.order_id) })));
}
