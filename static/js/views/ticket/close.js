// Closing a position at the market, all of it or a share.

import { byId, setText } from "../../dom.js";
import { price, signedMoney, size, words } from "../../format.js";
import { t } from "../../text.js";
import { share, text, units } from "./decimals.js";
import { deliver, freshId } from "./deliver.js";
import * as dialogs from "./dialog.js";
import { tellPlaced } from "./outcomes.js";
import { Previewer, showPreview } from "./preview.js";

const dialog = byId("close-dialog");
const form = dialog.querySelector("form");
const preview = byId("close-dialog-preview");
let page;
let previewer;
let symbol = null;
let accountId = null;
let shown = null;

export function start(given) {
  page = given;
  previewer = new Previewer(page.session, (found) => showPreview(preview, found));
  dialogs.wire(dialog, carryOut);
  form.addEventListener("input", foresee);
}

export function open(wanted) {
  symbol = wanted;
  accountId = page.app.state.account.accountId;
  shown = null;
  for (const each of form.elements.share) each.checked = each.value === "100";
  setText(byId("close-dialog-title"), t("Close {symbol}", { symbol }));
  showPreview(preview, null);
  render(page.app.state);
  dialogs.open(dialog);
}

/** What is closed may change while the dialog is open: it shows what there is. */
export function render({ account }) {
  if (symbol === null || (!dialog.open && shown !== null)) return;
  const held = account.accountId === accountId ? account.positions.get(symbol) : undefined;
  const note = held
    ? t("{side} {size} at {entry}, mark {mark}, unrealised {pnl} USDC", {
        side: t(words(held.side)),
        size: size(held.size),
        entry: price(held.entry_price),
        mark: price(held.mark_price),
        pnl: signedMoney(held.unrealized_pnl),
      })
    : t("There is no such position any more.");
  setText(byId("close-dialog-note"), note);
  if (held?.size !== shown) {
    shown = held?.size ?? 0;
    foresee();
  }
}

const wanted = () => Number(form.elements.share.value);

/** The order that closes so much of it; a whole position's has its own request, which is as large as it is then. */
function order() {
  const held = page.app.state.account.positions.get(symbol);
  if (!held) return null;
  const side = held.side === "long" ? "sell" : "buy";
  const { size_decimals } = page.app.state.instruments.get(symbol);
  const part = wanted() === 100 ? text(units(held.size)) : share(held.size, wanted(), size_decimals);
  return { account_id: accountId, symbol, side, order_type: "market", size: part, reduce_only: true };
}

function foresee() {
  previewer.soon(order);
}

async function carryOut() {
  const body = order() ?? { account_id: accountId, symbol, side: "sell" };
  const client_order_id = freshId();
  const [type, asked] =
    wanted() === 100 ? ["close_position", { account_id: accountId, symbol, client_order_id }] : ["place_order", { ...body, client_order_id }];
  const { reply } = await deliver(page, type, asked);
  tellPlaced(body, reply);
}
