// One socket to the server: requests with replies, and coming back by itself when it is lost.

const PING_EVERY_MS = 20_000;
const PING_PATIENCE_MS = 10_000;
const REPLY_PATIENCE_MS = 15_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
const SIGNED_OUT = new Set(["unauthorized", "session_expired"]);

/** The server's refusal of a request. */
export class ProtocolError extends Error {
  constructor(data) {
    super(data.message);
    this.code = data.code;
    this.fields = data.fields ?? [];
    this.reason = data.reason ?? null;
    this.retryAfterMs = data.retry_after_ms ?? null;
  }
}

/** The socket was lost, or did not answer in time. */
export class ConnectionLost extends Error {}

/** Whether to come back after a close code: 4500 to 4999 say that it would be of no use. */
export const mayReconnect = (code) => !(code >= 4500 && code <= 4999);

/** How long to wait before an attempt (0: the first): doubling, with jitter, so that clients don't come all at once. */
export function delayBefore(attempt, random = Math.random) {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.5 + random() / 2);
}

/**
 * `open(socket)` opens the session each time that the socket is there; it is live when the promise is fulfilled.
 * `frame(message)` takes what is no reply. `changed(socket)` is called when `state`, `reason` or `latency` changed.
 * States: `connecting`, `live`, `waiting` (for the next attempt), `ended` (for good). `reason` says why, where it is known.
 */
export class Socket {
  state = "connecting";
  reason = "";
  latency = null;
  #url;
  #handlers;
  #socket = null;
  #replies = new Map();
  #number = 0;
  #attempt = 0;
  #timer = null;
  #pings = null;
  #wait = null;

  constructor(url, handlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  start() {
    window.addEventListener("online", () => this.#hurry());
    window.addEventListener("offline", () => this.#ping(PING_PATIENCE_MS / 4));
    document.addEventListener("visibilitychange", () => !document.hidden && this.#hurry());
    this.#connect();
  }

  /** Send a request; the promise brings the `data` of its reply. */
  request(type, data = {}, patience = REPLY_PATIENCE_MS) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new ConnectionLost("There is no connection."));
    const request_id = String(++this.#number);
    return new Promise((fulfil, reject) => {
      const timer = setTimeout(() => {
        this.#replies.delete(request_id);
        reject(new ConnectionLost(`No answer to ${type}.`));
      }, patience);
      this.#replies.set(request_id, { fulfil, reject, timer });
      socket.send(JSON.stringify({ type, request_id, data }));
    });
  }

  /** Request what is only read or followed: where that is too much at once, wait as long as the server says. */
  async ask(type, data) {
    const socket = this.#socket;
    for (;;) {
      try {
        return await this.request(type, data);
      } catch (error) {
        if (error.code !== "rate_limited" || error.retryAfterMs === null) throw error;
        await new Promise((done) => setTimeout(done, error.retryAfterMs));
        if (socket !== this.#socket) throw new ConnectionLost("The connection was lost.");
      }
    }
  }

  /** Drop the connection and make a new one: what was loaded over this one can't be relied on. */
  restart() {
    this.#lost(this.#socket, 1006);
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#to("connecting");
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.addEventListener("open", () => this.#open(socket));
    socket.addEventListener("message", (event) => socket === this.#socket && this.#take(event.data));
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
  }

  async #open(socket) {
    try {
      await this.#handlers.open(this);
    } catch (error) {
      if (socket !== this.#socket) return;
      if (SIGNED_OUT.has(error.code)) this.#end(socket, error.message);
      else {
        this.#wait = error.retryAfterMs ?? this.#wait;
        this.#lost(socket, 1006, error.message);
      }
      return;
    }
    if (socket !== this.#socket) return;
    this.#attempt = 0;
    this.#to("live");
    this.#ping();
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
  }

  #take(text) {
    const message = JSON.parse(text);
    const waiting = this.#replies.get(message.request_id);
    if (waiting) {
      this.#replies.delete(message.request_id);
      clearTimeout(waiting.timer);
      if (message.type === "error") waiting.reject(new ProtocolError(message.data));
      else waiting.fulfil(message.data);
    } else if (message.type === "server_shutdown") {
      this.#wait = message.data.reconnect_after_ms ?? null;
    } else {
      this.#handlers.frame(message);
    }
  }

  /** Measure the latency; no answer means that the connection is dead, whatever the browser thinks. */
  async #ping(patience = PING_PATIENCE_MS) {
    const socket = this.#socket;
    const sent = performance.now();
    try {
      await this.request("ping", {}, patience);
    } catch (error) {
      if (error instanceof ConnectionLost && socket === this.#socket && this.state === "live") this.#lost(socket, 1006);
      return;
    }
    this.latency = Math.round(performance.now() - sent);
    this.#handlers.changed(this);
  }

  #lost(socket, code, reason = "") {
    if (socket === null || socket !== this.#socket) return;
    if (!mayReconnect(code)) {
      this.#end(socket, code === 4507 ? "This session was ended elsewhere." : `The server closed the connection (${code}).`);
      return;
    }
    this.#drop(socket);
    const delay = this.#wait ?? delayBefore(this.#attempt);
    this.#wait = null;
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#to("waiting", reason);
  }

  #end(socket, reason) {
    this.#drop(socket);
    this.#to("ended", reason);
  }

  #drop(socket) {
    this.#socket = null;
    clearInterval(this.#pings);
    this.latency = null;
    socket.close();
    for (const { reject, timer } of this.#replies.values()) {
      clearTimeout(timer);
      reject(new ConnectionLost("The connection was lost."));
    }
    this.#replies.clear();
  }

  /** The network or the viewer is back: don't sit out the delay; look whether the connection still lives. */
  #hurry() {
    if (this.state === "waiting") this.#connect();
    else if (this.state === "live") this.#ping();
  }

  #to(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.#handlers.changed(this);
  }
}
