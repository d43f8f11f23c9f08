// The countries under every map: shapes of Natural Earth, coarse at first, finer after zooming in.

/* global L, topojson */
const VENDOR = new URL("vendor/world-atlas/", import.meta.url);
const CLOSE = 5;
const EDGE = -85;

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// The shapes are those of a globe. On a flat map a ring that crosses 180° continues beyond it, with a copy on the other
// side, and a ring around the pole follows the lower edge.
function flatRing(ring) {
  let shift = 0;
  const flat = ring.map(([longitude, latitude], at) => {
    const step = at ? longitude - ring[at - 1][0] : 0;
    if (Math.abs(step) > 180) shift -= Math.sign(step) * 360;
    return [longitude + shift, latitude];
  });
  return shift ? [...flat, [flat.at(-1)[0], EDGE], [flat[0][0], EDGE]] : flat;
}

function flatPolygons(polygon) {
  const flat = polygon.map(flatRing);
  const longitudes = flat[0].map(([longitude]) => longitude);
  const beyond = [...(Math.max(...longitudes) > 180 ? [-360] : []), ...(Math.min(...longitudes) < -180 ? [360] : [])];
  return [flat, ...beyond.map((by) => flat.map((ring) => ring.map(([longitude, latitude]) => [longitude + by, latitude])))];
}

function flatFeature(feature) {
  const { type, coordinates } = feature.geometry;
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  return { ...feature, geometry: { type: "MultiPolygon", coordinates: polygons.flatMap(flatPolygons) } };
}

async function shapes(detail) {
  const response = await fetch(new URL(`countries-${detail}.json?v=2.0.2`, VENDOR));
  const world = await response.json();
  const { features } = topojson.feature(world, world.objects.countries);
  return features.map((feature) => flatFeature({ ...feature, id: feature.id ?? feature.properties.name }));
}

const style = (shaded) => (feature) => ({
  fillColor: colour(shaded.has(feature.id) ? "shade" : "land"), fillOpacity: 1, color: colour("border"), weight: 0.8,
});

export function makeMap(element) {
  const map = L.map(element, { preferCanvas: true, worldCopyJump: true, minZoom: 1, maxZoom: 12, zoomSnap: 0.5 });
  map.attributionControl.setPrefix(false).addAttribution("Natural Earth");
  map.createPane("land").style.zIndex = 200;
  let shaded = new Set();
  let land = null;
  let detail = null;

  async function draw(wanted) {
    if (detail === wanted) return;
    detail = wanted;
    const drawn = L.geoJSON(await shapes(wanted), {
      pane: "land", interactive: false, renderer: L.canvas({ pane: "land", padding: 0.3 }), style: style(shaded),
    });
    if (land) map.removeLayer(land);
    land = drawn.addTo(map);
  }

  map.on("zoomend", () => { if (map.getZoom() >= CLOSE) draw("50m"); });
  const shade = (countries) => {
    shaded = countries;
    land?.setStyle(style(shaded));
  };
  const boundsOf = (countries) => {
    const bounds = L.latLngBounds([]);
    land?.eachLayer((layer) => { if (countries.has(layer.feature.id)) bounds.extend(layer.getBounds()); });
    return bounds;
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shade(shaded));
  return { map, shade, boundsOf, ready: draw("110m") };
}
