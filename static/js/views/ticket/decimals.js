// Exact decimals as text: what people type, and the steps of a market. Nothing here works with binary fractions.

const PLACES = 12;
const PLAIN = /^(\d*)\.?(\d*)$/;

/** What was typed, with a point for the decimals: "0,5" is 0.5, and of "68,500.25" the comma only groups. */
export function withPoint(text) {
  const bare = text.replace(/[\s']/g, "");
  const last = Math.max(bare.lastIndexOf(","), bare.lastIndexOf("."));
  if (last === -1) return bare;
  const mark = bare[last];
  const alone = bare.indexOf(mark) === last;
  const whole = bare.slice(0, last).replace(/[,.]/g, "");
  return alone ? `${whole}.${bare.slice(last + 1)}` : bare.replace(/[,.]/g, "");
}

/** A decimal number as an integer of 10^-12, or null for what is no such number. */
export function units(value) {
  if (value === null || value === undefined) return null;
  const text = typeof value === "number" ? ofNumber(value) : withPoint(String(value));
  const found = PLAIN.exec(text);
  if (!found || (!found[1] && !found[2])) return null;
  return BigInt(found[1] + found[2].slice(0, PLACES).padEnd(PLACES, "0"));
}

const ofNumber = (value) => (String(value).includes("e") ? value.toFixed(PLACES) : String(value));

/** Units of 10^-12 as text, without needless zeros. */
export function text(value) {
  const digits = String(value).padStart(PLACES + 1, "0");
  const decimals = digits.slice(-PLACES).replace(/0+$/, "");
  return digits.slice(0, -PLACES) + (decimals ? `.${decimals}` : "");
}

const step = (decimals) => 10n ** BigInt(PLACES - decimals);

export const floorTo = (value, decimals) => value - (value % step(decimals));

const nearest = (value, decimals) => floorTo(value + step(decimals) / 2n, decimals);

/** So many per cent of a size, cut at its lot. */
export function share(whole, percent, decimals) {
  return text(floorTo((units(whole) * BigInt(percent)) / 100n, decimals));
}

/** How many units an amount of USDC is at a price, cut at the lot; null where that can't be said. */
export function sizeFor(amount, price, decimals) {
  const [paid, each] = [units(amount), units(price)];
  if (paid === null || !each) return null;
  return text(floorTo((paid * step(0)) / each, decimals));
}

/** The decimals that a price near `value` may have: so many significant figures, and no more than the symbol's. */
export function priceDecimals(value, { price_decimals, significant_figures }) {
  const whole = String(value / step(0));
  const figures = whole === "0" ? significant_figures : significant_figures - whole.length;
  return Math.max(0, Math.min(price_decimals, figures));
}

/** A price on the tick, as text. */
export const onTick = (value, instrument) => text(nearest(value, priceDecimals(value, instrument)));

/** A price that is so many per cent above (or, negative, below) another, on the tick; null where there is none. */
export function away(price, percent, instrument) {
  const from = units(price);
  const by = units(percent.replace(/^[-−]/, ""));
  if (from === null || by === null) return null;
  const change = (from * by) / (100n * step(0));
  const found = /^[-−]/.test(percent) ? from - change : from + change;
  return found > 0n ? onTick(found, instrument) : null;
}

/** How far one price is from another in per cent, as text with a sign and two decimals at most. */
export function distance(price, from) {
  const [there, here] = [units(price), units(from)];
  if (there === null || !here) return null;
  const gap = there > here ? there - here : here - there;
  const percent = nearest((gap * 100n * step(0)) / here, 2);
  return (there < here && percent > 0n ? "-" : "") + text(percent);
}

/** A number some steps further; a price's step is its tick, and of nothing it is that of `start`. */
export function stepped(value, steps, decimals, start = 0n) {
  const from = units(value) ?? start;
  const found = from + BigInt(steps) * step(decimals);
  return text(found > 0n ? floorTo(found, decimals) : 0n);
}
