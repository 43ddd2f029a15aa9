// The account switcher, and what the page says when there is none to show.

import { byId, make, reconcile, setText } from "../../dom.js";
import { t } from "../../text.js";

const select = byId("account");
const none = byId("no-accounts");

export const shows = ["who", "route"];

export function start({ router }) {
  select.addEventListener("change", () => {
    router.go(select.value ? { view: "account", accountId: Number(select.value) } : { view: "arena", accountId: null });
  });
}

export function render({ user, accounts, route }) {
  if (user === null) return;
  reconcile(
    select,
    [null, ...accounts],
    (account) => account?.id ?? "",
    (account) => make("option", { value: account?.id ?? "" }),
    (option, account) => setText(option, account ? label(account, user) : t("All accounts")),
  );
  select.disabled = accounts.length === 0;
  select.value = String(route.accountId ?? "");
  none.hidden = accounts.length > 0;
  document.body.classList.toggle("no-accounts", accounts.length === 0);
}

function label({ name, owner, status }, user) {
  const notes = [owner.id === user.id ? null : owner.username, status === "active" ? null : t(status)];
  const told = notes.filter(Boolean).join(", ");
  return told ? `${name} (${told})` : name;
}
