// Deaths by date of incident. Dragging over a period sets From and To.

/* global uPlot */
import { colour } from "./land.js";

const SECONDS = 86400;
const HEIGHT = 116;
const isoDay = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
const start = (item) => Date.parse(item.day ?? `${item.month}-01`) / 1000;

function days(self, ticks, _, __, step) {
  const shown = step >= 300 * SECONDS ? { year: "numeric" } : step >= 28 * SECONDS ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" };
  return ticks.map((at) => new Date(at * 1000).toLocaleDateString("en-GB", { ...shown, timeZone: "UTC" }));
}

function end(item) {
  if (item.day) return start(item) + SECONDS;
  const [year, month] = item.month.split("-").map(Number);
  return Date.UTC(year, month, 1) / 1000;
}

export const killed = (item) => (item.killed.best ?? 0) + (item.killed_shared.best ?? 0);

export function makeHistogram(element, chosen) {
  let plot = null;
  let items = [];
  let span = [null, null];

  function highlight(self) {
    if (!span[0] && !span[1]) {
      self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      return;
    }
    const from = span[0] ? Date.parse(span[0]) / 1000 : self.scales.x.min;
    const to = span[1] ? Date.parse(span[1]) / 1000 + SECONDS : self.scales.x.max;
    const left = Math.max(self.valToPos(from, "x"), 0);
    const right = Math.min(self.valToPos(to, "x"), self.over.clientWidth);
    self.setSelect({ left, width: Math.max(right - left, 2), top: 0, height: self.over.clientHeight }, false);
  }

  function selected(self) {
    const { left, width } = self.select;
    if (width < 3) return;
    const inside = items.filter((item) => {
      const middle = self.valToPos((start(item) + end(item)) / 2, "x");
      return middle >= left && middle <= left + width;
    });
    if (inside.length) chosen(isoDay(start(inside[0])), isoDay(end(inside.at(-1)) - SECONDS));
    else highlight(self);
  }

  function draw() {
    plot?.destroy();
    plot = null;
    if (!items.length) return;
    const first = start(items[0]);
    const last = end(items.at(-1));
    const room = Math.max((last - first) * 0.02, SECONDS / 2);
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const bars = (self, series, from, to) => {
      const path = new Path2D();
      for (let index = from; index <= to; index += 1) {
        const figure = self.data[series][index];
        if (!figure) continue;
        const left = self.valToPos(start(items[index]), "x", true);
        const right = self.valToPos(end(items[index]), "x", true);
        const top = self.valToPos(figure, "y", true);
        path.rect(left, top, Math.max(right - left - 1, 1.5), self.valToPos(0, "y", true) - top);
      }
      return { fill: path, stroke: null };
    };
    plot = new uPlot({
      width: element.clientWidth, height: HEIGHT, legend: { show: false }, padding: [8, 18, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: true, range: () => [first - room, last + room] }, y: { range: (_, __, highest) => [0, Math.max(highest, 1) * 1.08] } },
      axes: [{ ...axis, grid: { show: false }, size: 28, space: 84, values: days }, { ...axis, size: 52, space: 30, values: (_, ticks) => ticks.map((n) => (Number.isInteger(n) ? n.toLocaleString("en") : "")) }],
      series: [{}, { fill: colour("accent"), paths: bars, points: { show: false } }],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      hooks: { setSelect: [selected], draw: [highlight] },
    }, [items.map(start), items.map(killed)], element);
  }

  new ResizeObserver(() => {
    if (plot && Math.abs(plot.width - element.clientWidth) > 1) draw();
  }).observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  return (counts, from, to) => {
    items = counts;
    span = [from, to];
    draw();
  };
}
