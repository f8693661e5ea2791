/**
 * A report's input made from seeded draws: labels from known probabilities, three models that know them
 * more or less well, tables of several ranks. Everything is computed by the functions that a real run uses.
 */
import { CounterRandom } from "../../src/core/index.ts";
import { calibrationCurve, evaluateBinary, scoreDistribution } from "../../src/evaluation/index.ts";
import { informationAbundance, singularValues } from "../../src/numerics/index.ts";
import type { ReportInput } from "../../src/report/index.ts";

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

function split(name: string, rows: number) {
  const random = new CounterRandom(7, name);
  const logits = Float64Array.from({ length: rows }, (_, row) => -2.6 + 1.5 * random.normal(row));
  const truth = logits.map(sigmoid);
  return {
    name,
    rows,
    truth,
    labels: truth.map((p, row) => (random.uniform(4 * rows + row) < p ? 1 : 0)),
    groups: Int32Array.from(truth, (_, row) => random.integer(5 * rows + row, rows / 12)),
    /** The truth seen through noise, with overconfident tails. */
    predictions: (noise: number) =>
      logits.map((logit, row) =>
        sigmoid(-0.2 + 1.12 * (logit + noise * random.normal(2 * rows + row)) * (1 - 0.12 * noise)),
      ),
  };
}

const models = [
  { name: "LR", noise: 1.3, parameters: 61_214, trainSeconds: 4.1 },
  { name: "DeepFM", noise: 0.75, parameters: 1_182_430, trainSeconds: 16.8 },
  { name: "DCNv2", noise: 0.6, parameters: 1_396_911, trainSeconds: 21.4 },
] as const;

const metricNames = ["auc", "gauc", "log_loss", "ne", "ece", "calibration_ratio"];

function embeddingSpectrum(rows: number, dim: number, decay: number): number[] {
  const random = new CounterRandom(11, rows, decay * 1000);
  const data = Float32Array.from({ length: rows * dim }, (_, i) => random.normal(i) * decay ** (i % dim));
  return Array.from(singularValues({ data, rows, columns: dim }));
}

const tables = [
  ["user_id", "categorical", 20_003, 0.97],
  ["item_id", "categorical", 5003, 0.93],
  ["category", "categorical", 203, 0.9],
  ["advertiser", "categorical", 403, 0.85],
  ["city", "categorical", 63, 0.75],
  ["device", "categorical", 8, 0.7],
  ["history", "sequence", 5003, 0.93],
  ["title_words", "bag", 1803, 0.55],
] as const;

