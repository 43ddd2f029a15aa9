// What the dialogs have in common: opening, leaving, and carrying out without closing before it is done.

import { clearRefusal, focusProblem, showRefusal, unmark } from "./fields.js";
import { tellRefused } from "./outcomes.js";

/** Show a dialog that asks yes or no; resolves to whether its form was submitted. */
export function asked(dialog) {
  const form = dialog.querySelector("form");
  return new Promise((told) => {
    let said = false;
    const yes = () => (said = true);
    form.addEventListener("submit", yes);
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", yes);
        told(said);
      },
      { once: true },
    );
    dialog.showModal();
  });
}

/**
 * Wire a dialog whose form does something: it stays open until `carryOut()` is fulfilled, and shows what that raises.
 * Who leaves earlier is told in a note what became of it.
 */
export function wire(dialog, carryOut) {
  const form = dialog.querySelector("form");
  let running = null;
  dialog.addEventListener("close", () => {
    running = null;
    form.removeAttribute("aria-busy");
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    const mine = (running = {});
    const name = dialog.querySelector("h2").textContent;
    form.setAttribute("aria-busy", "true");
    clearRefusal(form);
    try {
      await carryOut();
      if (running === mine) dialog.close();
    } catch (error) {
      if (running !== mine) tellRefused(name, error);
      else {
        running = null;
        form.removeAttribute("aria-busy");
        showRefusal(form, error);
        focusProblem(form);
      }
    }
  });
  form.addEventListener("input", (event) => mended(event.target));
}

/** Take away the problem of a field that is being mended, and of the group it stands in. */
export function mended(input) {
  for (let field = input.closest("[data-path]"); field; field = field.parentElement.closest("[data-path]")) unmark(field);
}

/** Let each dialog's button "Back" leave it. */
export function startLeaving() {
  for (const button of document.querySelectorAll("dialog [data-leave]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

/** Open a dialog with nothing left of the last time. */
export function open(dialog) {
  clearRefusal(dialog.querySelector("form"));
  if (!dialog.open) dialog.showModal();
}
