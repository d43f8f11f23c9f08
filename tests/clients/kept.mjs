// Asks twice on one connection, with so many seconds between: `node kept.mjs PORT SECONDS`.
import { Agent, get } from "node:http";

const [port, seconds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ports = [];
const ask = () =>
  new Promise((resolve, reject) => {
    const request = get({ port, path: "/v1/incidents?limit=1", agent }, (answer) => {
      ports.push(request.socket.localPort);
      console.log(answer.statusCode);
      answer.resume().on("end", resolve);
    }).on("error", reject);
  });
await ask();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
await ask();
console.log(ports[0] === ports[1] ? "same connection" : "another connection");
agent.destroy();
