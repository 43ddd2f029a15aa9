// Whether the viewer may trade on the account that is shown.

export function mayTrade({ scopes, accounts, account }) {
  const shown = accounts.find(({ id }) => id === account.accountId);
  return scopes.includes("trade") && shown !== undefined && shown.role !== "viewer" && !account.missing;
}
