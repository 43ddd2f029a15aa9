// What moved the account's cash.

import { setNumber, setText, setTone } from "../../dom.js";
import { money, signedMoney, tone, words } from "../../format.js";
import { cell, timeOf } from "../../parts.js";
import { t } from "../../text.js";
import { listView } from "./list.js";

const COLUMNS = ["entry_id", "kind", "amount", "balance_after", "symbol", "note", "timestamp"].map((key) => ({ title: key, value: (row) => row[key] }));

export const { shows, start, render } = listView({
  id: "ledger",
  names: ["kind", "amount", "balance", "symbol", "note", "time"],
  columns: COLUMNS,
  none: () => t("Nothing was booked yet."),

  build(row, entry) {
    cell(row, "kind").append(t(words(entry.kind)));
    cell(row, "time").append(timeOf(entry.timestamp));
  },

  update(row, entry) {
    setNumber(cell(row, "amount"), signedMoney(entry.amount));
    setTone(cell(row, "amount"), tone(entry.amount));
    setNumber(cell(row, "balance"), money(entry.balance_after));
    setText(cell(row, "symbol"), entry.symbol ?? "–");
    setText(cell(row, "note"), entry.note || "–");
    cell(row, "note").title = entry.note ?? "";
  },
});
