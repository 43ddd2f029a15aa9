// From a decision to the order and the trades that followed, and from those back to it.

import { byId, setText } from "../../dom.js";
import { loadUntil } from "../../follow/lists.js";
import { LISTS } from "../../state/paged.js";
import { t } from "../../text.js";
import { reveal } from "./records.js";

const told = byId("account-told");

export const shows = [];
export const render = () => {};

export function start({ app, session }) {
  const request = (type, data) => session.request(type, data);
  const store = app.account;

  const until = (name, isThere, isPast) => loadUntil(store, request, store.state.lists[name], isThere, isPast);

  const ways = {
    async order(id) {
      const orderId = Number(id);
      if (store.state.orders.has(orderId)) return reveal("orders", [orderId]);
      if (store.state.lists.history.filter.status) store.forget("history", {});
      const there = await until(
        "history",
        (rows) => rows.some(({ order_id }) => order_id === orderId),
        (last) => last.order_id < orderId,
      );
      return there && reveal("history", [orderId]);
    },

    async trades(orderId) {
      const of = (rows) => rows.filter(({ order_id }) => order_id === Number(orderId));
      const { decisions } = store.state.lists;
      const decision = decisions.rows.find(({ order_id }) => order_id === Number(orderId));
      const since = decision ? Date.parse(decision.timestamp) : 0;
      const there = await until(
        "trades",
        (rows) => of(rows).length > 0,
        (last) => Date.parse(last.timestamp) < since,
      );
      return there && reveal("trades", of(store.state.lists.trades.rows).map(LISTS.trades.keyOf));
    },

    async decision(id) {
      const number = LISTS.decisions.rank({ decision_id: id });
      const there = await until(
        "decisions",
        (rows) => rows.some(({ decision_id }) => decision_id === id),
        (last) => LISTS.decisions.rank(last) < number,
      );
      return there && reveal("model-chat", [id]);
    },
  };

  byId("account-body").addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-show]");
    if (!button) return;
    const { accountId } = store.state;
    const { show, id } = button.dataset;
    setText(told, "");
    const found = await ways[show](id);
    if (accountId !== store.state.accountId || found !== false) return;
    setText(told, show === "trades" ? t("No trade followed from it so far.") : t("It could not be found."));
  });
}
