// Where the ticket stands: beside the charts on a desk, on a narrow screen in a sheet that two buttons open.

import { byId } from "../../dom.js";

const wide = matchMedia("(min-width: 1080px)");
const panel = byId("ticket");
const dialog = byId("ticket-sheet");
const bar = byId("ticket-bar");
const place = document.createComment("the order ticket");

export function start(begin) {
  panel.before(place);
  wide.addEventListener("change", settle);
  for (const button of bar.querySelectorAll("[data-open-ticket]")) {
    button.addEventListener("click", () => begin(button.dataset.openTicket));
  }
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  settle();
}

function settle() {
  if (wide.matches) {
    dialog.close();
    place.after(panel);
  } else {
    dialog.prepend(panel);
  }
}

/** Whether there is a ticket at all. */
export function allow(able) {
  bar.hidden = !able;
  if (!able) dialog.close();
}

export function open() {
  if (!wide.matches && !dialog.open) dialog.showModal();
}

export const close = () => dialog.close();
export const isOpen = () => dialog.open;
