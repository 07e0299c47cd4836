// The list of results: newest first, more when one scrolls, and new ones that do not move what one reads.

import { idOf } from "./api.js";
import { el, icon, show } from "./dom.js";
import { dispositionBadge, nameOf, outcomeBadge, thumbnail, whyOf } from "./items.js";
import { newest } from "./newest.js";
import { clock, t } from "./texts.js";

const CHUNK = 50;

/**
 * hashFor(item) is where a row leads. onChange(item) is told of a result of the list that the newest ones show changed,
 * onNew() that there are new ones in it.
 * Returns {root, load, select, get, after, update, close}.
 */
export function createResults({ api, stream, query, hashFor, onChange = () => {}, onNew = () => {} }) {
  const rows = new Map(); // by id: {item, row}, in the order of the list
  let cursor = null;
  let waiting = []; // new ones that are not shown yet
  let isCut = false; // so many came that some between are missing
  let turn = 0;
  let asking = null;
  let selected = null;
  let isChosen = false; // `selected` is in the list

  const list = el("ol", { class: "result-rows" });
  const end = el("p", { class: "list-end" });
  const more = el("button", { class: "main new-ones", hidden: true, onclick: () => showNew({ jump: true }) });
  const scroller = el("div", { class: "result-list" }, list, end);
  const root = el("div", { class: "results" }, more, scroller);
  const watcher = new IntersectionObserver(
    (seen) => seen.some(({ isIntersecting }) => isIntersecting) && next().catch(failed),
    { root: scroller, rootMargin: "4000px" },
  );
  const latest = newest({ api, stream, query: () => ({ ...query(), limit: CHUNK }), onItems: merge });

  scroller.addEventListener("scroll", () => scroller.scrollTop < 4 && waiting.length && !isHeld() && showNew(), {
    passive: true,
  });

  /** Whether somebody is about to touch a row: then nothing moves under their finger. */
  function isHeld() {
    return scroller.scrollTop > 4 || list.matches(":hover") || list.contains(document.activeElement);
  }

  /** Begin anew, as with another filter. */
  async function load() {
    const mine = ++turn;
    watcher.unobserve(end);
    end.textContent = t("shell.loading");
    const { results, next: following } = await api.get("/results", { ...query(), limit: CHUNK });
    if (mine !== turn) return;
    rows.clear();
    isChosen = false;
    list.replaceChildren();
    scroller.scrollTop = 0;
    waiting = [];
    isCut = false;
    drawNew();
    append(results);
    cursor = following;
    drawEnd();
    watcher.observe(end);
  }

  /** Load what comes after; returns whether anything did. */
  async function next() {
    if (cursor === null) return false;
    const mine = turn;
    asking ??= api.get("/results", { ...query(), limit: CHUNK, before: cursor }).finally(() => (asking = null));
    const { results, next: following } = await asking;
    if (mine !== turn || following === cursor) return false;
    const before = rows.size;
    append(results.filter((each) => !rows.has(idOf(each))));
    cursor = following;
    drawEnd();
    watcher.unobserve(end); // seen again where the list is still short
    watcher.observe(end);
    return rows.size > before;
  }

  function failed(error) {
    show(end, el("span", { role: "alert" }, error.message), el("button", { onclick: () => next().catch(failed) }, t("shell.again")));
  }

  function append(items) {
    list.append(...items.map(enter));
  }

  function enter(item) {
    const row = el("li", {}, el("a", {}));
    rows.set(idOf(item), { item, row });
    drawRow(idOf(item));
    return row;
  }

  /** Of a list with a chosen result Tab finds that one alone: what stands behind a long list is to be reached. */
  function tabIndexOf(id) {
    return isChosen && id !== selected ? -1 : 0;
  }

  function drawRow(id) {
    const { item, row } = rows.get(id);
    const link = row.firstElementChild;
    link.href = hashFor(item);
    link.dataset.outcome = item.outcome;
    link.toggleAttribute("data-judged", item.disposition !== null);
    if (id === selected) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    link.tabIndex = tabIndexOf(id);
    const picture = link.querySelector("img.thumb");
    show(
      link,
      picture && item.pictures.length ? picture : thumbnail(item),
      el(
        "span",
        { class: "row-words" },
        el(
          "span",
          { class: "row-first" },
          outcomeBadge(item.outcome),
          el("time", { class: "faint", datetime: item.captured_at }, clock(item.captured_at)),
        ),
        el("span", { class: "row-why" }, whyOf(item)),
        el(
          "span",
          { class: "row-last faint" },
          el("span", {}, nameOf(item)),
          item.disposition && dispositionBadge(item.disposition.disposition),
        ),
      ),
    );
  }

  function drawEnd() {
    show(
      end,
      cursor !== null
        ? t("shell.loading")
        : rows.size
          ? t("results.all", { n: rows.size })
          : [icon("accept"), t("results.none")],
    );
  }

  /** The newest results are here: show what has changed at once, what is new when nobody is reading above it. */
  function merge(results) {
    const first = rows.values().next().value?.item.captured_at ?? "";
    for (const item of results) {
      const known = rows.get(idOf(item));
      if (known && JSON.stringify(known.item) !== JSON.stringify(item)) {
        update(item);
        onChange(known.item);
      }
    }
    waiting = results.filter((each) => !rows.has(idOf(each)) && each.captured_at >= first);
    isCut = rows.size > 0 && waiting.length === results.length && results.length === CHUNK;
    if (!waiting.length) return;
    if (isHeld()) drawNew();
    else showNew();
  }

  function drawNew() {
    more.hidden = waiting.length === 0;
    show(
      more,
      icon("up"),
      isCut ? t("results.many_new", { n: waiting.length }) : t("results.new", { n: waiting.length }),
    );
  }

  function showNew({ jump = false } = {}) {
    if (isCut) {
      load().catch(failed);
      return;
    }
    const known = [...rows];
    rows.clear();
    const fresh = waiting.map(enter);
    for (const [id, entry] of known) rows.set(id, entry);
    list.prepend(...fresh);
    waiting = [];
    drawNew();
    drawEnd();
    onNew();
    if (jump) {
      scroller.scrollTop = 0;
      fresh[0]?.firstElementChild.focus({ preventScroll: true });
    }
  }

  function update(item) {
    const known = rows.get(idOf(item));
    if (!known) return;
    known.item = { ...known.item, ...item };
    drawRow(idOf(item));
  }

  return {
    root,
    load: () => load().catch((error) => (failed(error), Promise.reject(error))),
    close() {
      turn += 1;
      watcher.disconnect();
      latest.close();
    },
    get: (id) => rows.get(id)?.item ?? null,
    first: () => rows.values().next().value?.item ?? null,
    update,
    select(id) {
      const before = selected;
      const isOther = isChosen !== rows.has(id);
      selected = id;
      isChosen = rows.has(id);
      for (const each of [before, id]) if (rows.has(each)) drawRow(each);
      if (isOther) for (const [each, { row: of }] of rows) of.firstElementChild.tabIndex = tabIndexOf(each);
      const row = rows.get(id)?.row;
      if (!row) return;
      row.scrollIntoView({ block: "nearest" });
      if (list.contains(document.activeElement)) row.firstElementChild.focus({ preventScroll: true });
    },
    /** Return the result that stands `way` (1 or -1) after another, of those that `wanted` holds for; null at the end. */
    async after(id, way = 1, wanted = () => true) {
      for (;;) {
        const items = [...rows.values()].map(({ item }) => item);
        const at = items.findIndex((each) => idOf(each) === id);
        const ahead = way > 0 ? items.slice(at + 1) : items.slice(0, Math.max(0, at)).reverse();
        const found = ahead.find(wanted);
        if (found || way < 0) return found ?? null;
        if (!(await next().catch(() => false))) return null;
      }
    },
  };
}
