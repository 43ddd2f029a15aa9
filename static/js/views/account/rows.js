// Cells that several tables of the account share.

import { make, setText } from "../../dom.js";
import { words } from "../../format.js";
import { cell } from "../../parts.js";
import { t } from "../../text.js";

/** A button in a row that does something to what the row tells. */
export const action = (name, text, data = {}) => {
  const button = make("button", { type: "button", class: "row-action" }, text);
  Object.assign(button.dataset, { action: name }, data);
  return button;
};

/** A button that leads to another row: `show` is order, trades or decision. */
export const leadTo = (show, id, text) => {
  const button = make("button", { type: "button", class: "row-action lead-to" }, text);
  Object.assign(button.dataset, { show, id: String(id) });
  return button;
};

/** Put the way to the decision that something followed from into a row, where there is one. */
export function setDecision(row, decisionId) {
  const place = cell(row, "decision");
  const shown = place.firstElementChild?.dataset.id ?? null;
  if (shown === decisionId) return;
  place.replaceChildren(...(decisionId === null ? ["–"] : [leadTo("decision", decisionId, t("Why"))]));
}

/** Type and time in force of an order, in words. */
export function typeOf({ order_type, time_in_force }) {
  const kind = t(words(order_type));
  return order_type !== "market" && !order_type.endsWith("_market") && time_in_force && time_in_force !== "gtc" ? `${kind}, ${time_in_force.toUpperCase()}` : kind;
}

/** What else there is to say of an order. */
export function notesOf({ reduce_only, whole_position, parent_order_id }) {
  const notes = [
    whole_position ? t("whole position") : reduce_only ? t("reduce only") : null,
    parent_order_id === null ? null : t("of order {id}", { id: parent_order_id }),
  ];
  return notes.filter(Boolean).join(", ") || "–";
}

/** An order's status in words, with the reason as its title. */
export function setStatus(row, { status, reason }) {
  const place = cell(row, "status");
  if (setText(place, t(words(status)))) place.title = reason && reason !== status ? t(words(reason)) : "";
}
