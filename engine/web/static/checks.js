// Follows the setup tests: adds what is new to the list, so that a screen reader tells just that.
"use strict";

const EVERY = 600; // milliseconds
const STAY = 5000;

async function look() {
  let page;
  try {
    const answer = await fetch(location.href);
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    setTimeout(look, EVERY); // the network is away; the tests go on without it
    return;
  }
  const outcome = page.getElementById("outcome");
  if (!outcome) {
    location.reload();
    return;
  }
  const list = document.getElementById("checks");
  list.append(...[...page.getElementById("checks").children].slice(list.children.length));
  if (!outcome.dataset.result) {
    setTimeout(look, EVERY);
    return;
  }
  document.title = page.title;
  document.getElementById("outcome").replaceChildren(...outcome.childNodes);
  document.getElementById("actions").replaceChildren(...page.getElementById("actions").childNodes);
  const leave = document.getElementById("leave");
  if (leave) {
    setTimeout(() => location.assign(leave.href), STAY);
  }
}

setTimeout(look, EVERY);
