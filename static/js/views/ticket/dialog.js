// What the dialogs have in common: opening, leaving, and carrying out without closing before it is done.

import { clearRefusal, focusProblem, showRefusal, unmark } from "./fields.js";

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
 * Wire a dialog whose form does something: it stays open until `carryOut()` is fulfilled, and shows what it raises.
 */
export function wire(dialog, carryOut) {
  const form = dialog.querySelector("form");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    form.setAttribute("aria-busy", "true");
    clearRefusal(form);
    try {
      await carryOut();
      dialog.close();
    } catch (error) {
      if (!dialog.open) throw error;
      showRefusal(form, error);
      focusProblem(form);
    } finally {
      busy = false;
      form.removeAttribute("aria-busy");
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
