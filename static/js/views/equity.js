// The panel of the equity line.

import { byId, setText, setTone } from "../dom.js";
import { drawChart } from "../equity-chart.js";
import { signedMoney, tone } from "../format.js";
import { setEmpty } from "../parts.js";

const panel = byId("equity");
const frame = panel.querySelector(".chart");
const svg = frame.querySelector("svg");
const change = byId("equity-change");

let drawn = [];

/** Draw anew when the panel's size changed. */
export function onResize(changed) {
  new ResizeObserver(() => {
    drawn = [];
    changed();
  }).observe(frame);
}

export function render({ loaded, curve, summary }) {
  const points = upToNow(curve, summary);
  const enough = points.length > 1;
  frame.hidden = !enough;
  setEmpty(panel, enough ? null : loaded ? "Waiting for the first points…" : "Loading…");
  const difference = enough ? points.at(-1).equity - points[0].equity : null;
  setText(change, enough ? signedMoney(difference) : "");
  setTone(change, tone(difference));
  if (!enough || (drawn[0] === curve && drawn[1] === summary)) return;
  drawn = [curve, summary];
  const { width, height } = svg.getBoundingClientRect();
  drawChart(svg, points, Math.round(width), Math.round(height));
}

/** The curve, and the equity that stands in the key figures at its end. */
function upToNow(curve, summary) {
  if (summary === null) return curve;
  const now = { at: Date.parse(summary.timestamp), equity: summary.equity };
  return curve.length === 0 || curve.at(-1).at < now.at ? [...curve, now] : curve;
}
