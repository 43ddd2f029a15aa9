// The account's fills.

import { setNumber, setText, setTone } from "../../dom.js";
import { price, signedMoney, size, tone, words } from "../../format.js";
import { badge, cell, timeOf } from "../../parts.js";
import { t } from "../../text.js";
import { listView } from "./list.js";
import { setDecision } from "./rows.js";

const COLUMNS = [
  "trade_id", "symbol", "side", "status", "size", "price", "pnl", "fee", "liquidity", "fill_quality", "liquidation", "order_id", "client_order_id", "decision_id", "timestamp",
].map((key) => ({ title: key, value: (row) => row[key] }));

export const { shows, start, render } = listView({
  id: "trades",
  names: ["symbol", "side", "size", "price", "pnl", "fee", "liquidity", "time", "decision"],
  columns: COLUMNS,
  none: () => t("Waiting for the first trade…"),

  build(row, trade) {
    cell(row, "symbol").append(trade.symbol);
    cell(row, "side").append(badge(trade.side));
    cell(row, "time").append(timeOf(trade.timestamp));
  },

  /** A trade may come again, corrected. */
  update(row, trade) {
    setNumber(cell(row, "size"), size(trade.size));
    setNumber(cell(row, "price"), price(trade.price));
    setNumber(cell(row, "pnl"), signedMoney(trade.pnl));
    setTone(cell(row, "pnl"), tone(trade.pnl));
    setText(cell(row, "fee"), signedMoney(-trade.fee));
    setText(cell(row, "liquidity"), trade.liquidation ? t("Liquidation") : t(words(trade.liquidity ?? "–")));
    setDecision(row, trade.decision_id ?? null);
  },
});
