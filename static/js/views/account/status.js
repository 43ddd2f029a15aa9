// What the viewer must know of the account before anything else: that it is frozen, or only to be looked at.

import { byId, setText } from "../../dom.js";
import { accountOf } from "../../state/may.js";
import { t } from "../../text.js";

const notice = byId("account-status");

export const shows = ["who", "account"];

export function render(state) {
  const account = accountOf(state);
  const text = account && (TEXTS[account.status]?.() ?? (account.status === "active" ? "" : t("This account is {status}.", { status: t(account.status) })));
  notice.hidden = !text;
  setText(notice, text ?? "");
}

const TEXTS = {
  frozen: () => t("This account is frozen: nothing can be ordered or decided on it. Its positions stay, and can be liquidated; open orders rest without being filled. Ask the operator to open it again."),
  closed: () => t("This account is closed: it only shows what was."),
};
