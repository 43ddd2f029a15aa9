// What the rows' buttons do: cancel at once, and open the dialog of everything that is to be said first.

import * as amend from "./amend.js";
import * as bracket from "./bracket.js";
import * as cancelAll from "./cancel-all.js";
import * as close from "./close.js";
import { deliver } from "./deliver.js";
import { startLeaving } from "./dialog.js";
import { tellRefused } from "./outcomes.js";
import { mayTrade } from "../../state/may.js";
import { toast } from "./toasts.js";
import { t } from "../../text.js";

export const shows = ["positions", "orders", "account", "prices"];

const ACTIONS = {
  "close-position": ({ symbol }) => close.open(symbol),
  bracket: ({ symbol }) => bracket.open(symbol),
  "amend-order": ({ orderId }) => amend.open(Number(orderId)),
  "cancel-order": ({ orderId }, button) => cancel(Number(orderId), button),
  "cancel-all": () => cancelAll.open(),
};

let page;

export function start(given) {
  page = given;
  startLeaving();
  for (const dialog of [close, bracket, amend, cancelAll]) dialog.start(page);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".row-action[data-action]");
    if (button && mayTrade(page.app.state)) ACTIONS[button.dataset.action]?.(button.dataset, button);
  });
}

export function render(state) {
  close.render(state);
}

async function cancel(order_id, button) {
  const { account } = page.app.state;
  const order = account.orders.get(order_id);
  const name = order ? t("Order {id}, {symbol}", { id: order_id, symbol: order.symbol }) : t("Order {id}", { id: order_id });
  button.disabled = true;
  try {
    await deliver(page, "cancel_order", { account_id: account.accountId, order_id });
    toast(t("{name}: canceled.", { name }));
  } catch (error) {
    if (error.again && error.code === "not_open") toast(t("{name}: canceled, or filled before.", { name }));
    else tellRefused(name, error);
  } finally {
    button.disabled = false;
  }
}
