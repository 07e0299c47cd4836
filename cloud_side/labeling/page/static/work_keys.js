// The keys of the page of a work order.

import { ARROWS } from "./cross.js";
import { t } from "./texts.js";
import { ZOOM_STEP } from "./view.js";

const PAN_PX = 80;
const DIGITS = [..."123456789"];

/** Return them; does: what each one does. Those without run() are only listed: others do them. */
export function workKeys(does) {
  const pan = (key, dx, dy) => ({ keys: [key], repeats: true, run: () => does.pan(dx * PAN_PX, dy * PAN_PX) });
  const all = [
    { keys: ["Enter", "e"], text: does.isVerify ? t("keys.accept") : t("keys.submit"), run: does.submit },
    does.isVerify && { keys: ["r"], text: t("keys.reject"), run: does.reject },
    { keys: ["n"], text: t("keys.no_defect"), run: does.noDefect },
    { keys: ["u"], text: t("keys.unusable"), run: does.unusable },
    { keys: ["k"], text: t("keys.skip"), run: does.skip },
    { keys: ["p", "q"], text: t("keys.previous"), run: does.previous },
    { keys: ["1–9"], text: t("keys.class") },
    ...DIGITS.map((key, index) => ({ keys: [key], run: () => does.takeClass(index) })),
    { keys: ["Shift+Digit"], text: t("keys.far_class") },
    { keys: ["c"], text: t("keys.next_class"), run: does.nextClass },
    { keys: ["x"], text: t("keys.remove_proposed"), run: does.removeProposed },
    { keys: [" "], text: t("keys.space") },
    { keys: ARROWS, text: t("keys.arrows"), withModifiers: true, repeats: true, run: does.arrow },
    { keys: ["Delete", "Backspace"], text: t("keys.remove"), run: does.removeChosen },
    { keys: ["Tab"], text: t("keys.tab") },
    { keys: ["Escape"], text: t("keys.escape"), run: does.escape },
    { keys: ["z", "Ctrl+z"], text: t("keys.undo"), repeats: true, run: does.undo },
    { keys: ["y", "Ctrl+y", "Ctrl+Z"], text: t("keys.redo"), repeats: true, run: does.redo },
    { keys: ["+"], text: t("keys.in"), repeats: true, run: () => does.zoom(ZOOM_STEP) },
    { keys: ["="], repeats: true, run: () => does.zoom(ZOOM_STEP) }, // the same key without Shift
    { keys: ["-"], text: t("keys.out"), repeats: true, run: () => does.zoom(1 / ZOOM_STEP) },
    { keys: ["0"], text: t("keys.fit"), run: does.fit },
    { keys: ["w", "a", "s", "d"], text: t("keys.pan") },
    pan("w", 0, 1),
    pan("a", 1, 0),
    pan("s", 0, -1),
    pan("d", -1, 0),
    { keys: ["v"], text: t("keys.contrast"), run: () => does.look("contrast") },
    { keys: ["l"], text: t("keys.light"), run: () => does.look("light") },
    { keys: ["b"], text: t("keys.hide"), run: does.hide },
    // Last: keyboards have other characters there, of which some do something else.
    ...DIGITS.map((digit, index) => ({ keys: [`Shift+Digit${digit}`], run: () => does.takeClass(index + 9) })),
  ];
  return all.filter(Boolean);
}
