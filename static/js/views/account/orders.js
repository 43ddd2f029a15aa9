import { byId, reconcile, setNumber, setText } from "../../dom.js";
import { price, size, words } from "../../format.js";
import { badge, cell, rowOf, setEmpty, timeOf } from "../../parts.js";

const NAMES = ["symbol", "side", "type", "price", "size", "filled", "status", "placed"];
const panel = byId("orders");
const body = panel.querySelector("tbody");

export const shows = ["account", "orders"];

export function render({ account }) {
  const { loaded, orders } = account;
  const rows = [...orders.values()].sort((a, b) => b.order_id - a.order_id);
  reconcile(body, rows, ({ order_id }) => order_id, build, update);
  setEmpty(panel, rows.length ? null : loaded ? "No open order." : "Loading…");
}

function build(order) {
  const row = rowOf(panel, NAMES);
  cell(row, "symbol").append(order.symbol);
  cell(row, "side").append(badge(order.side));
  cell(row, "placed").append(timeOf(order.created_at));
  return row;
}

function update(row, order) {
  setText(cell(row, "type"), typeOf(order));
  setNumber(cell(row, "price"), price(order.price ?? order.trigger_price));
  setNumber(cell(row, "size"), size(order.size));
  setNumber(cell(row, "filled"), size(order.filled_size));
  setText(cell(row, "status"), words(order.status));
}

function typeOf({ order_type, time_in_force, reduce_only }) {
  const notes = [time_in_force && time_in_force !== "gtc" ? time_in_force.toUpperCase() : null, reduce_only ? "reduce only" : null];
  return [words(order_type), ...notes.filter(Boolean)].join(", ");
}
