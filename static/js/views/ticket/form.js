// The ticket's form: what it asks for, as a request's body, and which of its fields go with which order.

import { byId, make, reconcile, setText } from "../../dom.js";
import { t } from "../../text.js";
import { away, distance, onTick, priceDecimals, share, sizeFor, units, withPoint } from "./decimals.js";
import { numeric, setValue } from "./fields.js";

export const form = byId("ticket-form");
export const symbolSelect = byId("ticket-symbol");
const size = byId("ticket-size");
const unit = byId("ticket-unit");
const slider = byId("ticket-share");
const price = byId("ticket-price");
const trigger = byId("ticket-trigger");
const leverage = byId("ticket-leverage");
const leverageSlider = byId("ticket-leverage-slider");
const reduce = byId("ticket-reduce");
const withBrackets = byId("ticket-brackets");
const bracketFields = byId("ticket-bracket-fields");
const BRACKETS = {
  take_profit: { prefix: "ticket-tp", way: 1 },
  stop_loss: { prefix: "ticket-sl", way: -1 },
};

/** What the viewer did not choose, the server does: these are sent only where they were. */
const chosen = { leverage: false, margin_mode: false };
let state = null;
let maxSize = null;
/** Whether a bracket was given in per cent: its trigger then follows the entry, else its distance is told. */
const byPercent = { take_profit: false, stop_loss: false };
/** The slider's share, as long as the size follows it. */
let following = null;

const radio = (name) => form.elements[name].value;
const typed = (input) => withPoint(input.value.trim());

export const symbol = () => symbolSelect.value;
export const side = () => radio("side");
export const instrument = () => state?.instruments.get(symbol());
export const position = () => state?.account.positions.get(symbol());
const mark = () => state?.prices.get(symbol())?.mark_price ?? instrument()?.mark_price ?? null;

export function orderType() {
  const kind = radio("kind");
  return kind === "market" || kind === "limit" ? kind : `${kind}_${radio("execution")}`;
}

const needsTrigger = () => radio("kind") === "stop" || radio("kind") === "take_profit";
const needsPrice = () => orderType().endsWith("limit");

/** Where the order is expected to open: its limit, its trigger, or the mark. */
const entry = () => (needsPrice() && units(typed(price)) ? typed(price) : needsTrigger() && units(typed(trigger)) ? typed(trigger) : mark());

/** The order's size in units of the symbol, as text; "" for none. */
export function sizeAsked() {
  const text = typed(size);
  if (unit.value === "base" || text === "") return text;
  return sizeFor(text, entry(), instrument().size_decimals) ?? text;
}

/**
 * The request's body without a `client_order_id`. Empty fields are left out: the server says what is required. With
 * `anew` it has no size where that follows what is possible, which is to be asked first.
 */
export function body(anew = false) {
  const order_type = orderType();
  const asked = {
    account_id: state.account.accountId,
    symbol: symbol(),
    side: side(),
    order_type,
    size: anew && following ? "" : sizeAsked(),
    price: needsPrice() ? typed(price) : "",
    trigger_price: needsTrigger() ? typed(trigger) : "",
    time_in_force: needsPrice() ? byId("ticket-tif").value : "",
    reduce_only: reduce.checked,
  };
  if (chosen.leverage && !reduce.checked && typed(leverage)) asked.leverage = Number(typed(leverage));
  if (chosen.margin_mode) asked.margin_mode = radio("margin_mode");
  if (!bracketFields.hidden) {
    for (const [name, { prefix }] of Object.entries(BRACKETS)) {
      const bracket = filled({ trigger_price: typed(byId(`${prefix}-trigger`)), price: typed(byId(`${prefix}-price`)) });
      if (Object.keys(bracket).length) asked[name] = bracket;
    }
  }
  return filled(asked);
}

const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));

/** Whether so much is filled in that a preview says something: nobody wants to be told what is still to be typed. */
export function isReady() {
  return Boolean(instrument()) && (!needsPrice() || typed(price) !== "") && (!needsTrigger() || typed(trigger) !== "") && !halfBracket();
}

const halfBracket = () =>
  !bracketFields.hidden && Object.values(BRACKETS).some(({ prefix }) => !byId(`${prefix}-trigger`).value.trim() && byId(`${prefix}-price`).value.trim());

/** Wire the fields. `changed()` is called when the order that they make may be another one. */
export function start(changed) {
  const lot = () => ({ decimals: unit.value === "base" ? (instrument()?.size_decimals ?? 0) : 0 });
  const tick = (input) => () => {
    const start = units(mark()) ?? 0n;
    return { decimals: instrument() ? priceDecimals(units(typed(input)) || start, instrument()) : 0, start };
  };
  numeric(size, lot);
  numeric(leverage, () => ({ decimals: 0 }));
  for (const input of [price, trigger]) numeric(input, tick(input));
  for (const [name, { prefix }] of Object.entries(BRACKETS)) {
    const [at, percent, limit] = ["trigger", "percent", "price"].map((part) => byId(`${prefix}-${part}`));
    numeric(at, tick(at));
    numeric(limit, tick(limit));
    numeric(percent, () => ({ decimals: 1 }));
    percent.addEventListener("input", () => (byPercent[name] = true));
    at.addEventListener("input", () => (byPercent[name] = false));
  }
  size.addEventListener("input", () => follow(null));
  leverage.addEventListener("input", () => chooseLeverage(typed(leverage)));
  leverageSlider.addEventListener("input", () => chooseLeverage(leverageSlider.value));
  slider.addEventListener("input", () => follow(Number(slider.value)));
  for (const button of form.querySelectorAll("[data-share]")) {
    button.addEventListener("click", () => {
      follow(Number(button.dataset.share));
      changed();
    });
  }
  byId("ticket-at-mark").addEventListener("click", () => {
    if (mark() !== null) setValue(price, onTick(units(mark()), instrument()));
    price.dispatchEvent(new Event("input", { bubbles: true }));
  });
  for (const each of form.elements.kind) each.addEventListener("input", suggest);
  for (const each of form.elements.margin_mode) each.addEventListener("input", () => (chosen.margin_mode = true));
  symbolSelect.addEventListener("change", () => reset());
  unit.addEventListener("change", convert);
  form.addEventListener("input", () => {
    for (const name of Object.keys(BRACKETS)) measure(name);
    arrange();
    changed();
  });
}

