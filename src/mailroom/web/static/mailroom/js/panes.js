// The mail screen: panes change without the page, the neighbours of the open conversation are fetched ahead
// (so that j and k open at once), frames take the height of their letter, and news flow into the list.

const FRESH_MS = 60_000;
const panes = document.getElementById("panes");
const ahead = new Map(); // address -> {at, html: Promise<string>}
let asked = 0;

const list = () => document.getElementById("list");
const rows = () => [...document.querySelectorAll("#rows .row")];
const current = () => document.querySelector("#rows .row.on");

function get(address, target) {
  return fetch(address, { headers: { "HX-Request": "true", "HX-Target": target }, credentials: "same-origin" }).then((answer) => {
    if (answer.status === 401) location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  });
}

function fetched(address) {
  const known = ahead.get(address);
  if (known && performance.now() - known.at < FRESH_MS) return known.html;
  const html = get(address, "thread");
  html.catch(() => ahead.delete(address));
  ahead.set(address, { at: performance.now(), html });
  if (ahead.size > 12) ahead.delete(ahead.keys().next().value);
  return html;
}

function put(id, html) {
  const old = document.getElementById(id);
  const box = document.createElement("template");
  box.innerHTML = html;
  const fresh = box.content.getElementById(id);
  if (!old || !fresh) return null;
  old.replaceWith(fresh);
  window.htmx?.process(fresh);
  fresh.querySelectorAll("iframe.frame").forEach(watch);
  return fresh;
}

function title(words) {
  document.title = words ? `${words} · Mailroom` : "Mailroom";
}

// ------------------------------------------------------------------ opening

async function openThread(link, { push = true } = {}) {
  const number = ++asked;
  choose(rowOf(link));
  panes.classList.add("loading");
  try {
    const html = await fetched(link.href);
    if (number !== asked) return;
    const pane = put("thread", html);
    panes.dataset.view = "read";
    if (push) history.pushState({}, "", link.href);
    title(pane?.querySelector(".head h1")?.textContent);
    pane?.querySelector("#main")?.focus({ preventScroll: true });
    settled(link);
  } catch {
    location.href = link.href;
  } finally {
    if (number === asked) panes.classList.remove("loading");
  }
}

function rowOf(link) {
  return link.closest(".row") ?? document.getElementById(`t${new URL(link.href).searchParams.get("thread")}`);
}

function choose(row) {
  for (const one of rows()) {
    const on = one === row;
    one.classList.toggle("on", on);
    if (on) one.firstElementChild.setAttribute("aria-current", "true");
    else one.firstElementChild.removeAttribute("aria-current");
  }
  row?.scrollIntoView({ block: "nearest" });
}

function settled(link) {
  const row = rowOf(link);
  (window.requestIdleCallback ?? setTimeout)(() => {
    for (const near of [row?.nextElementSibling, row?.previousElementSibling]) {
      const address = near?.querySelector?.('a[data-pane="thread"]')?.href;
      if (address) fetched(address).catch(() => {});
    }
  });
}

async function openList(address, { push = true } = {}) {
  const number = ++asked;
  panes.classList.add("loading-list");
  try {
    const html = await get(address, "list"); // the mailboxes with their counts come along
    if (number !== asked) return;
    // The drawer of a narrow page is open by :target, which only a real jump changes.
    if (location.hash) location.replace("#list");
    put("list", html);
    put("nav", html);
    panes.dataset.view = "list";
    ahead.clear();
    if (push) history.pushState({}, "", address);
    title(document.querySelector(".bar h1")?.textContent.trim());
    const open = document.getElementById("thread")?.dataset.thread;
    if (open) choose(document.getElementById(`t${open}`));
  } catch {
    location.href = address;
  } finally {
    panes.classList.remove("loading-list");
  }
}

function close(address) {
  const pane = document.getElementById("thread");
  pane.replaceChildren();
  delete pane.dataset.thread;
  pane.innerHTML = '<main class="read none" id="main" tabindex="-1"></main>';
  const row = current();
  choose(null);
  panes.dataset.view = "list";
  row?.firstElementChild.focus({ preventScroll: true });
  history.pushState({}, "", address);
  title(document.querySelector(".bar h1")?.textContent.trim());
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a[data-pane]");
  if (link && panes) {
    event.preventDefault();
    if (link.dataset.pane === "thread") openThread(link);
    else if (link.dataset.pane === "list") openList(link.href);
    else close(link.href);
  }
  const pictures = event.target.closest("[data-pictures]");
  if (pictures) pictures.closest(".held").hidden = true;
});

addEventListener("popstate", () => location.hash || swapAll());

async function swapAll() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    panes.dataset.view = page.getElementById("panes").dataset.view;
    for (const id of ["nav", "list", "thread"]) put(id, page.getElementById(id).outerHTML);
    document.title = page.title;
  } catch {
    location.reload();
  }
}

// ------------------------------------------------------------------ keys: j and k walk and open

document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.keys !== "on" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog[open], .composer")) return;
  if (event.key !== "j" && event.key !== "k") return;
  event.preventDefault();
  const all = rows();
  const at = all.indexOf(current());
  const next = at < 0 ? 0 : at + (event.key === "j" ? 1 : -1);
  const link = all[next]?.querySelector("a");
  if (link) openThread(link);
  if (next >= all.length - 3) document.querySelector("#more a")?.click();
});

// ------------------------------------------------------------------ marks

