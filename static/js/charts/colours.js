// The theme's colours as the charts' canvas needs them, and word of their change.

const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** The colour that a token of the theme has now: `colour("--up")`. */
export function colour(token) {
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

/** How many colours there are for series; more are told apart by their strokes. */
export const SERIES = 8;
export const seriesColour = (index) => colour(`--series-${(index % SERIES) + 1}`);

/** Call back whenever the theme changed. */
export const onTheme = (listener) => listeners.add(listener);

/** Say that it changed. */
export function themeChanged() {
  for (const listener of listeners) listener();
}

system.addEventListener("change", themeChanged);
