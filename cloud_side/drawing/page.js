"use strict";
// The page can be read without this: it only makes the way from the picture to what is told of a state shorter.

const states = [...document.querySelectorAll(".state")];
const panels = [...document.querySelectorAll(".panel")];
const idOf = link => link.getAttribute("href").slice(1);

function show(id) {
  const chosen = document.getElementById(id) ?? document.getElementById("execution");
  for (const panel of panels) panel.classList.toggle("shown", panel === chosen);
  for (const state of states) {
    if (idOf(state) === chosen.id) state.setAttribute("aria-current", "true");
    else state.removeAttribute("aria-current");
  }
  chosen.parentElement.scrollTop = 0;
  return chosen;
}

function nearest(from, key) {
  const here = middle(from);
  const [across, along, sign] = { ArrowDown: ["x", "y", 1], ArrowUp: ["x", "y", -1], ArrowRight: ["y", "x", 1], ArrowLeft: ["y", "x", -1] }[key];
  const costs = states.map(state => {
    const there = middle(state), ahead = (there[along] - here[along]) * sign;
    return ahead > 4 ? ahead + 2 * Math.abs(there[across] - here[across]) : Infinity;
  });
  const least = Math.min(...costs);
  return least < Infinity ? states[costs.indexOf(least)] : null;
}

function middle(state) {
  const box = state.querySelector(".box").getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

function bring(element) {
  const graph = document.querySelector(".graph"), box = element.getBoundingClientRect(), seen = graph.getBoundingClientRect();
  graph.scrollLeft += box.x + box.width / 2 - seen.x - graph.clientWidth / 2;
  if (box.bottom > seen.bottom || box.y < seen.y) graph.scrollTop += box.y + box.height / 2 - seen.y - graph.clientHeight / 2;
}

document.documentElement.classList.add("scripted");
show(location.hash.slice(1));
const first = document.querySelector(".state[aria-current]") ?? document.querySelector(".terminal");
if (first) bring(first);
addEventListener("hashchange", () => {
  const chosen = show(location.hash.slice(1));
  const state = document.querySelector(".state[aria-current]");
  if (state) bring(state);
  chosen.closest(".board").scrollIntoView();
});

for (const state of states) {
  state.addEventListener("focus", () => show(idOf(state)));
  state.addEventListener("click", event => {
    event.preventDefault();
    const panel = show(idOf(state));
    history.replaceState(null, "", state.getAttribute("href"));
    if (event.detail === 0) panel.focus();
  });
  state.addEventListener("keydown", event => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    nearest(state, event.key)?.focus();
  });
}

document.querySelector(".side").addEventListener("keydown", event => {
  if (event.key === "Escape") document.querySelector(".state[aria-current]")?.focus();
});

if (navigator.clipboard) {
  for (const block of document.querySelectorAll(".block")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("pre").textContent);
      button.textContent = "Copied";
    });
    block.querySelector(".title").append(button);
  }
}