document.addEventListener("htmx:afterRequest", (event) => {
  const mark = event.target.closest?.("[data-marks]");
  if (!mark || !event.detail.successful) return;
  const row = document.getElementById(`t${mark.closest("#thread")?.dataset.thread}`);
  row?.classList.remove("unread");
  ahead.delete(row?.querySelector("a")?.href);
  refreshNav();
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-unseen]");
  if (!form) return;
  event.preventDefault();
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { "X-CSRFToken": token, "HX-Request": "true" },
    body: new URLSearchParams({ unseen: "1" }),
  });
  if (!answer.ok) return;
  const row = current();
  row?.classList.add("unread");
  ahead.delete(row?.querySelector("a")?.href);
  close(list().dataset.address);
  refreshNav();
});

// ------------------------------------------------------------------ moved, deleted, taken back

document.addEventListener("mailroom:filed", () => {
  const row = current();
  const near = row?.nextElementSibling?.matches(".row") ? row.nextElementSibling : row?.previousElementSibling;
  const next = panes.dataset.view === "read" && matchMedia("(min-width: 900px)").matches && near?.querySelector("a");
  row?.remove();
  ahead.clear();
  if (next) openThread(next);
  else close(list().dataset.address);
  refreshNav();
});

document.addEventListener("mailroom:unfiled", (event) => {
  // Its answer is still being read on behalf of this form: it leaves a moment later.
  setTimeout(() => event.target.closest?.(".toast")?.remove(), 100);
  ahead.clear();
  refresh();
});

// ------------------------------------------------------------------ news

let waiting = 0;

document.addEventListener("mailroom:news", (event) => {
  const heard = event.detail;
  clearTimeout(waiting);
  const quiet = !("arrived" in heard || "changed" in heard || "state" in heard);
  if ("arrived" in heard) ahead.clear();
  waiting = setTimeout(refresh, quiet ? 900 : 120);
});

async function refreshNav() {
  putNav(await get(list().dataset.address, "nav").catch(() => null));
}

function putNav(html) {
  if (!html || location.hash === "#nav") return;
  const scrolled = document.getElementById("nav")?.scrollTop;
  const focused = document.activeElement?.closest("#nav a")?.getAttribute("href");
  const unfolded = document.querySelector("#nav .others[open]") !== null;
  const nav = put("nav", html);
  if (nav) nav.scrollTop = scrolled;
  if (unfolded) nav?.querySelector(".others")?.setAttribute("open", "");
  if (focused) nav?.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

// The first page as it is now: known rows are replaced in place or moved up, new ones come in on top;
// rows fetched below stay. Nobody's place in the list jumps: what is above the view only lifts a label.
async function refresh() {
  const box = list();
  const html = await get(box.dataset.address, "list").catch(() => null);
  if (!html || box !== list()) return;
  putNav(html);
  const page = document.createElement("template");
  page.innerHTML = html;
  const fresh = [...page.content.querySelectorAll("#rows .row")];
  if (!fresh.length || !rows().length) {
    put("list", html);
    return;
  }
  const away = box.scrollTop > 80;
  const top = rows()[0].id;
  mergeRows(fresh);
  const busy = page.content.querySelector(".busy");
  box.querySelectorAll(".busy").forEach((one) => one.remove());
  if (busy) box.querySelector(".bar").after(...page.content.querySelectorAll(".busy"));
  if (away && rows()[0].id !== top) document.getElementById("fresh").hidden = false;
  const open = current()?.firstElementChild;
  if (open) settled(open);
}

// The conversation being read keeps its row, even where the list no longer asks for it (only unread ones).
function mergeRows(fresh) {
  const key = (row) => Number(row.dataset.keyOf);
  const chosen = current();
  const focused = document.activeElement?.closest(".row")?.id;
  const names = new Set(fresh.map((row) => row.id));
  const oldest = key(fresh.at(-1));
  const kept = rows().filter((row) => !names.has(row.id) && (row === chosen || key(row) < oldest));
  rows().forEach((row) => row.remove());
  document.getElementById("rows").prepend(...[...fresh, ...kept].sort((one, other) => key(other) - key(one)));
  if (focused) document.getElementById(focused)?.firstElementChild.focus({ preventScroll: true });
  if (!chosen) return;
  const row = document.getElementById(chosen.id);
  row.classList.add("on");
  row.firstElementChild.setAttribute("aria-current", "true");
  const came = document.getElementById("came");
  if (came && key(row) > key(chosen)) came.hidden = false;
}

// ------------------------------------------------------------------ frames

function watch(frame) {
  const fit = () => {
    const page = frame.contentDocument;
    if (!page?.body) return;
    foldQuotes(page);
    const grow = () => {
      frame.style.height = `${Math.max(40, page.body.scrollHeight + (page.body.scrollWidth > page.body.clientWidth ? 16 : 0))}px`;
    };
    grow();
    new frame.contentWindow.ResizeObserver(grow).observe(page.body);
    page.addEventListener("keydown", (event) => {
      if (frame.dispatchEvent(new KeyboardEvent("keydown", event))) return;
      event.preventDefault();
    });
  };
  frame.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete" && frame.contentDocument.URL !== "about:blank") fit();
}

// The letter's frame runs no script; we fold the quote that ends it from outside.
function foldQuotes(page) {
  const quotes = [...page.querySelectorAll("blockquote")].filter((quote) => !quote.parentElement.closest("blockquote"));
  const last = quotes.at(-1);
  if (!last || last.closest("details") || !page.body.innerText.replace(last.innerText, "").trim()) return;
  const fold = page.createElement("details");
  const more = page.createElement("summary");
  more.textContent = "•••";
  last.before(fold);
  fold.append(more, last);
}

document.querySelectorAll("iframe.frame").forEach(watch);
document.addEventListener("htmx:afterSwap", () => document.querySelectorAll("iframe.frame:not([data-watched])").forEach((frame) => {
  frame.dataset.watched = "";
  watch(frame);
}));
const opened = current();
if (opened) settled(opened.firstElementChild);
