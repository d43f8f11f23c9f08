// Reads and records over HTTP with the types that openapi-typescript makes of the OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Incident = components["schemas"]["Incident"];

const [base = "", key = "", country = ""] = process.argv.slice(2);
const client = createClient<paths, "application/json" | "application/problem+json">({
  baseUrl: base,
  headers: { Authorization: `Bearer ${key}` },
});

// Every incident of a country, page by page.
const pageAt = (cursor: string | null) =>
  client.GET("/v1/incidents", { params: { query: { country: [country], limit: 25, ...(cursor && { cursor }) } } });
const killed: Record<string, number | null> = {};
let cursor: string | null = null;
do {
  const page = await pageAt(cursor);
  if (!page.data) throw new Error(page.error?.detail);
  for (const item of page.data.items as Incident[]) killed[item.id] = item.toll.killed?.best ?? null;
  cursor = page.data.next_cursor;
} while (cursor);

// What is wrong is told in a typed problem document. A parameter that does not exist does not compile.
const refused = await client.GET("/v1/incidents", { params: { query: { limit: 0 } } });
// @ts-expect-error
await client.GET("/v1/incidents", { params: { query: { regoin: ["ML-9"] } } });

// A record with a figure, sent and read again.
const recorded = await client.POST("/v1/incidents", {
  body: {
    title: "Attack on a convoy",
    date_start: "2020-02-03",
    date_end: "2020-02-03",
    date_precision: "day",
    country: "TD",
    toll_reports: [
      {
        measure: "killed",
        victims: "all",
        bound: "exact",
        best: 7,
        reported_on: "2020-02-04",
        reported_by: { id: "gov-td", name: "Government of Chad", kind: "government" },
        source: { id: "wire", title: "A wire service" },
      },
    ],
  },
});
if (!recorded.data) throw new Error(recorded.error?.detail);
const history = await client.GET("/v1/incidents/{incident_id}/toll-history", {
  params: { path: { incident_id: recorded.data.id } },
});
// @ts-expect-error
await client.POST("/v1/incidents", { body: { title: "No country" } });

console.log(
  JSON.stringify({
    killed,
    refused: [refused.response.status, refused.error?.status, refused.error?.errors?.map((fault) => fault.name)],
    recorded: recorded.data.toll.killed?.best,
    reports: history.data?.reports.map((report) => [report.measure, report.best, report.status]),
  }),
);
