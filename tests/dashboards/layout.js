// What is wrong with how a page is laid out: texts that overlap, leave their panel or are
// cut off, boxes that are wider than the window, and texts that are too faint to read
// (WCAG 2.2, 1.4.3: a contrast of 4.5, of large texts 3). An empty list: nothing.
(() => {
  const wrong = [];
  const named = (text) => JSON.stringify(text.trim().slice(0, 40));
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("select, title, style, .skip")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1 || box.right < 0) continue;
      texts.push({ box, parent, text: node.textContent });
    }
  }
  const rgba = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const light = ({ red, green, blue }) => {
    const [r, g, b] = [red, green, blue].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgba(getComputedStyle(each).backgroundColor);
      if (colour.alpha === 1) return colour;
    }
    return { red: 255, green: 255, blue: 255 };
  };
  for (const parent of new Set(texts.map((each) => each.parent))) {
    const style = getComputedStyle(parent);
    const tones = [light(rgba(style.color)), light(behind(parent))].sort((a, b) => b - a);
    const contrast = (tones[0] + 0.05) / (tones[1] + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) {
      wrong.push(`${named(parent.textContent)} is faint: ${contrast.toFixed(2)}`);
    }
  }
  const slack = 1.5;
  texts.sort((one, other) => one.box.top - other.box.top);
  texts.forEach((one, index) => {
    for (let next = index + 1; next < texts.length; next += 1) {
      const other = texts[next];
      if (other.box.top > one.box.bottom - slack) break;
      const across =
        Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down =
        Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (across > slack && down > 4) {
        wrong.push(`${named(one.text)} overlaps ${named(other.text)}`);
      }
    }
    const holder = one.parent.closest(".card, td, th, .badge, .panel, .filters, header");
    if (holder) {
      const frame = holder.getBoundingClientRect();
      if (one.box.left < frame.left - slack || one.box.right > frame.right + slack) {
        wrong.push(`${named(one.text)} leaves its ${holder.className || holder.tagName}`);
      }
    }
    if (one.box.right > window.innerWidth) wrong.push(`${named(one.text)} leaves the page`);
  });
  for (const box of document.querySelectorAll(".scroll, main, header, .chart, .card")) {
    if (box.scrollWidth > box.clientWidth + slack) {
      wrong.push(`${box.className || box.tagName} is cut off: ${named(box.innerText)}`);
    }
  }
  const panels = [...document.querySelectorAll(".panel, .card")].map((panel) => ({
    panel,
    box: panel.getBoundingClientRect(),
  }));
  panels.forEach((one, index) => {
    for (const other of panels.slice(index + 1)) {
      if (one.panel.contains(other.panel) || other.panel.contains(one.panel)) continue;
      const across =
        Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down =
        Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (across > slack && down > slack) {
        wrong.push(`panel ${named(one.panel.innerText)} overlaps another`);
      }
    }
  });
  for (const each of document.querySelectorAll("a[href], button, input, select")) {
    if (each.type === "hidden") continue;
    const said =
      each.innerText || each.textContent || each.getAttribute("aria-label") || "";
    if (!said.trim() && !each.closest("label")) {
      wrong.push(`${each.outerHTML.slice(0, 80)} has no name`);
    }
    if (each.tabIndex < 0) wrong.push(`${named(said)} cannot be reached by keyboard`);
  }
  return wrong;
})();
