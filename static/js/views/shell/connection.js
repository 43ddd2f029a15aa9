// The state of the connection: said aloud when it changes, with the latency beside it.

import { byId, setText } from "../../dom.js";
import { t } from "../../text.js";

const WORDS = { connecting: t("Connecting…"), live: t("Live"), waiting: t("Reconnecting…"), ended: t("Disconnected") };

const box = byId("connection");
const state = byId("connection-state");
const latency = byId("latency");
const ended = byId("ended");
const reason = byId("ended-reason");

let wasLive = false;

export function render(socket) {
  wasLive ||= socket.state === "live";
  const shown = wasLive && socket.state === "connecting" ? "waiting" : socket.state;
  box.dataset.state = shown;
  document.body.classList.toggle("stale", wasLive && shown !== "live");
  setText(state, WORDS[shown]);
  setText(latency, socket.latency === null ? "" : `${socket.latency} ms`);
  ended.hidden = shown !== "ended";
  setText(reason, socket.reason);
  box.title = socket.reason;
}
