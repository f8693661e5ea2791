/**
 * The package in somebody else's project: packed, installed from its tarball into an empty folder with
 * nothing but the registry, and used there without the native engine.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { execute, type Finished, install, pack, type PackedFile, repository } from "./packed.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-package-"));
const app = join(folder, "app");
let files: readonly PackedFile[];
let notInstalled: string | undefined;

beforeAll(async () => {
  const packed = await pack(folder);
  files = packed.files;
  notInstalled = await install(app, [packed.tarball]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

const millrace = (...args: string[]): Promise<Finished> =>
  execute("npx", ["--no-install", "millrace", ...args], app);

/** Lines in which the program speaks of the native package. */
const nativeNotices = ({ stderr }: Finished): string[] =>
  stderr.match(/^.*needs the package onnxruntime-node.*$/gm) ?? [];

describe("the tarball", () => {
  test("holds the built code and what people read, nothing else", () => {
    const top = new Set(files.map(({ path }) => path.split("/")[0]));
    expect([...top].sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "configs",
      "dist",
      "package.json",
      "results",
      "schema",
    ]);
    expect(files.filter(({ path }) => path.startsWith("results/")).length).toBeGreaterThan(5);
    const built = files.map(({ path }) => path).filter((path) => path.startsWith("dist/"));
    expect(built).toContain("dist/index.js");
    expect(built).toContain("dist/cli/main.js");
    expect(built).toContain("dist/browser/standalone/millrace-browser.js");
    const code = built.filter((path) => !path.startsWith("dist/studio/app/"));
    expect(code.filter((path) => !/\.(js|d\.ts)$/.test(path))).toEqual([]);
    expect(built.filter((path) => /\.test|test-d|kernels\/assembly/.test(path))).toEqual([]);
  });

  test("says nothing of the machine that built it", () => {
    const copy = join(folder, "repository");
    const telling = files.filter(({ path }) => {
      const text = readFileSync(join(copy, path), "utf8");
      return text.includes(copy) || text.includes(repository) || text.includes("sourceMappingURL");
    });
    expect(telling.map(({ path }) => path)).toEqual([]);
  });

  test("stays small", () => {
    expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(8 * 2 ** 20);
  });
});

