// Beside the image: progress, why it was rejected, its boxes as a list, and the answers.

import { button, el, icon, show, showOnce } from "./dom.js";
import { colorOf } from "./layer.js";
import { percent, t } from "./texts.js";

/** does: {submit, noDefect, unusable, reject, skip, previous, removeProposed, choose(id), remove(id), isLookedAt()}. */
export function createPanel(order, does) {
  const progress = el("div", { class: "progress-words" });
  const notes = el("div", { class: "notes" });
  const list = el("ol", { class: "boxes", "aria-label": t("boxes.title") });
  const empty = el("p", { class: "faint" });
  const title = el("h2", {});
  const removing = button(
    { class: "quiet removing", onclick: does.removeProposed, hidden: true },
    el("span", {}, t("work.remove_proposed")),
    el("kbd", { "aria-hidden": "true" }, "X"),
  );
  const actions = el("div", { class: "answers" });
  const origin = el("dl", { class: "origin" });
  let isFocusing = false;

  const ofItem = el(
    "div",
    { class: "of-item", hidden: true },
    notes,
    title,
    empty,
    list,
    removing,
    actions,
    el("details", {}, el("summary", {}, t("origin.title")), origin),
  );
  const root = el(
    "section",
    { class: "panel", "aria-labelledby": "work-title" },
    el(
      "h1",
      { id: "work-title" },
      t(`work.title_${order.kind}`),
      el("span", { class: "faint" }, t("work.of", { batch: order.batch, round: order.round })),
    ),
    progress,
    ofItem,
  );

  function row(box, index, chosen, classNames) {
    const entry = button(
      {
        class: "entry",
        "aria-current": box === chosen ? "true" : null,
        "data-passes-enter": true,
        "data-id": box.id,
        onclick: () => does.choose(box.id),
        onfocus: () => isFocusing || does.choose(box.id),
      },
      el("span", { class: `swatch ${colorOf(box.label, classNames)}`, dataset: { source: box.source } }),
      el("span", { class: "name" }, box.label),
      box.confidence !== null && el("span", { class: "chip" }, t("box.model", { share: percent(box.confidence) })),
      el("span", { class: "where faint" }, whereWords(box)),
    );
    const remove = button(
      {
        class: "quiet only-icon",
        tabindex: "-1",
        "aria-label": t("box.remove", { n: index + 1 }),
        onclick: () => does.remove(box.id),
      },
      icon("trash"),
    );
    return el("li", {}, entry, remove);
  }

  function drawList({ boxes, chosen }, classNames) {
    const focused = list.contains(document.activeElement) ? Number(document.activeElement.dataset.id) : null;
    isFocusing = true; // chosen already
    showOnce(list, [boxes, chosen?.id ?? null], () => boxes.map((box, index) => row(box, index, chosen, classNames)));
    const again = focused === null ? null : list.querySelector(`[data-id="${chosen?.id ?? focused}"]`);
    if (again && document.activeElement !== again) again.focus();
    isFocusing = false;
    list.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    title.textContent = t("boxes.count", { n: boxes.length });
    empty.textContent = boxes.length ? "" : order.kind === "verify" ? t("boxes.none_verify") : t("boxes.none");
  }

  function action(name, key, words, run, kind = "") {
    return button(
      // The second click of a double one would answer the next image, which nobody has looked at.
      { class: `${kind} answer-${name}`, onclick: ({ detail }) => (detail < 2 || does.isLookedAt()) && run() },
      el("span", {}, words),
      el("kbd", { "aria-hidden": "true" }, key),
    );
  }

  function drawActions(answer) {
    const isVerify = order.kind === "verify";
    const words = !isVerify ? t("work.submit") : answer?.verdict === "accept" ? t("work.accept") : t("work.adjust");
    showOnce(actions, words, () => [
      action("submit", t("keys.name.Enter"), words, does.submit, "main"),
      isVerify && action("reject", "R", t("work.reject"), does.reject, "danger"),
      action("no-defect", "N", t("work.no_defect"), does.noDefect),
      action("unusable", "U", t("work.unusable"), does.unusable),
      action("previous", "P", t("work.previous"), does.previous),
      action("skip", "K", t("work.skip"), does.skip),
    ]);
  }

  return {
    root,
    /** answer: what the boxes would be sent as. */
    draw({ item, editor, answer }) {
      drawList(editor, item.class_names);
      drawActions(answer);
      removing.hidden = !editor.boxes.some(({ source }) => source === "model");
    },
    drawItem({ item, isBack }) {
      ofItem.hidden = false;
      show(
        notes,
        item.note && el("p", { class: "note" }, icon("note"), el("span", {}, t("work.note", { note: item.note }))),
        isBack && el("p", { class: "note" }, icon("previous"), el("span", {}, t("work.is_back"))),
        !item.class_names.length && el("p", { class: "note" }, icon("warning"), el("span", {}, t("work.no_classes"))),
      );
      const known = ["part_id", "lot", "product", "station", "camera", "captured_at", "reason", "model"].filter(
        (name) => item.origin?.[name],
      );
      show(
        origin,
        known.map((name) => [el("dt", {}, t(`origin.${name}`)), el("dd", { class: "mono" }, item.origin[name])]),
      );
    },
    /** Show nothing of an image. */
    clear: () => (ofItem.hidden = true),
    drawProgress({ answered, items, mine, waiting }) {
      show(
        progress,
        el("progress", { value: answered, max: Math.max(1, items), "aria-label": t("work.progress") }),
        el("span", {}, t("work.answered", { answered, items })),
        el("span", { class: "faint" }, t("work.mine", { mine })),
        waiting > 0 && el("span", { class: "faint" }, t("work.waiting", { n: waiting })),
      );
    },
    /** Put the focus on an entry near to the place of one that is gone; says whether there is one. */
    focusNear(index) {
      const entries = list.querySelectorAll(".entry");
      const entry = entries[Math.min(index, entries.length - 1)];
      entry?.focus();
      return Boolean(entry);
    },
    hasFocus: () => list.contains(document.activeElement),
  };
}

/** Return where a box is, in words. */
export function whereWords({ x, y, width, height }) {
  const [left, top, wide, tall] = [x, y, width, height].map((side) => String(Math.round(side)));
  return t("box.where", { width: wide, height: tall, x: left, y: top });
}
