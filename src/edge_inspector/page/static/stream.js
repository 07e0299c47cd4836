// The event stream: one EventSource for the whole page, replayed by the id of the last event that came.
//
//   const off = stream.on("disposition.recorded", (event) => …);   // a CloudEvent; off() ends it
//   stream.on("line", (line) => …)        the document of the line; told at once where one came already
//   stream.on("gap", () => …)             more was missed than is replayed: load your lists again
//   stream.on("connection", ({state, since}) => …)   "live", "lost" (since when nothing was heard), "off"
//
// A tab that is hidden for 30 s closes its stream and asks for what it missed when it is seen again. One that hears
// nothing for a while opens the stream again: a connection that died without a word looks like a line at rest.

const KINDS = [
  "defect.detected",
  "disposition.recorded",
  "model.changed",
  "model.rejected",
  "model.proved",
  "thresholds.changed",
  "product.changed",
  "alarm.raised",
  "alarm.cleared",
  "command.answered",
  "samples.evicted",
];
const HIDDEN_MS = 30_000;
const QUIET_MS = 12_000; // the station says something every 5 s
const GRACE_MS = 1_500; // a connection that comes back so soon was never lost to a person
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

export function createStream({ address = "/api/v1/events", onRefused = () => {} } = {}) {
  const subscribers = new Map();
  let source = null;
  let lastId = null;
  let line = null;
  let connection = { state: "off", since: null };
  let heardAt = Date.now();
  let tries = 0;
  let wanted = false;
  const timers = { retry: 0, hidden: 0, lost: 0, quiet: 0 };

  function tell(kind, value) {
    for (const subscriber of [...(subscribers.get(kind) ?? [])]) {
      try {
        subscriber(value);
      } catch (error) {
        console.error(kind, error);
      }
    }
  }

  function become(state) {
    if (state === connection.state) return;
    connection = { state, since: new Date(heardAt) };
    tell("connection", connection);
  }

  function heard(event) {
    heardAt = Date.now();
    tries = 0;
    if (event.lastEventId) lastId = event.lastEventId;
    clearTimeout(timers.lost);
    timers.lost = 0;
    become("live");
  }

  function lose() {
    if (!timers.lost && connection.state !== "lost") timers.lost = setTimeout(() => become("lost"), GRACE_MS);
  }

  function open() {
    shut();
    const after = lastId === null ? "" : `?last_event_id=${encodeURIComponent(lastId)}`;
    source = new EventSource(address + after);
    source.addEventListener("hello", (event) => {
      heard(event);
      const { last_id: newest } = JSON.parse(event.data);
      if (lastId === null && newest !== null && newest !== undefined) lastId = String(newest);
    });
    source.addEventListener("line", (event) => {
      heard(event);
      line = JSON.parse(event.data);
      tell("line", line);
    });
    source.addEventListener("gap", (event) => {
      heard(event);
      tell("gap", JSON.parse(event.data));
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        heard(event);
        tell(kind, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      lose();
      if (source?.readyState === EventSource.CLOSED) retry();
    });
  }

  function shut() {
    clearTimeout(timers.retry);
    source?.close();
    source = null;
  }

  /** The browser gave up, as after an answer that is no stream: ask why, and try again by and by. */
  function retry() {
    shut();
    onRefused();
    const pause = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)];
    timers.retry = setTimeout(() => wanted && !document.hidden && open(), pause * (0.75 + Math.random() / 2));
  }

  function watch() {
    if (source && Date.now() - heardAt > QUIET_MS) {
      lose();
      open();
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timers.hidden);
    if (!wanted) return;
    if (document.hidden) timers.hidden = setTimeout(shut, HIDDEN_MS);
    else if (!source || Date.now() - heardAt > QUIET_MS) {
      lose();
      open();
    }
  });
  window.addEventListener("online", () => wanted && !document.hidden && open());
  window.addEventListener("pagehide", shut);
  window.addEventListener("pageshow", () => wanted && !source && open());

  return {
    on(kind, subscriber) {
      if (!subscribers.has(kind)) subscribers.set(kind, new Set());
      subscribers.get(kind).add(subscriber);
      if (kind === "line" && line !== null) subscriber(line);
      if (kind === "connection") subscriber(connection);
      return () => subscribers.get(kind).delete(subscriber);
    },
    start() {
      if (wanted) return;
      wanted = true;
      heardAt = Date.now();
      timers.quiet = setInterval(watch, 2_000);
      lose();
      open();
    },
    stop() {
      wanted = false;
      clearInterval(timers.quiet);
      clearTimeout(timers.lost);
      timers.lost = 0;
      shut();
      line = lastId = null;
      become("off");
    },
    get connection() {
      return connection;
    },
    get line() {
      return line;
    },
  };
}
