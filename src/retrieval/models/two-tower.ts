/**
 * Two towers: the user's fields (ids, numbers, the mean of a history) through one network, the item's through
 * another, compared by dot product or cosine.
 *
 *     user = f(fields of the user),  item = g(fields of the item),  score = ⟨user, item⟩
 *
 * f and g are MLPs over fields side by side or, without hidden layers, the sum of the fields. With a history and
 * softmax over sampled items this is the candidate generator of Covington et al. ("YoutubeDNN"), RecSys 2016; with
 * features on both sides that of Yi et al., RecSys 2019.
 */
import { z } from "zod";
import { ConfigError, parseOptions } from "../../core/index.ts";
import { FieldEmbedding } from "../../embeddings/index.ts";
import { MLP } from "../../layers/index.ts";
import { type Batch, dropout, Module, normalInit } from "../../module/index.ts";
import { mul, sum } from "../../ops/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { interactionFeatures } from "../interaction-schema.ts";
import { RetrievalModel } from "../retrieval-model.ts";
import { describeRetrieval } from "./describe-retrieval.ts";
import { unitLength } from "./sequence-model.ts";

const { user, item, history } = interactionFeatures;

export const twoTowerOptions = z.strictObject({
  userFeatures: z.array(z.string()).min(1).default([user, history]).describe("Features of the user's side."),
  itemFeatures: z.array(z.string()).min(1).default([item]).describe("Features of the item's side."),
  embeddingDim: z.number().int().positive().default(64).describe("Width of one field's embedding."),
  embeddingStd: z
    .number()
    .positive()
    .default(0.02)
    .describe("Standard deviation that embeddings start from."),
  shareTables: z
    .boolean()
    .default(true)
    .describe("Both towers read the same table where they have features of one vocabulary."),
  hiddenUnits: z
    .array(z.number().int().positive())
    .default([])
    .describe("Hidden widths of each tower; none: a tower is the sum of its fields."),
  outputDim: z
    .number()
    .int()
    .positive()
    .default(64)
    .describe("Width of a tower's output, with hidden layers."),
  dropout: z.number().min(0).lt(1).default(0).describe("Share dropped of embeddings and hidden units."),
  userDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Share dropped of a user's encoding in training; of a cosine, after it has length 1."),
  similarity: z.enum(["dot", "cosine"]).default("dot").describe("How the towers are compared."),
  temperature: z.number().positive().default(0.1).describe("Cosines are divided by it."),
});

export type TwoTowerOptions = z.input<typeof twoTowerOptions>;

export class TwoTower extends RetrievalModel {
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  readonly user: FeatureTower;
  readonly item: FeatureTower;
  readonly cosine: boolean;
  readonly temperature: number;
  readonly userDropout: number;

  /** @throws ConfigError when a feature does not exist or stands on both sides */
  constructor(schema: FeatureMap, options: TwoTowerOptions = {}) {
    super();
    const given = parseOptions(twoTowerOptions, options, "TwoTower");
    const both = given.userFeatures.filter((name) => given.itemFeatures.includes(name));
    if (both.length > 0) {
      throw new ConfigError(`"${both[0]}" cannot be a feature of the user and of the item`, {
        details: { features: both },
        hint: "the towers must not see each other: give each feature to one side",
      });
    }
    this.item = new FeatureTower(schema, given.itemFeatures, given);
    const shared = given.shareTables ? this.item.fields.tables : {};
    this.user = new FeatureTower(schema, given.userFeatures, { ...given, shared });
    this.userShape = [this.user.width];
    this.itemShape = [this.item.width];
    this.cosine = given.similarity === "cosine";
    this.temperature = given.temperature;
    this.userDropout = given.userDropout;
  }

  users(batch: Batch): Tensor {
    const vector = this.user.forward(batch);
    const compared = this.cosine ? mul(unitLength(vector), 1 / this.temperature) : vector;
    return dropout(compared, this.userDropout);
  }

  items(batch: Batch): Tensor {
    const vector = this.item.forward(batch);
    return this.cosine ? unitLength(vector) : vector;
  }
}

interface TowerOptions {
  readonly embeddingDim: number;
  readonly embeddingStd: number;
  readonly hiddenUnits: readonly number[];
  readonly outputDim: number;
  readonly dropout: number;
  readonly shared?: FieldEmbedding["tables"];
}

class FeatureTower extends Module {
  readonly fields: FieldEmbedding;
  readonly network: MLP | undefined;
  /** Of the output. */
  readonly width: number;
  readonly rate: number;

  constructor(schema: FeatureMap, features: readonly string[], options: TowerOptions) {
    super();
    const { embeddingDim: dim, embeddingStd, hiddenUnits, outputDim, shared } = options;
    this.rate = options.dropout;
    this.fields = new FieldEmbedding(schema, {
      dim,
      include: features,
      init: normalInit(embeddingStd),
      shared,
    });
    this.network =
      hiddenUnits.length === 0
        ? undefined
        : new MLP(this.fields.width, hiddenUnits, { dropout: this.rate, output: outputDim });
    this.width = this.network?.width ?? dim;
  }

  /** `[batch, width]`. */
  forward(batch: Batch): Tensor {
    const fields = dropout(this.fields.forward(batch), this.rate); // [batch, fields, dim]
    if (this.network === undefined) return sum(fields, { axis: 1 });
    return this.network.forward(this.fields.flatten(fields, batch));
  }
}

export const twoTower = describeRetrieval({
  name: "TwoTower",
  summary: "A network over the user's fields, one over the item's.",
  training: "pairs",
  options: twoTowerOptions,
  model: TwoTower,
  example: { embeddingDim: 4, hiddenUnits: [8], outputDim: 6, embeddingStd: 0.1 },
});
