// An SVG line of equity over time, with a few lines of reference.

import { money, time, tone } from "./format.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const EDGE = { top: 10, right: 78, bottom: 24, left: 4 };
const LABEL_GAP = 8;
const STEPS = [1, 2, 2.5, 5, 10];

/** Draw `points` ({at, equity}, oldest first, at least two) into an <svg> of this many pixels. */
export function drawChart(svg, points, width, height) {
  if (width === 0 || height === 0) return;
  const plot = { left: EDGE.left, right: width - EDGE.right, top: EDGE.top, bottom: height - EDGE.bottom };
  const [from, to] = [points[0].at, points.at(-1).at];
  const [low, high] = range(points.map(({ equity }) => equity));
  const x = (at) => plot.left + ((at - from) / Math.max(1, to - from)) * (plot.right - plot.left);
  const y = (equity) => plot.bottom - ((equity - low) / (high - low)) * (plot.bottom - plot.top);

  const line = points.map(({ at, equity }) => `${round(x(at))},${round(y(equity))}`).join("L");
  const base = `${round(plot.right)},${plot.bottom}L${plot.left},${plot.bottom}`;
  const direction = tone(points.at(-1).equity - points[0].equity) || "flat";

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", describe(points));
  svg.replaceChildren(
    ...gridLines(low, high).flatMap((equity) => [
      shape("line", { class: "grid", x1: plot.left, x2: plot.right, y1: round(y(equity)), y2: round(y(equity)) }),
      label(money(equity), { x: width, y: round(y(equity)) + 4, "text-anchor": "end" }),
    ]),
    shape("line", { class: "start", x1: plot.left, x2: plot.right, y1: round(y(points[0].equity)), y2: round(y(points[0].equity)) }),
    shape("path", { class: `area ${direction}`, d: `M${line}L${base}Z` }),
    shape("path", { class: `line ${direction}`, d: `M${line}` }),
    shape("circle", { class: `last ${direction}`, cx: round(x(to)), cy: round(y(points.at(-1).equity)), r: 3.5 }),
    label(time(from), { x: plot.left, y: height - LABEL_GAP }),
    label(time(to), { x: plot.right, y: height - LABEL_GAP, "text-anchor": "end" }),
  );
}

/** The least and the most, with some air, and never nothing in between. */
function range(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = (high - low) * 0.08 || Math.max(1, Math.abs(high) * 0.001);
  return [low - air, high + air];
}

/** Three or four round numbers between two. */
function gridLines(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((each) => each * power >= rough) * power;
  const lines = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) lines.push(value);
  return lines;
}

function describe(points) {
  const [first, last] = [points[0], points.at(-1)];
  return `Equity from ${money(first.equity)} at ${time(first.at)} to ${money(last.equity)} at ${time(last.at)}`;
}

const round = (value) => Math.round(value * 10) / 10;

function shape(name, attributes) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function label(text, attributes) {
  const element = shape("text", attributes);
  element.textContent = text;
  return element;
}
