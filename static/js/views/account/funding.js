// What the account paid and received for holding positions.

import { setNumber, setText, setTone } from "../../dom.js";
import { price, signedAmount, rate, size, tone } from "../../format.js";
import { badge, cell, timeOf } from "../../parts.js";
import { t } from "../../text.js";
import { listView } from "./list.js";

const COLUMNS = ["symbol", "side", "size", "rate", "price", "amount", "timestamp"].map((key) => ({ title: key, value: (row) => row[key] }));

export const { shows, start, render } = listView({
  id: "funding",
  names: ["symbol", "side", "size", "rate", "price", "payment", "time"],
  columns: COLUMNS,
  none: () => t("No funding was settled yet: it is at each full hour."),

  build(row, payment) {
    cell(row, "symbol").append(payment.symbol);
    if (payment.side) cell(row, "side").append(badge(payment.side));
    cell(row, "time").append(timeOf(payment.timestamp));
  },

  update(row, payment) {
    setNumber(cell(row, "size"), size(payment.size));
    setText(cell(row, "rate"), rate(payment.rate));
    setNumber(cell(row, "price"), price(payment.price));
    setNumber(cell(row, "payment"), signedAmount(payment.amount));
    setTone(cell(row, "payment"), tone(payment.amount));
  },
});
