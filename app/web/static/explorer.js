// The explorer. The address holds the whole query. The server renders the list; the map, the histogram and the totals come
// from /v1 with the same query.

/* global L */
import { reveal } from "./copy.js";
import { killed, makeHistogram } from "./histogram.js";
import { colour, makeMap } from "./land.js";

const DAY = 86400000;
const MAX_ON_MAP = 3000;
const FEW_MONTHS = 3;
const ON_MAP = "id,title,date_start,country,toll";
const form = document.getElementById("filters");
const element = (id) => document.getElementById(id);
const slider = element("slider");
const asOf = form.elements.as_of;
const number = (value) => (value === null ? "–" : value.toLocaleString("en"));
const LONG = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
const inWords = (day) => (day.length > 10 ? day : new Date(day).toLocaleDateString("en-GB", LONG));
const numeric = Object.fromEntries(element("map").dataset.numeric.split(" ").map((pair) => pair.split(":")));

// The query

function currentQuery() {
  const kept = [...new FormData(form)].filter(([name, value]) => value !== "" && !(name === "sort" && value === "-date"));
  return new URLSearchParams(kept);
}

function without(query, ...names) {
  const other = new URLSearchParams(query);
  for (const name of names) other.delete(name);
  return other;
}

async function api(path, query, more, signal) {
  const wanted = new URLSearchParams(query);
  for (const [name, value] of Object.entries(more)) wanted.set(name, value);
  const response = await fetch(`v1/${path}?${wanted}`, { signal, headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error((await response.json()).detail);
  return response.json();
}

// The clock

const first = Date.parse(slider.dataset.first);
const last = Date.parse(slider.dataset.last) + DAY;
if (Number.isFinite(first)) {
  slider.max = String((last - first) / DAY);
} else {
  document.querySelector(".clock").hidden = true;
}

function showClock() {
  const day = asOf.value;
  const at = day ? Date.parse(day.slice(0, 10)) : last;
  slider.value = String(Math.min(Math.max((at - first) / DAY, 0), Number(slider.max)));
  const words = day ? inWords(day) : "now";
  element("clock-words").textContent = words;
  slider.setAttribute("aria-valuetext", words);
}

slider.addEventListener("input", () => {
  if (asOf.type !== "date") Object.assign(asOf, { value: "", type: "date" }); // it held an instant
  asOf.value = slider.value === slider.max ? "" : new Date(first + Number(slider.value) * DAY).toISOString().slice(0, 10);
  showClock();
  later(150, { fit: false });
});

// The map

const { map, shade, boundsOf, ready } = makeMap(element("map"));
map.setView([12, 20], 2);
const markers = L.layerGroup().addTo(map);
const byId = new Map();

function popup({ properties, id }) {
  const content = document.createElement("div");
  const link = document.createElement("a");
  const strong = document.createElement("strong");
  strong.textContent = properties.title;
  link.href = `incidents/${id}${asOf.value ? `?as_of=${encodeURIComponent(asOf.value)}` : ""}`;
  link.append(strong);
  const headline = properties.toll.killed;
  const moved = headline && headline.change !== "none" ? `, ${headline.change} from ${number(headline.first)}` : "";
  content.append(link, document.createElement("br"), `${properties.date_start} · `, headline ? `${number(headline.best ?? headline.high)} killed${moved}` : "no death toll reported");
  return content;
}

function showMarkers(features) {
  markers.clearLayers();
  byId.clear();
  const unplaced = new Set();
  let count = 0;
  for (const feature of features) {
    if (!feature.geometry) {
      const shape = numeric[feature.properties.country]; // former states and waters have none
      if (shape) unplaced.add(shape);
      count += 1;
      continue;
    }
    const [longitude, latitude] = feature.geometry.coordinates;
    const headline = feature.properties.toll.killed;
    const marker = L.circleMarker([latitude, longitude], {
      radius: Math.min(3.5 + 0.85 * Math.sqrt(headline?.best ?? headline?.high ?? 0), 28),
      color: colour("sheet"), weight: 0.8, fillOpacity: 0.75, fillColor: colour(headline?.change ?? "none"),
    }).bindPopup(() => popup(feature)).addTo(markers);
    byId.set(feature.id, marker);
  }
  shade(unplaced);
  return { unplaced, count };
}

function fit({ unplaced }) {
  const bounds = boundsOf(unplaced);
  for (const marker of byId.values()) bounds.extend(marker.getLatLng());
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [24, 24], maxZoom: 7, animate: false });
}

async function features(query, signal) {
  const found = [];
  let cursor = null;
  do {
    const page = await api("incidents", query, { f: "geojson", fields: ON_MAP, limit: 1000, sort: "-killed", ...(cursor && { cursor }) }, signal);
    found.push(...page.features);
    const next = page.links?.find((link) => link.rel === "next")?.href ?? page.next;
    cursor = next ? new URL(next, location.href).searchParams.get("cursor") : null;
  } while (cursor && found.length < MAX_ON_MAP);
  return { found, all: !cursor };
}

async function updateMap(query, signal, options) {
  const [{ found, all }] = await Promise.all([features(query, signal), ready]);
  const shown = showMarkers(found);
  if (options.fit) fit(shown);
  const notes = [];
  if (!all) notes.push(`only the ${number(found.length)} deadliest`);
  if (shown.count) notes.push(`${number(shown.count)} without coordinates (their countries are shaded)`);
  element("map-note").textContent = notes.length ? `· ${notes.join("; ")}` : "";
}

