// The strip of marks.

import { byId, make, reconcile, setNumber } from "../dom.js";
import { price, utc } from "../format.js";

const list = byId("prices");

export function render({ prices, positions }) {
  const marks = new Map([...positions.values()].map(({ symbol, mark_price, timestamp }) => [symbol, { symbol, mark_price, timestamp }]));
  for (const [symbol, quote] of prices) marks.set(symbol, quote);
  const quotes = [...marks.values()].sort((a, b) => a.symbol.localeCompare(b.symbol));
  reconcile(list, quotes, ({ symbol }) => symbol, build, update);
  byId("no-prices").hidden = quotes.length > 0;
}

function build({ symbol }) {
  return make("li", { class: "quote" }, make("span", { class: "symbol" }, symbol), make("span", { class: "num" }));
}

function update(item, quote) {
  setNumber(item.lastElementChild, price(quote.mark_price));
  item.title = `Mark at ${utc(quote.timestamp)}`;
}
