// Sending what trades, once and only once: where an answer is lost, the very same request is sent again.

import { ConnectionLost } from "../../socket.js";
import { t } from "../../text.js";
import { toast } from "./toasts.js";

const UNKNOWN = new Set(["execution_unknown", "internal"]);
const AGAIN_AFTER_MS = 500;
const MOST_ATTEMPTS = 8;
/** After that long nobody wants an order that may never have arrived: look for it instead of sending it again. */
const STALE_MS = 60_000;

/** Nobody could learn what became of the request. */
export class Unknown extends Error {}

export const freshId = () => crypto.randomUUID();

/**
 * Send a request and return {reply, again}: `again` where its first answer was lost. Its body must be such that sending
 * it twice does it once (a `client_order_id`, or a request that changes nothing the second time). Raises
 * `ProtocolError` where it is refused and `Unknown` where its fate can't be learnt.
 */
export async function deliver({ app, session }, type, body) {
  const sent = performance.now();
  let waiting = null;
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { reply: await session.request(type, body), again: attempt > 1 };
      } catch (error) {
        const lost = error instanceof ConnectionLost;
        if (!lost && !UNKNOWN.has(error.code)) throw Object.assign(error, { again: attempt > 1 });
        if (attempt === MOST_ATTEMPTS) throw new Unknown(t("The server does not say what became of it. Look at the orders before you try again."));
        waiting ??= toast(t("The answer was lost. Asking again as soon as there is a connection…"), "wait");
        await new Promise((done) => setTimeout(done, AGAIN_AFTER_MS));
      }
      if (!(await app.whenLive())) throw new Unknown(t("The session ended before the answer came. Log in and look at the orders."));
      if (body.client_order_id && performance.now() - sent > STALE_MS) return { reply: await found(session, body), again: true };
    }
  } finally {
    waiting?.close();
  }
}

/** What became of an order by its own name; the answer to a request that is too old to be sent again. */
async function found(session, { account_id, client_order_id }) {
  const { orders } = await session.request("get_orders", { account_id, limit: 200 });
  const order = orders.find((each) => each.client_order_id === client_order_id);
  if (!order) throw new Unknown(t("The order did not reach the exchange. Place it again if you still want it."));
  return order;
}
