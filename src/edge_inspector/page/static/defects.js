// The Defects page: what was turned down and why, and a person's word on it.

import { idOf, pictureUrl, url } from "./api.js";
import { createDetail, titleOf } from "./detail.js";
import { el, icon, show } from "./dom.js";
import { createFilters, filterOf, queryOf } from "./filters.js";
import { nameOf } from "./items.js";
import { KEY_OF, createJudging, dispositionsFor } from "./judging.js";
import { createResults } from "./results.js";
import { hashOf } from "./shell.js";
import { createShown } from "./shown.js";
import { t } from "./texts.js";

const NARROW = "(max-width: 640px)"; // as in defects.css: the list, or a result

export async function open(root, { api, stream, session, may, navigate, route, toast, tell, keys, signIn }) {
  const mayJudge = may("operator") && session.user !== null;
  let { id, query: asked } = route;
  let item = null;
  let history = null;

  const choices = await api.get("/choices");
  const shown = createShown({
    labels: ({ detections }) => [...choices.class_names, ...detections.map(({ label }) => label)],
    onPanel: drawSide,
  });
  const results = createResults({
    api,
    stream,
    query: () => queryOf(asked),
    hashFor: (each) => hashOf("defects", { id: idOf(each), query: filterOf(asked) }),
    onChange: refresh,
    onNew: () => id === null && showResult(null).catch(tell),
  });
  const filters = createFilters({
    choices,
    onChange: (filter) => navigate("defects", { id: isNarrow() ? null : id, query: filter, replace: true }),
  });
  const judging = createJudging({ api, toast, session, onItem: take, open: goTo });
  const detail = createDetail({ session, mayJudge, signIn, onSay: say, onUndo: () => judging.undo(id) });

  const title = el("h2", { class: "result-title", id: "result-title", tabindex: "-1" });
  const goOn = el("input", { type: "checkbox", checked: localStorage.getItem("go-on") !== "off" });
  goOn.addEventListener("change", () => localStorage.setItem("go-on", goOn.checked ? "on" : "off"));
  const back = el("a", { class: "button back", "aria-label": t("results.back") }, icon("previous"));
  const table = el("a", { class: "button csv", download: true }, icon("download"), t("results.csv"));
  const side = el("div", { class: "side" });
  const result = el(
    "section",
    { class: "result", "aria-labelledby": "result-title" },
    el(
      "div",
      { class: "result-head" },
      back,
      title,
      el("span", { class: "stretch" }),
      step("up", t("keys.previous"), -1),
      step("down", t("keys.next"), 1),
    ),
    shown.root,
    side,
  );
  const nothing = el("section", { class: "result-none empty" });
  root.append(
    el("h1", { class: "unseen" }, t("page.defects")),
    el("section", { class: "left", "aria-label": t("results.title") }, filters.root, results.root, table),
    result,
    nothing,
  );

  stream.on("disposition.recorded", hear);
  stream.on("gap", () => loadList().catch(tell));
  keys([
    { key: ["j", "ArrowDown", "ArrowRight"], text: t("keys.next"), run: () => go(1), unless: keepsArrows },
    { key: ["k", "ArrowUp", "ArrowLeft"], text: t("keys.previous"), run: () => go(-1), unless: keepsArrows },
    ...(mayJudge ? judgingKeys() : []),
    { key: ["+", "="], text: t("view.in"), run: () => shown.view.zoomBy(shown.view.step) },
    { key: "-", text: t("view.out"), run: () => shown.view.zoomBy(1 / shown.view.step) },
    { key: "0", text: t("view.fit"), run: shown.view.fit },
    { key: "b", text: t("view.boxes"), run: shown.view.toggleBoxes },
  ]);

  drawSide(null);
  drawFilter();
  await loadList();
  await showResult(id);

  return {
    close() {
      leave();
      results.close();
      shown.close();
    },
    route(next) {
      const isOther = filterOf(next.query).toString() !== filterOf(asked).toString();
      asked = next.query;
      if (isOther) {
        drawFilter();
        loadList()
          .then(() => showResult(next.id))
          .catch(tell);
      } else if (next.id !== id) showResult(next.id).catch(tell);
    },
  };

  async function loadList() {
    await results.load();
    results.select(id);
  }

  function drawFilter() {
    filters.draw(asked);
    table.href = url("/results.csv", queryOf(asked));
    back.href = hashOf("defects", { query: filterOf(asked) });
  }

  /** Put the words beside the picture: those of the drawing, or those of the result. */
  function drawSide(panel) {
    root.dataset.draws = String(panel !== null);
    if (panel !== null) {
      show(side, panel);
      return;
    }
    const wasDrawing = side.contains(document.activeElement);
    show(side, detail.root, mayJudge && el("label", { class: "check" }, goOn, el("span", {}, t("judge.go_on"))));
    if (wasDrawing) side.querySelector('[data-disposition="missed_defect"]')?.focus({ preventScroll: true });
  }

  /** Show a result; without one the newest, where there is room beside the list. */
  async function showResult(wanted) {
    if (wanted === null && !isNarrow() && results.first()) {
      navigate("defects", { id: idOf(results.first()), query: filterOf(asked), replace: true });
      return;
    }
    leave();
    id = wanted;
    item = history = null;
    root.dataset.shows = id === null ? "list" : "result";
    results.select(id);
    result.hidden = true;
    nothing.hidden = false;
    show(nothing, icon("defects"), el("p", {}, results.first() ? t("results.choose") : t("results.none")));
    if (id === null) return;
    const known = results.get(id);
    if (known) begin(known);
    await look(id, known);
  }

  /** Ask for what the list does not have: what was said of it, or a result that is not in the list at all. */
  async function look(of, known = null) {
    let found, said;
    try {
      // Apart from the rest: an item of the list has no history, and is compared with what the list is told anew.
      ({ history: said, ...found } = await api.get(`/results/${encodeURIComponent(of)}`));
    } catch (error) {
      if (of === id && !known) show(nothing, icon("warning"), el("p", {}, error.message));
      return;
    }
    if (of !== id) return;
    if (judging.isBusy(of)) delete found.disposition; // older than what was just said
    history = said;
    if (item === null) begin(found);
    else take(found);
  }

  function begin(found) {
    item = found;
    if (idOf(found) !== id) {
      id = idOf(found); // it was asked for by the frame on which it began
      results.select(id);
    }
    result.hidden = false;
    nothing.hidden = true;
    drawWords();
    shown.begin(item);
    results.after(id).then(
      (next) => next?.pictures.length && (new Image().src = pictureUrl(next)),
      () => {},
    ); // it is there when it is wanted
  }

  function drawWords() {
    show(title, titleOf(item));
    detail.draw(item, history);
  }

  /** A result has changed: here, by another person, or because the station knows more. */
  function take(changed) {
    results.update(changed);
    refresh(changed);
  }

  function refresh(changed) {
    if (item === null || idOf(changed) !== id) return;
    item = { ...item, ...changed };
    drawWords();
    shown.draw(item);
  }

  function hear({ data, time }) {
    const { disposition, by, note, boxes } = data;
    const of = idOf(data);
    const known = results.get(of) ?? (of === id ? item : null);
    const counts = disposition === "withdrawn" ? null : { disposition, by, at: time, note, boxes };
    if (known && by !== session.user) take({ ...known, disposition: counts });
    if (of === id) look(of, item);
  }

  function judgingKeys() {
    const key = (disposition, text) => ({
      key: KEY_OF[disposition],
      text,
      run: () => item && dispositionsFor(item).includes(disposition) && say(disposition, detail.note()),
    });
    return [
      key("true_reject", t("disposition.true_reject")),
      key("false_reject", t("disposition.false_reject")),
      key("missed_defect", t("keys.missed")),
      key("true_accept", t("keys.good")),
      key("unsure", t("disposition.unsure")),
      { key: "z", text: t("keys.undo"), run: () => judging.undoLast(item?.disposition ? id : null) },
      { key: "Escape", text: t("keys.stop_drawing"), run: () => shown.stopDrawing(), unless: () => !shown.isDrawing },
    ];
  }

  function say(disposition, note) {
    if (!item || shown.isDrawing) return;
    if (disposition !== "missed_defect" || !item.pictures.length) judge(item, disposition, { note });
    else if (!shown.startDrawing((drawn, boxes) => judge(drawn, disposition, { note, boxes })))
      toast(t("draw.no_classes"), { kind: "error" });
  }

  async function judge(judged, disposition, { note, boxes = [] }) {
    const before = judged.disposition;
    if (before?.disposition === disposition && (before.note ?? null) === note && !boxes.length) return;
    const done = judging.judge(judged, disposition, { note, boxes });
    if (before !== null || !goOn.checked) return;
    const next = await results.after(idOf(judged), 1, ({ disposition: said }) => said === null);
    if (id !== idOf(judged)) return;
    if (next) goTo(idOf(next), { replace: true });
    else if (await done) toast(t("judge.all_done"));
  }

  /** Another result, or another page, while boxes were drawn: they are kept, and the person is told. */
  function leave() {
    const of = shown.stopDrawing({ keep: true });
    if (of)
      toast(t("draw.kept", { name: nameOf(of) }), {
        seconds: 12,
        action: { text: t("judge.open"), run: () => goTo(idOf(of)) },
      });
  }

  function goTo(other, { replace = false } = {}) {
    navigate("defects", { id: other, query: filterOf(asked), replace });
  }

  async function go(way) {
    if (shown.isDrawing) return;
    const next = id === null ? results.first() : await results.after(id, way);
    if (next) goTo(idOf(next), { replace: true });
  }

  function step(name, words, way) {
    return el("button", { class: "only-icon", "aria-label": words, title: words, onclick: () => go(way) }, icon(name));
  }
}

function isNarrow() {
  return window.matchMedia(NARROW).matches;
}

/** Arrow keys belong to tabs, and to what scrolls. */
function keepsArrows(event) {
  return (
    event.key.startsWith("Arrow") &&
    event.target instanceof Element &&
    event.target.closest("[role=tablist], .toast, .side") !== null
  );
}
