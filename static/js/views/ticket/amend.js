// Changing an order that is not finished.

import { byId, setText } from "../../dom.js";
import { size, words } from "../../format.js";
import { t } from "../../text.js";
import { priceDecimals, text, units } from "./decimals.js";
import { deliver } from "./deliver.js";
import * as dialogs from "./dialog.js";
import { numeric } from "./fields.js";
import { toast } from "./toasts.js";

const dialog = byId("amend-dialog");
const FIELDS = { trigger_price: byId("amend-trigger"), price: byId("amend-price"), size: byId("amend-size") };
let page;
let accountId = null;
/** The order as it was when the dialog was opened. */
let order = null;

export function start(given) {
  page = given;
  const instrument = () => page.app.state.instruments.get(order.symbol);
  numeric(FIELDS.size, () => ({ decimals: instrument().size_decimals }));
  for (const name of ["trigger_price", "price"]) {
    numeric(FIELDS[name], () => ({ decimals: priceDecimals(units(FIELDS[name].value) ?? units(order[name]), instrument()) }));
  }
  dialogs.wire(dialog, carryOut);
}

export function open(orderId) {
  const { account } = page.app.state;
  order = account.orders.get(orderId);
  if (!order) return;
  accountId = account.accountId;
  const waits = order.status === "pending_trigger";
  const has = { trigger_price: waits && order.trigger_price !== null, price: order.price !== null, size: true };
  for (const [name, input] of Object.entries(FIELDS)) {
    input.closest("[data-path]").hidden = !has[name];
    input.value = has[name] && !follows(name) ? text(units(order[name])) : "";
    input.placeholder = follows(name) ? t("as large as the position") : "";
  }
  setText(byId("amend-dialog-title"), t("Amend order {id}", { id: order.order_id }));
  const values = { side: t(words(order.side)), symbol: order.symbol, type: t(words(order.order_type)), filled: size(order.filled_size), size: size(order.size) };
  setText(byId("amend-dialog-note"), t("{side} {symbol}, {type}; filled {filled} of {size}", values));
  dialogs.open(dialog);
  const first = Object.values(FIELDS).find((input) => !input.closest("[hidden]"));
  first.focus();
  first.select();
}

const follows = (name) => name === "size" && order.whole_position;

async function carryOut() {
  const changes = {};
  for (const [name, input] of Object.entries(FIELDS)) {
    const typed = input.value.trim();
    if (input.closest("[hidden]") || (follows(name) && typed === "")) continue;
    if (follows(name) || units(typed) === null || units(typed) !== units(order[name])) changes[name] = typed;
  }
  if (!Object.keys(changes).length) return;
  const { order_id, symbol } = order;
  const { reply } = await deliver(page, "amend_order", { account_id: accountId, order_id, ...changes });
  const values = { id: order_id, symbol, status: t(words(reply.status)) };
  toast(t("Order {id}, {symbol}: amended. {status}.", values));
}
