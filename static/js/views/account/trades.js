import { byId, reconcile, setNumber, setText, setTone } from "../../dom.js";
import { price, signedMoney, size, tone } from "../../format.js";
import { badge, cell, rowOf, setEmpty, timeOf } from "../../parts.js";

const NAMES = ["symbol", "side", "size", "price", "pnl", "fee", "time"];
const panel = byId("trades");
const body = panel.querySelector("tbody");
const incompleteNote = panel.querySelector(".incomplete");

export const shows = ["account", "trades"];

export function render({ account }) {
  const { loaded, trades, incomplete } = account;
  reconcile(body, trades, ({ trade_id }) => trade_id, build, update);
  setEmpty(panel, trades.length ? null : loaded ? "Waiting for the first trade…" : "Loading…");
  incompleteNote.hidden = !incomplete.has("trades");
}

function build(trade) {
  const row = rowOf(panel, NAMES);
  cell(row, "symbol").append(trade.symbol);
  cell(row, "side").append(badge(trade.side));
  cell(row, "time").append(timeOf(trade.timestamp));
  return row;
}

/** A trade may come again, corrected. */
function update(row, trade) {
  setNumber(cell(row, "size"), size(trade.size));
  setNumber(cell(row, "price"), price(trade.price));
  setNumber(cell(row, "pnl"), signedMoney(trade.pnl));
  setTone(cell(row, "pnl"), tone(trade.pnl));
  setText(cell(row, "fee"), signedMoney(-trade.fee));
}
