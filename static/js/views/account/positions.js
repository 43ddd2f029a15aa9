import { byId, reconcile, setNumber, setTone } from "../../dom.js";
import { leverage, price, signedMoney, size, tone } from "../../format.js";
import { badge, cell, rowOf, setEmpty } from "../../parts.js";

const NAMES = ["symbol", "side", "size", "entry", "mark", "upnl", "leverage", "liquidation"];
const panel = byId("positions");
const body = panel.querySelector("tbody");

export const shows = ["account", "positions"];

export function render({ account }) {
  const { loaded, positions } = account;
  const rows = [...positions.values()].sort((a, b) => a.symbol.localeCompare(b.symbol));
  reconcile(body, rows, ({ symbol, side }) => `${symbol} ${side}`, build, update);
  setEmpty(panel, rows.length ? null : loaded ? "No open position." : "Loading…");
}

function build({ symbol, side }) {
  const row = rowOf(panel, NAMES);
  cell(row, "symbol").append(symbol);
  cell(row, "side").append(badge(side));
  return row;
}

function update(row, position) {
  setNumber(cell(row, "size"), size(position.size));
  setNumber(cell(row, "entry"), price(position.entry_price));
  setNumber(cell(row, "mark"), price(position.mark_price));
  setNumber(cell(row, "upnl"), signedMoney(position.unrealized_pnl));
  setTone(cell(row, "upnl"), tone(position.unrealized_pnl));
  setNumber(cell(row, "leverage"), leverage(position.leverage));
  setNumber(cell(row, "liquidation"), price(position.liquidation_price));
}
