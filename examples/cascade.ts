/**
 * From nothing to a served cascade: a generated world; a two-tower model that finds candidates, an index of its
 * items; a final model; an early stage taught by it; then a server that runs the three one after the other.
 *
 *     npx tsx examples/cascade.ts [FOLDER] [--small] [--once]
 *
 * `--small` takes a tiny world; `--once` asks the server itself and ends. Otherwise it listens until Ctrl-C.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createEngine } from "millrace/engine";
import { writeCandidateSets } from "millrace/recipes";
import { openRetrievalRun, parseRetrievalConfig, trainRetrievalRun, writeIndex } from "millrace/retrieval";
import { parseConfig, trainRun } from "millrace/run";
import { readTarget, Server } from "millrace/serving";
import { exampleConfig, generateWorld } from "millrace/world";

const options = process.argv.slice(2);
const small = options.includes("--small");
const folder = resolve(options.find((option) => !option.startsWith("--")) ?? "cascade");
const at = (...parts: string[]): string => join(folder, ...parts);
mkdirSync(folder, { recursive: true });
const began = performance.now();
const say = (line: string): void => {
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

say("a world");
const size = small
  ? { impressions: 20_000, users: 300, items: 400, candidates: 50 }
  : { impressions: 150_000, users: 3000, items: 2000, candidates: 100 };
await generateWorld({ ...size, clickShift: 1, conversionShift: 1, clickbaitShare: 0.2 }, at("world"));

// What a request can bring or look up: histories and the item's age would have to come with it.
const labels = ["click", "conversion", "like", "hide"] as const;
const whole = exampleConfig(at("world"), { labels });
const features = (whole.features ?? []).filter(({ name }) => name !== "item_age");
const engine = await createEngine("auto");
const training = {
  batchSize: small ? 512 : 2048,
  epochs: small ? 1 : 3,
  learningRate: 0.003,
  embeddingUpdate: "lazy",
  metrics: ["auc", "log_loss"],
} as const;

say("a two-tower model, and an index of its items");
const ofUsers = ["user_id", "age", "gender", "city", "device"];
const ofItems = ["item_id", "category", "subcategory", "advertiser", "format"];
const tower = parseRetrievalConfig({
  task: "retrieval",
  log: {
    ...whole,
    data: { ...whole.data, keep: [] },
    features: features.filter(({ name }) => [...ofUsers, ...ofItems].includes(name)),
    labels: [{ name: "click" }],
  },
  userFeature: "user_id",
  itemFeature: "item_id",
  model: { name: "TwoTower", userFeatures: ofUsers, itemFeatures: ofItems, embeddingDim: 16 },
  objective: { name: "softmax", negatives: 256, inBatch: true, logQ: true },
  batchSize: 1024,
  training: {
    epochs: training.epochs,
    learningRate: 0.003,
    metrics: ["recall@100"],
    embeddingUpdate: "lazy",
  },
});
await trainRetrievalRun(tower, { directory: at("tower"), engine });
const retrieval = openRetrievalRun(at("tower"));
writeIndex(retrieval.indexDirectory, retrieval.content(), { kind: "exact" });

say("a final model");
const final = parseConfig({
  ...whole,
  features,
  model: {
    name: "SharedBottom",
    embeddingDim: 8,
    bottomHiddenUnits: [64, 32],
    towerHiddenUnits: [16],
    interaction: "cross",
  },
  training,
});
await trainRun(final, { directory: at("final"), engine });

say("an early stage, taught by it");
const sets = await writeCandidateSets({
  world: at("world"),
  final: at("final"),
  directory: at("candidate-sets"),
  labels,
  perRequest: 32,
  engine,
});
const early = parseConfig({
  data: { ...sets.impressions, train: sets.mixed },
  features: features.filter(({ name }) => [...ofUsers, ...ofItems, "domain"].includes(name)),
  labels: [
    ...labels.map((name) => ({ name })),
    ...labels.map((name) => ({ name: `soft_${name}`, kind: "real" as const })),
  ],
  weight: "impression",
  model: {
    name: "EarlyStageMTL",
    itemFeatures: ofItems,
    embeddingDim: 8,
    hiddenUnits: [64, 32],
    headDim: 16,
    distilled: labels.map((task) => ({ task, label: `soft_${task}` })),
    chain: ["click", "conversion"],
  },
  training,
});
await trainRun(early, { directory: at("early"), engine });

say("a server");
const cascade = {
  name: "feed",
  models: [
    { name: "early", run: "early" },
    { name: "final", run: "final" },
  ],
  users: { file: "world/users.parquet", key: "user_id" },
  items: { file: "world/items.parquet", key: "item_id" },
  candidates: { source: "retrieval", run: "tower", limit: 200, budget_ms: 200 },
  stages: [
    { name: "early", model: "early", keep: 50, score: "bid * soft_conversion + soft_like - 2 * soft_hide" },
    { name: "final", model: "final", budget_ms: 500 },
  ],
  value: "bid * conversion + `like` - 2 * hide",
  slots: { count: 10, caps: [{ column: "advertiser", limit: 2 }] },
};
writeFileSync(at("cascade.json"), JSON.stringify(cascade, null, 2));
const once = options.includes("--once");
const server = await Server.create([() => readTarget(at("cascade.json"))], { port: once ? 0 : 8080 });
const url = await server.listen();
const request = { user: 42, context: { hour: 9, domain: 1, position: 1 } };
say(`curl -s ${url}/rank/feed -H 'content-type: application/json' -d '${JSON.stringify(request)}'`);
if (once) {
  const body = JSON.stringify(request);
  const response = await fetch(`${url}/rank/feed`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  console.log(JSON.stringify(await response.json(), null, 2));
  await server.stop();
} else {
  process.once("SIGINT", () => void server.stop());
}
