/** The report in a real browser: nothing loaded, nothing complained about, nothing wider than the page. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { renderReport } from "../../src/report/index.ts";
import { accessibilityProblems } from "../browser/accessibility.ts";
import { launchChromium, noChromium } from "../browser/chromium.ts";
import { exampleReportInput } from "./example-input.ts";

describe("report in Chromium", () => {
  let browser: Browser | undefined;
  let directory: string;
  let address: string;
  const requests: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "millrace-report-"));
    const path = join(directory, "report.html");
    writeFileSync(path, renderReport(exampleReportInput()));
    address = pathToFileURL(path).href;
    if (noChromium === undefined) browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true });
  });

  beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

  async function open(width: number, colorScheme: "light" | "dark"): Promise<Page> {
    if (browser === undefined) throw new Error("the browser did not start");
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(address);
    return page;
  }

  test.each([
    [1280, "light"],
    [390, "dark"],
  ] as const)("at %i px, %s", async (width, scheme) => {
    const page = await open(width, scheme);
    expect(await page.title()).toBe("Click prediction on the generated world");
    expect(await page.locator("h2").allTextContents()).toEqual([
      "Read this first",
      "Summary",
      "Metrics",
      "Training",
      "Calibration and scores",
      "Features",
      "Embedding spectra",
      "The run",
      "Reproduce",
    ]);
    expect(await page.locator("table").count()).toBeGreaterThanOrEqual(6);
    expect(await page.locator("svg[role=img]").count()).toBe(6);
    const widths = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]");
    expect(widths).toEqual([width, width]);
    await page.close();
  });

  test("every picture has a text and a table, every wide table can be reached by keyboard", async () => {
    const page = await open(1280, "light");
    for (const figure of await page.locator("figure").all()) {
      expect((await figure.locator("svg[role=img]").getAttribute("aria-label"))?.length).toBeGreaterThan(40);
      await figure.locator("summary").click();
      expect(await figure.locator("td").first().isVisible()).toBe(true);
    }
    expect(await page.locator(".scroll:not([tabindex='0'])").count()).toBe(0);
    await page.close();
  });

  test("text stands out from its background by at least 4.5 to 1, light and dark", async () => {
    for (const scheme of ["light", "dark"] as const) {
      const page = await open(1280, scheme);
      const lowest = await page.evaluate(contrastScript);
      expect(lowest).toBeGreaterThanOrEqual(4.5);
      await page.close();
    }
  });

  test("axe finds nothing, wide and narrow, light and dark", async () => {
    for (const [width, scheme] of [
      [1280, "light"],
      [390, "dark"],
    ] as const) {
      const page = await open(width, scheme);
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.close();
    }
  });

  test("names of any length leave the page as narrow as the screen, and figures beside them in sight", async () => {
    const input = exampleReportInput();
    const long = (name: string): string => `${name}_${"x".repeat(180)}`;
    const path = join(directory, "long.html");
    const renamed = {
      ...input,
      title: long(input.title),
      warnings: [long("warning")],
      shownModel: long("model"),
      features: input.features.map((feature) => ({ ...feature, name: long(feature.name) })),
      spectra: input.spectra.map((spectrum) => ({ ...spectrum, table: long(spectrum.table) })),
      domains: input.domains.map((one) => ({
        ...one,
        domains: one.domains.map((domain) => ({ ...domain, name: long(domain.name) })),
      })),
      curves: input.curves.map((curve) => ({ ...curve, model: long(curve.model) })),
      evaluations: input.evaluations.map((one) => ({ ...one, label: long(one.label) })),
      facts: input.facts.map((group) => ({
        ...group,
        facts: group.facts.map(({ name, value }) => ({ name: long(name), value })),
      })),
    };
    writeFileSync(path, renderReport(renamed));
    for (const width of [1280, 390]) {
      if (browser === undefined) throw new Error("the browser did not start");
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      await page.goto(pathToFileURL(path).href);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const first = page.locator("#features tbody th").first();
      expect((await first.boundingBox())?.width).toBeLessThan(440);
      await page.close();
    }
  });

  test("nothing stands in anything's way: axis labels beside ticks, tables within a sheet of paper", async () => {
    const page = await open(390, "light");
    const overlaps = await page.evaluate(`[...document.querySelectorAll("figure > svg")].filter((svg) => {
      const label = svg.querySelector(".axis-label[transform]").getBoundingClientRect();
      return [...svg.querySelectorAll(".ticks text[text-anchor=end]")].some((tick) => {
        const { left, top, bottom } = tick.getBoundingClientRect();
        return left < label.right - 1 && top < label.bottom && bottom > label.top;
      });
    }).map((svg) => svg.getAttribute("aria-label"))`);
    expect(overlaps).toEqual([]);
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 718, height: 1000 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(718);
    await page.close();
  });

  test("links lead to sections", async () => {
    const page = await open(1280, "light");
    for (const link of await page.locator("nav a").all()) {
      expect(await page.locator((await link.getAttribute("href")) ?? "").count()).toBe(1);
    }
    await page.close();
  });

  test("asked for nothing but itself and complained about nothing", () => {
    expect(new Set(requests)).toEqual(new Set([address]));
    expect(complaints).toEqual([]);
  });
});

/** The lowest contrast ratio (WCAG 2) of any visible text with the nearest background behind it. */
const contrastScript = `(() => {
  const channels = (color) => color.match(/[0-9.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let lowest = Infinity;
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!own || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(element.closest("svg") ? style.fill : style.color), luminance(backgroundOf(element))];
    lowest = Math.min(lowest, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return lowest;
})()`;
