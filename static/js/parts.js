// Pieces that several views share: times, badges, cells, empty states.

import { make } from "./dom.js";
import { time, utc, words } from "./format.js";

/** A moment in the viewer's zone, with UTC in its title. */
export const timeOf = (moment) => make("time", { datetime: moment, title: utc(moment) }, time(moment));

/** A side, status or decision as a coloured word; the colour only underlines it. */
export const badge = (name) => make("span", { class: `badge badge-${name}` }, words(name));

/**
 * A row for a panel's table, with one cell for each name; the first one heads the row. Each cell knows its column's
 * title: on a narrow screen a row becomes a card, and the roles keep it a row of a table.
 */
export function rowOf(panel, names) {
  const heads = [...panel.querySelectorAll("thead th")];
  const cells = names.map((name, index) => {
    const each = index === 0 ? make("th", { scope: "row", role: "rowheader" }) : make("td", { role: "cell" });
    each.dataset.cell = name;
    each.dataset.label = heads[index].textContent;
    each.classList.toggle("num", heads[index].classList.contains("num"));
    return each;
  });
  return make("tr", { role: "row" }, ...cells);
}

export const cell = (row, name) => row.querySelector(`[data-cell="${name}"]`);

/** Show a panel's empty state with a text, or hide it. */
export function setEmpty(panel, text) {
  const empty = panel.querySelector(".empty");
  const table = panel.querySelector(".scroll");
  empty.hidden = text === null;
  if (text !== null && empty.textContent !== text) empty.textContent = text;
  if (table) table.hidden = text !== null;
}
