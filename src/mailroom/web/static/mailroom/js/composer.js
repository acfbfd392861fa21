// Writing letters: the window floats over any page, saves by itself, and says what became of the letter.

import { peopleField } from "./recipients.js";
import { edit } from "./editor.js";
import { follow } from "./sent.js";
import { toast } from "./page.js";

const SAVE_AFTER_MS = 1500;
const BODY_SELECTOR = ".composer";
const WAYS = /^\/write\/(?:$|reply\/|reply-all\/|forward\/|drafts\/\d+\/$)/;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const address = new URL(link.href, location.href);
  if (address.origin !== location.origin || !WAYS.test(address.pathname)) return;
  event.preventDefault();
  open(address.pathname + address.search);
});

export async function open(address) {
  const standing = document.querySelector(".composer.floating");
  if (standing) await standing.composer?.close();
  let answer;
  try {
    answer = await fetch(address, { headers: { "HX-Request": "true" } });
  } catch {
    return toast(document.documentElement.dataset.offline, "error");
  }
  if (!answer.ok) return void (location.href = address);
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  const form = holder.content.querySelector(BODY_SELECTOR);
  if (!form) return void (location.href = address);
  document.body.append(form);
  start(form);
}

function start(form) {
  if (form instanceof HTMLFormElement) form.composer = new Composer(form);
  else form.querySelector("[data-close]")?.addEventListener("click", () => form.remove());
}

class Composer {
  constructor(form) {
    this.form = form;
    this.floating = form.classList.contains("floating");
    this.changed = false;
    this.people = [...form.querySelectorAll("[data-people]")].map((row) => peopleField(row, form.dataset));
    this.listen();
    this.begin();
  }

  async begin() {
    this.editor = await edit(this.form, () => this.touch());
    const to = this.form.elements.to;
    if (this.people[0]?.empty) this.people[0].focus();
    else if (this.editor && this.form.elements.subject.value) this.editor.commands.focus("start");
    else (this.form.elements.subject ?? to).focus();
    this.changed = false;
    this.form.dataset.ready = "true";
  }

