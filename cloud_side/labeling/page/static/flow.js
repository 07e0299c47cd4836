// Which image is shown: the next one is there before it is asked for, the last ones can be gone back to.
//
// The image shown and the one after it are leased to this person; leases are renewed while the page is open.

import { api, orderPath } from "./api.js";

const RENEW_MS = 60_000;
const LOOK_AGAIN_MS = 5_000; // an image that somebody else gives back
const TRAIL = "trail";
const CURRENT = "current";

/**
 * onShow(item, image, {isBack}): an image element, on its way. onLoading(), onNothing(), onTrouble(error):
 * there is none, for now. onClosed(): there will be none. onLost(error): the one that is shown is somebody else's.
 * onElsewhere(): this person has answered it in another tab.
 */
export function createFlow(
  order,
  kept,
  outbox,
  { onShow, onLoading, onNothing, onTrouble, onClosed, onLost, onElsewhere, onProgress },
) {
  let trail = kept.get(TRAIL) ?? []; // items that were answered, oldest first
  let at = trail.length; // where in it we are; its end: at the front
  let current = null; // {item, …}
  let ahead = []; // those after it: prefetched, or left to go back
  let fetching = null; // promise of the one that is prefetched
  let since = new Set(); // items that were shown since that was asked for
  let releasing = null; // promise of the last lease that is given back
  let isClosed = false;
  let timer = 0;

  const isFront = () => at >= trail.length;

  function show(item) {
    clearTimeout(timer);
    current = item;
    since.add(item.item);
    if (isFront()) kept.set(CURRENT, item.item);
    onShow(item, item.picture, { isBack: !isFront() });
    prefetch();
  }

  function received(item) {
    const picture = new Image();
    picture.alt = "";
    picture.draggable = false;
    picture.decoding = "async";
    picture.src = item.image;
    return { ...item, picture };
  }

  /** Return the next image that nobody has, or null. */
  async function ask(after) {
    await outbox.idle();
    await releasing; // else it would end a lease that is only taken now
    const found = await api.post(orderPath(order, null, "/next"), after ? { after } : {});
    if (found) onProgress(found.progress);
    return found && received(found);
  }

  function prefetch() {
    if (ahead.length || fetching || isClosed || !current) return;
    since = new Set([current.item]);
    const mine = ask(current.item)
      .then((found) => {
        // The server may give the one that is shown, where no other is left: it can be answered before that is heard.
        if (found && !isClosed && !since.has(found.item)) ahead.push(found);
      })
      .catch(() => {}) // it is asked for again once it is needed, and said then
      .finally(() => fetching === mine && (fetching = null));
    fetching = mine;
  }

  /** Go to the next image, wherever it comes from. */
  async function advance() {
    const left = current;
    current = null;
    kept.remove(CURRENT);
    if (!ahead.length) {
      onLoading();
      await fetching;
    }
    if (isClosed || current) return;
    const next = ahead.shift();
    if (next) return show(next);
    await lookForMore(left?.item);
  }

  async function lookForMore(after) {
    clearTimeout(timer);
    try {
      const found = await ask(after);
      if (isClosed || current) return;
      if (found) return show(found);
      onNothing();
    } catch (error) {
      if (isClosed || current) return;
      if (error.status === 410 || error.status === 404) return finish();
      onTrouble(error);
    }
    timer = setTimeout(() => lookForMore(), LOOK_AGAIN_MS);
  }

  function finish() {
    close();
    onClosed();
  }

  async function open(item) {
    const found = await api.get(orderPath(order, item));
    onProgress(found.progress);
    return received({ ...found, answer: outbox.waiting(item) ?? found.answer });
  }

  /** Begin where the tab has left off. */
  async function start() {
    const item = kept.get(CURRENT);
    if (item && !outbox.waiting(item)) {
      try {
        await api.post(orderPath(order, item, "/lease"));
        return show(await open(item));
      } catch {
        kept.remove(CURRENT); // somebody else has it now, or it is done
      }
    }
    await lookForMore();
  }

  async function renew() {
    for (const each of [current, ...ahead].filter(Boolean)) {
      try {
        await api.post(orderPath(order, each.item, "/lease"));
      } catch (error) {
        if (error.status === 410) return finish();
        if (error.status !== 409) continue; // the network: the lease holds for a while
        if (each === current) onLost(error);
        else ahead = ahead.filter((other) => other !== each);
      }
    }
  }

  const renewal = setInterval(renew, RENEW_MS);
  const leave = () => ahead.forEach(({ item }) => release(item));

  /** The tab is looked at again: its timers may have slept, and another tab may have gone on. */
  async function seen() {
    if (document.hidden) return;
    await renew();
    for (const each of [current, ...ahead].filter(Boolean)) {
      if (trail.includes(each.item)) continue;
      const found = await api.get(orderPath(order, each.item)).catch(() => null);
      if (!found?.answer) continue;
      ahead = ahead.filter((other) => other !== each);
      if (each === current) onElsewhere();
    }
  }

  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", seen);

  function release(item) {
    releasing = fetch(orderPath(order, item, "/lease"), {
      method: "DELETE",
      headers: { "X-Edge-Inspector": "1" },
      keepalive: true,
    }).catch(() => {});
  }

  function close() {
    if (isClosed) return;
    isClosed = true;
    clearInterval(renewal);
    clearTimeout(timer);
    window.removeEventListener("pagehide", leave);
    document.removeEventListener("visibilitychange", seen);
    leave();
  }

  async function go() {
    if (isFront()) return await advance();
    if (at + 1 < trail.length) return await back(at + 1);
    at = trail.length;
    await advance();
  }

  /** Go back in the trail; what is shown now comes again after it. */
  async function back(index) {
    const before = current;
    const found = await open(trail[index]);
    if (isClosed || current !== before) return;
    if (isFront() && current) ahead.unshift(current);
    at = index;
    show(found);
  }

  return {
    start,
    close,
    renew,
    get current() {
      return current;
    },
    /** The image shown is answered: remember it, and show the next one. */
    answered() {
      if (isFront()) {
        trail = [...trail.filter((item) => item !== current.item), current.item];
        at = trail.length;
        kept.set(TRAIL, trail);
      }
      return go();
    },
    /** Give the image back to others; the one after it is shown. */
    async skip() {
      if (!isFront()) return go();
      release(current.item);
      await go();
    },
    /** Show the image that was answered before this one; says whether there is one. */
    async previous() {
      if (at === 0) return false;
      await back(at - 1);
      return true;
    },
    /** Show an image again whose answer was refused. */
    async bringBack(item) {
      const index = trail.lastIndexOf(item);
      if (index >= 0) await back(index);
    },
    /** Let others have the image that is shown: the page is left. */
    giveBack() {
      if (current && isFront()) release(current.item);
    },
  };
}