/** A limit order begins at the mark. */
function suggest() {
  if (orderType() === "limit" && typed(price) === "" && mark() !== null) setValue(price, onTick(units(mark()), instrument()));
}

function chooseLeverage(value) {
  chosen.leverage = true;
  setValue(leverage, value);
  leverageSlider.value = value;
}

/** The unit is another one: the size stays what it was. */
function convert() {
  const text = typed(size);
  const each = entry();
  if (text === "" || each === null) return;
  if (unit.value === "base") setValue(size, sizeFor(text, each, instrument().size_decimals) ?? "");
  else setValue(size, worth(text, each));
}

const worth = (amount, each) => {
  const value = ((units(amount) ?? 0n) * (units(each) ?? 0n)) / units("1");
  return onTick(value, { price_decimals: 2, significant_figures: 30 });
};

/** Let the size be a share of what is possible, or (null) what was typed. */
function follow(percent) {
  following = percent;
  if (percent === null) slider.value = 0;
  sizeByShare();
  tellShare();
}

function sizeByShare() {
  if (following === null || maxSize === null) return;
  slider.value = following;
  const asked = share(maxSize, following, instrument().size_decimals);
  setValue(size, following === 0 ? "" : unit.value === "base" ? asked : worth(asked, entry()));
}

function tellShare() {
  setText(byId("ticket-share-told"), `${slider.value}%`);
}

/** The greatest size that is possible, and the leverage that would hold; returns whether the size follows to another. */
export function take(preview) {
  maxSize = preview?.max_size ?? null;
  slider.disabled = !maxSize;
  for (const button of form.querySelectorAll("[data-share]")) button.disabled = slider.disabled;
  if (preview && !chosen.leverage) {
    setValue(leverage, String(preview.leverage));
    leverageSlider.value = preview.leverage;
  }
  if (following === null) place();
}

/** The slider's place where the size was typed: how much of what is possible that is. */
function place() {
  const [asked, possible] = [units(sizeAsked()), units(maxSize)];
  const percent = asked && possible ? (asked * 100n) / possible : 0n;
  slider.value = String(percent > 100n ? 100n : percent);
  tellShare();
}

/** The viewer changed something that the size follows. */
export function followMax() {
  const before = size.value;
  sizeByShare();
  tellShare();
  return size.value !== before;
}

function measure(name) {
  const { prefix, way } = BRACKETS[name];
  const [at, percent] = [byId(`${prefix}-trigger`), byId(`${prefix}-percent`)];
  const toward = way * (side() === "buy" ? 1 : -1);
  if (byPercent[name]) {
    const found = entry() === null || !instrument() ? null : away(entry(), turned(typed(percent), toward), instrument());
    setValue(at, found ?? "");
  } else {
    const found = distance(typed(at), entry());
    setValue(percent, found === null ? "" : turned(found, toward));
  }
}

const turned = (percent, way) => (way > 0 ? percent : percent.startsWith("-") ? percent.slice(1) : percent && `-${percent}`);

/** Show the fields that the order needs, and what else follows from it. */
export function arrange() {
  const needs = { trigger: needsTrigger(), limit: needsPrice(), entry: !reduce.checked };
  for (const each of form.querySelectorAll("[data-for]")) each.hidden = !needs[each.dataset.for];
  bracketFields.hidden = reduce.checked || !withBrackets.checked;
  withBrackets.setAttribute("aria-expanded", String(!bracketFields.hidden));
  form.dataset.side = side();
  const asked = sizeAsked();
  const told = byId("ticket-size-told");
  told.hidden = unit.value === "base" || units(asked) === null;
  if (!told.hidden) setText(told, t("{size} {symbol}", { size: asked, symbol: symbol() }));
  tellShare();
}

/** Another symbol or account: nothing that was typed for the other one stays. */
export function reset() {
  for (const input of form.querySelectorAll('input[inputmode="decimal"]')) input.value = "";
  chosen.leverage = chosen.margin_mode = byPercent.take_profit = byPercent.stop_loss = false;
  maxSize = null;
  follow(null);
  arrange();
}

/** The order was placed: the next one may be like it, but its size is to be said anew. */
export function placed() {
  size.value = "";
  follow(null);
  arrange();
}

export function choose(wanted) {
  for (const each of form.elements.side) each.checked = each.value === wanted;
  for (const name of Object.keys(BRACKETS)) measure(name);
  arrange();
}

export const focus = () => size.focus();

export function render(given) {
  state = given;
  const before = symbol();
  reconcile(
    symbolSelect,
    [...state.instruments.keys()],
    (name) => name,
    (name) => make("option", { value: name }, name),
  );
  if (before !== symbol()) reset();
  setText(unit.options[0], symbol() || "–");
  const traded = instrument();
  if (!traded) return;
  leverageSlider.max = traded.max_leverage;
  if (!chosen.margin_mode) {
    const mode = position()?.margin_mode ?? "cross";
    for (const each of form.elements.margin_mode) each.checked = each.value === mode;
  }
  const hint = mark() === null ? "" : onTick(units(mark()), traded);
  price.placeholder = trigger.placeholder = hint;
}
