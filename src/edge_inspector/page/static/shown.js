// The pictures of one result: which frame is shown, what lies on it, and the drawing of what was missed.

import { idOf, pictureUrl } from "./api.js";
import { createDrawing } from "./boxes.js";
import { el, showOnce } from "./dom.js";
import { nameOf, whyOf } from "./items.js";
import { t } from "./texts.js";
import { createView, tagText } from "./view.js";

/**
 * labels(item) are the classes of boxes. onPanel(panel) puts the words of the drawing beside the picture; null: they go.
 * Returns {root, view, begin, draw, startDrawing, stopDrawing, isDrawing, close}.
 */
export function createShown({ labels, onPanel }) {
  const view = createView({ onView: () => drawing?.hand?.draw() });
  const tabs = el("div", { class: "frame-tabs", role: "tablist", "aria-label": t("detail.frames") });
  const root = el("div", { class: "pictures" }, el("div", { class: "picture-bar" }, tabs, view.tools), view.root);
  const drafts = new Map(); // by id: boxes that were drawn and not said
  let item = null;
  let frame = 0;
  let drawing = null; // {hand, boxes, item}

  function draw(shown) {
    item = shown;
    drawTabs();
    drawPicture();
  }

  function drawTabs() {
    const { pictures } = item;
    const found = pictures.map((each) => item.detections.filter(({ part_frame: of }) => of === each).length);
    tabs.hidden = pictures.length < 2;
    const isFocused = tabs.contains(document.activeElement);
    showOnce(tabs, [pictures, found], () =>
      pictures.map((each, index) =>
        el(
          "button",
          { role: "tab", onclick: () => showFrame(each), onkeydown: tabKey },
          t("detail.frame", { n: each + 1 }),
          found[index] > 0 && el("span", { class: "tab-count" }, String(found[index])),
        ),
      ),
    );
    for (const [index, tab] of [...tabs.children].entries()) {
      tab.setAttribute("aria-selected", String(pictures[index] === frame));
      tab.tabIndex = pictures[index] === frame ? 0 : -1;
    }
    if (isFocused) tabs.querySelector('[aria-selected="true"]')?.focus();
  }

  function tabKey(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const { pictures } = item;
    showFrame(pictures[(pictures.indexOf(frame) + way + pictures.length) % pictures.length]);
  }

  function showFrame(other) {
    frame = other;
    draw(item);
    drawing?.hand.draw();
  }

  function drawPicture() {
    if (!item.pictures.length) {
      view.show(null, null, t("view.none"));
      return;
    }
    const source = pictureUrl(item, { frame });
    const words = t("view.words", { name: nameOf(item), outcome: t(`outcome.${item.outcome}`), why: whyOf(item) });
    if (item.image_wh) view.show(source, item.image_wh, words);
    else
      sizeOf(source).then(
        (wh) => view.show(source, wh, words),
        () => view.show(null, null, t("view.gone")),
      );
    const isHere = ({ part_frame: of }) => of === frame;
    const counts = ({ label, confidence }) =>
      item.reasons.some((reason) => reason.label === label && reason.confidence === confidence);
    const people = drawing ? [] : (item.disposition?.boxes ?? []);
    view.lay([
      ...item.detections.filter(isHere).map((each) => ({
        xyxy: each.xyxy,
        text: tagText(each.label, each.confidence),
        kind: counts(each) ? "counts" : "faint",
      })),
      ...people
        .filter(isHere)
        .map(({ xyxy, label }) => ({ xyxy, text: t("view.by_person", { label }), kind: "person" })),
    ]);
  }

  /** Let boxes be drawn on the result that is shown; onSave(item, boxes). */
  function startDrawing(onSave) {
    const boxes = drafts.get(idOf(item)) ?? structuredClone(item.disposition?.boxes ?? []);
    const all = [...new Set([...labels(item), ...boxes.map(({ label }) => label)])];
    if (!all.length) return false;
    drawing = { boxes, item, hand: null };
    drawing.hand = createDrawing(view, {
      boxes,
      labels: all,
      frame: () => frame,
      onCancel: () => stopDrawing(),
      onSave: () => {
        const drawn = item;
        stopDrawing();
        onSave(drawn, boxes);
      },
    });
    onPanel(drawing.hand.panel);
    drawPicture();
    drawing.hand.focus();
    return true;
  }

  /** End the drawing; keep: boxes that were not saved are there again the next time. Returns the result, if any were. */
  function stopDrawing({ keep = false } = {}) {
    if (!drawing) return null;
    const { hand, boxes, item: of } = drawing;
    drawing = null;
    hand.close();
    drafts.delete(idOf(of));
    const isKept = keep && boxes.length > 0 && JSON.stringify(boxes) !== JSON.stringify(of.disposition?.boxes ?? []);
    if (isKept) drafts.set(idOf(of), boxes);
    onPanel(null);
    drawPicture();
    return isKept ? of : null;
  }

  return {
    root,
    view,
    draw,
    startDrawing,
    stopDrawing,
    get isDrawing() {
      return drawing !== null;
    },
    /** Show another result: whole, and its first frame with something on it. */
    begin(shown) {
      frame =
        shown.detections.find(({ part_frame: of }) => shown.pictures.includes(of))?.part_frame ??
        shown.pictures[0] ??
        0;
      view.fit(); // and it stays so with a picture of another size
      draw(shown);
    },
    close: () => view.close(),
  };
}

async function sizeOf(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}
