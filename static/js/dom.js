// Small helpers for making and changing elements. Data enters the page as text only, never as markup.

export const byId = (id) => document.getElementById(id);

/** Make an element: `make("td", { class: "num" }, "text", child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set an element's text; returns whether that changed it. */
export function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/** Give an element the class `up` or `down`, or neither. */
export function setTone(element, tone) {
  element.classList.toggle("up", tone === "up");
  element.classList.toggle("down", tone === "down");
}

/** Set the text of a number that lives: it flashes when it changes, not when it first appears. */
export function setNumber(element, text) {
  const first = element.textContent === "" || element.dataset.blank === "yes";
  element.dataset.blank = text === "–" ? "yes" : "no";
  if (setText(element, text) && !first) flash(element);
}

function flash(element) {
  element.classList.remove("flash");
  void element.offsetWidth; // lets the animation begin anew
  element.classList.add("flash");
}

/**
 * Make a parent's children show `items`, in order: an item keeps its element as long as it stays, so that focus,
 * scrolling and selection survive. `build(item)` makes one; `update(element, item)` brings it up to date.
 */
export function reconcile(parent, items, keyOf, build, update = () => {}) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const keys = items.map((item) => String(keyOf(item)));
  const stay = new Set(keys);
  for (const [key, element] of old) if (!stay.has(key)) element.remove();
  let next = parent.firstElementChild;
  items.forEach((item, index) => {
    const key = keys[index];
    const element = old.get(key) ?? build(item);
    element.dataset.key = key;
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  });
}
