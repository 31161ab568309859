// Decodes HEP3 packets with npm's hep-js: each line of stdin is one in hex, each line of stdout its JSON.
const hep = require("hep-js");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) console.log(JSON.stringify(hep.decapsulate(Buffer.from(line, "hex"))));
