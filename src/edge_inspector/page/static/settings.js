// Settings: from which score a defect is looked at or rejected, and what other scores would have made of the last parts.

import { el, icon, show } from "./dom.js";
import { askFirst } from "./keys.js";
import { modelName } from "./model_notes.js";
import { number, t, when } from "./texts.js";
import { classEditor, isSame, differences } from "./threshold_editor.js";
import { createPreview } from "./threshold_preview.js";

const EVENTS = ["thresholds.changed", "model.changed", "product.changed", "gap"];

export async function open(root, context) {
  const { api, stream } = context;
  const mayChange = context.may("admin");
  let found = null;
  let wanted = {};
  let isApplying = false;

  const about = el("div", { class: "card about" });
  const note = el("div", { role: "status" });
  const editors = el("div", { class: "editors" });
  const preview = mayChange ? createPreview(context) : null;
  const apply = el("button", { class: "main apply", type: "button", onclick: () => isChanged() && confirmApply() }, icon("accept"), t("settings.apply"));
  const undo = el("button", { class: "quiet undo", type: "button", onclick: () => isChanged() && take(found) }, icon("undo"), t("settings.undo"));
  const reset = el("button", { class: "quiet reset", type: "button", onclick: () => found.set_by !== null && confirmReset() }, t("settings.reset"));
  root.append(
    el("h1", {}, t("settings.title")),
    about,
    note,
    el(
      "div",
      { class: "thresholds" },
      el("div", { class: "thresholds-left" }, editors, mayChange && el("div", { class: "actions stick" }, reset, undo, apply)),
      preview?.node,
    ),
  );

  function take(thresholds) {
    found = thresholds;
    wanted = structuredClone(thresholds.classes);
    show(
      about,
      el("p", {}, t("settings.what")),
      el("p", {}, t("settings.of", { model: modelName(found.model) }), found.product && ` · ${t("settings.product", { product: found.product })}`),
      el("p", {}, found.set_by === null ? t("settings.not_set") : t("settings.set_by", { by: found.set_by, at: when(found.set_at) })),
      el("p", { class: "faint" }, t("settings.floor", { floor: number(found.floor, 4) })),
      !mayChange && el("p", { class: "why-not" }, icon("person"), t("settings.needs_admin")),
    );
    show(
      editors,
      Object.entries(found.classes).map(([label, limits]) =>
        classEditor({ label, limits, ofModel: found.of_model[label] ?? limits, floor: found.floor, mayChange, onChange: (next) => edited(label, next) }),
      ),
    );
    look();
  }

  function edited(label, limits) {
    wanted = { ...wanted, [label]: limits };
    look();
  }

  function look() {
    const can = isChanged() && !isApplying;
    for (const [button, is] of [[apply, can], [undo, can], [reset, found.set_by !== null && !isApplying]]) button.setAttribute("aria-disabled", String(!is));
    reset.title = found.set_by === null ? t("settings.reset_not") : "";
    preview?.ask(isChanged() ? wanted : null, found.parts);
  }

  function isChanged() {
    return !isSame(wanted, found.classes);
  }

  /** The change in words, one for each class and threshold. */
  function changes(from, to) {
    return Object.keys(to).flatMap((label) =>
      differences(from[label], to[label]).map(([name, before, after]) =>
        el("li", {}, changeText(name, after > before, { label, before: number(before, 4), after: number(after, 4) })),
      ),
    );
  }

  function confirmApply() {
    askFirst(
      t("settings.confirm"),
      [el("ul", { class: "changes" }, changes(found.classes, wanted)), el("p", {}, preview.words()), el("p", {}, t("settings.confirm_text", { model: modelName(found.model) }))],
      t("settings.apply"),
      () => change(() => api.put("/thresholds", { classes: wanted, model_sha256: found.model.sha256, product: found.product }), t("settings.applied")),
    );
  }

  function confirmReset() {
    askFirst(t("settings.confirm_reset"), [el("p", {}, t("settings.confirm_reset_text"))], t("settings.reset"), () => change(() => api.delete("/thresholds", { product: found.product }), t("settings.was_reset")));
  }

  async function change(send, text) {
    isApplying = true;
    look();
    try {
      const next = await send();
      isApplying = false;
      show(note);
      take(next);
      context.toast(text);
    } catch (error) {
      isApplying = false;
      look();
      context.tell(error);
    }
  }

  /** Somebody, or another model, has changed them: never under the hands of a person who is at it. */
  async function reload() {
    if (isApplying) return;
    try {
      const next = await api.get("/thresholds");
      const isNews = next.model.sha256 !== found.model.sha256 || next.product !== found.product || next.set_at !== found.set_at || !isSame(next.classes, found.classes);
      if (!isChanged() || !isNews) {
        if (isNews) take(next);
        return;
      }
      show(note, el("div", { class: "card note failed" }, icon("warning"), el("p", {}, t("settings.changed_meanwhile")), el("button", { type: "button", onclick: () => (show(note), take(next)) }, t("settings.load"))));
    } catch (error) {
      context.tell(error);
    }
  }

  take(await api.get("/thresholds"));
  for (const kind of EVENTS) stream.on(kind, reload);
  return {
    route() {},
    close() {
      preview?.close();
    },
  };
}

function changeText(name, isRaised, values) {
  return isRaised ? t(`settings.raised.${name}`, values) : t(`settings.lowered.${name}`, values);
}
