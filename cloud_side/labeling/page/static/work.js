// The page of a work order: one image after the other, until there are no more.

import { createAnswering } from "./answering.js";
import { answerOf, beginning, createWatch } from "./answers.js";
import { api } from "./api.js";
import { button, el, show } from "./dom.js";
import { createEditor } from "./editor.js";
import { createFlow } from "./flow.js";
import { bindKeys, openHelp } from "./keys.js";
import { shelf } from "./kept.js";
import { createMessage } from "./message.js";
import { outboxOf } from "./outbox.js";
import { createPanel, whereWords } from "./panel.js";
import { createStage } from "./stage.js";
import { t } from "./texts.js";
import { announce, toast } from "./toasts.js";
import { createClassBar, createTools } from "./tools.js";
import { workKeys } from "./work_keys.js";

const GLANCE_S = 0.3;
const REST_MS = 400; // of a key that is held: then it is said where a box is

export async function openWork(root, order, { me, strip }) {
  const kept = shelf(me.name, order);
  let shown = null; // {item, picture, isBack}
  let editor = null;
  let label = kept.get("label");
  let resting = 0;
  let heard = { answered: 0, items: Infinity }; // the progress that is the furthest
  const watch = createWatch();
  const isComplete = () => heard.answered >= heard.items;

  const stage = createStage({ editor: () => editor, label: () => label, onMoved: sayWhere });
  const classes = createClassBar({ choose: takeClass });
  const answering = createAnswering(order.kind, { shown: () => shown, boxes: () => editor.boxes, send });
  const does = {
    ...answering,
    skip: () => shown && leave(flow.skip()),
    previous: goBack,
    removeProposed,
    choose: (id) => editor.choose(id),
    remove: removeBox,
    removeChosen: () => editor?.chosen && removeBox(editor.chosen.id),
    undo: () => editor?.undo(),
    redo: () => editor?.redo(),
    takeClass: (index) => shown?.item.class_names[index] && takeClass(shown.item.class_names[index]),
    nextClass,
    zoom: stage.zoom,
    fit: stage.view.fit,
    pan: stage.view.pan,
    hide: () => (stage.setHidden(!stage.isHidden), drawTools()),
    look: (what) => (stage.turnUp(what), drawTools()),
    arrow: (event) => editor && stage.cross.arrow(event),
    escape,
    isVerify: order.kind === "verify",
    isLookedAt: () => watch.seconds >= GLANCE_S,
  };
  const panel = createPanel(order, does);
  const tools = createTools({
    ...does,
    zoomIn: () => does.zoom(1.4),
    zoomOut: () => does.zoom(1 / 1.4),
    contrast: () => does.look("contrast"),
    light: () => does.look("light"),
    help: openHelp,
  });
  const banner = el("div", { class: "banner", role: "alert" });
  const over = el("div", { class: "over" }, classes.root, banner);
  const message = createMessage();
  show(
    root,
    el("div", { class: `work ${order.kind}` }, over, stage.box, panel.root, tools.root, message.root),
    el("p", { class: "unseen", id: "stage-how" }, t("stage.how")),
  );

  const outbox = outboxOf(me.name, order, strip);
  outbox.attach({ onSent, onRefused });
  const flow = createFlow(order, kept, outbox, {
    onShow,
    onLoading: () => instead(message.loading),
    onNothing: sayNothing,
    onTrouble: (error) => instead(message.trouble, error),
    onClosed,
    onLost: (error) => warn(t("work.lost", { text: error.message }), t("work.next_image"), does.skip),
    onElsewhere: () => warn(t("work.elsewhere"), t("work.next_image"), does.skip),
    onProgress,
  });
  const unbind = bindKeys(workKeys(does));

  function onShow(item, picture, { isBack }) {
    shown = { item, picture, isBack };
    answering.forget();
    show(banner);
    message.hide();
    setCovered(false);
    if (!item.class_names.includes(label)) label = item.class_names[0] ?? null;
    editor = createEditor({ boxes: beginning(item), onChange: changed });
    const draft = kept.get(`draft ${item.item}`);
    if (draft) editor.restore(draft);
    stage.show(item, picture);
    whenGone(picture, item);
    panel.drawItem(shown);
    draw();
    watch.restart();
    if (!document.querySelector("dialog[open]")) stage.focus();
    announce(t("stage.shown", { n: editor.boxes.length }));
  }

  function whenGone(picture, item) {
    const again = () => ((picture.src = item.image), show(banner));
    picture.addEventListener("error", () => shown?.item === item && warn(t("work.no_picture"), t("shell.again"), again));
  }

  function warn(text, way, run) {
    show(banner, el("p", {}, text), button({ onclick: run }, way));
  }

  function changed() {
    kept.set(`draft ${shown.item.item}`, editor.draft());
    if (editor.chosen) setLabel(editor.chosen.label);
    answering.forget();
    draw();
  }

  function draw() {
    if (!shown) return;
    classes.draw(shown.item.class_names, label);
    panel.draw({ item: shown.item, editor, answer: answerOf(order.kind, shown.item, editor.boxes) });
    drawTools();
    stage.draw();
  }

  function drawTools() {
    tools.draw({
      canUndo: editor?.canUndo ?? false,
      canRedo: editor?.canRedo ?? false,
      ...stage.look,
      isHidden: stage.isHidden,
    });
  }

  function setLabel(value) {
    label = value;
    kept.set("label", value);
  }

  function takeClass(value) {
    setLabel(value);
    if (editor?.chosen && editor.chosen.label !== value) editor.change(editor.chosen.id, { label: value });
    else draw();
    announce(value);
  }

  function nextClass() {
    const names = shown?.item.class_names ?? [];
    if (names.length) takeClass(names[(names.indexOf(label) + 1) % names.length]);
  }

  function removeBox(id) {
    const index = editor.boxes.findIndex((box) => box.id === id);
    const hadFocus = panel.hasFocus();
    editor.remove(id);
    announce(t("box.removed", { n: index + 1 }));
    if (hadFocus && !panel.focusNear(index)) stage.focus();
  }

  function removeProposed() {
    const n = editor?.removeAll(({ source }) => source === "model") ?? 0;
    if (n) announce(t("work.proposed_removed", { n }));
  }

  function escape() {
    if (stage.cancel()) return stage.draw();
    editor?.choose(null);
    stage.focus();
  }

  function sayWhere(what) {
    clearTimeout(resting);
    resting = setTimeout(() => {
      if (!editor) return;
      const { chosen } = editor;
      if (what === "box" && chosen) announce(t("box.words", { label: chosen.label, where: whereWords(chosen) }));
      else if (stage.cross.place) announce(t("stage.cross", { place: stage.cross.place.join(", ") }));
    }, REST_MS);
  }

  /** Answer, and go on: what the server makes of it is heard later. */
  function send(answer) {
    const { item } = shown;
    shown = editor = null;
    stage.cancel();
    outbox.put(item.item, { ...answer, seconds: watch.seconds });
    leave(flow.answered());
  }

  async function leave(going) {
    try {
      await going;
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
  }

  async function goBack() {
    try {
      if (!(await flow.previous())) toast(t("work.no_previous"));
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
  }

  function onSent({ item }, progress) {
    if (shown?.item.item !== item) kept.remove(`draft ${item}`);
    if (progress) onProgress(progress);
    if (isComplete() && !shown) instead(message.complete); // whatever the look for another image still waits for
  }

  function onRefused({ item }, error) {
    const text = error.message;
    toast(error.status === 409 ? t("work.taken", { text }) : t("work.refused", { text }), { kind: "error" });
    if (error.status === 410) return onClosed();
    if (error.status !== 409) leave(flow.bringBack(item));
  }

  /** The order takes no more: all is answered, or its time is over. */
  function onClosed() {
    flow.close();
    instead(isComplete() ? message.complete : message.closed);
  }

  function onProgress(progress) {
    if (progress.answered < heard.answered) return; // said before the last answer, and heard after it
    heard = progress;
    panel.drawProgress(progress);
  }

  async function sayNothing() {
    const orders = await api.get("/api/orders").catch(() => null);
    const found = orders?.find(
      ({ batch, round, kind }) => batch === order.batch && String(round) === order.round && kind === order.kind,
    );
    if (found) onProgress(found);
    if (flow.current) return;
    if (isComplete()) instead(message.complete);
    else if (found) instead(message.nothing, found); // what is not found is closed: the next look says so
  }

  /** Say something in the place of the image. */
  function instead(say, about) {
    shown = editor = null;
    say(about);
    if (say === message.loading) return; // for a moment: nothing flickers
    panel.clear();
    setCovered(true);
  }

  /** Nobody gets by keys to what is under the words. */
  function setCovered(isCovered) {
    for (const part of [over, stage.box, tools.root]) part.inert = isCovered;
  }

  instead(message.loading);
  drawTools();
  await flow.start();

  return {
    close() {
      unbind();
      clearTimeout(resting);
      flow.giveBack();
      flow.close();
      outbox.detach();
      stage.close();
      watch.close();
    },
  };
}
