// All orders that there were, by what became of them.

import { byId, setNumber, setText } from "../../dom.js";
import { price, size } from "../../format.js";
import { badge, cell, timeOf } from "../../parts.js";
import { t } from "../../text.js";
import { listView } from "./list.js";
import { ORDER_COLUMNS } from "./orders.js";
import { notesOf, setDecision, setStatus, typeOf } from "./rows.js";

const STATUSES = { open: ["open", "partially_filled", "pending_trigger"], filled: ["filled"], canceled: ["canceled"] };
const choice = byId("history-status");

const list = listView({
  id: "history",
  names: ["symbol", "side", "type", "size", "filled", "price", "average", "notes", "status", "placed", "decision"],
  columns: ORDER_COLUMNS,
  none: () => (choice.value ? t("No such order.") : t("No order yet.")),

  build(row, order) {
    cell(row, "symbol").append(order.symbol);
    cell(row, "side").append(badge(order.side));
    cell(row, "placed").append(timeOf(order.created_at));
  },

  update(row, order) {
    setText(cell(row, "type"), typeOf(order));
    setNumber(cell(row, "size"), size(order.size));
    setNumber(cell(row, "filled"), size(order.filled_size));
    setNumber(cell(row, "price"), price(order.price ?? order.trigger_price));
    setNumber(cell(row, "average"), price(order.average_price));
    setText(cell(row, "notes"), notesOf(order));
    setStatus(row, order);
    setDecision(row, order.decision_id ?? null);
  },
});

export const { shows } = list;

export function start(page) {
  list.start(page);
  choice.addEventListener("change", () => {
    const status = STATUSES[choice.value];
    page.app.account.forget("history", status ? { status } : {});
  });
}

export function render(state) {
  const { status } = state.account.lists.history.filter;
  choice.value = Object.keys(STATUSES).find((name) => STATUSES[name][0] === status?.[0]) ?? "";
  list.render(state);
}
