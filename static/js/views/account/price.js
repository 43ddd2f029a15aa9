// The price of a symbol, with what the account did and holds on it.

import { CandleChart } from "../../charts/candles.js";
import { byId, make, reconcile, setText } from "../../dom.js";
import { loadCandles, loadClosed, loadOlder } from "../../follow/lists.js";
import { plain, price, size, words } from "../../format.js";
import { setEmpty } from "../../parts.js";
import { latest } from "../../state/quotes.js";
import { t } from "../../text.js";

const RETRY_MS = 2_000;
const MANY_FILLS = 6;
const MOST_FILLS_NAMED = 30;
/** Fills are marked anew so often at most: each time all of the chart is drawn. */
const MARK_EVERY_MS = 500;
/** So often the chart follows the mark, at most. */
const DRAW_EVERY_MS = 100;

const FEW = 20;
const SHORTEST = "5s";

const panel = byId("price");
const frame = panel.querySelector(".chart-frame");
const symbols = byId("price-symbol");
const intervals = byId("price-interval");
const mark = byId("price-mark");
const candleText = byId("price-candle");
const levelList = byId("price-levels");

let app = null;
let request = null;
let chart = null;
let failed = "";
let hovered = null;
let askedAt = 0;
let drawn = { candles: null, version: -1, at: 0 };
let drawTimer = null;
let picked = false; // the interval, by the viewer or for a market that is young

export const shows = ["account", "candles", "fills", "positions", "orders", "market", "prices"];

export async function start(page) {
  app = page.app;
  request = (type, data) => page.session.request(type, data);
  symbols.addEventListener("change", () => choose(symbols.value, intervalChosen()));
  intervals.addEventListener("change", () => {
    picked = true;
    if (app.state.account.candles) choose(app.state.account.candles.symbol, intervalChosen());
  });
  try {
    chart = await CandleChart.in(frame.querySelector(".chart"), {
      older: () => app.state.account.candles?.loaded && loadOlder(app.account, request, app.state.account.candles),
      hover: (at) => {
        hovered = at;
        page.redraw(false);
        app.touch("candles");
      },
    });
  } catch {
    failed = t("The charts are not installed.");
  }
  page.redraw();
}

const intervalChosen = () => intervals.querySelector(":checked").value;

async function choose(symbol, interval) {
  app.account.chart(symbol, interval);
  await loadCandles(app.account, request, app.state.account.candles);
  const quote = app.state.prices.get(symbol); // it may have come before them, and stand for long
  if (quote) app.account.price(quote);
}

/** Where the market has told little yet, begin with the shortest candles. */
function beginShort({ symbol, interval, rows }) {
  picked = true;
  if (rows.length >= FEW || interval === SHORTEST) return;
  intervals.querySelector(`[value="${SHORTEST}"]`).checked = true;
  choose(symbol, SHORTEST);
}

export function render({ account, instruments, prices }) {
  const { loaded, candles, positions } = account;
  offer([...new Set([...instruments.keys(), ...positions.keys()])]);
  if (loaded && candles === null && instruments.size > 0) choose(largest(positions) ?? instruments.keys().next().value, intervalChosen());
  symbols.disabled = candles === null;
  if (candles !== null && symbols.value !== candles.symbol) symbols.value = candles.symbol;
  const instrument = candles && instruments.get(candles.symbol);
  const known = instrument ? latest(instrument, prices.get(candles.symbol)) : prices.get(candles?.symbol);
  setText(mark, candles ? price(known?.mark_price) + (known?.stale && known.mark_price !== null ? ` (${t("stale")})` : "") : "");
  if (candles?.loaded && !picked) beginShort(candles);
  const there = candles !== null && candles.rows.length > 0;
  frame.hidden = !there || chart === null;
  setEmpty(panel, there && chart ? null : failed || candles?.failed || (candles?.loaded ? t("No price of {symbol} was recorded yet.", { symbol: candles.symbol }) : t("Loading…")));
  const levels = candles === null ? [] : levelsOf(account, candles.symbol);
  reconcile(levelList, levels, ({ id }) => id, buildLevel, updateLevel);
  if (!there || chart === null) return;
  if (candles.due && !candles.loading && performance.now() - askedAt > RETRY_MS) {
    askedAt = performance.now();
    loadClosed(app.account, request, candles);
  }
  if (drawn.candles === candles && drawn.version === candles.version && performance.now() - drawn.at < DRAW_EVERY_MS) {
    drawTimer ??= setTimeout(() => {
      drawTimer = null;
      app.touch("candles");
    }, DRAW_EVERY_MS);
    return;
  }
  drawn = { candles, version: candles.version, at: performance.now() };
  chart.draw(candles, instruments.get(candles.symbol)?.price_decimals ?? 2);
  markSoon(candles);
  chart.level(levels);
  setText(candleText, told(candles.rows.find(({ at }) => at === hovered) ?? candles.rows.at(-1)));
}

