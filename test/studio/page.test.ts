/**
 * The studio in a real browser: every view wide and narrow, in light and dark; nothing loaded from elsewhere,
 * nothing complained about, nothing wider than the page; by keyboard alone; and what axe finds.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseCascade, Server } from "../../src/serving/index.ts";
import { accessibilityProblems } from "../browser/accessibility.ts";
import { launchChromium, noChromium } from "../browser/chromium.ts";
import { type Asked, openStudio } from "./asking.ts";
import { buildPage } from "./built-page.ts";
import { appendPoints, makeRuns, manyRuns, type RunsFolder } from "./runs.ts";

let runs: RunsFolder;
let asked: Asked;
let server: Server;
let browser: Browser;
let page: { readonly path: string; remove(): void } | undefined;
const requests: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  if (noChromium !== undefined) return;
  page = buildPage();
  runs = await makeRuns();
  appendPoints(runs.at("live"), 13, 300);
  const config = parseCascade({
    models: [
      { name: "early", run: "shop/early" },
      { name: "final", run: "shop/final" },
    ],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file: "items.jsonl", key: "item_id" },
    candidates: { source: "all" },
    stages: [
      { name: "early", model: "early", keep: 20 },
      { name: "final", model: "final" },
    ],
  });
  server = await Server.create([() => ({ name: "feed", folder: runs.path, config })], {
    port: 0,
    pool: { workers: 1 },
  });
  asked = await openStudio({
    folder: runs.path,
    page: page.path,
    results: [runs.at("results")],
    serving: { url: await server.listen() },
  });
  browser = await launchChromium();
});
afterAll(async () => {
  if (noChromium !== undefined) return;
  await browser.close();
  await asked.studio.close();
  await server.stop();
  runs.remove();
  page?.remove();
});
beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

async function open(
  view: string,
  { width = 1280, scheme = "light" }: { readonly width?: number; readonly scheme?: "light" | "dark" } = {},
): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
  opened.on("request", (request) => requests.push(request.url()));
  opened.on("console", (message) => complaints.push(message.text()));
  opened.on("pageerror", (error) => complaints.push(error.message));
  await opened.goto(`${asked.address}#/${view}`);
  await opened.locator("h1").waitFor();
  return opened;
}

/** Views, and text that each shows when it is complete. */
const views = [
  ["runs", "troubles/table-gone"],
  ["run?id=shop/final", "Embedding spectra"],
  ["run?id=live", "Stop after this epoch"],
  ["run?id=troubles/torn", "This run is broken"],
  ["compare?id=shop/early&id=shop/final", "settings differ"],
  ["claims?id=S07", "stem-net over mmoe"],
  ["data", "clicks.csv"],
  ["serving", "Try a request"],
  ["nowhere", "Nothing is here"],
] as const;

describe.each([
  [1280, "light", undefined],
  [390, "dark", undefined],
  // Nothing but colours differs from the first.
  [1280, "dark", ["color-contrast"]],
] as const)("at %i px, %s", (width, scheme, rules) => {
  test.each(views)("%s", async (view, text) => {
    const opened = await open(view, { width, scheme });
    await opened.getByText(text).first().waitFor();
    const [wide, visible] = (await opened.evaluate(
      "[document.documentElement.scrollWidth, window.innerWidth]",
    )) as [number, number];
    expect(wide).toBeLessThanOrEqual(visible);
    expect(await accessibilityProblems(opened, rules)).toEqual([]);
    await opened.close();
  });
});

test("a report of another shape leaves the rest of its run, and every other view, standing", async () => {
  const odd = runs.at("odd-report");
  cpSync(runs.at("shop/early"), odd, { recursive: true });
  writeFileSync(`${odd}/report.json`, '{"evaluations":null,"features":[{}],"calibration":[{}]}');
  const opened = await open("run?id=odd-report");
  await opened.getByText("report.json of this run cannot be shown").waitFor();
  await opened.getByText("Training loss").first().waitFor();
  await opened.getByText("Measure again").waitFor();
  await opened.getByRole("link", { name: "Claims" }).click();
  await opened.getByText("stem-net over mmoe").first().waitFor({ state: "attached" });
  expect(await opened.locator("h1").count()).toBe(1);
  await opened.close();
  rmSync(odd, { recursive: true });
});

