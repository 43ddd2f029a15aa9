// Canceling all orders of the account.

import { byId, setText } from "../../dom.js";
import { t } from "../../text.js";
import { deliver } from "./deliver.js";
import * as dialogs from "./dialog.js";
import { toast } from "./toasts.js";

const dialog = byId("cancel-all-dialog");
let page;
let accountId = null;

export function start(given) {
  page = given;
  dialogs.wire(dialog, async () => {
    const { reply } = await deliver(page, "cancel_all_orders", { account_id: accountId });
    toast(t("Canceled: {count} orders.", { count: reply.canceled.length }));
  });
}

export function open() {
  const { account } = page.app.state;
  accountId = account.accountId;
  setText(byId("cancel-all-note"), t("{count} open orders, stops and take profits among them. Positions stay, without these stops.", { count: account.orders.size }));
  dialogs.open(dialog);
}
