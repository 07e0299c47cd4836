// The ways to answer: boxes, no defect, not usable, rejected. What cannot be meant is asked for twice, or not taken.

import { answerOf, noDefect } from "./answers.js";
import { askReason } from "./reasons.js";
import { t } from "./texts.js";
import { toast } from "./toasts.js";

/** shown() is {item, picture}, or null; boxes() those on it now; send(answer) takes the answer. */
export function createAnswering(kind, { shown, boxes, send }) {
  let isSure = false; // "no defect" was pressed once, over boxes that a person drew

  /** Whether there is an image to say something of: nobody answers what could not be seen. */
  function isSeen() {
    if (!shown()) return false;
    const { complete, naturalWidth } = shown().picture; // its width is known before it is there
    if (!complete || !naturalWidth) toast(t("work.not_seen"));
    return complete && naturalWidth > 0;
  }

  return {
    submit() {
      if (!isSeen()) return;
      const answer = answerOf(kind, shown().item, boxes());
      if (answer) send(answer);
      else toast(t("work.say_none"));
    },
    noDefect() {
      if (!isSeen()) return;
      const drawn = boxes().filter(({ source }) => source === "person").length;
      if (!drawn || isSure) return send(noDefect(kind, shown().item));
      isSure = true;
      toast(t("work.sure_of_none", { n: drawn }));
    },
    unusable() {
      const reasons = [t("reason.blurred"), t("reason.light"), t("reason.no_part"), t("reason.covered")];
      const run = (unusable) => send({ unusable });
      if (shown()) askReason({ title: t("reason.unusable_title"), reasons, run });
    },
    reject() {
      const reasons = [t("reason.missing"), t("reason.no_defect"), t("reason.place"), t("reason.class")];
      const run = (reason) => send({ verdict: "reject", reason });
      if (isSeen()) askReason({ title: t("reason.reject_title"), reasons, run });
    },
    /** Something is another thing now: what was pressed before counts no more. */
    forget: () => (isSure = false),
  };
}
