// The page of one incident: the tooltips of the chart, and the map.

/* global L */
import "./copy.js";

for (const chart of document.querySelectorAll(".chart")) {
  const tip = chart.querySelector(".tip");
  const hide = () => { tip.hidden = true; };
  for (const mark of chart.querySelectorAll("a.mark")) {
    mark.querySelector("title").remove(); // it would cover ours
    const show = () => {
      const frame = chart.getBoundingClientRect();
      const at = mark.querySelector(".dot").getBoundingClientRect();
      tip.textContent = mark.getAttribute("aria-label");
      tip.hidden = false;
      const left = at.left - frame.left + at.width / 2 - tip.offsetWidth / 2;
      tip.style.left = `${Math.max(0, Math.min(left, frame.width - tip.offsetWidth))}px`;
      tip.style.top = `${at.top - frame.top - tip.offsetHeight - 10}px`;
    };
    mark.addEventListener("mouseenter", show);
    mark.addEventListener("focus", show);
    mark.addEventListener("mouseleave", hide);
    mark.addEventListener("blur", hide);
  }
  chart.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

const place = document.getElementById("map");
if (place) {
  const { makeMap, colour } = await import("./land.js");
  const { map } = makeMap(place);
  const at = [Number(place.dataset.lat), Number(place.dataset.lon)];
  map.setView(at, 5);
  L.circleMarker(at, { radius: 8, color: colour("paper"), weight: 2, fillColor: colour("accent"), fillOpacity: 1 }).addTo(map);
}
