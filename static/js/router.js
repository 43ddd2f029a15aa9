// Which view an address names, and moving between views without loading the page anew: the socket stays.

/** The view that a path names: the arena, or an account by its number. */
export function routeOf(path) {
  const found = /^\/accounts\/([1-9]\d{0,15})\/?$/.exec(path);
  return found ? { view: "account", accountId: Number(found[1]) } : { view: "arena", accountId: null };
}

export const addressOf = ({ view, accountId }) => (view === "account" ? `/accounts/${accountId}/` : "/");

/** Calls `changed(route)` whenever the viewer goes elsewhere: by a link, by the browser's buttons, or by `go`. */
export class Router {
  #changed;

  constructor(changed) {
    this.#changed = changed;
    window.addEventListener("popstate", () => changed(this.route));
    document.addEventListener("click", (event) => this.#follow(event));
  }

  get route() {
    return routeOf(location.pathname);
  }

  go(route) {
    const address = addressOf(route);
    if (address === location.pathname) return;
    const other = route.view !== this.route.view;
    history.pushState(null, "", address);
    this.#changed(route);
    if (other) window.scrollTo(0, 0);
  }

  #follow(event) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("a[data-route]");
    if (!link) return;
    event.preventDefault();
    this.go(routeOf(new URL(link.href).pathname));
  }
}