test("nothing was asked for elsewhere, and nothing complained about", () => {
  const foreign = requests.filter((url) => !url.startsWith(asked.origin) && !url.startsWith("data:"));
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});

describe("by keyboard alone", () => {
  test("from the table to a run, along its curve, and back", async () => {
    const opened = await open("runs");
    await opened.getByText("shop/final").waitFor();
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let presses = 0; presses < 120; presses++) {
        await opened.keyboard.press("Tab");
        const label = (await opened.evaluate(
          "document.activeElement?.ariaLabel || document.activeElement?.textContent || ''",
        )) as string;
        if (name.test(label)) return;
      }
      throw new Error(`nothing that is called ${name} can be reached`);
    };
    await opened.keyboard.press("Tab");
    expect(await opened.evaluate("document.activeElement?.textContent")).toBe("To the content");
    await tabTo(/^auc/);
    await opened.keyboard.press("Enter");
    expect(await opened.locator("th[aria-sort=descending]").textContent()).toContain("auc");
    await tabTo(/^Compare shop\/(final|early)$/);
    await opened.keyboard.press("Space");
    await tabTo(/^Compare shop\/(final|early)$/);
    await opened.keyboard.press("Space");
    expect(await opened.getByText("Compare 2 runs").getAttribute("href")).toMatch(/^#\/compare\?id=shop/);
    await opened.goto(`${asked.address}#/run?id=live`);
    await opened.getByText("Training loss").first().waitFor();
    await tabTo(/^Training loss\./);
    for (const _ of [1, 2, 3]) await opened.keyboard.press("ArrowRight");
    await opened.getByText(/^at 3: DCNv2 0\.\d+/).waitFor();
    await opened.close();
  });

  test("asks a training run to stop, and takes it back", async () => {
    const opened = await open("run?id=live");
    await opened.getByRole("button", { name: "Stop after this epoch" }).focus();
    await opened.keyboard.press("Enter");
    await opened.getByText("Asked to stop").waitFor();
    expect(existsSync(runs.at("live/stop-after-epoch"))).toBe(true);
    await opened.getByRole("button", { name: "Go on after all" }).focus();
    await opened.keyboard.press("Enter");
    await opened.getByRole("button", { name: "Stop after this epoch" }).waitFor();
    expect(existsSync(runs.at("live/stop-after-epoch"))).toBe(false);
    await opened.close();
  });
});