function offer(all) {
  reconcile(symbols, all, String, (symbol) => make("option", { value: symbol }, symbol));
}

const largest = (positions) => [...positions.values()].sort((a, b) => b.position_value - a.position_value)[0]?.symbol;

const told = ({ open, high, low, close, volume }) =>
  [`O ${price(open)}`, `H ${price(high)}`, `L ${price(low)}`, `C ${price(close)}`, volume === null || volume === undefined ? "" : `V ${plain(volume)}`].filter(Boolean).join("  ");

/** What the account has at which price: its position, where that would be liquidated, and what waits. */
function levelsOf({ positions, orders }, symbol) {
  const levels = [];
  const held = positions.get(symbol);
  if (held) {
    const side = t(words(held.side));
    levels.push({ id: "entry", price: held.entry_price, title: t("{side} {size} entry", { side, size: size(held.size) }), token: "--accent", style: "solid" });
    if (held.liquidation_price !== null) levels.push({ id: "liquidation", price: held.liquidation_price, title: t("Liquidation"), token: "--wait", style: "sparse" });
  }
  for (const order of orders.values()) {
    if (order.symbol !== symbol) continue;
    const token = order.side === "buy" ? "--up" : "--down";
    const waits = order.trigger_price !== null && order.triggered_at === null;
    const at = waits ? order.trigger_price : order.price;
    if (at === null) continue;
    levels.push({ id: `order-${order.order_id}`, price: at, title: titleOf(order, waits), token, style: waits ? "dashed" : "dotted" });
  }
  return levels;
}

function titleOf({ side, size: amount, order_type }, waits) {
  const values = { side: t(words(side)), size: size(amount) };
  if (!waits) return t("{side} {size} limit", values);
  return order_type.startsWith("stop") ? t("Stop, {side} {size}", values) : t("Take profit, {side} {size}", values);
}

function buildLevel({ style }) {
  return make("li", {}, make("span", { class: "stroke", "data-style": style, "aria-hidden": "true" }), make("span", { class: "what" }), " ", make("span", { class: "num at" }));
}

function updateLevel(item, { title, price: at, token }) {
  setText(item.querySelector(".what"), title);
  setText(item.querySelector(".at"), price(at));
  item.querySelector(".stroke").style.color = `var(${token})`;
}

let markTimer = null;

function markSoon(candles) {
  if (marked.candles !== candles || marked.version !== candles.version) {
    clearTimeout(markTimer);
    markTimer = null;
    chart.mark(marksOf(candles));
  } else if (marked.key !== candles.fills.rows) {
    markTimer ??= setTimeout(() => {
      markTimer = null;
      if (app.state.account.candles === candles && candles.rows.length > 0) chart.mark(marksOf(candles));
    }, MARK_EVERY_MS);
  }
}

let marked = { key: null, candles: null, version: -1, marks: [] };

/** The fills by candle and side, oldest first. */
function marksOf(candles) {
  const { fills, span, rows, version } = candles;
  const first = rows[0].at;
  const key = fills.rows;
  const sums = new Map();
  for (const { timestamp, side, size: amount, status, liquidation } of fills.rows) {
    const at = Math.floor(Date.parse(timestamp) / span) * span;
    if (at < first) continue;
    const kind = liquidation ? "liquidation" : status === "closed" ? "exit" : "entry";
    const id = `${at} ${side} ${kind}`;
    const sum = sums.get(id) ?? { at, side, kind, amount: 0, count: 0 };
    sum.amount += amount;
    sum.count += 1;
    sums.set(id, sum);
  }
  const all = [...sums.values()].sort((a, b) => a.at - b.at);
  const marks = all.map(({ at, side, kind, amount }) => ({ at, side, text: textOf(kind, side, amount, all.length) }));
  marked = { key, candles, version, marks };
  return marks;
}

/** In few words where there are many, and in none where they would only cover each other: the arrows tell the side. */
function textOf(kind, side, amount, count) {
  if (count <= MANY_FILLS) return LONG[kind](side, size(amount));
  return count <= MOST_FILLS_NAMED || kind === "liquidation" ? SHORT[kind](side) : "";
}

const SHORT = {
  entry: (side) => (side === "buy" ? t("B") : t("S")),
  exit: () => t("Exit"),
  liquidation: () => t("Liq."),
};
const LONG = {
  entry: (side, amount) => (side === "buy" ? t("Buy {amount}", { amount }) : t("Sell {amount}", { amount })),
  exit: (side, amount) => (side === "buy" ? t("Exit, buy {amount}", { amount }) : t("Exit, sell {amount}", { amount })),
  liquidation: (_, amount) => t("Liquidation {amount}", { amount }),
};
