// Long tables: only the rows in sight, and some around them, have elements; all others are blank space.

import { make, reconcile } from "./dom.js";

const AROUND = 12;
const GUESS_PX = 36;
const NEAR_END_PX = 600;

/**
 * The table in a panel's `.scroll`. `columns`: {keyOf(row), build(row), update(element, row)}. Rows must be of one
 * height. `ended` is called when the viewer nears the end of what there is.
 */
export class Table {
  #scroll;
  #body;
  #table;
  #above = make("div", { class: "blank" });
  #below = make("div", { class: "blank" });
  #columns;
  #rows = [];
  #height = GUESS_PX;
  #found = new Set();
  #due = false;
  /** What is seen of the table; asking for it anew each time would lay the page out again. */
  #top = 0;
  #seen = 0;
  #measured = false;
  #drawn = new WeakMap();

  constructor(panel, columns, ended = () => {}) {
    this.#scroll = panel.querySelector(".scroll");
    this.#table = panel.querySelector("table");
    this.#body = panel.querySelector("tbody");
    this.#columns = columns;
    this.#table.before(this.#above);
    this.#table.after(this.#below);
    this.#scroll.addEventListener("scroll", () => {
      this.#top = this.#scroll.scrollTop;
      this.#soon();
      if (this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < NEAR_END_PX) ended();
    });
    new ResizeObserver(() => {
      this.#seen = this.#scroll.clientHeight;
      this.#top = this.#scroll.scrollTop;
      this.#measured = false;
      this.#soon();
    }).observe(this.#scroll);
  }

  /** Show these rows. Who has scrolled keeps what is read under the eyes when new ones come above it. */
  show(rows) {
    const { keyOf } = this.#columns;
    const first = this.#rows.length ? keyOf(this.#rows[0]) : null;
    const added = first === null || rows[0] === this.#rows[0] ? 0 : rows.findIndex((row) => keyOf(row) === first);
    const kept = this.#top;
    this.#rows = rows;
    this.#table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.#draw(added > 0 && kept > 0 ? kept + added * this.#height : kept);
  }

  /** Mark rows by their keys, and bring the first of them into sight, with the focus on it. */
  find(keys) {
    const { keyOf } = this.#columns;
    this.#found = new Set(keys.map(String));
    const index = this.#rows.findIndex((row) => this.#found.has(String(keyOf(row))));
    if (index === -1) return;
    this.#draw(Math.max(0, index * this.#height - this.#seen / 3));
    const row = this.#body.querySelector(".found");
    if (!row) return;
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  #soon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw(this.#top);
    });
  }

  #draw(top) {
    if (this.#rows.length === 0) {
      this.#pad(0, 0);
      reconcile(this.#body, [], String, String);
      return;
    }
    const fit = Math.ceil((this.#seen || 800) / this.#height);
    const from = Math.max(0, Math.min(Math.floor(top / this.#height), this.#rows.length - fit) - AROUND);
    const to = Math.min(this.#rows.length, from + fit + 2 * AROUND);
    this.#pad(from * this.#height, (this.#rows.length - to) * this.#height);
    const { keyOf, build, update } = this.#columns;
    let index = from;
    reconcile(this.#body, this.#rows.slice(from, to), keyOf, build, (element, row) => {
      index += 1;
      const number = String(index + 1);
      if (element.getAttribute("aria-rowindex") !== number) element.setAttribute("aria-rowindex", number);
      element.classList.toggle("found", this.#found.has(String(keyOf(row))));
      if (this.#drawn.get(element) === row) return;
      this.#drawn.set(element, row);
      update(element, row);
    });
    if (this.#top !== top) {
      this.#scroll.scrollTop = top;
      this.#top = this.#scroll.scrollTop;
    }
    if (!this.#measured) this.#measure();
  }

  #measure() {
    const first = this.#body.firstElementChild;
    const last = this.#body.lastElementChild;
    const count = this.#body.childElementCount;
    if (count < 2 || this.#rows.length <= count || this.#seen === 0) return;
    const height = (last.getBoundingClientRect().bottom - first.getBoundingClientRect().top) / count;
    if (height < 1) return;
    this.#measured = true;
    if (Math.abs(height - this.#height) < 0.25) return;
    this.#height = height;
    this.#soon();
  }

  #pad(above, below) {
    this.#above.style.height = `${above}px`;
    this.#below.style.height = `${below}px`;
  }
}
