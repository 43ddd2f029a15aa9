// Take profit and stop loss of a whole position: reduce-only triggers without a size, which follow it.

import { byId, setText } from "../../dom.js";
import { price, size, words } from "../../format.js";
import { t } from "../../text.js";
import { priceDecimals, text, units, withPoint } from "./decimals.js";
import { deliver, freshId } from "./deliver.js";
import * as dialogs from "./dialog.js";
import { numeric } from "./fields.js";
import { toast } from "./toasts.js";

const dialog = byId("bracket-dialog");
const KINDS = {
  take_profit: { prefix: "position-tp", type: "take_profit", name: t("Take profit") },
  stop_loss: { prefix: "position-sl", type: "stop", name: t("Stop loss") },
};

let page;
let held = null;
let accountId = null;
/** The triggers that there are already, by kind. */
let standing = {};

const field = (kind, part) => byId(`${KINDS[kind].prefix}-${part}`);

export function start(given) {
  page = given;
  for (const kind of Object.keys(KINDS)) {
    for (const part of ["trigger", "price"]) {
      const input = field(kind, part);
      numeric(input, () => {
        const start = units(held.mark_price);
        return { decimals: priceDecimals(units(input.value) ?? start, page.app.state.instruments.get(held.symbol)), start };
      });
    }
  }
  dialogs.wire(dialog, carryOut);
}

export function open(symbol) {
  const { account } = page.app.state;
  held = account.positions.get(symbol);
  if (!held) return;
  accountId = account.accountId;
  standing = {};
  for (const [kind, { type }] of Object.entries(KINDS)) {
    const order = [...account.orders.values()].find((each) => each.symbol === symbol && each.whole_position && each.order_type.startsWith(type));
    standing[kind] = order;
    field(kind, "trigger").value = order ? text(units(order.trigger_price)) : "";
    field(kind, "price").value = order?.price ? text(units(order.price)) : "";
  }
  setText(byId("bracket-dialog-title"), t("Take profit and stop loss, {symbol}", { symbol }));
  const values = { side: t(words(held.side)), size: size(held.size), entry: price(held.entry_price), mark: price(held.mark_price) };
  setText(byId("bracket-dialog-note"), t("{side} {size} at {entry}, mark {mark}", values));
  dialogs.open(dialog);
  field("take_profit", "trigger").focus();
}

/** The two are changed one after the other: what was done stays done where the second one is refused. */
async function carryOut() {
  const mine = { account_id: accountId, held, standing }; // the dialog may be left, and opened for another position
  const wanted = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, { trigger_price: typed(kind, "trigger"), price: typed(kind, "price") }]));
  for (const kind of Object.keys(KINDS)) {
    try {
      mine.standing[kind] = await change(mine, KINDS[kind], mine.standing[kind], wanted[kind]);
    } catch (error) {
      error.fields = error.fields?.map(({ path, message }) => ({ path: path.endsWith("price") ? `${kind}.${path}` : kind, message }));
      throw error;
    }
  }
}

const typed = (kind, part) => withPoint(field(kind, part).value.trim());
const same = (a, b) => units(a) !== null && units(a) === units(b);

/** Bring one trigger to what is wanted, and return the order that stands then. */
async function change({ account_id, held: { symbol, side } }, { type, name }, order, { trigger_price, price: limit }) {
  if (!order && !trigger_price && !limit) return undefined;
  if (order && same(order.trigger_price, trigger_price) && (limit ? same(order.price, limit) : order.price === null)) return order;
  if (order && trigger_price && Boolean(limit) === (order.price !== null)) {
    const asked = { account_id, order_id: order.order_id, trigger_price, ...(limit ? { price: limit } : {}) };
    const { reply } = await deliver(page, "amend_order", asked);
    toast(t("{name}, {symbol}: moved to {price}.", { name, symbol, price: price(reply.trigger_price) }));
    return { ...order, ...reply };
  }
  const placed = trigger_price || limit ? await place({ account_id, symbol, side }, type, name, { trigger_price, price: limit }) : undefined;
  if (order) {
    await deliver(page, "cancel_order", { account_id, order_id: order.order_id });
    if (!placed) toast(t("{name}, {symbol}: canceled.", { name, symbol }));
  }
  return placed;
}

async function place({ account_id, symbol, side }, type, name, prices) {
  const body = {
    account_id,
    symbol,
    side: side === "long" ? "sell" : "buy",
    order_type: `${type}_${prices.price ? "limit" : "market"}`,
    ...Object.fromEntries(Object.entries(prices).filter(([, value]) => value)),
    reduce_only: true,
    client_order_id: freshId(),
  };
  const { reply } = await deliver(page, "place_order", body);
  const trigger_price = Number(prices.trigger_price);
  toast(t("{name}, {symbol}: placed at {price}.", { name, symbol, price: price(trigger_price) }));
  return { order_id: reply.order_id, trigger_price, price: prices.price ? Number(prices.price) : null };
}
