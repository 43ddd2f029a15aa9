// Numbers and times as text. Money keeps its sign: a colour alone must not carry it.

const LOCALE = document.documentElement.lang || "en";
const MINUS = "\u2212";
export const NONE = "–";

const formats = new Map();
function grouped(value, least, most) {
  const key = `${least}:${most}`;
  if (!formats.has(key)) {
    const options = { minimumFractionDigits: least, maximumFractionDigits: most };
    formats.set(key, new Intl.NumberFormat(LOCALE, options));
  }
  return formats.get(key).format(Math.abs(value));
}

const isZero = (text) => !/[1-9]/.test(text);

function withSign(value, text, plus) {
  if (isZero(text)) return text;
  return (value < 0 ? MINUS : plus) + text;
}

const missing = (value) => value === null || value === undefined;

/** An amount of USDC: 9,982.44 */
export const money = (value) => (missing(value) ? NONE : withSign(value, grouped(value, 2, 2), ""));

/** A gain or a loss: +12.30, −87.46 */
export const signedMoney = (value) => (missing(value) ? NONE : withSign(value, grouped(value, 2, 2), "+"));

/** A signed percentage: +0.75%, −0.18% */
export const signedPercent = (value) => (missing(value) ? NONE : `${withSign(value, grouped(value, 2, 2), "+")}%`);

/** A number with two decimals, and perhaps a unit: 12.50% */
export const plain = (value, unit = "") => (missing(value) ? NONE : withSign(value, grouped(value, 2, 2), "") + unit);

/** How many times: 1.25× */
export const multiple = (value) => plain(value, "×");

/** A price, with more digits the smaller it is. */
export function price(value) {
  if (missing(value)) return NONE;
  const most = Math.abs(value) >= 1_000 ? 2 : Math.abs(value) >= 1 ? 4 : 8;
  return withSign(value, grouped(value, 2, most), "");
}

/** A size, with the digits it has. */
export const size = (value) => (missing(value) ? NONE : withSign(value, grouped(value, 0, 8), ""));

export const leverage = (value) => (missing(value) ? NONE : `${value}×`);

/** A payment, which may be far below a cent: −0.000214 */
export const signedAmount = (value) => (missing(value) ? NONE : withSign(value, grouped(value, 2, 6), "+"));

/** An hourly rate as a percentage, with the digits it has: +0.00125% */
export const rate = (value) => (missing(value) ? NONE : `${withSign(value, grouped(value * 100, 4, 6), "+")}%`);

/** A fee's rate, a fraction, as a percentage with the digits it has: 0.045% */
export const feeRate = (value) => (missing(value) ? NONE : `${withSign(value, grouped(value * 100, 2, 4), "")}%`);

/** A fraction from 0 to 1 as a percentage. */
export const fraction = (value) => (missing(value) ? NONE : `${grouped(value * 100, 0, 0)}%`);

/** `up`, `down` or nothing, by the sign that is shown. */
export function tone(value) {
  if (missing(value) || isZero(grouped(value, 2, 2))) return "";
  return value < 0 ? "down" : "up";
}

/** snake_case as words: take_profit_limit → Take profit limit */
export function words(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const shortClock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });

/** A moment in the viewer's zone: the time, and the day where it is not today. */
export function time(moment, now = new Date()) {
  const date = new Date(moment);
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  return `${day.format(date)} ${shortClock.format(date)}`;
}

/** The same moment in UTC, for a title. */
export const utc = (moment) => `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;
