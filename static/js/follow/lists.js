// Reading an account's lists and candles, page by page. What comes too late for another account goes nowhere: it belongs
// to a list that is not shown any more.

import { LISTS } from "../state/paged.js";
import { t } from "../text.js";

const PAGE = 50;
const LARGE_PAGE = 200;
const CANDLES = 300;
/** How many pages are read, at most, to find a row. */
const MOST_PAGES = 25;

/** Read a list's next page; the first one where none was read. `request(type, data)` asks the server. */
export async function loadMore(account, request, list, limit = PAGE) {
  if (list.loading || list.ended) return;
  await read(account, request, list, { limit, ...(list.started ? { cursor: list.next } : {}) }, (rows, next) => list.fill(rows, next));
}

/** Read the first page of a list that no event tells once more. */
export async function renew(account, request, list) {
  if (!list.loading) await read(account, request, list, { limit: PAGE }, (rows, next) => list.renew(rows, next));
}

/** Read on until `isThere(rows)`, or until it can't be there: `isPast(row)` of the last row says so. */
export async function loadUntil(account, request, list, isThere, isPast) {
  for (let page = 0; page < MOST_PAGES && !isThere(list.rows); page += 1) {
    const last = list.rows.at(-1);
    if (list.ended || list.loading || (last && list.started && isPast(last))) break;
    await loadMore(account, request, list, LARGE_PAGE);
    if (list.failed) break;
  }
  return isThere(list.rows);
}

/** Read the newest candles, and the fills to mark on them. */
export async function loadCandles(account, request, candles) {
  await Promise.all([readCandles(account, request, candles, { limit: CANDLES }, { anew: true }), loadMore(account, request, candles.fills, LARGE_PAGE)]);
}

/** Read the candles that closed since. */
export const loadClosed = (account, request, candles) => readCandles(account, request, candles, { limit: candles.missing });

/** Read candles before the first one, and the fills of that time. */
export async function loadOlder(account, request, candles) {
  if (candles.complete || candles.rows.length === 0) return;
  const before = new Date(candles.rows[0].at).toISOString();
  await readCandles(account, request, candles, { before, limit: CANDLES }, { older: true });
  const { fills } = candles;
  const oldest = fills.rows.at(-1);
  if (oldest && Date.parse(oldest.timestamp) > candles.rows[0].at) await loadMore(account, request, fills, LARGE_PAGE);
}

async function read(account, request, list, page, take) {
  const { type, field } = LISTS[list.name];
  const { accountId } = account.state;
  list.begin();
  account.changed(list.name);
  try {
    const reply = await request(type, { account_id: accountId, ...list.filter, ...page });
    take(reply[field], reply.next_cursor);
  } catch (error) {
    list.fail(error.code ? error.message : t("It could not be loaded."));
  }
  account.changed(list.name);
}

async function readCandles(account, request, candles, which, how) {
  if (candles.loading) return;
  candles.loading = true;
  candles.failed = "";
  try {
    const { symbol, interval } = candles;
    candles.fill((await request("get_candles", { symbol, interval, ...which })).candles, how);
  } catch (error) {
    candles.fail(error.code ? error.message : t("It could not be loaded."));
  }
  account.changed("candles");
}
