// Asks an address, idles, and asks again: `node idle.mjs ADDRESS SECONDS`. Prints both statuses, or what went wrong.
const [address, seconds] = process.argv.slice(2);
for (const wait of [0, Number(seconds)]) {
  await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  try {
    const answer = await fetch(address);
    await answer.arrayBuffer();
    console.log(answer.status);
  } catch (error) {
    console.log(String(error.cause ?? error));
  }
}
