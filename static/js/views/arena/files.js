// What the arena shows, as files.

import { csvOf, fileName, save } from "../../csv.js";
import { byId } from "../../dom.js";
import { t } from "../../text.js";

const column = (key) => ({ title: key, value: (row) => row[key] });
const STANDINGS = [
  "account_id", "name", "model", "equity", "return_pct", "max_drawdown_pct", "sharpe", "win_rate_pct", "trades", "fees", "gross_exposure", "open_risk",
].map(column);
const TRADES = [
  "trade_id", "order_id", "account_id", "symbol", "side", "status", "price", "size", "pnl", "fee", "liquidity", "fill_quality", "decision_id", "timestamp",
].map(column);
const DECISIONS = ["decision_id", "account_id", "symbol", "decision", "model", "confidence", "reasoning", "outcome", "order_id", "timestamp"].map(column);

const TABLES = {
  leaderboard: [STANDINGS, ({ arena }) => arena.standings ?? []],
  trades: [TRADES, ({ arena }) => arena.trades],
  decisions: [DECISIONS, ({ arena }) => arena.decisions],
};

export const shows = [];

export function start({ app }) {
  byId("arena").addEventListener("click", ({ target }) => {
    const name = target.closest("[data-export]")?.dataset.export;
    if (!name) return;
    const table = name === "activity" ? byId("activity-kind").querySelector(":checked").value : name;
    const [columns, rowsOf] = TABLES[table];
    save(fileName(t("arena"), table), csvOf(columns, rowsOf(app.state)));
  });
}

export function render() {}
