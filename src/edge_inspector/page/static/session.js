// Who looks: the session, the dialog to sign in, and the screen of those who may not look.

import { el, icon, show } from "./dom.js";
import { showDialog } from "./keys.js";
import { t } from "./texts.js";
import { toast } from "./toasts.js";

const ROLES = ["nothing", "viewer", "operator", "admin"];
const RETRY_MS = 3_000;

/** onChange() is called where another person, or none, looks from now on. */
export function createSession({ api, onChange }) {
  let now = null;
  let dialog = null;
  let hasLeft = false; // by the person's own wish

  const self = {
    get now() {
      return now;
    },
    /** Where the station stands, as one text. */
    get place() {
      return now ? Object.values(now.station).join(" / ") : "";
    },
    may: (role) => now !== null && ROLES.indexOf(now.role) >= ROLES.indexOf(role),
    refresh,
    lost,
    signIn,
    async signOut() {
      hasLeft = true;
      take(await api.delete("/session").then(() => api.get("/session")));
      hasLeft = false;
      toast(t("session.signed_out"));
    },
    drawGate(root) {
      show(
        root,
        el(
          "div",
          { class: "empty gate" },
          icon("person"),
          el("h1", {}, t("session.gate")),
          el("p", {}, now?.can_sign_in ? t("session.gate_text") : t("session.gate_closed")),
          now?.can_sign_in &&
            el("button", { class: "main", onclick: () => signIn() }, icon("person"), t("session.sign_in")),
        ),
      );
    },
  };
  return self;

  /** Ask who looks; patient: until there is an answer. */
  async function refresh({ patient = false } = {}) {
    for (;;) {
      try {
        take(await api.get("/session"));
        return;
      } catch (error) {
        if (!patient) throw error;
        show(document.getElementById("page"), el("p", { class: "empty", role: "status" }, error.message));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  function take(found) {
    const before = now;
    now = found;
    const isOther = before === null || before.user !== now.user || before.role !== now.role;
    if (!isOther) return;
    onChange();
    const hasEnded = before !== null && before.user !== null && now.user === null && !hasLeft;
    if (now.can_sign_in && (hasEnded || (!self.may("viewer") && !hasLeft)))
      signIn({ why: hasEnded ? t("session.ended") : null });
  }

  /** Something was not granted: the session may have ended, or be another one than this page knows. */
  function lost() {
    if (!dialog) refresh().catch(() => {});
  }

  function signIn({ why = null } = {}) {
    if (dialog) return;
    const problem = el("p", { class: "problem", role: "alert" }, why);
    const user = el("input", {
      name: "user",
      autocomplete: "username",
      required: true,
      maxlength: 64,
      autocapitalize: "none",
      spellcheck: "false",
    });
    const password = el("input", {
      name: "password",
      type: "password",
      autocomplete: "current-password",
      required: true,
      maxlength: 256,
    });
    const submit = el("button", { class: "main", type: "submit" }, icon("person"), t("session.sign_in"));
    const form = el(
      "form",
      {},
      problem,
      el("label", { class: "field" }, el("span", {}, t("session.user")), user),
      el("label", { class: "field" }, el("span", {}, t("session.password")), password),
      el(
        "div",
        { class: "actions" },
        el("button", { class: "quiet", type: "button", onclick: () => dialog.close() }, t("shell.cancel")),
        submit,
      ),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = "";
      try {
        const found = await api.post("/session", { user: user.value.trim(), password: password.value });
        dialog.close();
        take(found);
      } catch (error) {
        problem.textContent = wordsOf(error);
        password.value = "";
        password.focus();
      }
      submit.disabled = false;
    });
    dialog = el(
      "dialog",
      { class: "dialog narrow", "aria-labelledby": "sign-in-title" },
      el("h2", { id: "sign-in-title" }, t("session.title")),
      form,
    );
    dialog.addEventListener("close", () => (dialog = null));
    showDialog(dialog);
    user.focus();
  }
}

function wordsOf(error) {
  if (error.status === 401) return t("session.wrong");
  if (error.status === 429) return t("session.too_many", { seconds: error.retryAfterS ?? 60 });
  return error.message;
}
