// Fields of the ticket and its dialogs: numbers as people type them, and refusals where they belong.

import { make } from "../../dom.js";
import { t } from "../../text.js";
import { stepped, withPoint } from "./decimals.js";

const BIG_STEP = 10;
let number = 0;

/**
 * Let a field take a number: a comma is a point, and the arrow keys step (with Shift ten steps). `stepOf()` tells
 * {decimals, start}: of a step, and where an empty field begins.
 */
export function numeric(input, stepOf) {
  input.addEventListener("input", () => {
    const { value, selectionStart: at } = input;
    if (!value.includes(",") && !/\s/.test(value)) return;
    input.value = withPoint(value);
    const left = withPoint(value.slice(0, at)).length;
    input.setSelectionRange(left, left);
  });
  input.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { decimals, start } = stepOf();
    setValue(input, stepped(input.value.trim(), way * (event.shiftKey ? BIG_STEP : 1), decimals, start));
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Set a field's value, where that is another one. */
export function setValue(input, value) {
  if (input.value !== value) input.value = value;
}

/** Show a refusal: each problem at its field, and what has no field here in the form's alert. */
export function showRefusal(form, error) {
  clearRefusal(form);
  const rest = [];
  for (const { path, message } of error.fields ?? []) {
    const field = fieldOf(form, path);
    if (field) mark(field, sentence(message));
    else rest.push(`${path} ${message}`);
  }
  const nowhere = !error.fields?.length || rest.length > 0;
  tell(form, nowhere || error.code === "insufficient_margin" ? sentenceOf(error) : "");
}

/** What an error says, with the time to wait where it tells one. */
export function sentenceOf(error) {
  const wait = error.retryAfterMs;
  return wait ? `${error.message} ${t("Try again in {seconds} s.", { seconds: Math.ceil(wait / 1000) })}` : error.message;
}

export function clearRefusal(form) {
  for (const field of form.querySelectorAll("[data-path]")) unmark(field);
  tell(form, "");
}

/** Take a field's problem away, as soon as somebody mends it. */
export function unmark(field) {
  const note = field.querySelector(".field-error");
  if (!note) return;
  note.remove();
  for (const input of inputsOf(field)) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Put the focus on the first field with a problem; returns whether there is one. */
export function focusProblem(form) {
  const input = form.querySelector('[aria-invalid="true"]');
  input?.focus();
  return Boolean(input);
}

function fieldOf(form, path) {
  const field = form.querySelector(`[data-path="${CSS.escape(path)}"]`) ?? form.querySelector(`[data-path^="${CSS.escape(path)}."]`);
  return field && field.closest("[hidden]") === null ? field : null;
}

function mark(field, message) {
  const known = field.querySelector(".field-error");
  if (known) {
    known.textContent += ` ${message}`;
    return;
  }
  const note = make("p", { class: "field-error", id: `problem-${++number}` }, message);
  field.append(note);
  for (const input of inputsOf(field)) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", note.id);
  }
}

/** Radios can't be invalid one by one: their group is. */
function inputsOf(field) {
  return field.matches("fieldset") ? [field] : field.querySelectorAll("input:not([type=radio]):not([data-aside]), select");
}

export function tell(form, message) {
  const alert = form.querySelector("[role=alert]");
  alert.hidden = message === "";
  if (alert.textContent !== message) alert.textContent = message;
}

const sentence = (message) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`.replace(/\.\.$/, ".");
