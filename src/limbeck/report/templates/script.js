"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("data"), tables = read("tables");
  const make = (name, text, cls) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (cls) element.className = cls;
    return element;
  };

  // Light or dark: the system's, until one is asked for.
  const root = document.documentElement, theme = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const named = () => { theme.textContent = dark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Show the page in ${dark() ? "light" : "dark"} colours`); };
  theme.hidden = false;
  named();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", named);
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; named(); });

  // Where there is little room the contents begin folded.
  if (matchMedia("(max-width: 1119px)").matches) document.querySelector(".contents details").open = false;

  // Where there is much, and on paper, what is folded is open; what was opened for that alone is folded again after.
  const folds = [...document.querySelectorAll(".fold")], room = matchMedia("(min-width: 700px), print");
  let unfolded = [];
  const fold = () => {
    if (room.matches) unfolded = folds.filter((each) => !each.open);
    unfolded.forEach((each) => { each.open = room.matches; });
  };
  fold();
  root.classList.add("scripted");
  room.addEventListener("change", fold);

  // Tables are held by columns, and a column with text by its different values.
  const rowsOf = (key) => {
    const columns = tables[key].values.map((column) => Array.isArray(column) ? column : column.at.map((place) => column.of[place]));
    return columns.length ? columns[0].map((_, row) => columns.map((column) => column[row])) : [];
  };

  // Tables as CSV; text that a spreadsheet would take for a formula is led by an apostrophe.
  const cell = (value) => {
    if (value === null) return "";
    let text = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  document.querySelectorAll(".csv").forEach((button) => button.addEventListener("click", () => {
    const { columns } = tables[button.dataset.table], rows = rowsOf(button.dataset.table);
    const text = [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.table + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }));

  // The rows of long tables that the page does not write out, once they are looked at.
  const written = (value) => value === null ? "" : typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
  document.querySelectorAll("details.numbers").forEach((details) => details.addEventListener("toggle", () => {
    details.querySelectorAll("table[data-key]").forEach((table) => {
      const body = table.tBodies[0], rows = rowsOf(table.dataset.key);
      rows.slice(body.rows.length).forEach((row) => {
        const line = body.insertRow();
        row.forEach((value) => { line.insertCell().textContent = written(value); });
      });
    });
    details.querySelectorAll(".more").forEach((told) => told.remove());
  }, { once: true }));

  // What an image is, beside the pointer or the focus.
  const tip = document.getElementById("tip");
  const known = (tile) => data.sets[Number(tile.dataset.set)].items[tile.dataset.item];
  const short = (text) => text.length > 60 ? text.slice(0, 59) + "\u2026" : text;
  const show = (tile) => {
    const item = known(tile);
    const targets = item.targets.map(([name, value]) => `${short(name)} ${value}`).join(", ");
    tip.textContent = `${tile.dataset.noun} ${tile.dataset.item}, made for ${short(item.class)}\ntargets: ${targets}\nvalues ${item.low} to ${item.high}`;
    tip.hidden = false;
    const box = tile.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(box.left, innerWidth - own.width - 8)) + "px";
    tip.style.top = (box.bottom + own.height + 14 < innerHeight ? box.bottom + 6 : Math.max(8, box.top - own.height - 6)) + "px";
  };
  const hide = () => { tip.hidden = true; };

  // An image's own view.
  const view = document.getElementById("view"), body = document.getElementById("view-body");
  const listed = (title, rows, pictures = data.examples, kind = "test example", plus = "+") => {
    const list = make("ul", undefined, "neighbours");
    rows.forEach(([row, name, influence]) => {
      const entry = make("li"), source = pictures[row];
      if (source) {
        const image = make("img");
        image.src = source;
        image.alt = `${kind} ${row}, ${name}`;
        entry.append(image);
      }
      entry.append(make("bdi", short(name)), make("br"), make("span", `${influence > 0 ? plus : ""}${influence}`, "muted"));
      list.append(entry);
    });
    return [make("h3", title), list];
  };
  const svg = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const scatter = (set, number, name, colour) => {
    if (!set.examples) return [];
    const { item, class_: of, influence, distance } = data.places;
    const points = rowsOf(set.examples).filter((row) => row[item] === number).map((row) => [row[distance], row[influence], row[of] === name]);
    if (points.length < 2) return [];
    const range = (index) => { const all = points.map((row) => row[index]); return [Math.min(...all), Math.max(...all)]; };
    const [near, far] = range(0), [low, high] = range(1);
    const x = (value) => 58 + (value - near) / (far - near || 1) * 380, y = (value) => 205 - (value - low) / (high - low || 1) * 165;
    const label = "Influence on test examples against their distance in pixels";
    const chart = svg("svg", { viewBox: "0 0 460 250", class: "chart", role: "img", "aria-label": label });
    [low, 0, high].filter((value, index) => index !== 1 || (low < 0 && high > 0)).forEach((value) => {
      chart.append(svg("line", { x1: 50, x2: 446, y1: y(value), y2: y(value), class: "grid" }), svg("text", { x: 44, y: y(value) + 4, class: "tick end" }, value.toPrecision(2)));
    });
    [near, far].forEach((value, index) => chart.append(svg("text", { x: x(value), y: 226, class: index ? "tick end" : "tick" }, value.toPrecision(3))));
    chart.append(svg("text", { x: 4, y: 16, class: "label" }, "influence"), svg("text", { x: 446, y: 246, class: "label end" }, "distance in raw pixels"));
    [[false, "dots middle real"], [true, `dots large ${colour}`]].forEach(([own, look]) => {
      const d = points.filter((row) => row[2] === own).map((row) => `M${x(row[0])} ${y(row[1])}h0`).join("");
      chart.append(svg("path", { d, class: look }));
    });
    const frame = make("div", undefined, "view-chart");
    frame.append(chart);
    return [make("h3", "Influence against similarity"), frame, make("p", "Each dot is a test example: those that it helps and harms most, and a random sample. Large and coloured are those of its class, small and grey those of others. The further to the left, the more like it.", "muted")];
  };
  const table = (title, columns, rows) => {
    const frame = make("div", undefined, "scroll"), drawn = make("table"), head = make("tr");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", title);
    columns.forEach((name) => { const label = make("th", name); label.scope = "col"; head.append(label); });
    drawn.append(make("thead"), make("tbody"));
    drawn.tHead.append(head);
    rows.forEach((row) => {
      const line = make("tr");
      row.forEach((value) => line.append(make("td", value === null ? "" : String(value), typeof value === "number" ? "n" : "")));
      drawn.tBodies[0].append(line);
    });
    frame.append(drawn);
    return [make("h3", title), frame];
  };
  const open = (tile) => {
    hide();
    const set = data.sets[Number(tile.dataset.set)], item = known(tile);
    const title = document.getElementById("view-title");
    const noun = tile.dataset.noun;
    title.textContent = `${noun[0].toUpperCase()}${noun.slice(1)} ${tile.dataset.item} of ${set.name}, made for ${short(item.class)}`;
    const top = make("div", undefined, "view-top");
    tile.querySelectorAll("img").forEach((image) => {
      const figure = make("figure"), copy = make("img");
      copy.src = image.src;
      copy.alt = image.alt;
      figure.append(copy, make("figcaption", image.className));
      if (tile.nextElementSibling?.matches(".strip")) copy.after(tile.nextElementSibling.cloneNode(true));
      top.append(figure);
    });
    const list = make("dl");
    [["made for", item.class], ...item.targets.map(([name, value]) => [`target ${name}`, value]), ["raw values", `${item.low} to ${item.high}`]].forEach(([name, value]) => {
      const line = make("div");
      line.append(make("dt", name), make("dd", value));
      list.append(line);
    });
    top.append(list);
    const parts = [top];
    if (item.near.length) parts.push(...listed("The training examples nearest to it, and how far they are", item.near, data.training, "training example", ""));
    if (item.helped.length) parts.push(...listed("The test examples that it helps most, and the loss that it spares", item.helped));
    if (item.harmed.length) parts.push(...listed("The test examples that it harms most", item.harmed));
    if (!item.helped.length && !item.harmed.length) parts.push(make("p", "Its influence on test examples was not measured.", "muted"));
    parts.push(...scatter(set, Number(tile.dataset.item), item.class, `s${Number(tile.dataset.set) % 6}`));
    parts.push(...(item.attributes.length ? table("Attributes that it carries", ["attribute", "average precision", "prevalence", "adjusted p"], item.attributes) : [make("h3", "Attributes that it carries"), make("p", "None was found beyond chance, or none was asked for.", "muted")]));
    if (item.effects.length) parts.push(...table("Its effects", ["effect", "value"], item.effects));
    body.replaceChildren(...parts);
    view.showModal();
    view.scrollTop = 0;
    title.focus();
    view.addEventListener("close", () => tile.focus(), { once: true });
  };
  document.getElementById("view-close").addEventListener("click", () => view.close());
  view.addEventListener("click", (event) => { if (event.target === view) view.close(); });
  document.querySelectorAll(".tile").forEach((tile) => {
    tile.addEventListener("click", () => open(tile));
    tile.addEventListener("mouseenter", () => show(tile));
    tile.addEventListener("mouseleave", hide);
    tile.addEventListener("focus", () => { if (tile.matches(":focus-visible")) show(tile); });
    tile.addEventListener("blur", hide);
  });
  addEventListener("scroll", hide, { passive: true });

  // Pictures that move can be stopped, and stand still at first for whoever asked their system for less motion.
  document.querySelectorAll(".plays").forEach((part) => {
    const picture = part.ownerSVGElement, button = make("button", undefined, "stop");
    const named = () => { button.textContent = picture.animationsPaused() ? "Play" : "Pause"; };
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) picture.pauseAnimations();
    button.addEventListener("click", () => { picture.animationsPaused() ? picture.unpauseAnimations() : picture.pauseAnimations(); named(); });
    named();
    picture.after(button);
  });
})();
