// What the models decide, and why.

import { byId, make, reconcile, setText } from "../../dom.js";
import { fraction } from "../../format.js";
import { badge, setEmpty, timeOf } from "../../parts.js";

const SHOWN = 100;
const panel = byId("model-chat");
const list = panel.querySelector("ol");
const hideHolds = byId("hide-holds");
const incompleteNote = panel.querySelector(".incomplete");

export function start({ redraw }) {
  hideHolds.addEventListener("change", () => redraw());
}

export const shows = ["account", "decisions"];

export function render({ account }) {
  const { loaded, decisions, incomplete } = account;
  const wanted = hideHolds.checked ? decisions.filter(({ decision }) => decision !== "hold") : decisions;
  const shown = wanted.slice(0, SHOWN);
  reconcile(list, shown, ({ decision_id }) => decision_id, build, update);
  setEmpty(panel, shown.length ? null : emptyText(loaded, decisions.length));
  incompleteNote.hidden = !incomplete.has("model_chat");
}

function emptyText(loaded, hidden) {
  if (!loaded) return "Loading…";
  return hidden ? "Nothing but holds so far." : "Waiting for the first decision…";
}

function build(decision) {
  return make(
    "li",
    { class: "decision" },
    make(
      "p",
      { class: "decision-head" },
      badge(decision.decision),
      make("strong", { class: "symbol" }, decision.symbol),
      make("span", { class: "model" }, decision.model ?? ""),
      timeOf(decision.timestamp),
    ),
    make("p", { class: "reasoning" }, decision.reasoning),
    make("p", { class: "outcome" }),
  );
}

function update(item, { confidence, outcome }) {
  const sure = confidence === null || confidence === undefined ? "" : `${fraction(confidence)} confident`;
  setText(item.querySelector(".outcome"), [outcome, sure].filter(Boolean).join(" · "));
}
