// A tab with a list that is read in pages: drawn where it is shown, read on when its end is near.

import { byId, make, setText } from "../../dom.js";
import { loadMore } from "../../follow/lists.js";
import { rowOf, setEmpty } from "../../parts.js";
import { LISTS, MOST } from "../../state/paged.js";
import { Table } from "../../table.js";
import { t } from "../../text.js";
import { exportable, findable, isShown } from "./records.js";

/**
 * The view of one list. `id`: of its panel and of the list in the state. `names`: of the cells. `build(row, item)` fills a
 * new row, `update(row, item)` brings it up to date. `columns`: of the export.
 */
export function listView({ id, names, build, update, columns, none }) {
  const panel = byId(id);
  const { keyOf } = LISTS[id];
  let table = null;
  let app = null;
  let request = null;
  let accountId = null;

  function start(page) {
    app = page.app;
    request = (type, data) => page.session.request(type, data);
    const made = (item) => {
      const row = rowOf(panel, names);
      build(row, item);
      return row;
    };
    table = new Table(panel, { keyOf, build: made, update }, more);
    panel.addEventListener("click", ({ target }) => target.closest(".again") && more());
    exportable(id, columns, ({ account }) => account.lists[id].rows);
    findable(id, (keys) => {
      render(app.state);
      table.find(keys);
    });
  }

  function more() {
    const { account } = app.state;
    if (account.loaded) loadMore(app.account, request, account.lists[id]);
  }

  function render({ account }) {
    if (account.accountId !== accountId) table.show([]); // also where it is not shown: no row of another account stays
    accountId = account.accountId;
    if (!isShown(id)) return;
    const list = account.lists[id];
    if (account.loaded && !list.started && !list.loading && !list.failed) more();
    setEmpty(panel, list.rows.length ? null : list.ended ? none() : list.failed ? "" : t("Loading…"));
    table.show(list.rows);
    tellMore(panel.querySelector(".incomplete"), list);
  }

  return { shows: ["account", id], start, render };
}

/** Say below a list what it lacks. */
export function tellMore(note, list) {
  const text = list.failed || (list.cut ? t("Only the newest {count} are kept on this page.", { count: MOST.toLocaleString() }) : "");
  const loading = list.loading && list.rows.length > 0 ? t("Loading…") : "";
  note.hidden = !text && !loading;
  if (note.hidden) return;
  const words = list.failed ? `${text} ` : text || loading;
  if (note.firstChild?.textContent === words && (note.childElementCount > 0) === Boolean(list.failed)) return;
  setText(note, words);
  if (list.failed) note.append(make("button", { type: "button", class: "row-action again" }, t("Try again")));
}
