// Candles of one symbol with volume, marks for fills, and lines for levels.

import { price } from "../format.js";
import { colour, onTheme } from "./colours.js";
import { chartIn } from "./library.js";

/** So many candles from the left end of what there is, older ones are asked for. */
const NEAR_START = 30;
const CANDLE_PX = 8; // of each, at first
/** On a narrower screen levels have no titles: they would cover the candles, and stand below them anyway. */
const wide = matchMedia("(min-width: 720px)");
const STYLES = { solid: 0, dotted: 1, dashed: 2, sparse: 4 };

const seconds = (at) => Math.floor(at / 1000);

/**
 * A chart of candles: those that rose are hollow, those that fell filled. `older()` is called when the viewer nears the
 * oldest one, `hover(at)` with the moment under the crosshair (ms) or null.
 */
export class CandleChart {
  #chart;
  #candles;
  #volumes;
  #marks;
  #lines = new Map();
  #fills = [];
  #drawn = { source: null, version: -1 };

  static async in(element, { older, hover }) {
    const { charts, chart } = await chartIn(element, { localization: { priceFormatter: price } });
    return new CandleChart(charts, chart, older, hover);
  }

  constructor(charts, chart, older, hover) {
    this.#chart = chart;
    const autoscaleInfoProvider = (original) => this.#scaled(original());
    this.#candles = chart.addSeries(charts.CandlestickSeries, { priceLineStyle: STYLES.dotted, autoscaleInfoProvider });
    this.#volumes = chart.addSeries(charts.HistogramSeries, { priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false, priceFormat: { type: "volume" } });
    chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.#marks = charts.createSeriesMarkers(this.#candles, []);
    this.#paint();
    onTheme(() => this.#repaint());
    wide.addEventListener("change", () => this.#repaint());
    chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < NEAR_START && older());
    chart.subscribeCrosshairMove(({ time }) => hover(time === undefined ? null : time * 1000));
  }

  /** Draw candles (state/candles.js) in full where more than the last one changed. `decimals`: of the symbol's prices. */
  draw(candles, decimals) {
    const { source, version } = this.#drawn;
    if (source === candles && version === candles.version) {
      this.#update(candles.rows.at(-1));
      return;
    }
    if (source?.symbol !== candles.symbol) this.#candles.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.#chart.applyOptions({ timeScale: { secondsVisible: candles.span < 60e3 } });
    this.#candles.setData(candles.rows.map(barOf));
    this.#volumes.setData(candles.rows.map((row) => this.#volumeOf(row)));
    if (source !== candles) {
      const count = Math.max(20, Math.floor((this.#chart.timeScale().width() || 800) / CANDLE_PX));
      this.#chart.timeScale().setVisibleLogicalRange({ from: candles.rows.length - count, to: candles.rows.length + 3 });
      this.#chart.priceScale("right").applyOptions({ autoScale: true });
    }
    this.#drawn = { source: candles, version: candles.version };
  }

  /** Mark fills, oldest first: [{at, side, text}]. */
  mark(fills) {
    this.#fills = fills;
    this.#mark();
  }

  #mark() {
    this.#marks.setMarkers(
      this.#fills.map(({ at, side, text }) => ({
        time: seconds(at),
        position: side === "buy" ? "belowBar" : "aboveBar",
        shape: side === "buy" ? "arrowUp" : "arrowDown",
        color: colour(side === "buy" ? "--up" : "--down"),
        text,
      })),
    );
  }

  /** Draw levels [{id, price, title, token, style}] as lines across the chart. */
  level(levels) {
    for (const [id, { line }] of this.#lines) {
      if (levels.some((each) => each.id === id)) continue;
      this.#candles.removePriceLine(line);
      this.#lines.delete(id);
    }
    for (const level of levels) {
      const known = this.#lines.get(level.id);
      if (!known) this.#lines.set(level.id, { level, line: this.#candles.createPriceLine(this.#lineOf(level)) });
      else if (known.level.price !== level.price || known.level.title !== level.title) {
        known.line.applyOptions(this.#lineOf(level));
        known.level = level;
      }
    }
  }

  /** The scale of the candles in sight, with the levels that are near them. */
  #scaled(info) {
    if (!info?.priceRange) return info;
    const { minValue, maxValue } = info.priceRange;
    const around = Math.max(maxValue - minValue, maxValue * 0.0005);
    const near = [...this.#lines.values()].map(({ level }) => level.price).filter((each) => each > minValue - around && each < maxValue + around);
    return { ...info, priceRange: { minValue: Math.min(minValue, ...near), maxValue: Math.max(maxValue, ...near) } };
  }

  #lineOf({ price: at, title, token, style }) {
    return { price: at, title: wide.matches ? title : "", color: colour(token), lineStyle: STYLES[style], lineWidth: 1, axisLabelVisible: true };
  }

  #update(row) {
    if (!row) return;
    this.#candles.update(barOf(row));
    this.#volumes.update(this.#volumeOf(row));
  }

  #volumeOf({ at, open, close, volume }) {
    const time = seconds(at);
    if (volume === null || volume === undefined) return { time };
    return { time, value: volume, color: colourOf(close >= open ? "--up-soft" : "--down-soft") };
  }

  #paint() {
    const [up, down] = [colour("--up"), colour("--down")];
    this.#candles.applyOptions({
      upColor: colour("--surface"),
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
    });
  }

  #repaint() {
    soft.clear();
    this.#paint();
    for (const { level, line } of this.#lines.values()) line.applyOptions(this.#lineOf(level));
    const { source } = this.#drawn;
    if (source) this.#volumes.setData(source.rows.map((row) => this.#volumeOf(row)));
    this.#mark();
  }
}

const barOf = ({ at, open, high, low, close }) => ({ time: seconds(at), open, high, low, close });

/** Colours of volumes, asked for once a theme. */
const soft = new Map();
function colourOf(token) {
  if (!soft.has(token)) soft.set(token, colour(token));
  return soft.get(token);
}
