// Short notes of what became of things. They take no focus, stay a while, and can be closed.

import { byId, make } from "../../dom.js";
import { t } from "../../text.js";

const MOST = 4;
const KEPT_MS = 10_000;
const box = byId("toasts");

/** Show a note; `tone` is good, bad or wait. Returns {close}. One that waits stays until it is closed. */
export function toast(message, tone = "good") {
  const close = make("button", { type: "button", class: "toast-close", "aria-label": t("Close this note") }, "×");
  const note = make("div", { class: `toast toast-${tone}` }, make("p", {}, message), close);
  let timer = null;
  const stay = () => clearTimeout(timer);
  const leave = () => {
    if (tone !== "wait") timer = setTimeout(gone, KEPT_MS);
  };
  function gone() {
    stay();
    note.remove();
  }
  close.addEventListener("click", gone);
  note.addEventListener("pointerenter", stay);
  note.addEventListener("pointerleave", leave);
  note.addEventListener("focusin", stay);
  note.addEventListener("focusout", leave);
  box.append(note);
  while (box.childElementCount > MOST) box.firstElementChild.remove();
  leave();
  return { close: gone };
}
