// What the models decide, and why.

import { byId, make, reconcile, setText } from "../../dom.js";
import { loadMore } from "../../follow/lists.js";
import { fraction } from "../../format.js";
import { badge, setEmpty, timeOf } from "../../parts.js";
import { t } from "../../text.js";
import { tellMore } from "./list.js";
import { exportable, findable } from "./records.js";
import { leadTo } from "./rows.js";

const STEP = 40;
const NEAR_END_PX = 800;
/** So many pages are read by themselves to fill the panel when holds are hidden. */
const MOST_UNASKED = 5;

const panel = byId("model-chat");
const scroll = panel.querySelector(".scroll");
const list = panel.querySelector("ol");
const hideHolds = byId("hide-holds");
const note = panel.querySelector(".incomplete");

const COLUMNS = ["decision_id", "timestamp", "model", "symbol", "decision", "confidence", "reasoning", "outcome", "order_id"].map((key) => ({ title: key, value: (row) => row[key] }));

let shown = STEP;
let unasked = 0;
let accountId = null;
let found = null;
let app = null;
let request = null;

export const shows = ["account", "decisions"];

export function start(page) {
  app = page.app;
  request = (type, data) => page.session.request(type, data);
  hideHolds.addEventListener("change", () => {
    unasked = 0;
    page.redraw();
  });
  scroll.addEventListener("scroll", () => {
    if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight > NEAR_END_PX) return;
    const there = wanted(app.state.account).length;
    if (shown < there) {
      shown = Math.min(there, shown + STEP);
      page.redraw();
    } else more();
  });
  panel.addEventListener("click", ({ target }) => {
    if (target.closest(".again")) more();
    const unfold = target.closest(".unfold");
    if (unfold) fold(unfold.closest("li"), unfold.getAttribute("aria-expanded") === "true");
  });
  new ResizeObserver(() => look([...list.children])).observe(list);
  exportable("model-chat", COLUMNS, ({ account }) => wanted(account));
  findable("model-chat", ([id]) => show(id));
}

export function render({ account }) {
  if (account.accountId !== accountId) {
    accountId = account.accountId;
    shown = STEP;
    unasked = 0;
    found = null;
    list.replaceChildren();
    scroll.scrollTop = 0;
  }
  const { decisions } = account.lists;
  const rows = wanted(account);
  if (account.loaded && rows.length < STEP / 2 && decisions.started && !decisions.ended && !decisions.loading && !decisions.failed && unasked < MOST_UNASKED) {
    unasked += 1;
    more();
  }
  const fresh = [];
  reconcile(
    list,
    rows.slice(0, shown),
    ({ decision_id }) => decision_id,
    (decision) => {
      const item = build(decision);
      fresh.push(item);
      return item;
    },
    update,
  );
  setEmpty(panel, rows.length ? null : emptyText(account.loaded, decisions));
  if (fresh.length) look(fresh);
  tellMore(note, decisions);
}

const wanted = ({ lists }) => (hideHolds.checked ? lists.decisions.rows.filter(({ decision }) => decision !== "hold") : lists.decisions.rows);

function more() {
  const { account } = app.state;
  if (account.loaded) loadMore(app.account, request, account.lists.decisions);
}

function emptyText(loaded, { started, failed, rows }) {
  if (failed) return "";
  if (!loaded || !started) return t("Loading…");
  return rows.length ? t("Nothing but holds so far.") : t("Waiting for the first decision…");
}

function build(decision) {
  const id = `reasoning-${decision.decision_id}`;
  return make(
    "li",
    { class: "decision" },
    make(
      "p",
      { class: "decision-head" },
      badge(decision.decision),
      make("strong", { class: "symbol" }, decision.symbol),
      make("span", { class: "model", title: decision.model ?? "" }, decision.model ?? ""),
      timeOf(decision.timestamp),
    ),
    make("p", { class: "reasoning folded", id }, decision.reasoning),
    make("button", { type: "button", class: "row-action unfold", "aria-expanded": "false", "aria-controls": id, hidden: "" }, t("More")),
    make("p", { class: "decision-foot" }, make("span", { class: "outcome" }), make("span", { class: "ways" })),
  );
}

function update(item, { decision_id, confidence, outcome, order_id: orderId }) {
  const sure = confidence === null || confidence === undefined ? "" : t("{share} confident", { share: fraction(confidence) });
  setText(item.querySelector(".outcome"), [outcome, sure].filter(Boolean).join(" · "));
  item.classList.toggle("found", decision_id === found);
  const ways = item.querySelector(".ways");
  if ((ways.firstElementChild?.dataset.id ?? null) === (orderId === null || orderId === undefined ? null : String(orderId))) return;
  ways.replaceChildren(...(orderId === null ? [] : [leadTo("order", orderId, t("Order {id}", { id: orderId })), leadTo("trades", orderId, t("Trades"))]));
}

/** Offer to unfold what does not fit. All are looked at before any is changed. */
function look(items) {
  const folded = items.filter((item) => item.querySelector(".reasoning").classList.contains("folded"));
  const over = folded.map((item) => {
    const text = item.querySelector(".reasoning");
    return text.scrollHeight > text.clientHeight + 1;
  });
  folded.forEach((item, index) => (item.querySelector(".unfold").hidden = !over[index]));
}

function fold(item, folded) {
  item.querySelector(".reasoning").classList.toggle("folded", folded);
  const button = item.querySelector(".unfold");
  button.setAttribute("aria-expanded", String(!folded));
  setText(button, folded ? t("More") : t("Less"));
}

/** Bring a decision into sight, unfolded, with the focus on it. */
function show(id) {
  if (hideHolds.checked && !wanted(app.state.account).some(({ decision_id }) => decision_id === id)) hideHolds.checked = false;
  found = id;
  shown = Math.max(shown, wanted(app.state.account).findIndex(({ decision_id }) => decision_id === id) + STEP / 2);
  render(app.state);
  const item = list.querySelector(".found");
  if (!item) return;
  if (!item.querySelector(".unfold").hidden) fold(item, false);
  item.tabIndex = -1;
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}
