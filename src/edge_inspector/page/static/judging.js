// A person's word on a result: shown at once, taken back where the station does not take it, undone with one tap.

import { idOf } from "./api.js";
import { nameOf } from "./items.js";
import { t } from "./texts.js";

const UNDO_S = 10;
const REMEMBERED = 50;

/** The letter that says each word. */
export const KEY_OF = { true_reject: "t", false_reject: "f", missed_defect: "m", true_accept: "g", unsure: "u" };

/** Return which words can be said of a result, as the station takes them. */
export function dispositionsFor({ outcome }) {
  return outcome === "accept"
    ? ["true_accept", "missed_defect", "unsure"]
    : ["true_reject", "false_reject", "missed_defect", "unsure"];
}

/** onItem(item) shows a result as it is now; open(id) leads to it. */
export function createJudging({ api, toast, session, onItem, open }) {
  const done = []; // ids of what this person has judged here, the last one at the end
  const busy = new Set();
  let closeToast = () => {};

  /** Say it; resolves to whether the station has it on disk. */
  async function judge(item, disposition, { boxes = [], note = null } = {}) {
    const id = idOf(item);
    if (busy.has(id)) return false;
    busy.add(id);
    const before = item.disposition;
    onItem({ ...item, disposition: { disposition, by: session.user, at: new Date().toISOString(), note, boxes } });
    try {
      onItem(await api.put(`/results/${encodeURIComponent(id)}/disposition`, { disposition, boxes, note }));
    } catch (error) {
      onItem({ ...item, disposition: before });
      toast(t("judge.failed", { name: nameOf(item), text: error.message }), {
        kind: "error",
        action: { text: t("judge.open"), run: () => open(id) },
      });
      return false;
    } finally {
      busy.delete(id);
    }
    done.push(id);
    if (done.length > REMEMBERED) done.shift();
    closeToast();
    closeToast = toast(t("judge.done", { name: nameOf(item), word: t(`disposition.${disposition}`) }), {
      seconds: UNDO_S,
      action: { text: t("judge.undo"), icon: "undo", run: () => undo(id) },
    });
    return true;
  }

  /** Take back what counts of a result: of the last that was judged here, else of the one given. */
  async function undo(id) {
    if (!id || busy.has(id)) return;
    busy.add(id);
    closeToast();
    try {
      const item = await api.delete(`/results/${encodeURIComponent(id)}/disposition`);
      while (done.includes(id)) done.splice(done.indexOf(id), 1);
      onItem(item);
      open(id);
      closeToast = toast(t("judge.undone", { name: nameOf(item) }));
    } catch (error) {
      toast(t("judge.undo_failed", { text: error.message }), {
        kind: "error",
        action: { text: t("judge.open"), run: () => open(id) },
      });
    } finally {
      busy.delete(id);
    }
  }

  return { judge, undo, isBusy: (id) => busy.has(id), undoLast: (other) => undo(done.at(-1) ?? other) };
}
