// Lists that events go into.

export const keyed = (rows, key) => new Map(rows.map((row) => [row[key], row]));

/** A list with one more entry in front; one that is in it already is corrected in its place. */
export function newestFirst(list, entry, key, most) {
  const at = list.findIndex((each) => each[key] === entry[key]);
  return at === -1 ? [entry, ...list].slice(0, most) : list.with(at, entry);
}

/** Two lists of the same entries as one, newest first by their time; what is in both stands as in the first. */
export function merged(fresh, known, key, most) {
  const rows = new Map([...known, ...fresh].map((row) => [row[key], row]));
  return [...rows.values()].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp) || order(b[key], a[key])).slice(0, most);
}

const order = (a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

export const pointOf = ({ timestamp, equity }) => ({ at: Date.parse(timestamp), equity });

/**
 * A curve with one more point in its place in time; what is older than `span` ms falls off. Of more than `most` points
 * every other one goes, never the first, which percentages are of, nor the last.
 */
export function withPoint(curve, point, span, most) {
  const after = curve.findLastIndex((each) => each.at <= point.at);
  const same = curve[after]?.at === point.at;
  const points = curve.toSpliced(same ? after : after + 1, same ? 1 : 0, point);
  const recent = Number.isFinite(span) ? points.filter((each) => each.at >= point.at - span) : points;
  return recent.length <= most ? recent : recent.filter((_, index) => index === 0 || (recent.length - 1 - index) % 2 === 0);
}

const DAY_MS = 86_400_000;
/** How long each timeframe of a curve is, in ms. */
export const SPANS = {
  "1h": DAY_MS / 24,
  "24h": DAY_MS,
  "7d": 7 * DAY_MS,
  "30d": 30 * DAY_MS,
  "90d": 90 * DAY_MS,
  "1y": 365 * DAY_MS,
  all: Infinity,
};
