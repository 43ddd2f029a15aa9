// Tabs by the ARIA pattern: arrows move between them and choose at once, Home and End go to the ends.

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/** The tabs of a `role=tablist`, each of which names its panel by `aria-controls`. `chosen(name)` is told each change. */
export class Tabs {
  #tabs;
  #chosen;

  constructor(list, chosen) {
    this.#tabs = [...list.querySelectorAll('[role="tab"]')];
    this.#chosen = chosen;
    list.addEventListener("click", ({ target }) => {
      const tab = target.closest('[role="tab"]');
      if (tab) this.choose(nameOf(tab));
    });
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  get names() {
    return this.#tabs.map(nameOf);
  }

  /** Choose a tab by its panel's id. */
  choose(name, told = true) {
    for (const tab of this.#tabs) {
      const selected = nameOf(tab) === name;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(nameOf(tab)).hidden = !selected;
      if (selected) tab.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    }
    if (told) this.#chosen(name);
  }

  #move(event) {
    const at = this.#tabs.indexOf(document.activeElement);
    if (at === -1 || event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.#tabs.length - 1;
    const ends = { Home: 0, End: last };
    const to = event.key in STEPS ? (at + STEPS[event.key] + this.#tabs.length) % this.#tabs.length : ends[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#tabs[to].focus();
    this.choose(nameOf(this.#tabs[to]));
  }
}

const nameOf = (tab) => tab.getAttribute("aria-controls");
