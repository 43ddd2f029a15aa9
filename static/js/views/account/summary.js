// The row of key figures.

import { byId, setNumber, setTone } from "../../dom.js";
import { money, signedMoney, signedPercent, tone } from "../../format.js";

const figure = (name) => byId("summary").querySelector(`[data-figure="${name}"]`);

const equity = figure("equity");
const dailyPnl = figure("daily-pnl");
const dailyReturn = figure("daily-return");
const unrealized = figure("unrealized-pnl");
const margin = figure("margin-used");
const withdrawable = figure("withdrawable");

export const shows = ["account", "summary", "positions"];

export function render({ account }) {
  const { summary, positions } = account;
  const sum = summary && [...positions.values()].reduce((total, { unrealized_pnl }) => total + unrealized_pnl, 0);
  setNumber(equity, money(summary?.equity));
  gain(dailyPnl, summary?.daily_pnl, signedMoney);
  gain(dailyReturn, summary?.daily_return_pct, signedPercent);
  gain(unrealized, sum, signedMoney);
  setNumber(margin, money(summary?.margin_used));
  setNumber(withdrawable, money(summary?.withdrawable));
}

function gain(element, value, format) {
  setNumber(element, format(value));
  setTone(element, tone(value));
}
