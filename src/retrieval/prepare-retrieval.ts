/** From a configuration to what training needs: feature map, catalogue, batches, validation and test tasks. */
import { ConfigError } from "../core/index.ts";
import { prepareDataset } from "../data/index.ts";
import { type BatchSource, type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { type Catalogue, idCatalogue } from "./catalogue.ts";
import type { RetrievalConfig } from "./config.ts";
import { encodedCatalogue, type EncodedPairs, encodedPairs } from "./encoded-pairs.ts";
import type { RetrievalTask } from "./evaluate-retrieval.ts";
import { interactionFeatures, interactionSchema } from "./interaction-schema.ts";
import type { Interactions } from "./interactions.ts";
import { includesSorted, ItemLists } from "./item-lists.ts";
import { listPairs, userRows } from "./list-pairs.ts";
import { retrievalModelNamed } from "./models/catalogue.ts";
import { packedBatches } from "./packed-batches.ts";
import { pairBatches } from "./pair-batches.ts";
import type { PositivePairs } from "./pairs.ts";
import { readInteractions } from "./read-interactions.ts";
import type { RetrievalModel } from "./retrieval-model.ts";
import { holdOut, leaveOneOut } from "./splits.ts";
import type { NegativePlan, TrainingBatches } from "./training-batches.ts";

export interface RetrievalData {
  readonly map: FeatureMap;
  readonly catalogue: Catalogue;
  /** What each user took in training. */
  readonly taken: ItemLists;
  readonly valid: RetrievalTask | undefined;
  readonly test: RetrievalTask | undefined;
  readonly counts: { readonly users: number; readonly items: number; readonly interactions: number };
  /** Batches for a model, with the negatives that the objective asks for. */
  batches(model: RetrievalModel, negatives: NegativePlan): TrainingBatches;
}

/** @throws ConfigError when the configuration does not fit the data; DataError when these cannot be read */
export async function prepareRetrieval(config: RetrievalConfig): Promise<RetrievalData> {
  const { interactions, log } = config;
  if (interactions !== undefined) return fromInteractions(config, interactions);
  if (log !== undefined) return fromLog(config, log);
  throw new ConfigError("a retrieval run needs either `interactions` or `log`");
}

function fromInteractions(
  config: RetrievalConfig,
  {
    train: path,
    test: testPath,
    form,
    split,
    validShare,
    splitSeed,
    historyLength,
    history,
  }: NonNullable<RetrievalConfig["interactions"]>,
): RetrievalData {
  if ((split === "given") !== (testPath !== undefined)) {
    throw new ConfigError(
      split === "given"
        ? "config interactions.test: the split `given` needs a file of test items"
        : "config interactions.test: the split `leave_one_out` takes its test items from `train`",
      { details: { split, test: testPath ?? null }, hint: "say `split: given` with a test file" },
    );
  }
  let data: Interactions;
  let train: ItemLists;
  let valid: ItemLists;
  let test: ItemLists;
  if (testPath === undefined) {
    const read = readInteractions({ train: path }, { form });
    data = read;
    ({ train, valid, test } = leaveOneOut(read.lists.train));
  } else {
    const read = readInteractions({ train: path, test: testPath }, { form });
    data = read;
    test = read.lists.test;
    if (validShare > 0) {
      const parts = holdOut(read.lists.train, { share: validShare, seed: splitSeed });
      [train, valid] = [parts.train, parts.held];
    } else {
      train = read.lists.train;
      valid = ItemLists.empty(train.rows);
    }
  }
  const map = interactionSchema(data, { historyLength });
  const catalogue = idCatalogue(data.items);
  const known = train.followedBy(valid);
  const taskOf = (positives: ItemLists, before: ItemLists): RetrievalTask | undefined =>
    positives.total === 0
      ? undefined
      : {
          ...unseen(positives, before),
          userRows: (users) => userRows(users, before, historyLength),
        };
  return {
    map,
    catalogue,
    taken: train,
    valid: taskOf(valid, train),
    test: taskOf(test, known),
    counts: { users: data.users.length, items: data.items.length, interactions: train.total },
    batches: (_, negatives) => {
      const { batchSize, windows } = config;
      if (retrievalModelNamed(config.model.name).training === "sequences") {
        return packedBatches({
          lists: train,
          catalogue,
          negatives,
          length: historyLength,
          batchSize,
          windows,
        });
      }
      const reads = readsHistory(config) ? historyLength : 0;
      return pairBatches({
        pairs: listPairs(train, { historyLength: reads, history }),
        catalogue,
        negatives,
        batchSize,
      });
    },
  };
}

/** Whether the user's side of a pair model has the history; filling it in is most of the work of a batch. */
function readsHistory({ model }: RetrievalConfig): boolean {
  return Array.isArray(model.userFeatures) && model.userFeatures.includes(interactionFeatures.history);
}

/** Held-out items, without those that are known before: these cannot be asked for. */
function unseen(
  positives: ItemLists,
  exclude: ItemLists,
): { readonly positives: ItemLists; readonly exclude: ItemLists } {
  const sorted = exclude.sorted();
  const rows = positives.all().map((row, user) => {
    const own = sorted.row(user);
    return [...new Set(row)].filter((item) => !includesSorted(own, item));
  });
  return { positives: ItemLists.from(rows), exclude };
}

async function fromLog(
  config: RetrievalConfig,
  log: NonNullable<RetrievalConfig["log"]>,
): Promise<RetrievalData> {
  const { model, userFeature, itemFeature, batchSize } = config;
  if (retrievalModelNamed(model.name).training === "sequences") {
    throw new ConfigError(`config model.name: ${model.name} learns from \`interactions\`, not from a log`, {
      details: { model: model.name },
      hint: "take TwoTower for rows with features, or write the interactions as lists in time order",
    });
  }
  const dataset = await prepareDataset(log);
  try {
    const { map, splits } = dataset;
    const named = (features: unknown, other: string): readonly string[] =>
      Array.isArray(features) ? features : [other];
    const options = {
      map,
      userFeature,
      itemFeature,
      userFeatures: named(model.userFeatures, userFeature),
      itemFeatures: named(model.itemFeatures, itemFeature),
    };
    const all = Object.values(splits).filter((split): split is BatchSource => split !== undefined);
    const catalogue = await encodedCatalogue(all, options);
    const train = await encodedPairs(splits.train, catalogue, options);
    const valid = splits.valid && (await encodedPairs(splits.valid, catalogue, options));
    const test = splits.test && (await encodedPairs(splits.test, catalogue, options));
    const before = valid === undefined ? [train] : [train, valid];
    return {
      map,
      catalogue,
      taken: train.known,
      valid: valid && logTask(valid, [train]),
      test: test && logTask(test, before),
      counts: { users: train.userIds.length, items: catalogue.keys.length, interactions: train.count },
      batches: (_, negatives) =>
        pairBatches({ pairs: train as PositivePairs, catalogue, negatives, batchSize }),
    };
  } finally {
    await dataset.close();
  }
}

/** What users took in one split, among what they had not taken in earlier ones. */
function logTask(pairs: EncodedPairs, before: readonly EncodedPairs[]): RetrievalTask {
  const numbers = before.map(({ userIds }) => new Map(userIds.map((id, user) => [id, user])));
  const exclude = ItemLists.from(
    pairs.userIds.map((id) => {
      // Users without an id of their own have no past that could be told apart.
      const known =
        id < FIRST_VALUE_ID ? [] : before.map(({ known: lists }, k) => rowOf(lists, numbers[k].get(id)));
      return [...new Set(known.flatMap((row) => [...row]))];
    }),
  );
  return { ...unseen(pairs.known, exclude), userRows: pairs.userRows };
}

function rowOf(lists: ItemLists, row: number | undefined): Int32Array {
  return row === undefined ? new Int32Array(0) : lists.row(row);
}
