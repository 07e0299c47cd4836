// What an image begins with, and what is answered.

import { said } from "./editor.js";

/** Return the boxes that an image is shown with: those of this person's earlier answer, else those that are proposed. */
export function beginning({ boxes, answer }) {
  const mine = answer?.no_defect ? [] : answer?.boxes;
  if (!mine) return boxes.map((box) => ({ ...box, confidence: box.confidence ?? null }));
  return mine.map((box) => ({ ...box, source: "person", confidence: null }));
}

/** Return the answer that boxes are, or null where they are none: that there is no defect must be said. */
export function answerOf(kind, item, boxes) {
  const isAsProposed = JSON.stringify(said(boxes)) === JSON.stringify(said(item.boxes));
  if (kind === "verify" && isAsProposed) return { verdict: "accept" };
  if (!boxes.length) return null;
  const answer = { no_defect: false, boxes: said(boxes) };
  return kind === "verify" ? { verdict: "adjust", ...answer } : answer;
}

/** Return the answer that there is no defect. */
export function noDefect(kind, item) {
  if (kind === "verify" && !item.boxes.length) return { verdict: "accept" };
  const answer = { no_defect: true, boxes: [] };
  return kind === "verify" ? { verdict: "adjust", ...answer } : answer;
}

/** Counts the seconds for which an image was looked at. */
export function createWatch() {
  let total = 0;
  let since = performance.now();
  const turn = () => {
    if (document.hidden) total += performance.now() - since;
    since = performance.now();
  };
  document.addEventListener("visibilitychange", turn);
  return {
    restart() {
      total = 0;
      since = performance.now();
    },
    get seconds() {
      const now = document.hidden ? 0 : performance.now() - since;
      return Math.round((total + now) / 100) / 10;
    },
    close: () => document.removeEventListener("visibilitychange", turn),
  };
}
