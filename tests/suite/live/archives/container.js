// Makes a container in an account of Azure's storage: `node container.js http://host:port/account KEY NAME`.

const { createHmac } = require("crypto");

const [endpoint, key, name] = process.argv.slice(2);
const account = new URL(endpoint).pathname.slice(1);
const sent = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-12-02" };
const headers = Object.entries(sent).map(([header, value]) => `${header}:${value}`);
const lines = ["PUT", ...Array(11).fill(""), ...headers, `/${account}/${account}/${name}`, "restype:container"];
const signature = createHmac("sha256", Buffer.from(key, "base64")).update(lines.join("\n")).digest("base64");

fetch(`${endpoint}/${name}?restype=container`, {
  method: "PUT",
  headers: { ...sent, Authorization: `SharedKey ${account}:${signature}` },
}).then(async (answer) => {
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
});
