// Light, dark, or as the system has it.

import { themeChanged } from "../../charts/colours.js";
import { byId } from "../../dom.js";

const select = byId("theme");

export const shows = [];

export function start() {
  select.value = document.documentElement.dataset.theme ?? "";
  select.addEventListener("change", () => {
    if (select.value) {
      document.documentElement.dataset.theme = select.value;
      localStorage.setItem("theme", select.value);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    }
    themeChanged();
  });
}

export function render() {}
