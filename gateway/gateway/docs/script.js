// Finding an operation, opening the one that the address names, copying its example. The page reads well without.
"use strict";

const search = document.querySelector("#search");
const count = document.querySelector("#count");
const operations = [...document.querySelectorAll(".operation")];
const entries = new Map([...document.querySelectorAll("nav [data-of]")].map((entry) => [entry.dataset.of, entry]));

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const operation of operations) {
    const fits = words.every((word) => operation.dataset.words.includes(word));
    operation.hidden = !fits;
    entries.get(operation.id).hidden = !fits;
    found += fits ? 1 : 0;
  }
  for (const group of document.querySelectorAll(".tag, nav li:has(ul)")) {
    group.hidden = words.length > 0 && !group.querySelector(".operation:not([hidden]), [data-of]:not([hidden])");
  }
  for (const rest of document.querySelectorAll("#objects, .about, .tag > p, .tag > pre")) rest.hidden = words.length > 0;
  count.hidden = words.length === 0;
  count.textContent = found === 1 ? "1 operation" : `${found} operations`;
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.closest("[hidden]")) {
    search.value = "";
    find();
  }
  if (named.matches(".operation")) named.open = true;
  named.scrollIntoView();
}

search.hidden = false;
search.addEventListener("input", find);
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    find();
  }
  const first = operations.find((operation) => !operation.hidden);
  if (event.key === "Enter" && first) {
    first.open = true;
    first.querySelector("summary").focus();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  }
});
addEventListener("hashchange", openNamed);

// On a narrow screen the contents would be all that one sees.
const narrow = matchMedia("(max-width: 60rem)");
const contents = document.querySelector("nav details");
const fold = () => (contents.open = !narrow.matches);
narrow.addEventListener("change", fold);
contents.addEventListener("click", (event) => {
  if (narrow.matches && event.target.closest("a")) contents.open = false;
});
fold();

for (const example of document.querySelectorAll(".curl")) {
  const code = example.querySelector("code");
  code.textContent = code.textContent.replace("http://localhost:8080", location.origin);
  if (!navigator.clipboard) continue; // a browser gives it to https and localhost alone
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  example.append(copy);
}

openNamed();
