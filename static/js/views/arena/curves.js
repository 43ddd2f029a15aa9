// All models' equity on one chart, with a legend of live values.

import { Lines } from "../../charts/lines.js";
import { SERIES, onTheme, seriesColour } from "../../charts/colours.js";
import { byId, make, reconcile, setText, setTone } from "../../dom.js";
import { NONE, money, signedPercent, tone } from "../../format.js";
import { setEmpty } from "../../parts.js";
import { addressOf } from "../../router.js";
import { t } from "../../text.js";

const panel = byId("curves");
const frame = panel.querySelector(".chart-frame");
const legend = byId("legend");
const scale = byId("curves-scale");
const timeframes = byId("curves-timeframe");
/** Accounts that the viewer took out of the chart. */
const hidden = new Set();

let lines = null;
let failed = "";
let percent = false;
let pointed = null; // the account under the pointer in the legend
let hovered = null; // the values under the crosshair

export const shows = ["curves", "standings"];

export async function start({ session, redraw }) {
  scale.addEventListener("change", (event) => {
    percent = event.target.value === "percent";
    redraw();
  });
  timeframes.addEventListener("change", (event) => session.show(event.target.value));
  legend.addEventListener("pointerover", ({ target }) => point(target.closest("li")?.dataset.key));
  legend.addEventListener("pointerleave", () => point(undefined));
  legend.addEventListener("change", ({ target }) => {
    const id = Number(target.closest("li").dataset.key);
    if (target.checked) hidden.delete(id);
    else hidden.add(id);
    redraw();
  });
  onTheme(redraw);
  try {
    lines = await Lines.in(frame.querySelector(".chart"), (values) => {
      hovered = values;
      redraw();
    });
  } catch {
    failed = t("The charts are not installed.");
  }
  redraw();

  function point(key) {
    const id = key === undefined ? null : Number(key);
    if (id === pointed) return;
    pointed = id;
    redraw();
  }
}

export function render({ arena, accounts }) {
  const { loaded, curves, timeframe } = arena;
  const names = new Map(accounts.map(({ id, name }) => [id, name]));
  const all = [...curves].map(([id, points], index) => ({ id, index, points, name: names.get(id) ?? NONE }));
  const seen = all.filter(({ id, points }) => !hidden.has(id) && points.length > 0);
  const enough = all.some(({ points }) => points.length > 1);
  frame.hidden = !enough || lines === null;
  setEmpty(panel, enough && lines ? null : failed || (loaded ? t("Waiting for the first points…") : t("Loading…")));
  if (enough) lines?.draw(seen.map((each) => ({ ...each, faded: pointed !== null && pointed !== each.id })), percent, timeframe);
  timeframes.querySelector(`[value="${timeframe}"]`).checked = true;
  reconcile(legend, all, ({ id }) => id, build, update);
}

function build({ id }) {
  const box = make("input", { type: "checkbox" });
  const name = make("a", { href: addressOf({ view: "account", accountId: id }), "data-route": "" });
  return make("li", {}, make("label", {}, box, make("i", { class: "swatch" })), name, make("span", { class: "num value" }), make("span", { class: "num change" }));
}

function update(item, { id, index, points, name }) {
  const box = item.querySelector("input");
  box.checked = !hidden.has(id);
  box.setAttribute("aria-label", t("Show {name}", { name }));
  const swatch = item.querySelector(".swatch");
  swatch.style.color = seriesColour(index);
  swatch.dataset.stroke = String(Math.floor(index / SERIES) % 4);
  const link = item.querySelector("a");
  if (setText(link, name)) link.title = name;
  const [first, last] = [points[0]?.equity, points.at(-1)?.equity];
  const under = hovered?.get(id);
  const value = under === undefined ? last : percent ? first * (1 + under / 100) : under;
  const change = first > 0 && value !== undefined ? (value / first - 1) * 100 : null;
  setText(item.querySelector(".value"), money(value));
  setText(item.querySelector(".change"), signedPercent(change));
  setTone(item.querySelector(".change"), tone(change));
}
