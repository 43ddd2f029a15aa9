// Equity over time: a line for each account, in USDC or in percent of its first point.

import { money, signedPercent } from "../format.js";
import { onTheme, seriesColour } from "./colours.js";
import { chartIn } from "./library.js";

const SOLID = 0;
const STROKES = [SOLID, 2, 1, 3]; // solid, dashed, dotted, large dashed: for series that share a colour

/** A chart of lines. `hover(values)` is told the value of each line under the crosshair, by id; null when there is none. */
export class Lines {
  #charts;
  #chart;
  #series = new Map();
  #drawn = new Map();
  #percent = false;
  #fitted = "";
  /** Whether the viewer chose what to see. */
  #held = false;

  static async in(element, hover = () => {}) {
    const { charts, chart } = await chartIn(element, { localization: { priceFormatter: money } });
    const lines = new Lines(charts, chart, hover);
    for (const kind of ["wheel", "pointerdown"]) element.addEventListener(kind, () => (lines.#held = true), { passive: true });
    return lines;
  }

  constructor(charts, chart, hover) {
    this.#charts = charts;
    this.#chart = chart;
    chart.subscribeCrosshairMove(({ time, seriesData }) => {
      if (time === undefined) hover(null);
      else hover(new Map([...this.#series].map(([id, { line }]) => [id, seriesData.get(line)?.value])));
    });
    onTheme(() => {
      for (const { line, index } of this.#series.values()) line.applyOptions({ color: seriesColour(index) });
    });
  }

  /**
   * Draw `lines` [{id, index, points: [{at, equity}], faded}], in percent or not. `span` names what is seen: when it
   * changes, all of it is brought into sight, and so it stays until the viewer zooms or moves.
   */
  draw(lines, percent, span) {
    if (percent !== this.#percent) this.#turn(percent);
    for (const id of this.#series.keys()) if (!lines.some((each) => each.id === id)) this.#remove(id);
    const changed = lines.map((each) => this.#set(each)).some(Boolean);
    if (span !== this.#fitted) this.#held = false;
    if (!changed || this.#held || !lines.some(({ points }) => points.length > 1)) return;
    this.#fitted = span;
    this.#chart.timeScale().fitContent();
  }

  #turn(percent) {
    this.#percent = percent;
    this.#drawn.clear();
    this.#chart.applyOptions({ localization: { priceFormatter: percent ? signedPercent : money } });
  }

  /** Bring one line up to date; returns whether its points changed. */
  #set({ id, index, points, faded = false }) {
    let entry = this.#series.get(id);
    if (!entry) {
      const options = { lineWidth: 2, priceLineVisible: false, lastValueVisible: false };
      entry = { line: this.#chart.addSeries(this.#charts.LineSeries, options), index: null, faded: null };
      this.#series.set(id, entry);
    }
    if (entry.index !== index || entry.faded !== faded) {
      const lineStyle = STROKES[Math.floor(index / 8) % STROKES.length];
      entry.line.applyOptions({ color: seriesColour(index), lineStyle, lineWidth: faded ? 1 : 2, visible: true });
      Object.assign(entry, { index, faded });
    }
    const drawn = this.#drawn.get(id);
    if (drawn === points) return false;
    this.#drawn.set(id, points);
    const rows = this.#rows(points);
    const last = rows.at(-1);
    // One more point at the end is the usual thing; anything else is drawn anew.
    if (drawn && last && points.length === drawn.length + 1 && points[0] === drawn[0] && points.at(-2) === drawn.at(-1)) entry.line.update(last);
    else entry.line.setData(rows);
    return true;
  }

  /** One point a second, the last one of it; times ascend. */
  #rows(points) {
    const base = points[0]?.equity;
    const rows = new Map();
    for (const { at, equity } of points) {
      const value = this.#percent ? (base > 0 ? (equity / base - 1) * 100 : 0) : equity;
      rows.set(Math.floor(at / 1000), value);
    }
    return [...rows].map(([time, value]) => ({ time, value }));
  }

  #remove(id) {
    this.#chart.removeSeries(this.#series.get(id).line);
    this.#series.delete(id);
    this.#drawn.delete(id);
  }
}