describe("what views do", () => {
  test("curves grow while a run trains", async () => {
    const opened = await open("run?id=live");
    await opened.getByText("Figures of “Training loss”").click();
    const rows = opened.getByRole("region", { name: "Figures of Training loss" }).locator("tbody tr");
    await rows.first().waitFor();
    const last = async (): Promise<string> => (await rows.last().locator("td").first().textContent()) ?? "";
    expect(await last()).toBe("300");
    appendPoints(runs.at("live"), 301, 340);
    await expect.poll(last, { timeout: 20_000 }).toBe("340");
    await opened.close();
  });

  test("a line that is dragged over is seen closer, and wholly again by the button", async () => {
    const opened = await open("run?id=live");
    const plot = opened.getByRole("img", { name: /^Training loss/ });
    const box = await plot.boundingBox();
    if (box === null) throw new Error("the plot has no place");
    await opened.mouse.move(box.x + box.width * 0.4, box.y + 80);
    await opened.mouse.down();
    await opened.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 5 });
    await opened.mouse.up();
    await opened.getByRole("button", { name: "See all" }).click();
    await opened.getByRole("button", { name: "See all" }).waitFor({ state: "detached" });
    await opened.close();
  });

  test("runs of other data are compared with a note, runs that no page can hold without a command", async () => {
    const run = runs.at("other-data");
    cpSync(runs.at("shop/early"), run, { recursive: true });
    const config = JSON.parse(readFileSync(`${run}/config.json`, "utf8"));
    writeFileSync(
      `${run}/config.json`,
      JSON.stringify({ ...config, data: { ...config.data, train: "x.csv" } }),
    );
    const opened = await open("compare?id=shop/early&id=other-data");
    await opened.getByText("These runs were not given the same data (data.train differs)").waitFor();
    await opened.goto(`${asked.address}#/compare?id=shop/early&id=live`);
    await opened.getByText("Only finished runs stand on one page; live cannot.").waitFor();
    expect(await opened.getByText("were not given the same data").count()).toBe(0);
    await opened.close();
    rmSync(run, { recursive: true });
  });

  test.each([1280, 800, 390])(
    "claims at %i px: no comparison's words and no tick of its axis are cut",
    async (width) => {
      const opened = await open("claims?id=S07", { width });
      await opened.getByText("stem-net over shared-bottom").first().waitFor();
      const cut = await opened.evaluate(() => [
        ...[...document.querySelectorAll(".intervals span")]
          .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
          .map((element) => element.textContent),
        ...[...document.querySelectorAll(".intervals svg text")]
          .filter((text) => {
            const [own, svg] = [text, text.closest("svg") as Element].map((one) =>
              one.getBoundingClientRect(),
            );
            return own.left < svg.left - 1 || own.right > svg.right + 1;
          })
          .map((text) => text.textContent),
      ]);
      expect(cut).toEqual([]);
      await opened.close();
    },
  );

  test("a column's long name leaves what is said of it in sight", async () => {
    writeFileSync(runs.at("long.csv"), `${"x".repeat(180)},click\n${"1,1\n2,0\n".repeat(40)}`);
    const opened = await open("data");
    await opened.getByRole("button", { name: "long.csv" }).click();
    await opened.getByRole("button", { name: "Inspect" }).click();
    const row = opened.getByRole("region", { name: "Columns" }).locator("tbody tr").first();
    await row.waitFor();
    expect((await row.locator("th").boundingBox())?.width).toBeLessThan(500);
    await opened.close();
    rmSync(runs.at("long.csv"));
  });

  test("a table that goes on beyond its edge is shaded there", async () => {
    const opened = await open("runs");
    const table = opened.locator("section.scroll").first();
    await table.locator("tbody tr").first().waitFor();
    expect(await table.evaluate((element) => element.scrollWidth > element.clientWidth)).toBe(true);
    const layers = await table.evaluate((element) => getComputedStyle(element).backgroundAttachment);
    expect(layers).toContain("local, local, scroll, scroll");
    await opened.close();
  });

  test("runs are found by words, and by state", async () => {
    const opened = await open("runs");
    await opened.getByLabel("Find").fill("din");
    await opened.getByText("1 of 7 runs").waitFor();
    await opened.getByLabel("Find").fill("");
    await opened.getByLabel("Show").selectOption("broken");
    await opened.getByText("2 of 7 runs").waitFor();
    await opened.close();
  });

  test("a file is inspected and a configuration validated", async () => {
    const opened = await open("data");
    await opened.getByRole("button", { name: "clicks.csv" }).click();
    await opened.getByRole("button", { name: "Inspect" }).click();
    await opened.getByText("300 rows, 4 columns, csv").waitFor();
    expect(await accessibilityProblems(opened)).toEqual([]);
    await opened.getByRole("button", { name: "clicks.yaml" }).click();
    await opened.getByRole("button", { name: "Validate" }).click();
    await opened.getByText("can be trained on").waitFor();
    expect(await accessibilityProblems(opened)).toEqual([]);
    await opened.close();
  });

  test("a request is tried and explained", async () => {
    const opened = await open("serving");
    await opened.getByLabel("User").fill("u4");
    await opened.getByLabel("hour", { exact: true }).fill("3");
    await opened.getByRole("button", { name: "Rank", exact: true }).click();
    await opened.getByText("10 of 150 candidates").waitFor();
    await opened
      .getByText(/^\d+ values$/)
      .first()
      .click();
    await opened.getByRole("term").filter({ hasText: "category" }).first().waitFor();
    expect(await accessibilityProblems(opened)).toEqual([]);
    await opened.getByLabel("At most").fill("0");
    await opened.getByRole("button", { name: "Rank", exact: true }).click();
    await opened.getByRole("alert").waitFor();
    await opened.close();
  });

  test("a server that goes away takes neither what was typed nor the last answer with it", async () => {
    const config = parseCascade({
      models: [{ name: "early", run: "shop/early" }],
      candidates: { source: "all" },
      items: { file: "items.jsonl", key: "item_id" },
      stages: [{ name: "early", model: "early" }],
    });
    const passing = await Server.create([() => ({ name: "passing", folder: runs.path, config })], {
      port: 0,
      pool: { workers: 1 },
    });
    const serving = { url: await passing.listen() };
    const own = await openStudio({ folder: runs.path, page: page?.path ?? "", serving });
    const opened = await browser.newPage();
    await opened.goto(`${own.address}#/serving`);
    await opened.getByLabel("User id").fill("u4");
    await opened.getByRole("button", { name: "Rank", exact: true }).click();
    await opened.getByText("10 of 150 candidates").waitFor();
    await passing.stop();
    await opened.getByText("It is asked again every 2 seconds").waitFor();
    expect(await opened.getByLabel("User id").inputValue()).toBe("u4");
    expect(await opened.getByText("10 of 150 candidates").isVisible()).toBe(true);
    await opened.getByRole("button", { name: "Rank", exact: true }).click();
    await expect.poll(() => opened.getByRole("alert").count()).toBe(2);
    await opened.close();
    await own.studio.close();
  });

  test("a run of one step has a point on its curve, not an empty chart", async () => {
    const run = runs.at("one-step");
    cpSync(runs.at("live"), run, { recursive: true, filter: (path) => !path.includes("tfevents") });
    appendPoints(run, 1, 1);
    const opened = await open("run?id=one-step");
    const inked = (): Promise<boolean> =>
      opened.getByRole("img", { name: /^Training loss/ }).evaluate((plot) => {
        const canvas = plot.querySelector("canvas");
        const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        for (let k = 0; k < pixels.length; k += 4) {
          if (pixels[k] === 29 && pixels[k + 1] === 78 && pixels[k + 2] === 216) return true;
        }
        return false;
      });
    await expect.poll(inked).toBe(true);
    await opened.close();
    rmSync(run, { recursive: true });
  });

  test("without the token the page is not even begun", async () => {
    const opened = await browser.newPage();
    const answer = await opened.goto(asked.origin);
    expect(answer?.status()).toBe(401);
    expect(await opened.content()).toContain("the token is missing or wrong");
    await opened.close();
  });
});

test("500 runs and 10,000 points are all there, and answer", async () => {
  manyRuns(runs.at("shop/early"), runs.at("many"), 500);
  appendPoints(runs.at("many/grid-007"), 6, 10_005);
  const opened = await open("runs");
  await opened.getByText(/of 507 runs/).waitFor();
  const rows = opened.locator("table.runs tbody tr");
  expect(await rows.count()).toBe(100);
  await opened.getByRole("button", { name: "Show 100 more" }).click();
  await rows.nth(199).waitFor();
  await opened.getByRole("button", { name: /^auc/ }).click();
  await opened.locator("th[aria-sort=descending]").getByText("auc").waitFor();
  expect(await rows.count()).toBe(100);
  await opened.getByLabel("Find").fill("grid-007");
  await opened.getByRole("link", { name: "many/grid-007" }).click();
  await opened.getByRole("img", { name: /^Training loss\. It goes from/ }).waitFor();
  await opened.getByText("Figures of “Training loss”").click();
  const figures = opened.getByRole("region", { name: "Figures of Training loss" });
  await figures.getByText("10,005").waitFor();
  await opened.close();
});
