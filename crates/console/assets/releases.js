/** The releases of game logic: which one runs and where, what was saved and refused, what was taken back. */

import { byId, count, make, say, span } from "./format.js";

const NAMED_MAX = 4;

export class Releases {
  #list = byId("release-events");
  #shown = new Map();

  show(status) {
    const releases = status.releases;
    byId("releases").hidden = !releases;
    if (!releases) return;
    say(byId("release-no"), `Release ${releases.release}`);
    say(byId("release-since"), `for ${span(status.at - releases.since)}`);
    byId("release-since").title = new Date(releases.since).toLocaleString();
    const first = releases.changed_count === 0;
    say(byId("release-files"), first ? "as the game was started" : files(releases));
    this.#showRunners(releases);
    const staging = byId("release-staging");
    staging.hidden = releases.staging === null;
    if (!staging.hidden) say(staging, `Release ${releases.staging} is being loaded beside it`);
    this.#showRestart(releases.restart_needed);
    this.#showEvents(releases.events, status.at);
  }

  #showRunners(releases) {
    const list = byId("release-runners");
    const key = JSON.stringify([releases.release, releases.runners]);
    if (list.dataset.said === key) return;
    list.dataset.said = key;
    list.replaceChildren(...releases.runners.map((runner) => {
      const behind = runner.release !== releases.release;
      const words = [];
      if (behind) words.push(`release ${runner.release}`);
      if (runner.faults) words.push(`${count(runner.faults)} ${runner.faults === 1 ? "error" : "errors"}`);
      const item = make("li", { "data-runner": runner.id, title: runner.trouble || `runs release ${runner.release}` },
        runner.id, ...(words.length ? [make("small", {}, words.join(", "))] : []));
      item.classList.toggle("behind", behind);
      item.classList.toggle("faulty", !behind && runner.faults > 0);
      return item;
    }));
  }

  #showRestart(what) {
    const box = byId("restart-needed");
    box.hidden = what.length === 0;
    const key = what.join("\n");
    if (box.dataset.said === key) return;
    box.dataset.said = key;
    box.querySelector("ul").replaceChildren(...what.map((line) => make("li", {}, line)));
  }

  #showEvents(events, now) {
    const keys = new Set();
    const rows = events.map((event) => {
      const key = `${event.at} ${event.event} ${event.release}`;
      keys.add(key);
      const row = this.#shown.get(key) ?? create(event, this.#shown.size > 0 || now - event.at < 5000);
      this.#shown.set(key, row);
      say(row.time, `${span(now - event.at)} ago`);
      return row.item;
    });
    for (const key of this.#shown.keys()) if (!keys.has(key)) this.#shown.delete(key);
    const same = rows.length === this.#list.children.length && rows.every((row, index) => row === this.#list.children[index]);
    if (!same) this.#list.replaceChildren(...rows);
  }
}

/** What is wrong stands open when it has just happened; everything else is a line. */
function create(event, fresh) {
  const time = make("time", { title: new Date(event.at).toLocaleString() });
  const problems = make("div", { class: "problems" }, ...event.problems.map((problem) =>
    make("div", {},
      make("code", {}, `${problem.file}:${problem.line}:${problem.column}`), problem.message,
      make("small", {}, problem.help))));
  const more = event.problems_count - event.problems.length;
  if (more > 0) problems.append(make("div", {}, `and ${count(more)} more`));
  const first = event.text.split("\n", 1)[0];
  const summary = make("summary", {}, make("b", {}, title(event)), make("span", { class: "files" }, files(event)), time);
  if (first) summary.append(make("span", { class: "what" }, first));
  const whole = event.text.length > first.length || event.text.length > 120 ? event.text : "";
  const details = make("details", {}, summary, problems, make("pre", {}, whole));
  details.open = fresh && event.problems.length > 0;
  const item = make("li", { "data-testid": "release-event", "data-event": event.event, "data-release": event.release }, details);
  return { item, time };
}

function title(event) {
  const { release, running } = event;
  switch (event.event) {
    case "activated": return event.text ? `Release ${release} runs` : `Release ${release} runs everywhere after ${count(event.checked_ms + event.took_ms)} ms`;
    case "refused": return event.problems_count ? `Not released: ${count(event.problems_count)} ${event.problems_count === 1 ? "problem" : "problems"}` : "Not released";
    case "given-up": return `Release ${release} was given up, ${running} runs on`;
    case "rolled-back": return `Release ${release} was taken back, ${running} runs again`;
    case "known-bad": return `Not released: it is release ${release} again`;
    case "restart-needed": return "Restart needed";
    default: return event.event;
  }
}

/** How many files were changed, and the first of them. */
function files({ changed, changed_count: all }) {
  if (all === 0) return "";
  const names = changed.slice(0, NAMED_MAX).map((path) => path.slice(path.lastIndexOf("/") + 1));
  const more = all > names.length ? ", …" : "";
  return `${count(all)} ${all === 1 ? "file" : "files"} changed: ${names.join(", ")}${more}`;
}
