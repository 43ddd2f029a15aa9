// Which view is seen, what the window is called, and where one is.

import { byId } from "../../dom.js";
import { t } from "../../text.js";

const SECTIONS = { arena: byId("arena"), account: byId("account-view") };
const toArena = byId("to-arena");
const missing = byId("account-missing");
const body = byId("account-body");

export const shows = ["route", "who", "account"];

export function render({ route, accounts, account }) {
  for (const [view, section] of Object.entries(SECTIONS)) section.hidden = view !== route.view;
  if (route.view === "arena") toArena.setAttribute("aria-current", "page");
  else toArena.removeAttribute("aria-current");
  missing.hidden = !account.missing;
  body.hidden = account.missing;
  const name = route.view === "account" ? accounts.find(({ id }) => id === route.accountId)?.name : t("Arena");
  document.title = name ? `${name} · Hyperoru` : "Hyperoru";
}
