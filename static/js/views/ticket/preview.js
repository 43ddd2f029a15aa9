// Asking the server what an order would do. Nothing of it is worked out in the page.

import { setText } from "../../dom.js";
import { feeRate, money, plain, price, size } from "../../format.js";

const PAUSE_MS = 150;

const SHOWN = {
  size: ({ filled_size, resting_size }) => size(filled_size + resting_size),
  notional: (preview) => money(preview.notional),
  average_price: (preview) => price(preview.average_price),
  slippage_pct: (preview) => plain(preview.slippage_pct, "%"),
  fee: ({ fee, fee_rate }) => `${money(fee)} (${feeRate(fee_rate)})`,
  margin_required: (preview) => money(preview.margin_required),
  liquidation_price: (preview) => price(preview.liquidation_price),
  withdrawable_after: (preview) => money(preview.withdrawable_after),
};

/** Show a preview's figures in a list; without one there are none. */
export function showPreview(list, preview) {
  for (const each of list.querySelectorAll("[data-preview]")) {
    setText(each, preview ? SHOWN[each.dataset.preview](preview) : "–");
  }
}

/** Asks for previews one after the other; of several only the newest answer counts. */
export class Previewer {
  #session;
  #told;
  #timer = null;
  #newest = null;

  /**
   * `told(preview, error, body, possible)` is called with the newest answer, or with why there is none; `possible` is
   * a preview that has the greatest size.
   */
  constructor(session, told) {
    this.#session = session;
    this.#told = told;
  }

  /** Ask soon for what `bodyOf()` gives then; null for nothing to ask. */
  soon(bodyOf, pause = PAUSE_MS) {
    clearTimeout(this.#timer);
    this.#newest = null;
    this.#timer = setTimeout(() => this.#ask(bodyOf()), pause);
  }

  /** Forget what was asked. */
  drop() {
    clearTimeout(this.#timer);
    this.#newest = null;
  }

  async #ask(body) {
    const mine = (this.#newest = {});
    const answer = await this.#answer(body);
    if (mine === this.#newest) this.#told(...answer);
  }

  async #answer(body) {
    if (body === null) return [null, null, null, null];
    try {
      const found = await this.#session.request("preview_order", body);
      return [found, null, body, found];
    } catch (error) {
      return [null, error, body, await this.#possible(body)];
    }
  }

  /** What is possible where so much is not: the same order without a size. */
  async #possible({ size: tooMuch, ...body }) {
    if (tooMuch === undefined) return null;
    try {
      return await this.#session.request("preview_order", body);
    } catch {
      return null;
    }
  }
}
