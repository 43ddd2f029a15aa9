// What the viewer may do.

/** The account that the page shows, as the list of accounts tells it. */
export const accountOf = ({ accounts, account }) => accounts.find(({ id }) => id === account.accountId);

/** Whether the viewer may trade on it, by role and by what the session allows. Of a frozen one orders can be canceled. */
export function mayTrade(state) {
  const shown = accountOf(state);
  return shown !== undefined && shown.role !== "viewer" && state.scopes.includes("trade") && !state.account.missing;
}

/** Whether orders are taken, too: not on an account that is frozen. */
export const mayOrder = (state) => mayTrade(state) && accountOf(state).status === "active";
