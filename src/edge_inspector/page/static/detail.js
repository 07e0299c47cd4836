// What is known of one result, and the buttons with which a person judges it.

import { idOf } from "./api.js";
import { el, icon, show, showOnce } from "./dom.js";
import { fact } from "./figures.js";
import { causeOf, dispositionBadge, nameOf, outcomeBadge, reasonText } from "./items.js";
import { KEY_OF, dispositionsFor } from "./judging.js";
import { modelName } from "./model_notes.js";
import { moment, number, t, when } from "./texts.js";

const LONGEST_NOTE = 200;

/** onSay(disposition, note), onUndo(). Returns {root, draw(item, history), note()}. */
export function createDetail({ session, mayJudge, signIn, onSay, onUndo }) {
  const buttons = el("div", { class: "say-buttons" });
  const note = el("input", { maxlength: LONGEST_NOTE, "aria-describedby": "note-how" });
  const keepNote = el(
    "button",
    { hidden: true, onclick: () => onSay(said.disposition, written()) },
    icon("note"),
    t("judge.keep_note"),
  );
  const noteField = el(
    "div",
    { class: "say-note" },
    el("label", { class: "field" }, el("span", {}, t("judge.note")), note),
    el("p", { class: "unseen", id: "note-how" }, t("judge.note_how")),
    keepNote,
  );
  const word = el("div", { class: "word-said" });
  const facts = el("div", { class: "known" });
  const past = el("div", { class: "past" });
  const root = el(
    "div",
    { class: "detail" },
    el(
      "section",
      { class: "card say", "aria-labelledby": "say-title" },
      el("h2", { id: "say-title" }, t("judge.title")),
      word,
      buttons,
      mayJudge ? noteField : whyNot(),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "facts-title" },
      el("h2", { id: "facts-title" }, t("detail.title")),
      facts,
      past,
    ),
  );
  let said = null;
  let shown = null;

  note.addEventListener("input", drawNote);

  function written() {
    return note.value.trim() || null;
  }

  function drawNote() {
    keepNote.hidden = said === null || said.disposition === "missed_defect" || written() === (said.note ?? null);
  }

  function whyNot() {
    return el(
      "p",
      { class: "why-not" },
      icon("person"),
      el("span", {}, session.user === null && !session.can_sign_in ? t("judge.nobody_may") : t("judge.may_not")),
      session.user === null && session.can_sign_in && el("button", { onclick: signIn }, t("session.sign_in")),
    );
  }

  function drawButtons(item) {
    const all = dispositionsFor(item);
    showOnce(buttons, all, () =>
      all.map((disposition) =>
        el(
          "button",
          {
            class: "say-button",
            dataset: { disposition },
            disabled: !mayJudge,
            onclick: () => onSay(disposition, written()),
          },
          icon(disposition),
          el(
            "span",
            { class: "say-words" },
            el("strong", {}, t(`disposition.${disposition}`)),
            el("span", {}, t(`disposition_text.${disposition}`)),
          ),
          mayJudge && el("kbd", { "aria-hidden": "true" }, KEY_OF[disposition]),
        ),
      ),
    );
    for (const button of buttons.children) {
      button.setAttribute("aria-pressed", String(item.disposition?.disposition === button.dataset.disposition));
    }
  }

  function drawWord({ disposition: given }) {
    showOnce(word, [given], () =>
      given === null
        ? el("p", { class: "faint" }, t("judge.not_yet"))
        : [
            el(
              "p",
              {},
              dispositionBadge(given.disposition),
              " ",
              el("span", { class: "faint" }, t("judge.by", { by: given.by, time: when(given.at) })),
            ),
            given.note && el("p", { class: "said-note" }, icon("note"), given.note),
            mayJudge &&
              el(
                "button",
                { onclick: onUndo },
                icon("undo"),
                t("judge.undo"),
                el("kbd", { "aria-hidden": "true" }, "z"),
              ),
          ],
    );
  }

  function drawFacts(item) {
    show(
      facts,
      el(
        "p",
        { class: "known-outcome" },
        outcomeBadge(item.outcome),
        item.is_audit && el("span", { class: "chip" }, t("item.audit")),
      ),
      item.outcome === "no_verdict" &&
        el("p", {}, causeOf(item.cause), item.treated_as && ` ${t(`treated.${item.treated_as}`)}`),
      item.reasons.length > 0 &&
        el(
          "ul",
          { class: "reasons" },
          item.reasons.map((reason) => el("li", {}, reasonText(reason))),
        ),
      item.detections_total > item.detections.length &&
        el("p", { class: "faint" }, t("detail.more_boxes", { n: item.detections_total - item.detections.length })),
      el(
        "dl",
        { class: "known-list" },
        fact(t("line.time"), el("time", { datetime: item.captured_at }, moment(item.captured_at))),
        item.part_id !== null && fact(t("line.part"), item.part_id),
        item.track_id !== null && fact(t("line.defect"), el("span", { class: "mono" }, item.track_id)),
        item.phase !== null && fact(t("detail.phase"), t(`phase.${item.phase}`)),
        item.product !== null && fact(t("line.product"), item.product),
        item.lot !== null && fact(t("line.lot"), item.lot),
        fact(t("detail.frames"), number(item.frames)),
        item.image_wh !== null &&
          fact(t("detail.size"), t("detail.size_of", { width: item.image_wh[0], height: item.image_wh[1] })),
        item.latency_ms !== null && fact(t("detail.latency"), t("detail.ms", { ms: number(item.latency_ms, 1) })),
        fact(t("page.model"), modelName(item.model)),
        fact(t("detail.id"), el("span", { class: "mono" }, item.inspection_id)),
        item.sample_key !== null && fact(t("detail.sample"), el("span", { class: "mono" }, item.sample_key)),
      ),
    );
  }

  return {
    root,
    note: written,
    /** Show a result; history: all that was said of it, null while it is not known. */
    draw(item, history) {
      if (shown !== idOf(item) || JSON.stringify(said) !== JSON.stringify(item.disposition))
        note.value = item.disposition?.note ?? "";
      shown = idOf(item);
      said = item.disposition;
      drawButtons(item);
      drawWord(item);
      drawNote();
      drawFacts(item);
      show(
        past,
        history?.length > 0 && [
          el("h3", {}, t("detail.history")),
          el(
            "ol",
            {},
            history.map((each) =>
              el(
                "li",
                {},
                dispositionBadge(each.disposition),
                el("span", { class: "faint" }, t("judge.by", { by: each.by, time: when(each.at) })),
                each.note && el("p", {}, each.note),
              ),
            ),
          ),
        ],
      );
    },
  };
}

/** Return the title of a result: what it is called, and what became of it. */
export function titleOf(item) {
  return [el("span", {}, nameOf(item)), outcomeBadge(item.outcome)];
}
