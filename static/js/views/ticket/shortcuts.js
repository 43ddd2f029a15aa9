// Keys that work everywhere in the account's view, but not while something is typed or a dialog is open.

import { byId } from "../../dom.js";
import { mayTrade } from "../../state/may.js";
import { begin } from "./ticket.js";

const TYPED_INTO = 'input:not([type="radio"], [type="checkbox"], [type="range"]), select, textarea, [contenteditable]';
const help = byId("ticket-help");

export const shows = [];

export function start({ app }) {
  byId("ticket-help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.matches?.(TYPED_INTO) || document.querySelector("dialog[open]")) return;
    const { state } = app;
    if (state.route.view !== "account" || !mayTrade(state)) return;
    const act = { b: () => begin("buy"), s: () => begin("sell"), "?": () => help.showModal() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

export function render() {}
