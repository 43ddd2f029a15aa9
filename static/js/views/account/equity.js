// The account's equity over a timeframe.

import { Lines } from "../../charts/lines.js";
import { byId, setText, setTone } from "../../dom.js";
import { signedMoney, tone } from "../../format.js";
import { setEmpty } from "../../parts.js";
import { t } from "../../text.js";

const panel = byId("equity");
const frame = panel.querySelector(".chart-frame");
const change = byId("equity-change");
const timeframes = byId("equity-timeframe");

let lines = null;
let failed = "";

export const shows = ["account", "curve", "summary"];

export async function start({ session, redraw }) {
  timeframes.addEventListener("change", (event) => session.show(event.target.value));
  try {
    lines = await Lines.in(frame.querySelector(".chart"));
  } catch {
    failed = t("The charts are not installed.");
  }
  redraw();
}

export function render({ account }) {
  const { accountId, loaded, curve, summary, timeframe } = account;
  const points = upToNow(curve, summary);
  const enough = points.length > 1 && lines !== null;
  frame.hidden = !enough;
  setEmpty(panel, enough ? null : failed || (loaded ? t("Waiting for the first points…") : t("Loading…")));
  const difference = points.length > 1 ? points.at(-1).equity - points[0].equity : null;
  setText(change, points.length > 1 ? signedMoney(difference) : "");
  setTone(change, tone(difference));
  timeframes.querySelector(`[value="${timeframe}"]`).checked = true;
  if (enough) lines.draw([{ id: accountId, index: 0, points: curve.length > 1 ? curve : points }], false, `${accountId} ${timeframe}`);
}

/** The curve, and the equity that stands in the key figures at its end. */
function upToNow(curve, summary) {
  if (summary === null) return curve;
  const now = { at: Date.parse(summary.timestamp), equity: summary.equity };
  return curve.length === 0 || curve.at(-1).at < now.at ? [...curve, now] : curve;
}
