// Another language, where there is one: the page is served anew in it.

import { byId } from "../../dom.js";

const select = byId("language");

export const shows = [];

export function start() {
  select?.addEventListener("change", () => select.form.requestSubmit());
}

export function render() {}
