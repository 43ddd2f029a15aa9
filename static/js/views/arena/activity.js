// What happens now, over all accounts: trades, or what the models say.

import { byId, make, reconcile, setText, setTone } from "../../dom.js";
import { price, signedMoney, size, tone } from "../../format.js";
import { badge, setEmpty, timeOf } from "../../parts.js";
import { addressOf } from "../../router.js";
import { t } from "../../text.js";

const SHOWN = 100;
const panel = byId("activity");
const list = panel.querySelector("ol");
const kind = byId("activity-kind");
const hideHolds = byId("activity-hide-holds");

export const shows = ["feed", "curves"];

export function start({ redraw }) {
  kind.addEventListener("change", () => redraw());
  hideHolds.addEventListener("change", () => redraw());
}

export function render({ arena, accounts }) {
  const chosen = kind.querySelector(":checked").value;
  const names = new Map(accounts.map(({ id, name }) => [id, name]));
  hideHolds.parentElement.hidden = chosen === "trades";
  const rows = chosen === "trades" ? arena.trades : arena.decisions.filter(({ decision }) => !hideHolds.checked || decision !== "hold");
  const shown = rows.slice(0, SHOWN).map((row) => ({ ...row, name: names.get(row.account_id) ?? "" }));
  reconcile(list, shown, keyOf, build, update);
  setEmpty(panel, shown.length ? null : emptyText(arena, chosen));
}

const keyOf = (row) => (row.trade_id === undefined ? row.decision_id : `trade-${row.trade_id}`);

function emptyText({ loaded, decisions }, chosen) {
  if (!loaded) return t("Loading…");
  if (chosen === "trades") return t("Waiting for the first trade…");
  return decisions.length ? t("Nothing but holds so far.") : t("Waiting for the first decision…");
}

function build(row) {
  const to = addressOf({ view: "account", accountId: row.account_id });
  const head = make(
    "p",
    { class: "decision-head" },
    badge(row.side ?? row.decision),
    make("strong", { class: "symbol" }, row.symbol),
    make("a", { href: to, "data-route": "", class: "who" }, row.name),
    timeOf(row.timestamp),
  );
  return row.trade_id === undefined
    ? make("li", { class: "decision" }, head, make("p", { class: "reasoning" }, row.reasoning), make("p", { class: "outcome" }, row.outcome))
    : make("li", { class: "decision" }, head, make("p", { class: "fill" }, make("span", { class: "num what" }), " ", make("span", { class: "num pnl" })));
}

/** A trade may come again, corrected; a decision's outcome may change. */
function update(item, row) {
  if (row.trade_id === undefined) {
    setText(item.querySelector(".outcome"), row.outcome);
    return;
  }
  setText(item.querySelector(".what"), t("{size} at {price}", { size: size(row.size), price: price(row.price) }));
  const pnl = item.querySelector(".pnl");
  setText(pnl, row.pnl === null ? "" : signedMoney(row.pnl));
  setTone(pnl, tone(row.pnl));
}
