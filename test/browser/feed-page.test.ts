/**
 * The page of examples/browser-feed, built by its own command with a small world: it ranks anew as one opens
 * cards, learns what helps on choices it has not seen, keeps it, forgets it, asks nobody for anything, and can be
 * used by keyboard and screen reader at both widths.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { execute, repository } from "../packaging/packed.ts";
import { accessibilityProblems } from "./accessibility.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { LocalServer } from "./local-server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-feed-page-"));
let browser: Browser | undefined;
let server: LocalServer;

beforeAll(async () => {
  server = await LocalServer.start();
  if (noChromium !== undefined) return;
  const { code, stderr } = await execute(
    "node",
    ["--import", "tsx", "examples/browser-feed/build.ts", "--quick", "--out", folder],
    repository,
  );
  expect({ code, stderr }).toMatchObject({ code: 0 });
  for (const name of readdirSync(folder)) {
    server.add(name === "index.html" ? "/feed/" : `/feed/${name}`, readFileSync(join(folder, name)));
  }
  browser = await launchChromium();
}, 300_000);
afterAll(async () => {
  await browser?.close();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

interface Opened {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Addresses asked for. */
  readonly asked: string[];
  /** Errors that the page threw or printed. */
  readonly errors: string[];
}

async function open(width: number, scheme: "light" | "dark" = "light"): Promise<Opened> {
  const context = await (browser as Browser).newContext({
    viewport: { width, height: 860 },
    colorScheme: scheme,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const asked: string[] = [];
  const errors: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await load(page);
  return { context, page, asked, errors };
}

async function load(page: Page): Promise<void> {
  await page.goto(`${server.address}/feed/`);
  await page.waitForSelector("body[data-ready], body[data-failed]");
}

const titles = (page: Page): Promise<string[]> => page.locator("#cards .open").allTextContents();
const clicksShown = (page: Page): Promise<string | null> => page.textContent("#clicks");

/** Opens one card after the other, each of the liked categories where one is shown. */
async function openLiked(page: Page, times: number): Promise<void> {
  for (let k = 0; k < times; k++) {
    const before = Number(await clicksShown(page));
    const liked = await page.$$eval(".card", (cards) =>
      cards.findIndex((card) => Number((card as HTMLElement).dataset.category) % 5 === 2),
    );
    await page.locator("#cards .open").nth(Math.max(0, liked)).click();
    await page.waitForFunction(
      (clicks) => document.getElementById("clicks")?.textContent === String(clicks),
      before + 1,
    );
  }
}

/** Log losses of the choices so far, each measured before it was learnt from. */
async function measured(page: Page): Promise<{ shipped: number; tuned: number }> {
  const words = (await page.textContent("#trials-words")) ?? "";
  const [shipped, tuned] = (words.match(/\d+\.\d+/g) ?? []).map(Number);
  return { shipped, tuned };
}

describe("the feed", () => {
  test("ranks anew with every card opened, learns, keeps it over a reload, and forgets it", async () => {
    const { context, page, asked, errors } = await open(1280);
    const shipped = await titles(page);
    expect(shipped).toHaveLength(12);
    const loaded = asked.length;
    await openLiked(page, 8);
    const learnt = await titles(page);
    expect(learnt).not.toEqual(shipped);
    const { shipped: before, tuned: after } = await measured(page);
    expect(after).toBeLessThan(before);
    // Nothing is asked for when one clicks, and nothing from anywhere else before.
    expect(asked).toHaveLength(loaded);
    expect(asked.filter((url) => !url.startsWith(server.address) && !url.startsWith("data:"))).toEqual([]);

    await load(page);
    expect(await titles(page)).toEqual(learnt);
    expect(await clicksShown(page)).toBe("8");
    expect(await measured(page)).toEqual({ shipped: before, tuned: after });
    expect(await page.textContent("#spoken")).toContain("Welcome back");

    await page.click("#forget");
    await page.click("#forget-dialog button[value=forget]");
    await page.waitForFunction(() => document.getElementById("clicks")?.textContent === "0");
    expect(await titles(page)).toEqual(shipped);
    await load(page);
    expect(await titles(page)).toEqual(shipped);
    expect(errors).toEqual([]);
    await context.close();
  });

  test("two tabs do not overwrite each other: the second is told and goes on after a reload", async () => {
    const { context, page, errors } = await open(1280);
    const other = await context.newPage();
    await load(other);
    await openLiked(page, 2);
    await other.locator("#cards .open").first().click();
    await other.waitForFunction(() =>
      document.getElementById("spoken")?.textContent?.includes("another tab"),
    );
    expect(await other.textContent("#spoken")).toContain("Reload this page to go on from there.");
    expect(await clicksShown(other)).toBe("0");
    await load(other);
    expect(await clicksShown(other)).toBe("2");
    await openLiked(other, 1);
    expect(await clicksShown(other)).toBe("3");
    expect(errors).toEqual([]);
    await context.close();
  });

  test("is used by keyboard alone", async () => {
    const { context, page, errors } = await open(1280);
    const shipped = await titles(page);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // skip to the feed
    await page.keyboard.press("Tab");
    const focused = (): Promise<string | undefined> =>
      page.evaluate(() => document.activeElement?.textContent ?? undefined);
    expect(await focused()).toBe(shipped[0]);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.getElementById("clicks")?.textContent === "1");
    // It goes on where it was: the first place, another card.
    await page.waitForFunction(() => document.activeElement?.classList.contains("open"));
    const [first] = await titles(page);
    expect(await focused()).toBe(first);
    expect(first).not.toBe(shipped[0]);
    expect(await page.textContent("#spoken")).toBe(`Opened “${shipped[0]}”. First is now “${first}”.`);
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Hide");
    await page.keyboard.press("Enter");
    await page.waitForFunction((gone) => {
      return [...document.querySelectorAll("#cards .open")].every((card) => card.textContent !== gone);
    }, first);
    await page.focus("#forget");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    expect(await clicksShown(page)).toBe("1");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Forget");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.getElementById("clicks")?.textContent === "0");
    expect(errors).toEqual([]);
    await context.close();
  });

  test.each([
    [1280, "light"],
    [390, "light"],
    [390, "dark"],
    [1280, "dark"],
  ] as const)("has no accessibility problem and fits at %i pixels, %s", async (width, scheme) => {
    const { context, page } = await open(width, scheme);
    const fits = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await fits()).toBeLessThanOrEqual(0);
    await openLiked(page, 3);
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await fits()).toBeLessThanOrEqual(0);
    await page.click("#forget");
    expect(await accessibilityProblems(page)).toEqual([]);
    await context.close();
  });

  test("a browser that keeps nothing more: the feed goes on and says so", async () => {
    const { context, page, errors } = await open(1280);
    await openLiked(page, 1);
    await page.evaluate(() => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("the disk is full", "QuotaExceededError");
      };
    });
    await openLiked(page, 2);
    expect(await clicksShown(page)).toBe("3");
    expect(await page.textContent("#kept")).toContain("This browser does not keep what you do");
    await load(page);
    expect(await clicksShown(page)).toBe("1");
    expect(await page.textContent("#kept")).toContain("are kept in this browser");
    expect(errors).toEqual([]);
    await context.close();
  });

  test("site data that are cleared while the page is open: what is done then is kept again", async () => {
    const { context, page, errors } = await open(1280);
    await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const request = indexedDB.deleteDatabase("millrace-feed");
          request.onsuccess = resolve;
          request.onerror = reject;
        }),
    );
    await openLiked(page, 1);
    await load(page);
    expect(await clicksShown(page)).toBe("1");
    expect(errors).toEqual([]);
    await context.close();
  });

  test("a new model: what the old one learnt is left, clicks are kept and can be forgotten", async () => {
    const { context, page } = await open(1280);
    await openLiked(page, 1);
    await page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const request = indexedDB.open("millrace-feed");
          request.onsuccess = () => {
            const transaction = request.result.transaction("values", "readwrite");
            const values = transaction.objectStore("values");
            const kept = values.get("tuned/feed");
            kept.onsuccess = () => values.put({ ...kept.result, bundle: "another" }, "tuned/feed");
            transaction.oncomplete = () => {
              request.result.close();
              resolve();
            };
          };
        }),
    );
    await load(page);
    expect(await page.textContent("#spoken")).toContain("There is a new model.");
    expect(await page.textContent("#status")).toBe(
      "Nothing learnt yet by this model; 1 click kept from before.",
    );
    await page.click("#forget");
    await page.click("#forget-dialog button[value=forget]");
    await page.waitForFunction(() => document.getElementById("clicks")?.textContent === "0");
    await context.close();
  });

  test("says what is wrong when a file is missing", async () => {
    const page = await (browser as Browser).newPage();
    await page.route("**/feed.millrace", (route) => route.fulfill({ status: 404, body: "" }));
    await load(page);
    expect(await page.textContent("#status")).toMatch(/The feed could not start: .*feed\.millrace.* 404/);
    await page.close();
  });
});
