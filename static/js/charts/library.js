// The library that draws the charts, and what all our charts have in common.

import { time, utc } from "../format.js";
import { colour, onTheme } from "./colours.js";

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** The module of lightweight-charts; rejects where it is not installed. */
export const library = () => (loading ??= import("../../charts/lightweight-charts.standalone.production.mjs"));
let loading = null;

/** Options of every chart in the colours of the theme. No logo: its style would be inline; the footer names the maker. */
export function look() {
  return {
    autoSize: true,
    layout: {
      attributionLogo: false,
      background: { type: "solid", color: "transparent" },
      textColor: colour("--muted"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 2, tickMarkFormatter: tick },
    crosshair: { vertLine: { color: colour("--muted") }, horzLine: { color: colour("--muted") } },
    localization: { timeFormatter: (seconds) => `${time(seconds * 1000)} (${utc(seconds * 1000)})` },
  };
}

/** Make a chart in an element; it keeps to the theme. */
export async function chartIn(element, options = {}) {
  const charts = await library();
  const chart = charts.createChart(element, look());
  chart.applyOptions(options);
  onTheme(() => chart.applyOptions(look()));
  return { charts, chart };
}

/* By kind of tick. */
const TICKS = [{ year: "numeric" }, { month: "short" }, { day: "numeric", month: "short" }, CLOCK, { ...CLOCK, second: "2-digit" }];

/** The axis in the viewer's zone; `kind`: 0 a year, 1 a month, 2 a day, 3 minutes, 4 seconds. */
function tick(seconds, kind) {
  return new Intl.DateTimeFormat(document.documentElement.lang, TICKS[kind]).format(new Date(seconds * 1000));
}