describe("installed into an empty folder", () => {
  beforeEach(({ skip }) => skip(notInstalled !== undefined, notInstalled));

  test("comes without the native engine", () => {
    expect(existsSync(join(app, "node_modules", "onnxruntime-node"))).toBe(false);
    expect(existsSync(join(app, "node_modules", "onnxruntime-web"))).toBe(true);
  });

  test("generates a world, trains and exports with the WASM engine, and says once how to get the native one", async () => {
    const world = await millrace(
      ...["world", "--out", "world", "--impressions", "20000", "--users", "500", "--items", "400"],
    );
    expect(world).toMatchObject({ code: 0 });
    const settings = ["training.epochs=1", "training.batch_size=512", "model.hidden_units=[16]"];
    const trained = await millrace(
      "train",
      "world/config.yaml",
      "--out",
      "runs/first",
      "--set",
      ...settings,
      "--json",
    );
    expect(trained).toMatchObject({ code: 0 });
    expect(nativeNotices(trained)).toEqual([
      expect.stringContaining("npm install onnxruntime-node --ignore-scripts"),
    ]);
    const { valid, rows } = JSON.parse(trained.stdout);
    expect(rows.train + rows.valid + rows.test).toBe(20_000);
    expect(valid.metrics.click.auc.value).toBeGreaterThan(0.5);
    expect(existsSync(join(app, "runs/first/report.html"))).toBe(true);
    const exported = await millrace("export", "runs/first", "-o", "model.onnx", "--json");
    expect(exported).toMatchObject({ code: 0 });
    expect(statSync(join(app, "model.onnx")).size).toBeGreaterThan(10_000);
    expect(JSON.parse(exported.stdout).difference).toBeLessThanOrEqual(1e-5);
  }, 300_000);

  test("the studio shows what recipes have measured, from the package's own results", async () => {
    const script = `
      import { mkdirSync } from "node:fs";
      import { Studio } from "millrace/studio";
      mkdirSync("no-runs", { recursive: true });
      const studio = new Studio({ folder: "no-runs", token: "t" });
      const url = new URL(await studio.listen());
      const answer = await fetch(new URL("/api/claims", url), { headers: { authorization: "Bearer t" } });
      const { claims, directory } = await answer.json();
      console.log(JSON.stringify({ measured: claims.filter(({ verdict }) => verdict).length, directory }));
      await studio.close();`;
    writeFileSync(join(app, "claims.mjs"), script);
    const { code, stdout, stderr } = await execute("node", ["claims.mjs"], app);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const { measured, directory } = JSON.parse(stdout);
    expect(measured).toBeGreaterThan(3);
    expect(directory).toContain("node_modules/millrace/results");
  });

  test("every entry of the package can be imported", async () => {
    const dist = join(app, "node_modules/millrace/dist");
    const folders = readdirSync(dist).filter((name) => existsSync(join(dist, name, "index.js")));
    expect(folders).toEqual(expect.arrayContaining(["engine", "models", "ops", "run", "schema", "training"]));
    const others = ["millrace/onnx/node", "millrace/browser", "millrace/browser/standalone"];
    const names = ["millrace", ...folders.map((name) => `millrace/${name}`), ...others];
    writeFileSync(
      join(app, "entries.js"),
      `const counts = {};
       for (const name of ${JSON.stringify(names)}) counts[name] = Object.keys(await import(name)).length;
       console.log(JSON.stringify(counts));`,
    );
    const { stdout, stderr, code } = await execute("node", ["entries.js"], app);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(Object.entries(JSON.parse(stdout)).filter(([, exported]) => exported === 0)).toEqual([]);
  });

  test.each(["nodenext", "bundler"])("types resolve with module resolution %s", async (resolution) => {
    writeFileSync(join(app, "consumer.ts"), consumer);
    const options = {
      target: "es2022",
      module: resolution === "nodenext" ? "nodenext" : "preserve",
      moduleResolution: resolution,
      lib: ["es2023", "dom"],
      strict: true,
      noEmit: true,
      // Our own declarations are checked too.
      skipLibCheck: false,
      types: ["node"],
      typeRoots: [join(repository, "node_modules/@types")],
    };
    writeFileSync(
      join(app, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["consumer.ts"] }),
    );
    const compiler = join(repository, "node_modules/typescript/bin/tsc");
    expect(await execute("node", [compiler, "-p", "tsconfig.json"], app)).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });

  test("the named command adds the native engine, and the notice is gone", async ({ skip }) => {
    const reason = await install(app, ["onnxruntime-node", "--ignore-scripts"]);
    skip(reason !== undefined, reason);
    const native = await millrace("export", "runs/first", "-o", "native.onnx");
    expect(native).toMatchObject({ code: 0 });
    expect(native.stdout).toContain("Loaded by the native engine");
    expect(nativeNotices(native)).toEqual([]);
  });
});

/** What must compile does, what must not does not: an expected error that does not come is an error. */
const consumer = `
import { type Config, createEngine, DCNv2, type FeatureMap, parseConfig, train, trainRun } from "millrace";
import { type LocalEvent, loadBundle, Ranker, type Tuner } from "millrace/browser";
import { loadBundle as loadAlone } from "millrace/browser/standalone";
import type { Engine } from "millrace/engine";
import { type ModelDescription, models } from "millrace/models";
import { matmul } from "millrace/ops";
import { input, type Tensor } from "millrace/tensor";

export const product: Tensor = matmul(input("a", ["batch", 2]), input("b", [2, 2])).mul(2).squeeze(1);
export const names: readonly string[] = models.map((model: ModelDescription) => model.name);
export async function first(config: Config, map: FeatureMap): Promise<number | null> {
  const engine: Engine = await createEngine("wasm");
  const model = new DCNv2(map, { embeddingDim: 8, crossLayers: 2 });
  const { test } = await trainRun(config, { directory: "runs/typed", engine });
  // @ts-expect-error: training needs rows and an engine.
  await train({ model, map });
  return test?.metrics.click.auc.value ?? null;
}

export const loaders = [loadBundle, loadAlone];
export async function feed(tuner: Tuner, items: { item: string; bid: number }[]): Promise<number[]> {
  const events: LocalEvent[] = items.map((row) => ({ row, labels: { click: 0 } }));
  await tuner.learn(events, { epochs: 2 });
  const ranker = await Ranker.create(await loadBundle("/feed.millrace"));
  const ranked = await ranker.rank({ candidates: items, by: "bid * click" });
  return ranked.map(({ candidate }) => candidate.bid);
}

// @ts-expect-error: there is no such engine.
await createEngine("cuda");
// @ts-expect-error: an option that DCNv2 does not have.
export const unknown = (map: FeatureMap) => new DCNv2(map, { crossDepth: 3 });
// @ts-expect-error: a tensor is not a number.
export const wrong: number = product;
export const config: Config = parseConfig({ data: { train: "clicks.csv" }, features: [], labels: [] });
`;
