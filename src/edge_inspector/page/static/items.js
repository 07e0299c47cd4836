// Results as pages show them: what they are called, their outcome in a word and an icon, their small picture.

import { pictureUrl } from "./api.js";
import { el, icon } from "./dom.js";
import { knows, number, t } from "./texts.js";

const AGAIN_MS = [1_000, 2_000]; // a picture that is told of may be on its way to the disk

/** Return an outcome as an icon and a word. */
export function outcomeBadge(outcome) {
  return el("span", { class: "outcome", dataset: { outcome } }, icon(outcome), el("span", {}, t(`outcome.${outcome}`)));
}

/** Return what a result is called: its part, or the defect of a line without parts. */
export function nameOf(item) {
  if (item.part_id !== null) return item.part_id;
  if (item.track_id !== null) return t("item.defect", { id: item.track_id.slice(-6) });
  return t("item.frame", { id: item.inspection_id.slice(-6) });
}

/** Return why a result is what it is, in a few words. */
export function whyOf(item) {
  if (item.outcome === "no_verdict") return causeOf(item.cause);
  const labels = [...new Set((item.reasons.length ? item.reasons : item.detections).map(({ label }) => label))];
  return labels.length ? labels.join(", ") : item.is_audit ? t("item.audit") : t("item.nothing");
}

/** Return the cause of a part without a verdict in words; one of a newer device as it comes. */
export function causeOf(cause) {
  if (cause === null || cause === undefined) return t("cause.unknown");
  return knows(`cause.${cause}`) ? t(`cause.${cause}`) : cause;
}

/** Return a reason as a line of text. */
export function reasonText({ label, confidence, verdict, threshold }) {
  const values = { label, confidence: number(confidence, 2), threshold: number(threshold, 2) };
  return verdict === "reject" ? t("item.reason_reject", values) : t("item.reason_review", values);
}

/** Return a small picture of a result, or a sign that there is none. */
export function thumbnail(item, { width = 160 } = {}) {
  const none = () => el("span", { class: "thumb none" }, icon("picture"));
  if (!item.pictures.length) return none();
  const picture = el("img", { class: "thumb", alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  patiently(picture, pictureUrl(item, { width }), () => picture.replaceWith(none()));
  return picture;
}

/** Load a picture into an image, which asks for it again before onGone() is called. Returns a function that lets it be. */
export function patiently(image, source, onGone) {
  let tries = 0;
  let timer = 0;
  const failed = () => {
    if (tries === AGAIN_MS.length) onGone();
    else timer = setTimeout(() => (image.src = source), AGAIN_MS[tries++]);
  };
  image.addEventListener("error", failed);
  image.src = source;
  return () => {
    clearTimeout(timer);
    image.removeEventListener("error", failed);
  };
}

/** Return a disposition as an icon and a word. */
export function dispositionBadge(disposition) {
  return el(
    "span",
    { class: "said", dataset: { disposition } },
    icon(disposition),
    el("span", {}, t(`disposition.${disposition}`)),
  );
}
