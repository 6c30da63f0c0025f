// Opens pages in Chromium, in each of several forms, and says what is wrong with them.
//
// node console.js CHROMIUM < {"pages": [[name, address]], "forms": [{"name", "width",
// "height", "dark", "script", "media", "forced"}], "pictures": folder or ""}
//
// A line of JSON for each page and form:
// {page, form, bytes, axe, policy, errors, shift, wide, cut, lost, parts, dead, controls, faint}.
// axe are its findings, policy what its content security policy stopped, errors what the browser
// reports, shift how far things moved while it was loaded, wide by how many pixels it is wider than
// the window, cut the parts that must be scrolled sideways, and lost where the entry of the page is in
// the list of views if that cannot be seen.  parts are the numbers of links, rows, fields and drawn
// paths, and dead the buttons that are shown and belong to no form: they need a script.  controls are what can be used and is shown, faint the
// texts that can hardly be read on a white sheet, both where it is printed.
"use strict";

const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");

// A page that moves less than this is taken for still.
const STILL = 0.005;
// Milliseconds in which a machine that has much else to do has done anything.
const PATIENCE = 300_000;

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// Runs in the page before all else.
const watch = () => {
  window.found = { policy: [], shift: 0 };
  document.addEventListener("securitypolicyviolation", (event) =>
    window.found.policy.push(`${event.violatedDirective} ${event.blockedURI}`)
  );
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.found.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
};

// Runs in the page: what paper has no use for.
const paper = () => {
  const shown = (one) => one.checkVisibility() && one.getClientRects().length;
  const controls = [...document.querySelectorAll("button, input, select, nav, summary")]
    .filter((one) => shown(one) && one.type !== "hidden")
    .map((one) => one.outerHTML.slice(0, 80));
  const light = (color) => color.match(/[\d.]+/g).slice(0, 3).every((part) => part > 150);
  const faint = [...document.querySelectorAll("main *")]
    .filter((one) => shown(one) && one.children.length === 0 && one.textContent.trim())
    .filter((one) => !one.closest("svg") && light(getComputedStyle(one).color))
    .map((one) => one.outerHTML.slice(0, 80));
  return { controls, faint };
};

async function look(context, form, name, address, pictures) {
  const page = await context.newPage();
  const errors = [];
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") errors.push(line.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => {
    errors.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("response", (answer) => {
    if (answer.status() >= 400) errors.push(`${answer.status()} ${new URL(answer.url()).pathname}`);
  });
  await page.addInitScript(watch);
  const media = { media: form.media || "screen", forcedColors: form.forced ? "active" : "none" };
  await page.emulateMedia(media);
  const answer = await page.goto(address, { waitUntil: "load" });
  const bytes = (await answer.body()).length;
  const found = form.script
    ? await page.evaluate(() => window.found)
    : { policy: [], shift: 0 };
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth
  );
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll(".scroll")]
      .filter((one) => !one.closest("details") && one.scrollWidth > one.clientWidth)
      .map((one) => one.getAttribute("aria-label"))
      .concat(
        [...document.querySelectorAll(".kpi .d")]
          .filter((one) => one.scrollHeight > one.clientHeight || one.scrollWidth > one.clientWidth)
          .map((one) => `a figure: ${one.textContent}`)
      )
  );
  const lost = await page.evaluate(() => {
    const entry = document.querySelector(".rail nav [aria-current]");
    if (!entry) return "";
    const box = entry.getBoundingClientRect();
    const ends = document.documentElement.clientWidth;
    return box.left >= 0 && box.right <= ends ? "" : `${box.left} to ${box.right}`;
  });
  const [parts, dead] = await page.evaluate(() => [
    Object.fromEntries(
      ["a[href]", "tr", "input, select", "svg path"].map((one) => [
        one,
        document.querySelectorAll(one).length,
      ])
    ),
    [...document.querySelectorAll("button")]
      .filter((one) => !one.form && one.checkVisibility({ visibilityProperty: true }))
      .map((one) => one.outerHTML.slice(0, 80)),
  ]);
  if (pictures) {
    const browser = await context.newCDPSession(page);
    const picture = await browser.send("Page.captureScreenshot", { format: "webp", quality: 72 });
    const file = path.join(pictures, `${name}-${form.name}.webp`);
    fs.writeFileSync(file, Buffer.from(picture.data, "base64"));
  }
  let findings = [];
  if (form.script) {
    await page.evaluate(axe);
    const result = await page.evaluate(() => window.axe.run(document));
    findings = result.violations.map((one) => ({
      rule: one.id,
      help: one.help,
      nodes: one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
    }));
  }
  const printed = form.media === "print" ? await page.evaluate(paper) : {};
  const seen = { page: name, form: form.name, bytes, axe: findings, errors, wide, cut, lost, parts, dead };
  Object.assign(seen, printed);
  // A browser that has to wait amid a page draws it in more steps: what jumps does so each time.
  let shift = found.shift;
  for (let again = 0; shift > STILL && again < 5; again++) {
    await page.reload({ waitUntil: "load" });
    shift = Math.min(shift, await page.evaluate(() => window.found.shift));
  }
  console.log(JSON.stringify({ ...seen, policy: found.policy, shift }));
  await page.close();
}

async function main() {
  const asked = JSON.parse(fs.readFileSync(0, "utf8"));
  const browser = await chromium.launch({
    executablePath: process.argv[2],
    timeout: PATIENCE,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  try {
    for (const form of asked.forms) {
      const context = await browser.newContext({
        viewport: { width: form.width, height: form.height },
        colorScheme: form.dark ? "dark" : "light",
        javaScriptEnabled: form.script,
        reducedMotion: "reduce",
      });
      context.setDefaultTimeout(PATIENCE);
      for (const [name, at] of asked.pages) {
        await look(context, form, name, at, asked.pictures);
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
