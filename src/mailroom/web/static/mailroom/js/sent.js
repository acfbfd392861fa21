// After sending: ten seconds in which the letter can be taken back, then what became of it.

const SHELF = "mailroom:sent";
const ASK_EVERY_MS = 1500;
const ASK_FOR_MS = 90000;

export function follow(said, reopen = follow.reopen) {
  const until = said.until ?? Date.now() + said.seconds * 1000;
  const note = card(said.words);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = said.undo_words;
  note.append(button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await fetch(said.undo, { method: "POST", headers: { Accept: "application/json", ...token() } });
    const came = await answer.json();
    sessionStorage.removeItem(SHELF);
    note.done = true;
    show(note, came.words, !answer.ok);
    if (answer.ok) reopen?.(came.draft);
  });
  const tick = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0 && !note.done) return void (button.textContent = `${said.undo_words} (${left})`);
    clearInterval(tick);
    button.remove();
    if (!note.done) watch(note, said);
  }, 250);
}

follow.onNextPage = (said, home) => {
  sessionStorage.setItem(SHELF, JSON.stringify({ ...said, until: Date.now() + said.seconds * 1000 }));
  location.href = home;
};

follow.resume = (reopen) => {
  follow.reopen = reopen;
  const kept = sessionStorage.getItem(SHELF);
  sessionStorage.removeItem(SHELF);
  if (kept) follow(JSON.parse(kept));
};

async function watch(note, said) {
  const end = Date.now() + ASK_FOR_MS;
  while (Date.now() < end && note.isConnected) {
    const answer = await fetch(said.state).catch(() => null);
    if (answer?.ok) {
      const state = await answer.json();
      note.querySelector("span").textContent = state.words;
      if (state.final) return finish(note, state);
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  note.remove();
}

function finish(note, state) {
  const failed = state.state !== "sent";
  if (failed) {
    const link = Object.assign(document.createElement("a"), { href: state.outbox, textContent: state.outbox_words });
    note.append(link);
  }
  show(note, state.words, failed);
}

function show(note, words, failed) {
  note.querySelector("span").textContent = words;
  note.querySelector(".link")?.remove();
  note.classList.toggle("error", failed);
  setTimeout(() => note.remove(), failed ? 20000 : 5000);
}

// Its own kind of note: the page's toasts leave after seven seconds, this one must not.
function card(words) {
  const note = document.createElement("div");
  note.className = "follow";
  const text = document.createElement("span");
  text.textContent = words;
  note.append(text);
  document.getElementById("toasts").append(note);
  return note;
}

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
}
