// The account switcher, and what the page says when there is none to show.

import { byId, make, reconcile, setText } from "../dom.js";

const select = byId("account");
const none = byId("no-accounts");

export function onChoice(choose) {
  select.addEventListener("change", () => choose(Number(select.value)));
}

export function render({ user, accounts, accountId }) {
  if (user === null) return;
  reconcile(
    select,
    accounts,
    ({ id }) => id,
    ({ id }) => make("option", { value: id }),
    (option, account) => setText(option, label(account, user)),
  );
  select.disabled = accounts.length === 0;
  if (accountId !== null) select.value = String(accountId);
  none.hidden = accounts.length > 0;
}

function label({ name, owner, status }, user) {
  const notes = [owner.id === user.id ? null : owner.username, status === "active" ? null : status];
  const told = notes.filter(Boolean).join(", ");
  return told ? `${name} (${told})` : name;
}
