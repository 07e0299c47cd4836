// Words that come and go: toasts on the screen, and what is only said to a screen reader.

import { el, icon } from "./dom.js";
import { t } from "./texts.js";

const SECONDS = 6;

/**
 * Say something in a corner of the screen; returns a function that takes it away.
 *
 * action: {text, run}, a button on it. kind: "error" stays until it is closed. seconds: how long it stays else.
 */
export function toast(text, { action = null, kind = "plain", seconds = SECONDS, onGone = () => {} } = {}) {
  const isError = kind === "error";
  const box = el("div", { class: "toast", dataset: { kind }, role: isError ? "alert" : "status" });
  let timer = 0;
  function gone() {
    clearTimeout(timer);
    if (!box.isConnected) return;
    box.remove();
    onGone();
  }
  function wait() {
    if (!isError) timer = setTimeout(gone, seconds * 1000);
  }
  const corner = document.getElementById("toasts");
  corner.append(box); // first empty, so that what comes into it is said
  box.append(
    ...[
      isError && icon("warning"),
      el("p", {}, text),
      action &&
        el(
          "button",
          { class: "quiet", onclick: () => (gone(), action.run()) },
          icon(action.icon ?? "next"),
          action.text,
        ),
      el("button", { class: "quiet only-icon", "aria-label": t("shell.close"), onclick: gone }, icon("close")),
    ].filter(Boolean),
  );
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", wait);
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("focusout", wait);
  wait();
  while (corner.children.length > 3) corner.firstElementChild.remove();
  return gone;
}

/** Say something to screen readers alone. */
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}