  listen() {
    const { form } = this;
    form.addEventListener("input", () => this.touch());
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.send();
      } else if (event.key === "Escape" && this.floating && !(event.defaultPrevented && event.target.closest(".chips"))) {
        // The editor claims Escape for itself; only a list of suggestions goes first.
        event.stopPropagation();
        this.close();
      }
    });
    form.addEventListener("click", (event) => this.click(event));
    form.elements.files.addEventListener("change", () => this.upload(form.elements.files.files));
    this.takeDrops();
    addEventListener("beforeunload", (this.leaving = (event) => this.changed && event.preventDefault()));
    const discard = form.querySelector("[data-discard]");
    if (discard) discard.hidden = false;
  }

  click(event) {
    const on = (name) => event.target.closest(`[${name}]`);
    const shows = on("data-shows");
    if (shows) {
      this.form.querySelector(`[data-row=${shows.dataset.shows}]`).removeAttribute("data-hide");
      this.people[shows.dataset.shows === "cc" ? 1 : 2].focus();
      shows.remove();
    }
    if (on("data-small")) this.form.classList.toggle("small");
    if (on("data-wide")) this.form.classList.toggle("wide");
    if (on("data-close")) this.close();
    if (on("data-discard")) this.discard();
    const remove = on("data-remove");
    if (remove) {
      event.preventDefault();
      this.ask(remove.formAction).then((answer) => answer && this.showFiles(answer));
    }
  }

  submit(event) {
    event.preventDefault();
    this.send();
  }

  touch() {
    this.changed = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  data(files = []) {
    this.people.forEach((field) => field.settle());
    this.editor?.flush?.();
    const data = new FormData(this.form);
    data.delete("files");
    for (const file of files) data.append("files", file);
    return data;
  }

  // One request after another: two saves at once would make two drafts of one letter.
  inTurn(work) {
    this.turn = (this.turn ?? Promise.resolve()).then(work, work);
    return this.turn;
  }

  async ask(address, data = this.data()) {
    try {
      return await fetch(address, { method: "POST", body: data, headers: { Accept: "application/json" } });
    } catch {
      this.say(this.form.dataset.sayFailed, "bad");
      return null;
    }
  }

  save() {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      if (!this.changed || this.gone) return;
      this.people.forEach((field) => field.settle()); // says "changed" itself, so it goes first
      clearTimeout(this.timer);
      this.changed = false;
      const answer = await this.ask(this.form.dataset.save);
      if (!answer) return void (this.changed = true);
      if (answer.status === 422) return this.refuse(await answer.json());
      if (!answer.ok) return this.say(this.form.dataset.sayFailed, "bad");
      const said = await answer.json();
      this.form.elements.draft.value = said.id;
      this.say(said.saved, "good");
    });
  }

  send() {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      if (this.gone) return;
      const button = this.form.querySelector("[data-send]");
      button.disabled = true;
      const answer = await this.ask(this.form.action);
      button.disabled = false;
      if (!answer) return;
      if (answer.status === 422) return this.refuse(await answer.json());
      if (!answer.ok) return this.say(this.form.dataset.sayFailed, "bad");
      const said = await answer.json();
      this.leave();
      if (this.floating) follow(said);
      else follow.onNextPage(said, this.form.dataset.home);
    });
  }

  upload(files) {
    if (!files?.length) return;
    const chosen = [...files];
    this.form.elements.files.value = "";
    this.say(this.form.dataset.sayUploading, "mute");
    return this.inTurn(async () => {
      const answer = await this.ask(this.form.dataset.upload, this.data(chosen));
      if (!answer) return;
      if (answer.status === 422) return this.refuse(await answer.json());
      if (!answer.ok) return this.say(this.form.dataset.sayFailed, "bad");
      this.form.elements.draft.value = answer.headers.get("X-Draft");
      await this.showFiles(answer);
      this.changed = true;
      this.touch();
    });
  }

  async showFiles(answer) {
    this.form.querySelector("[data-files]").innerHTML = await answer.text();
  }

  takeDrops() {
    const { form } = this;
    form.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      form.classList.add("over");
    });
    form.addEventListener("dragleave", () => form.classList.remove("over"));
    form.addEventListener(
      "drop",
      (event) => {
        form.classList.remove("over");
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        event.stopPropagation();
        this.upload(event.dataTransfer.files);
      },
      true,
    );
  }

  refuse(said) {
    const box = this.form.querySelector(".faults");
    box.replaceChildren(
      ...said.faults.map((fault) => Object.assign(document.createElement("p"), { textContent: fault.words })),
    );
    box.hidden = false;
    for (const fault of said.faults) {
      this.form.querySelector(`[data-row=${CSS.escape(fault.field)}]`)?.removeAttribute("data-hide");
    }
    this.changed = true;
  }

  say(words, kind) {
    const chip = this.form.querySelector("[data-saved]");
    chip.textContent = words;
    chip.className = `chip ${kind}`;
    chip.hidden = false;
    if (kind === "good") this.form.querySelector(".faults").hidden = true;
  }

  async close() {
    if (this.changed) await this.save();
    if (!this.changed || !this.form.elements.draft.value) this.leave();
  }

  async discard() {
    clearTimeout(this.timer);
    const draft = this.form.elements.draft.value;
    if ((draft || this.changed) && !confirm(this.form.dataset.sayEmpty)) return;
    await this.inTurn(async () => {
      const known = this.form.elements.draft.value;
      if (known) {
        const answer = await this.ask(`/write/drafts/${known}/discard/`);
        if (answer?.ok) toast((await answer.json()).words);
      }
      this.leave();
      if (!this.floating) location.href = this.form.dataset.home;
    });
  }

  leave() {
    this.gone = true;
    this.changed = false;
    clearTimeout(this.timer);
    removeEventListener("beforeunload", this.leaving);
    this.editor?.destroy?.();
    if (this.floating) this.form.remove();
  }
}

document.querySelectorAll(BODY_SELECTOR).forEach(start);
follow.resume(open);
