// Tries two requests in the page of the API's documentation, as a person would.
// node try_it.js URL KEY CHROMIUM SCREENSHOT: prints what the page showed and complained of, as JSON.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, key, executablePath, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "offhook-chromium-"));
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const browser = await chromium.launchPersistentContext(profile, { executablePath, args: flags });
const page = await browser.newPage();
page.setDefaultTimeout(60_000);
const complaints = [];
const elsewhere = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("request", (request) => {
  const asked = request.url();
  if (!asked.startsWith(url) && !asked.startsWith("data:")) elsewhere.push(asked);
});

async function answer(operation, fill) {
  await operation.locator(".opblock-summary-control").click();
  await fill(operation);
  await operation.getByRole("button", { name: "Execute" }).click();
  const row = operation.locator(".live-responses-table .response");
  const status = await row.locator(".response-col_status").innerText();
  const body = await row.locator(".highlight-code code").first().innerText();
  return { status: status.trim().split(/\s/)[0], body };
}

await page.goto(`${url}/docs`);
await page.getByRole("button", { name: "Authorize" }).first().click();
await page.locator(".auth-container input").fill(key);
await page.getByRole("button", { name: "Apply credentials" }).click();
await page.getByRole("button", { name: "Close", exact: true }).click();

const subAccount = (operation) => operation.getByPlaceholder("subAccountId").fill("acme_corp");
const listed = await answer(
  page.locator('.opblock-get:has([data-path$="/{subAccountId}/webhooks"])').first(),
  subAccount,
);
const judged = await answer(
  page.locator('.opblock-post:has([data-path$="/callflows/validate"])').first(),
  async (operation) => {
    await subAccount(operation);
    await operation.locator("textarea").fill('{"callflow": []}');
  },
);
await page.screenshot({ path: screenshot });
await browser.close();
console.log(JSON.stringify({ listed, judged, complaints, elsewhere }));
