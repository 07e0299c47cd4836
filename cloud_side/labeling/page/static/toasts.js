// Words that come and go: toasts on the screen, and what is only said to a screen reader.

import { button, el, icon } from "./dom.js";
import { t } from "./texts.js";

const SECONDS = 5;
const MOST = 3;

/** Say something in a corner of the screen. kind "error" stays until it is closed; action: {text, run}, a button on it. */
export function toast(text, { kind = "plain", action = null } = {}) {
  const isError = kind === "error";
  const box = el("div", { class: "toast", dataset: { kind }, role: isError ? "alert" : "status" });
  const corner = document.getElementById("toasts");
  corner.append(box); // first empty, so that what comes into it is said
  box.append(el("p", {}, text));
  const gone = () => box.remove();
  if (action) box.append(button({ class: "quiet", onclick: () => (gone(), action.run()) }, action.text));
  box.append(button({ class: "quiet only-icon", "aria-label": t("shell.close"), onclick: gone }, icon("close")));
  if (!isError) setTimeout(gone, SECONDS * 1000);
  while (corner.children.length > MOST) corner.firstElementChild.remove();
  return gone;
}

/** Say something to screen readers alone. */
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}
