// What the viewer may do.

/** The account that the page shows, as the list of accounts tells it. */
export const accountOf = ({ accounts, account }) => accounts.find(({ id }) => id === account.accountId);

/** Whether the viewer may trade on it: by role, by what the session allows, and as long as it is not frozen. */
export function mayTrade(state) {
  const account = accountOf(state);
  return account !== undefined && account.role !== "viewer" && account.status === "active" && state.scopes.includes("trade");
}
