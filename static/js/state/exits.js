// The orders that would close a position at a trigger.

/**
 * A position's stops and take profits among the open orders, the nearest to its entry first. Those of an order that is
 * not filled yet sleep: they protect nothing so far.
 */
export function exitsOf({ symbol, side, entry_price: entry }, orders) {
  const away = side === "long" ? "sell" : "buy";
  const all = [...orders.values()].filter(
    (order) => order.symbol === symbol && order.side === away && order.reduce_only && order.trigger_price !== null && !orders.has(order.parent_order_id),
  );
  const of = (kind) =>
    all.filter(({ order_type }) => order_type.startsWith(kind)).sort((a, b) => Math.abs(a.trigger_price - entry) - Math.abs(b.trigger_price - entry));
  return { stops: of("stop"), takeProfits: of("take_profit") };
}
