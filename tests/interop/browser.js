// A page in Chromium, driven by lines of JSON: each asks for one thing and gets one line back.
//
// node browser.js CHROMIUM ORIGIN
//
// {"do": "open", "at": path}            opens a page; all others are about it
// {"do": "press", "key": name}          {"do": "type", "text": text}
// {"do": "click", "of": selector}       {"do": "hover", "of": selector}, both with "at": [x, y], parts
//                                       of its width and height, for a place within it
// {"do": "wait", "until": expression}   waits until a JavaScript expression is true
// {"do": "say", "what": expression}     gives its value
// {"do": "offline", "is": true}         takes the network away, or gives it back
// Each answer is {"value": ...} or {"error": text}; "where" has the address without its origin.
"use strict";

const readline = require("readline");
const { chromium } = require("playwright-core");

// Milliseconds in which a machine that has much else to do has done anything.
const PATIENCE = 300_000;

async function main() {
  const [executablePath, origin] = process.argv.slice(2);
  const browser = await chromium.launch({
    executablePath,
    timeout: PATIENCE,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const errors = [];
  page.on("console", (line) => {
    if (line.type() === "error") errors.push(line.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => {
    errors.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });

  async function place(asked) {
    const element = page.locator(asked.of).first();
    await element.scrollIntoViewIfNeeded();
    const box = await element.boundingBox();
    const [x, y] = asked.at || [0.5, 0.5];
    return [box.x + x * box.width, box.y + y * box.height];
  }

  const acts = {
    open: (asked) => page.goto(origin + asked.at, { waitUntil: "load" }).then(() => null),
    press: (asked) => page.keyboard.press(asked.key),
    type: (asked) => page.keyboard.type(asked.text),
    click: async (asked) => page.mouse.click(...(await place(asked))),
    hover: async (asked) => page.mouse.move(...(await place(asked))),
    wait: async (asked) => {
      const ends = Date.now() + PATIENCE;
      // A page takes keys once it is whole, as behind `open`.
      const whole = `document.readyState === "complete" && (${asked.until})`;
      // The page's policy has no room for a function that waits within it.
      while (!(await page.evaluate(whole).catch(() => false))) {
        if (Date.now() > ends) throw new Error(`it has not become true: ${asked.until}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    say: (asked) => page.evaluate(asked.what),
    offline: (asked) => context.setOffline(asked.is),
    errors: () => errors.splice(0),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let answer;
    try {
      const value = await acts[asked.do](asked);
      answer = { value: value === undefined ? null : value };
    } catch (error) {
      answer = { error: String(error) };
    }
    console.log(JSON.stringify({ ...answer, where: page.url().slice(origin.length) }));
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
