// What every page needs: dialogs, toasts that leave, single keys, a way to say what went wrong, and the door
// to writing, whose own scripts are fetched only when somebody begins to write.

const TOAST_MS = 7000;
const WRITING = /^\/write\/(?:$|reply\/|reply-all\/|forward\/|drafts\/\d+\/$)/;
const root = document.documentElement;

export function toast(words, kind = "") {
  const note = document.createElement("div");
  note.className = `toast ${kind}`;
  note.textContent = words;
  document.getElementById("toasts")?.append(note);
}

// A module that is imported by another address runs once more; the page is listened to once.
if (!root.dataset.listening) {
  root.dataset.listening = "true";
  watchToasts();
  listenToClicks();
  listenToKeys();
  listenToFailures();
  prepareWriting();
}

function watchToasts() {
  const box = document.getElementById("toasts");
  const leave = (note) =>
    setTimeout(() => note.remove(), note.classList.contains("error") ? TOAST_MS * 3 : TOAST_MS);
  box?.querySelectorAll(".toast").forEach(leave);
  const added = (node) => node.classList?.contains("toast") && !("stays" in node.dataset) && leave(node);
  if (box) new MutationObserver((changes) => changes.forEach((one) => one.addedNodes.forEach(added))).observe(box, { childList: true });
}

function listenToClicks() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      const box = document.getElementById(opener.dataset.opens);
      if (box instanceof HTMLDialogElement) box.showModal();
      else box?.showPopover?.();
    }
    event.target.closest("[data-closes]")?.closest("dialog")?.close();
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });
}

function listenToFailures() {
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) location.reload();
    else toast(root.dataset.failed, "error");
  });
  document.addEventListener("htmx:sendError", () => toast(root.dataset.offline, "error"));
}

// ------------------------------------------------------------------ single keys
// Anything with data-key="x" is pressed by x; two-key ways are written data-keys="g i".

function listenToKeys() {
  const on = root.dataset.keys === "on";
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (!on || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    // Escape closes a menu first; the conversation stays.
    if (event.key === "Escape" && document.querySelector(":popover-open")) return;
    const both = before ? `${before} ${event.key}` : "";
    before = event.key === "g" ? "g" : "";
    if (event.key === "?") document.getElementById("keys-help")?.togglePopover?.();
    else if (event.key === "/") seek(event);
    else if ((both && press(both)) || press(event.key)) event.preventDefault();
  });
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], .ProseMirror, dialog[open], .composer") != null;
}

function seek(event) {
  const field = document.getElementById("q");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

function press(key) {
  const name = CSS.escape(key);
  const found = [...document.querySelectorAll(`[data-key~="${name}"], [data-keys="${name}"]`)];
  const target = found.find((one) => one.offsetParent !== null) ?? found[0];
  target?.click();
  return target !== undefined;
}

// ------------------------------------------------------------------ writing

function prepareWriting() {
  const { writing, writingLook } = document.body.dataset;
  if (!writing) return;
  let fetched;
  const fetchOnce = () => (fetched ??= Promise.all([import(writing), look(writingLook)]).then(([module]) => module));
  if (document.querySelector(".composer") || sessionStorage.getItem("mailroom:sent")) fetchOnce();
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    // Once its scripts are here, they listen for themselves.
    if (fetched || !link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const address = new URL(link.href, location.href);
    if (address.origin !== location.origin || !WRITING.test(address.pathname)) return;
    event.preventDefault();
    fetchOnce().then(
      (module) => module.open(address.pathname + address.search),
      () => (location.href = link.href),
    );
  });
}

function look(address) {
  if (!address || document.querySelector(`link[href="${CSS.escape(address)}"]`)) return null;
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address });
  document.head.append(sheet);
  return new Promise((done) => (sheet.onload = sheet.onerror = done));
}
