// The order ticket: what is typed, what the server says it would do, and placing it once.

import { byId, setText } from "../../dom.js";
import { t } from "../../text.js";
import { size } from "../../format.js";
import { accountOf, mayTrade } from "../../state/may.js";
import { confirm, reasonsToAsk } from "./confirm.js";
import { deliver, freshId } from "./deliver.js";
import { mended } from "./dialog.js";
import { clearRefusal, focusProblem, sentenceOf, showRefusal, tell } from "./fields.js";
import * as form from "./form.js";
import { tellPlaced, tellRefused } from "./outcomes.js";
import { Previewer, showPreview } from "./preview.js";
import * as sheet from "./sheet.js";

const FRESH_EVERY_MS = 2_000;
/** Problems that a preview may show before the order is placed: those of what was typed, not of what is to come. */
const EARLY = new Set(["order_rejected", "insufficient_margin", "bad_request", "unknown_symbol"]);

const panel = byId("ticket");
const preview = byId("ticket-preview");
const submit = byId("ticket-submit");
const off = byId("ticket-off");

let page;
let previewer;
let busy = false;
let accountId = null;
let followed = null;
let askedAt = 0;
let early = false;
/** Whether the viewer changed something since the size last followed what is possible. */
let due = false;

export const shows = ["account", "who", "market", "prices", "connection", "positions", "summary", "candles"];

export function start(given) {
  page = given;
  previewer = new Previewer(page.session, told);
  form.start(changed);
  form.form.addEventListener("input", (event) => {
    mended(event.target);
    tell(form.form, "");
  });
  form.form.addEventListener("submit", (event) => {
    event.preventDefault();
    place();
  });
  form.form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !sheet.isOpen()) document.activeElement.blur();
  });
  sheet.start(begin);
}

/** Bring the ticket up to buy or to sell. */
export function begin(side) {
  if (panel.hidden) return;
  sheet.open();
  form.choose(side);
  changed();
  form.focus();
  relabel(page.app.state);
}

export function render(state) {
  const able = mayTrade(state);
  panel.hidden = !able;
  sheet.allow(able && state.route.view === "account");
  if (!able) return previewer.drop();
  form.render(state);
  follow(state.account);
  if (accountId !== state.account.accountId) {
    accountId = state.account.accountId;
    form.reset();
    clearRefusal(form.form);
    showPreview(preview, null);
    changed();
  }
  const wasOff = submit.disabled;
  relabel(state);
  if (wasOff && !submit.disabled) changed();
  else refresh(state);
}

/** The symbol whose chart is shown is the one to trade. */
function follow({ candles }) {
  const symbol = candles?.symbol;
  if (!symbol || symbol === followed) return;
  followed = symbol;
  if (symbol === form.symbol()) return;
  form.symbolSelect.value = symbol;
  form.reset();
  changed();
}

function relabel(state) {
  const frozen = accountOf(state)?.status === "frozen";
  off.hidden = !frozen;
  if (frozen) setText(off, t("This account is frozen: orders can be canceled, but none can be placed."));
  const live = state.connection === "live";
  submit.disabled = frozen || !live || !form.instrument();
  const name = form.side() === "buy" ? t("Buy {symbol}", { symbol: form.symbol() }) : t("Sell {symbol}", { symbol: form.symbol() });
  setText(submit, frozen ? t("Account frozen") : !live ? t("No connection") : busy ? t("Placing…") : name);
}

/** The order that is typed is another one. */
function changed() {
  if (!page || panel.hidden) return;
  relabel(page.app.state);
  due = true;
  ask();
}

function ask(pause) {
  askedAt = performance.now();
  previewer.soon(() => (form.isReady() && !submit.disabled ? form.body(due) : null), pause);
}

/** Prices move: ask again now and then, without changing what was typed. */
function refresh({ connection }) {
  if (connection !== "live" || busy || due || document.hidden || performance.now() - askedAt < FRESH_EVERY_MS) return;
  if (panel.offsetParent !== null) ask(0);
}

function told(found, error, body, possible) {
  form.take(possible);
  setText(byId("ticket-max"), possible ? `${size(possible.max_size)} ${body.symbol}` : "–");
  const moved = due && form.followMax();
  due = false;
  if (moved) return ask(0);
  if (error === null) {
    showPreview(preview, body?.size ? found : null);
    if (early) clearRefusal(form.form);
    early = false;
    return;
  }
  showPreview(preview, null);
  if (body.size && EARLY.has(error.code)) {
    showRefusal(form.form, error);
    early = true;
  } else if (error.code === "market_unavailable" || error.code === "rate_limited") {
    tell(form.form, sentenceOf(error));
    early = true;
  }
}

async function place() {
  if (busy || submit.disabled) return;
  const body = { ...form.body(), client_order_id: freshId() };
  busy = true;
  early = false;
  previewer.drop();
  clearRefusal(form.form);
  relabel(page.app.state);
  try {
    const foreseen = await page.session.request("preview_order", body);
    showPreview(preview, foreseen);
    const reasons = reasonsToAsk(foreseen, page.app.state.account.summary?.equity ?? 0);
    const name = submitName(body);
    if (reasons.length && !(await confirm(body, name, foreseen, reasons))) return;
    tellPlaced(body, (await deliver(page, "place_order", body)).reply);
    if (accountId === body.account_id) form.placed();
    showPreview(preview, null);
    sheet.close();
    page.redraw();
  } catch (error) {
    refused(body, error);
  } finally {
    busy = false;
    changed();
  }
}

const submitName = ({ side, symbol }) => (side === "buy" ? t("Buy {symbol}", { symbol }) : t("Sell {symbol}", { symbol }));

/** Where its form is still in sight a refusal stands at its field, else it is told in a note. */
function refused(body, error) {
  const seen = accountId === body.account_id && page.app.state.route.view === "account" && panel.offsetParent !== null;
  if (seen) {
    showRefusal(form.form, error);
    focusProblem(form.form);
  }
  if (!seen || error.again) tellRefused(submitName(body), error);
}
