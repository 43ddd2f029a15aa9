// For those who may: choosing whom to act as, and having it in sight.

import { byId, make, setText } from "../../dom.js";
import { t } from "../../text.js";

const PAUSE_MS = 200;
const acting = byId("acting");
const button = byId("act-as");
const dialog = byId("users");
const search = byId("users-search");
const list = byId("users-list");
const trouble = byId("users-error");

let page;
let self = null;

export const shows = ["who"];

export function start(given) {
  page = given;
  byId("act-as-self").addEventListener("click", () => become(self));
  if (!dialog) return;
  let pause;
  button.addEventListener("click", () => {
    search.value = "";
    dialog.showModal();
    find();
  });
  search.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(find, PAUSE_MS);
  });
}

export function render({ user, self: own }) {
  self = own?.id ?? null;
  const other = user !== null && own !== null && user.id !== own.id;
  acting.hidden = !other;
  document.body.classList.toggle("acting-as", other);
  if (other) setText(byId("acting-as"), user.username);
}

async function find() {
  const wanted = search.value.trim();
  try {
    const { users } = await page.session.request("get_users", wanted ? { search: wanted } : {});
    if (wanted !== search.value.trim()) return;
    tell("");
    list.replaceChildren(...users.map(entry));
    if (!users.length) list.append(make("li", { class: "empty" }, t("Nobody is called that.")));
  } catch (error) {
    tell(error.message);
  }
}

function entry({ id, username, accounts }) {
  const choose = make("button", { type: "button", class: "user-choice" }, make("strong", {}, username), ` ${t("{count} accounts", { count: accounts })}`);
  choose.addEventListener("click", () => become(id));
  return make("li", {}, choose);
}

async function become(id) {
  try {
    await page.session.actAs(id, () => {
      dialog?.close();
      page.router.go({ view: "arena", accountId: null });
    });
  } catch (error) {
    tell(error.message);
  }
}

function tell(text) {
  if (!trouble) return;
  trouble.hidden = text === "";
  setText(trouble, text);
}
