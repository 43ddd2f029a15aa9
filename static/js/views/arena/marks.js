// The marks of all instruments, each with the line of its last hour.

import { byId, make, reconcile, setNumber, setText, setTone } from "../../dom.js";
import { price, signedPercent, tone, utc } from "../../format.js";
import { latest } from "../../state/quotes.js";
import { t } from "../../text.js";

const SPARK = { interval: "1m", limit: 60 };
const REFRESH_EVERY_MS = 60_000;
const WIDTH = 96;
const HEIGHT = 28;
const NAMESPACE = "http://www.w3.org/2000/svg";
const list = byId("prices");
/** Closes of each symbol's candles, oldest first. */
const sparks = new Map();

let page;

export const shows = ["prices", "market", "connection"];

export function start(given) {
  page = given;
  setInterval(load, REFRESH_EVERY_MS);
}

export function render({ prices, instruments, connection, route }) {
  if (connection === "live" && route.view === "arena" && sparks.size === 0 && instruments.size) load();
  const rows = [...instruments.values()].map((each) => latest(each, prices.get(each.symbol)));
  const shown = rows.filter(({ mark_price }) => mark_price !== null).sort((a, b) => a.symbol.localeCompare(b.symbol));
  reconcile(list, shown, ({ symbol }) => symbol, build, update);
  byId("no-prices").hidden = shown.length > 0;
}

async function load() {
  const { connection, route, instruments } = page.app.state;
  if (connection !== "live" || route.view !== "arena" || document.hidden) return;
  for (const symbol of instruments.keys()) {
    sparks.set(symbol, sparks.get(symbol) ?? []);
    try {
      const { candles } = await page.session.request("get_candles", { symbol, ...SPARK });
      sparks.set(symbol, candles.map(({ close }) => close));
    } catch {
      continue; // the next minute asks again
    }
  }
  page.redraw();
}

function build({ symbol }) {
  const line = document.createElementNS(NAMESPACE, "svg");
  line.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  line.setAttribute("aria-hidden", "true");
  line.append(document.createElementNS(NAMESPACE, "polyline"));
  return make(
    "li",
    { class: "quote" },
    make("span", { class: "symbol" }, symbol),
    make("span", { class: "num mark" }),
    make("span", { class: "num change" }),
    line,
    make("span", { class: "note old", hidden: "" }, t("stale")),
  );
}

function update(item, { symbol, mark_price, change_24h_pct, timestamp, stale }) {
  item.querySelector(".old").hidden = !stale;
  setNumber(item.querySelector(".mark"), price(mark_price));
  const change = item.querySelector(".change");
  setText(change, change_24h_pct === null || change_24h_pct === undefined ? "" : signedPercent(change_24h_pct));
  setTone(change, tone(change_24h_pct));
  item.title = t("Mark at {time}", { time: utc(timestamp) });
  draw(item.querySelector("polyline"), [...(sparks.get(symbol) ?? []), mark_price]);
}

function draw(line, values) {
  if (values.length < 2) return;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  line.setAttribute("points", points.join(" "));
}
