// What became of a request, in words.

import { price, size, words } from "../../format.js";
import { t } from "../../text.js";
import { sentenceOf } from "./fields.js";
import { toast } from "./toasts.js";

const SIDES = { buy: t("Buy"), sell: t("Sell") };

/** Tell what became of an order: `asked` is its request, with the side it has. */
export function tellPlaced(asked, reply) {
  const name = `${SIDES[asked.side]} ${asked.symbol}`;
  const values = { name, filled: size(reply.filled_size), size: size(Number(asked.size ?? reply.filled_size)), price: price(reply.average_price) };
  const reason = reply.reason ? t(words(reply.reason)) : "";
  if (reply.status === "filled") return toast(t("{name}: filled {filled} at {price}.", values));
  if (reply.status === "canceled" && reply.filled_size > 0) {
    return toast(t("{name}: partly filled, {filled} of {size} at {price}; the rest was canceled.", values) + (reason ? ` ${reason}.` : ""), "bad");
  }
  if (reply.status === "canceled") return toast(t("{name}: canceled.", { name }) + (reason ? ` ${reason}.` : ""), "bad");
  if (reply.status === "partially_filled") return toast(t("{name}: partly filled, {filled} of {size} at {price}; the rest stands in the book.", values));
  if (reply.status === "pending_trigger") return toast(t("{name}: placed, waits for its trigger.", { name }));
  return toast(t("{name}: placed.", { name }));
}

/** Tell a refusal, or that nobody knows what became of something. */
export const tellRefused = (name, error) => toast(t("{name}: refused. {why}", { name, why: sentenceOf(error) }), "bad");
