// Answers on their way: one after the other, again while the network is gone, after a reload, and while another page is
// open. There is one outbox an order.

import { api, orderPath } from "./api.js";
import { ordersWith, shelf } from "./kept.js";
import { t } from "./texts.js";
import { toast } from "./toasts.js";

const AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const STORED = "outbox";
const outboxes = new Map();

/** Return the outbox of a work order; strip(text or null) says over every page what stands in the way. */
export function outboxOf(person, order, strip) {
  const name = orderPath(order);
  if (!outboxes.has(name)) outboxes.set(name, createOutbox(order, shelf(person, order), strip));
  return outboxes.get(name);
}

/** Go on sending what a tab has kept. */
export function resumeOutboxes(person, strip) {
  for (const order of ordersWith(person, STORED)) outboxOf(person, order, strip);
}

function createOutbox(order, kept, strip) {
  const alone = {
    onSent: () => {},
    onRefused: (_, error) => toast(t("work.refused", { text: error.message }), { kind: "error" }),
  };
  let heard = alone;
  let entries = kept.get(STORED) ?? [];
  let failures = 0;
  let isSending = false;
  let timer = 0;
  let idlers = [];

  function store() {
    if (entries.length) return kept.set(STORED, entries);
    kept.remove(STORED);
    idlers.forEach((resolve) => resolve());
    idlers = [];
  }

  async function send() {
    clearTimeout(timer);
    if (isSending) return;
    isSending = true;
    while (entries.length && (await sendOne(entries[0])));
    isSending = false;
  }

  /** Send an answer; says whether it is dealt with. */
  async function sendOne(entry) {
    let progress;
    try {
      progress = await put(entry);
    } catch (error) {
      if (error.isPassing || error.status === 401) return wait(error);
      settle(entry);
      heard.onRefused(entry, error);
      return true;
    }
    settle(entry);
    heard.onSent(entry, progress);
    return true;
  }

  /** A lease that has run out is taken once more: somebody may have had a long look, and nobody else came. */
  async function put({ item, body }) {
    try {
      return await api.put(orderPath(order, item, "/answer"), body);
    } catch (error) {
      if (error.status !== 409) throw error;
      await api.post(orderPath(order, item, "/lease"));
      return await api.put(orderPath(order, item, "/answer"), body);
    }
  }

  function settle(entry) {
    failures = 0;
    strip(null);
    entries = entries.filter((each) => each !== entry);
    store();
  }

  function wait(error) {
    timer = setTimeout(send, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]);
    failures += 1;
    const n = entries.length;
    strip(error.status === 401 ? t("strip.unknown", { n }) : t("strip.offline", { n }));
    return false;
  }

  const warn = (event) => entries.length && failures && event.preventDefault(); // a closed tab would lose them
  window.addEventListener("online", send);
  window.addEventListener("beforeunload", warn);
  if (entries.length) send();

  return {
    put(item, body) {
      entries = [
        ...entries.filter((entry) => entry.item !== item || (isSending && entry === entries[0])),
        { item, body },
      ];
      store();
      send();
    },
    /** Wait until nothing is on its way. */
    idle: () => (entries.length ? new Promise((resolve) => idlers.push(resolve)) : Promise.resolve()),
    /** Return the answer to an item that is on its way, or undefined. */
    waiting: (item) => entries.findLast((entry) => entry.item === item)?.body,
    /** Tell a page what becomes of answers: {onSent(entry, progress), onRefused(entry, error)}; an entry is {item, body}. */
    attach: (page) => (heard = page),
    detach: () => (heard = alone),
  };
}
