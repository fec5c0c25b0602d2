"use strict";
// Everything that is shown comes from the JSON beside this script, and only ever as text.
(() => {
  const nodes = JSON.parse(document.getElementById("nodes").textContent);
  const canvas = document.querySelector(".canvas");
  const tree = canvas.querySelector(".tree");
  const tip = canvas.querySelector(".tip");
  const facts = document.querySelector(".facts");
  const [, , wholeWidth, wholeHeight] = tree.getAttribute("viewBox").split(" ").map(Number);
  const LARGEST = 1.25;
  const LEGEND = 48;
  const MOVED = 4;
  const numbers = new Map(nodes.map((node, number) => [node.id, number]));
  const cards = [...tree.querySelectorAll("[data-node]")];
  let chosen = -1;

  // What is seen: `scale` pixels a unit, the unit (x, y) at the upper left.
  const view = { x: 0, y: 0, scale: 1 };
  const show = () => {
    const { width, height } = canvas.getBoundingClientRect();
    tree.setAttribute("viewBox", [view.x, view.y, width / view.scale, height / view.scale].join(" "));
  };
  const zoom = (factor, atX, atY) => {
    const scale = Math.min(4, Math.max(0.05, view.scale * factor));
    view.x += atX / view.scale - atX / scale;
    view.y += atY / view.scale - atY / scale;
    view.scale = scale;
    show();
  };
  const zoomMiddle = (factor) => {
    const { width, height } = canvas.getBoundingClientRect();
    zoom(factor, width / 2, height / 2);
  };
  const fit = () => {
    const { width, height } = canvas.getBoundingClientRect();
    view.scale = Math.min(LARGEST, width / wholeWidth, (height - LEGEND) / wholeHeight);
    view.x = (wholeWidth - width / view.scale) / 2;
    view.y = Math.min(0, (wholeHeight - (height - LEGEND) / view.scale) / 3);
    show();
  };

  const element = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const section = (title, ...content) => facts.append(element("h3", "", title), ...content);
  const heading = (node, card) => {
    const head = element("header");
    const chip = element("span", "chip", card.querySelector(".reward, .sign").textContent);
    const filled = card.querySelector("path[fill]");
    if (filled) {
      chip.style.background = filled.getAttribute("fill");
      chip.style.color = card.querySelector(".reward").getAttribute("fill");
    }
    const words = element("div");
    const state = element("div", "state", node.state);
    if (node.mark) state.append(" · ", element("span", "mark", `★ ${node.mark}`));
    words.append(element("h2", "", node.name), state);
    head.append(chip, words);
    return head;
  };
  const scores = (node) => {
    const list = element("dl");
    for (const [name, value] of node.scores) list.append(element("dt", "", name), element("dd", "", value));
    return list;
  };
  const odds = (node) => {
    const list = element("div", "odds");
    for (const each of node.odds) {
      const drawn = each.chosen ? "drawn" : "";
      const bar = element("div", `bar ${drawn}`);
      const part = element("i");
      part.style.width = `${each.share * 100}%`;
      bar.append(part);
      list.append(element("span", drawn, each.node), bar);
      list.append(element("span", `share ${drawn}`, `${(each.share * 100).toFixed(1)} %`));
    }
    return list;
  };

  const choose = (number) => {
    const node = nodes[number];
    if (!node) return;
    chosen = number;
    const path = new Set();
    for (let at = number; at !== undefined && !path.has(at); at = numbers.get(nodes[at].parent)) path.add(at);
    for (const card of document.querySelectorAll("[data-node]")) {
      card.classList.toggle("chosen", Number(card.dataset.node) === number);
    }
    for (const edge of tree.querySelectorAll("[data-to]")) edge.classList.toggle("on", path.has(Number(edge.dataset.to)));
    facts.replaceChildren(heading(node, cards[number]), scores(node));
    for (const [name, text] of node.texts) {
      section(name, element("p", name === "What went wrong" ? "text wrong" : "text", text));
    }
    section("Why its parent", ...(node.odds.length ? [odds(node)] : []), element("p", "why", node.why));
  };
  const chooseAndName = (number) => {
    choose(number);
    history.replaceState(null, "", `#node-${number}`);
  };
  const reveal = (number) => {
    const card = cards[number].getBoundingClientRect();
    const frame = canvas.getBoundingClientRect();
    if (card.left >= frame.left && card.right <= frame.right && card.top >= frame.top && card.bottom <= frame.bottom) return;
    view.x += (card.left + card.width / 2 - frame.left - frame.width / 2) / view.scale;
    view.y += (card.top + card.height / 2 - frame.top - frame.height / 2) / view.scale;
    show();
  };

  const showTip = (node, event) => {
    tip.replaceChildren(element("b", "", `${node.name} · ${node.mark || node.state}`));
    for (const [name, value] of node.scores.slice(0, 1)) tip.append(element("p", "", `${name} ${value}`));
    for (const [, text] of node.texts.slice(0, 1)) tip.append(element("p", "", text));
    tip.hidden = false;
    const frame = canvas.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const x = event.clientX - frame.left + 14;
    const y = event.clientY - frame.top + 16;
    tip.style.left = `${Math.max(0, Math.min(x, frame.width - box.width - 8))}px`;
    tip.style.top = `${Math.max(0, y + box.height > frame.height ? y - box.height - 30 : y)}px`;
  };

  const childrenOf = (number) => nodes.flatMap((node, each) => (node.parent === nodes[number].id ? [each] : []));
  const beside = (number, step) => {
    const parent = numbers.get(nodes[number].parent);
    if (parent === undefined) return undefined;
    const siblings = childrenOf(parent);
    return siblings[siblings.indexOf(number) + step];
  };
  const steps = {
    ArrowUp: (number) => numbers.get(nodes[number].parent),
    ArrowDown: (number) => childrenOf(number)[0],
    ArrowLeft: (number) => beside(number, -1),
    ArrowRight: (number) => beside(number, 1),
  };

  for (const card of document.querySelectorAll("[data-node]")) {
    const number = Number(card.dataset.node);
    card.addEventListener("click", () => chooseAndName(number));
    card.addEventListener("pointerenter", (event) => showTip(nodes[number], event));
    card.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
  for (const [number, card] of cards.entries()) {
    card.setAttribute("tabindex", "0");
    card.setAttribute("role", "button");
    card.setAttribute("aria-label", `${nodes[number].name}, ${nodes[number].state}`);
  }

  const buttons = { in: () => zoomMiddle(1.3), out: () => zoomMiddle(1 / 1.3), fit };
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", buttons[button.dataset.zoom]);
  }
  const keys = { "+": buttons.in, "=": buttons.in, "-": buttons.out, "0": fit };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = cards.indexOf(document.activeElement);
    if (keys[event.key]) keys[event.key]();
    else if (focused >= 0 && (event.key === "Enter" || event.key === " ")) chooseAndName(focused);
    else if (steps[event.key] && chosen >= 0) {
      const next = steps[event.key](chosen);
      if (next === undefined) return;
      chooseAndName(next);
      cards[next].focus({ preventScroll: true });
      reveal(next);
    } else return;
    event.preventDefault();
  });

  let held = null;
  tree.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  tree.addEventListener("pointerdown", (event) => {
    if (event.button === 0) held = { x: event.clientX, y: event.clientY, moving: false };
  });
  tree.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moving && Math.hypot(x, y) < MOVED) return;
    if (!held.moving) tree.setPointerCapture(event.pointerId);  // only now: a captured click never reaches a card
    held = { x: event.clientX, y: event.clientY, moving: true };
    tree.classList.add("held");
    tip.hidden = true;
    view.x -= x / view.scale;
    view.y -= y / view.scale;
    show();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    tree.addEventListener(name, () => {
      held = null;
      tree.classList.remove("held");
    });
  }
  new ResizeObserver(fit).observe(canvas);

  const named = /^#node-(\d+)$/.exec(location.hash);
  const best = nodes.findIndex((node) => node.mark);
  choose(named ? Number(named[1]) : Math.max(0, best));
  document.documentElement.dataset.ready = "yes";
})();