export function exampleReportInput(): ReportInput {
  const splits = [split("train", 12_000), split("valid", 4000), split("test", 6000)];
  const test = splits[2];
  const random = new CounterRandom(3);
  const best = models[2];
  const spectra = tables
    .filter(([name]) => name !== "history")
    .map(([table, , rows, decay]) => ({
      table,
      singularValues: embeddingSpectrum(Math.min(rows, 400), 16, decay),
    }));
  return {
    title: "Click prediction on the generated world",
    createdAt: "2026-03-04T05:06:07Z",
    millraceVersion: "0.1.0",
    summary: [
      "Three models were trained on the same world with the same encoder; the oracle knows the probabilities that labels were drawn from.",
    ],
    warnings: [
      "The validation split was also used to choose the learning rate, so its figures flatter the models a little.",
    ],
    facts: [
      {
        title: "Model",
        facts: [
          { name: "model", value: best.name },
          { name: "parameters", value: best.parameters },
          { name: "hidden units", value: "400, 400, 400" },
          { name: "cross layers", value: 3 },
        ],
      },
      {
        title: "Data",
        facts: [
          { name: "file", value: "world/impressions.parquet" },
          { name: "training rows", value: 12_000 },
          { name: "fields", value: 14 },
          { name: "split", value: "by day" },
        ],
      },
      {
        title: "Optimizer",
        facts: [
          { name: "dense", value: "Adam 0.001" },
          { name: "rows", value: "lazy Adam 0.001" },
          { name: "batch size", value: 4096 },
          { name: "seed", value: 2024 },
        ],
      },
    ],
    evaluations: splits.map(({ name, rows, truth, labels, groups, predictions }) => ({
      label: "click",
      split: name,
      rows,
      positives: labels.reduce((sum, label) => sum + label, 0),
      metrics: evaluateBinary(
        { predictions: predictions(name === "train" ? 0.45 : best.noise), labels, groups },
        metricNames,
      ),
      oracle: evaluateBinary({ predictions: truth, labels, groups }, metricNames),
    })),
    domains: [
      {
        label: "click",
        split: "test",
        domains: ["home", "search"].map((name, k) => ({
          name,
          rows: test.rows / 2,
          metrics: evaluateBinary(
            {
              predictions: test.predictions(best.noise).filter((_, row) => row % 2 === k),
              labels: test.labels.filter((_, row) => row % 2 === k),
            },
            ["auc", "ne"],
          ),
        })),
      },
    ],
    slices: models.map(({ name: model, noise }) => ({
      model,
      label: "click",
      split: "test",
      by: "item_id",
      slices: ["most frequent tenth of values", "next four tenths", "rarest half", "new to training"].map(
        (name, k) => {
          // The rarer an item, the less a model knows of it.
          const predictions = test.predictions(noise + 0.25 * k).filter((_, row) => row % 4 === k);
          const labels = test.labels.filter((_, row) => row % 4 === k);
          const truth = test.truth.filter((_, row) => row % 4 === k);
          return {
            name,
            rows: labels.length,
            metrics: evaluateBinary({ predictions, labels }, ["auc", "log_loss", "calibration_ratio"]),
            oracle: evaluateBinary({ predictions: truth, labels }, ["auc", "log_loss", "calibration_ratio"]),
          };
        },
      ),
    })),
    importances: models.slice(1).map(({ name: model }, k) => ({
      model,
      byFeature: Object.fromEntries(
        tables.map(([name], t) => [name, Math.max(0, 0.05 - 0.007 * t + 0.004 * k)]),
      ),
    })),
    differences: {
      models: models.map(({ name }) => name),
      settings: [
        { key: "model.name", values: models.map(({ name }) => name) },
        { key: "model.cross_layers", values: [null, null, "3"] },
      ],
      total: 41,
    },
    comparison: {
      label: "click",
      split: "test",
      models: models.map(({ name, noise, parameters, trainSeconds }) => ({
        name,
        parameters,
        trainSeconds,
        metrics: evaluateBinary(
          { predictions: test.predictions(noise), labels: test.labels, groups: test.groups },
          metricNames,
        ),
      })),
      oracle: evaluateBinary(
        { predictions: test.truth, labels: test.labels, groups: test.groups },
        metricNames,
      ),
    },
    curves: models.map(({ name, noise }, m) => ({
      model: name,
      steps: Array.from({ length: 600 }, (_, step) => ({
        step: step + 1,
        loss:
          0.28 +
          0.03 * noise +
          0.4 * Math.exp(-step / (40 + 30 * m)) +
          0.012 * random.normal(step + 1000 * m),
        learningRate: 1e-3,
      })),
      epochs: Array.from({ length: 5 }, (_, epoch) => ({
        epoch: epoch + 1,
        step: 120 * (epoch + 1),
        trainLoss: 0.3 + 0.1 * Math.exp(-epoch),
        validation: {
          auc: 0.84 - 0.05 * noise - 0.06 * Math.exp(-epoch) - (epoch === 4 ? 0.004 * m : 0),
          log_loss: 0.27 + 0.02 * noise + 0.05 * Math.exp(-epoch) + (epoch === 4 ? 0.004 * m : 0),
        },
      })),
      monitor: "auc",
      bestEpoch: m === 0 ? 5 : 4,
      oracle: 0.8469,
    })),
    calibration: models.map(({ name, noise }) => ({
      model: name,
      label: "click",
      split: "test",
      bins: calibrationCurve({ predictions: test.predictions(noise), labels: test.labels }),
    })),
    scores: [
      {
        model: best.name,
        label: "click",
        split: "test",
        bins: scoreDistribution({ predictions: test.predictions(best.noise), labels: test.labels }),
      },
    ],
    features: [
      ...tables.map(([name, kind, rows], i) => ({
        name,
        kind,
        vocabularySize: rows - 3,
        rates: Object.fromEntries(
          splits.map((one, s) => [
            one.name,
            { missing: i === 4 ? 0.013 : 0, outOfVocabulary: s === 0 ? 0 : (i < 2 ? 0.021 : 0.00003) * s },
          ]),
        ),
        table: {
          name: name === "history" ? "item_id" : name,
          rows,
          dim: 16,
          bytes: rows * 16 * 4,
          informationAbundance: informationAbundance(
            spectra.find(({ table }) => table === (name === "history" ? "item_id" : name))?.singularValues ??
              [],
          ),
        },
        importance: 0.05 / (i + 1),
      })),
      {
        name: "price",
        kind: "numeric",
        vocabularySize: undefined,
        rates: Object.fromEntries(
          splits.map((one) => [one.name, { missing: 0.002, outOfVocabulary: undefined }]),
        ),
        table: undefined,
        importance: 0.004,
      },
    ],
    importanceMeaning: "AUC lost on the test split when the column is shuffled",
    spectra,
    config: { data: "world/impressions.parquet", model: { name: "dcn_v2", cross_layers: 3 }, seed: 2024 },
    commands: [
      { purpose: "Generate the world", command: "millrace world --out world --seed 7" },
      { purpose: "Train", command: "millrace train config.yaml --out runs/dcn-v2" },
    ],
  };
}