// Histogram and totals

const showHistogram = makeHistogram(element("histogram"), (from, to) => {
  form.elements.date_from.value = from;
  form.elements.date_to.value = to;
  later(0, { fit: false });
});

async function updateHistogram(query, signal) {
  const anyTime = without(query, "date_from", "date_to", "sort");
  let counts = await api("stats", anyTime, { group_by: "month" }, signal);
  if (counts.items.length <= FEW_MONTHS) counts = await api("stats", anyTime, { group_by: "day" }, signal);
  showHistogram(counts.items, query.get("date_from"), query.get("date_to"));
  element("histogram").setAttribute("aria-label", `Deaths by date of incident: ${counts.items.length} bars, at most ${number(Math.max(0, ...counts.items.map(killed)))}`);
}

function put(name, value, small) {
  const cell = document.querySelector(`[data-sum="${name}"]`);
  cell.textContent = value;
  if (small) {
    const more = document.createElement("small");
    more.textContent = small;
    cell.append(more);
  }
}

async function movedCount(query, movement, signal) {
  const chosen = query.getAll("change");
  if (chosen.length && !chosen.includes(movement)) return 0;
  const narrowed = without(query, "change", "sort");
  return (await api("incidents", narrowed, { change: movement, limit: 1, total: true, fields: "id" }, signal)).total;
}

async function updateSums(query, signal) {
  const [{ total }, raised, lowered] = await Promise.all([
    api("stats", without(query, "sort"), {}, signal), movedCount(query, "raised", signal), movedCount(query, "lowered", signal),
  ]);
  put("incidents", number(total.incidents));
  for (const measure of ["killed", "wounded"]) {
    const own = total[measure];
    const shared = total[`${measure}_shared`].best;
    const span = own.low !== null && own.low !== own.high ? `${number(own.low)}–${number(own.high)}` : "";
    const jointly = shared === null ? "" : `plus ${number(shared)} reported jointly for several incidents`;
    put(measure, number(own.best), [span, jointly].filter(Boolean).join(" "));
  }
  put("raised", number(raised));
  put("lowered", number(lowered));
}

// The list

async function updateList(address, signal) {
  const response = await fetch(address, { signal, headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const results = page.getElementById("results");
  if (!results) {
    const faults = page.querySelector(".faults, .summary")?.textContent.trim() ?? "The list cannot be loaded.";
    throw new Error(faults);
  }
  const focused = document.activeElement?.id;
  element("results").replaceWith(results);
  if (focused && focused !== document.activeElement?.id) element(focused)?.focus();
  document.title = page.title;
  reveal(results);
}

// Everything together

let under = null;
let timer = null;
let shown = location.search;

function begin() {
  under?.abort();
  under = new AbortController();
  return under.signal;
}

function remember(address, push) {
  history[push ? "pushState" : "replaceState"](null, "", address);
  shown = location.search;
}

async function update(options = {}) {
  const { fit: fits = true, first: isFirst = false, push = false } = options;
  const signal = begin();
  const query = currentQuery();
  const text = query.toString();
  const here = text ? `?${text}` : "./";
  if (!isFirst) remember(here, push);
  const busy = ["results", "sums", "map", "histogram"].map(element);
  for (const part of busy) part.setAttribute("aria-busy", "true");
  const work = [updateMap(query, signal, { fit: fits }), updateHistogram(query, signal), updateSums(query, signal)];
  if (!isFirst) work.push(updateList(here, signal));
  const failed = (await Promise.allSettled(work)).find((done) => done.status === "rejected" && done.reason.name !== "AbortError");
  if (signal.aborted) return;
  for (const part of [...busy, element("results")]) part.removeAttribute("aria-busy");
  const total = document.querySelector('[data-sum="incidents"]').textContent;
  element("live").textContent = failed ? failed.reason.message : `${total} ${total === "1" ? "incident" : "incidents"}${asOf.value ? `, as known on ${inWords(asOf.value)}` : ""}`;
  if (failed) element("map-note").textContent = `· ${failed.reason.message}`;
}

function later(wait, options) {
  clearTimeout(timer);
  timer = setTimeout(() => update(options), wait);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  later(0, { push: true });
});
document.addEventListener("input", (event) => {
  if (event.target.form !== form || event.target === slider) return;
  if (event.target === asOf) showClock();
  later(event.target.type === "search" || event.target.type === "text" ? 350 : 50, { fit: event.target !== asOf });
});
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("#results .paging a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const signal = begin();
  remember(link.href, true);
  element("results").setAttribute("aria-busy", "true");
  try {
    await updateList(link.href, signal);
    element("list-title").scrollIntoView();
  } catch (error) {
    if (error.name !== "AbortError") location.reload(); // which shows the error
  }
});
addEventListener("popstate", () => {
  if (location.search !== shown) location.reload();
});
for (const [kind, weight] of [["mouseover", 3], ["mouseout", 0.8]]) {
  document.addEventListener(kind, (event) => {
    const id = event.target.closest?.(".incidents li")?.dataset.id;
    byId.get(id)?.setStyle({ weight, color: colour(weight > 1 ? "ink" : "sheet") });
  });
}

showClock();
update({ first: true });
