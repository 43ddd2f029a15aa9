// Whether the viewer may trade on the account that is shown. Of a frozen one orders can still be canceled.

import { accountOf } from "../../state/may.js";

export function mayTrade(state) {
  const shown = accountOf(state);
  return shown !== undefined && shown.role !== "viewer" && state.scopes.includes("trade") && !state.account.missing;
}
