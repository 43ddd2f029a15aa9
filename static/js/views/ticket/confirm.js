// Asking once more before what is large.

import { byId, make, setText } from "../../dom.js";
import { money, plain, price, size } from "../../format.js";
import { t } from "../../text.js";
import { asked } from "./dialog.js";

const LARGE_SHARE = 0.25;
const NEAR_LIQUIDATION = 0.05;
const MUCH_SLIPPAGE_PCT = 1;

/** Why an order is large, as sentences; none for one that is not. */
export function reasonsToAsk({ notional, liquidation_price, mark_price, slippage_pct }, equity) {
  const reasons = [];
  if (equity > 0 ? notional > equity * LARGE_SHARE : notional > 0) {
    const share = equity > 0 ? plain((notional / equity) * 100, "%") : "–";
    reasons.push(t("It is worth {notional} USDC, {share} of the equity.", { notional: money(notional), share }));
  }
  if (liquidation_price !== null && Math.abs(mark_price - liquidation_price) < mark_price * NEAR_LIQUIDATION) {
    const away = plain((Math.abs(mark_price - liquidation_price) / mark_price) * 100, "%");
    reasons.push(t("It would be liquidated at {price}, only {away} from the mark.", { price: price(liquidation_price), away }));
  }
  if (Math.abs(slippage_pct ?? 0) > MUCH_SLIPPAGE_PCT) {
    reasons.push(t("It would slip {slippage} from the mark.", { slippage: plain(Math.abs(slippage_pct), "%") }));
  }
  return reasons;
}

/** Ask whether to place the order; resolves to whether the viewer says so. */
export function confirm(order, name, preview, reasons) {
  setText(byId("confirm-order-title"), t("{name}, really?", { name }));
  byId("confirm-order-why").replaceChildren(...reasons.map((each) => make("li", {}, each)));
  const figures = [
    [t("Size"), `${size(Number(order.size ?? preview.filled_size + preview.resting_size))} ${order.symbol}`],
    [t("Average price"), price(preview.average_price)],
    [t("Fee"), money(preview.fee)],
    [t("Margin required"), money(preview.margin_required)],
    [t("Liquidation price"), price(preview.liquidation_price)],
  ];
  byId("confirm-order-figures").replaceChildren(
    ...figures.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", { class: "num" }, value))),
  );
  return asked(byId("confirm-order"));
}
