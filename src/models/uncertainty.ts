import { z } from "zod";
import { ConfigError, nearestName, parseOptions } from "../core/index.ts";
import { GaussianProcessHead, Linear, MLP, SpectralLinear } from "../layers/index.ts";
import { type Batch, currentTrace, Model, Module, observe, type StateValues } from "../module/index.ts";
import { add, div, mul, sigmoid, sqrt } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { Tensor } from "../tensor/index.ts";
import { width } from "./options.ts";

export const uncertaintyOptions = z
  .strictObject({
    head: z
      .string()
      .optional()
      .describe(
        "Path of the network whose last layer is replaced, such as `deep`. Default: the only one with one output.",
      ),
    features: width.default(256).describe("D: random Fourier features."),
    lengthScale: z
      .number()
      .positive()
      .optional()
      .describe("ℓ of the kernel, in units of what the last layer reads. Default: √ of its width."),
    ridge: z
      .number()
      .positive()
      .default(1)
      .describe("τ: 1/τ is the variance of the logit far from all that was learned from."),
    spectralBound: z
      .number()
      .positive()
      .nullable()
      .default(0.95)
      .describe("Largest spectral norm of the hidden layers' weights; null: unbounded."),
    effectiveRows: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "Rows after which earlier ones are forgotten, for streams; null: a pass counts whole, each anew.",
      ),
    point: z
      .enum(["mean-field", "mean"])
      .default("mean-field")
      .describe("What is predicted: σ(m / √(1 + π v / 8)), the mean over the posterior, or σ(m)."),
  })
  .describe(
    "a model that also says how sure it is: random features and a posterior over their weights in place of its last " +
      "layer, bounded hidden layers below (SNGP)",
  );
export type UncertaintyOptions = z.input<typeof uncertaintyOptions>;

/**
 * A model of the catalogue whose last layer is a Gaussian process (`GaussianProcessHead`) and whose deep
 * network's hidden layers are bounded (`SpectralLinear`). It trains by its mean logit m. Predictions are
 * `σ(m / √(1 + π v / 8))`; analyses and exploration see `logit` (m) and `variance` (v) by `observe`.
 *
 * Liu et al., "Simple and Principled Uncertainty Estimation with Deterministic Deep Learning via Distance
 * Awareness", NeurIPS 2020, arXiv:2006.10108. What the model adds beside the replaced layer (a wide part's
 * logit) is part of m and adds no variance.
 */
export class UncertaintyModel extends Model {
  readonly backbone: Model;
  readonly head: GaussianProcessHead;
  readonly #options: z.output<typeof uncertaintyOptions>;

  /**
   * @param create the backbone
   * @throws ConfigError where the backbone has several labels, a real one, or no such last layer
   */
  constructor(schema: FeatureMap, create: (schema: FeatureMap) => Model, options: UncertaintyOptions = {}) {
    super();
    this.#options = parseOptions(uncertaintyOptions, options, "uncertainty");
    if (schema.labels[0]?.kind === "real") {
      throw new ConfigError("uncertainty: the label is a real number, and only probabilities are supported", {
        details: { label: schema.labels[0].name },
      });
    }
    this.backbone = create(schema);
    const { spectralBound: bound } = this.#options;
    const owner = lastLayerOwner(this.backbone, this.#options.head);
    this.head = new GaussianProcessHead((owner.head as Linear).weight.shape[0], this.#options);
    Object.assign(owner, { head: this.head });
    if (bound === null) return;
    for (const mlp of mlpsOf(this.backbone)) {
      const layers = mlp.layers.map(
        ({ weight, bias }) =>
          new SpectralLinear(weight.shape[0], weight.shape[1], { bound, bias: bias !== undefined }),
      );
      Object.assign(mlp, { layers });
    }
  }

  /** Logits `[batch]`: in training m, else what the predicted probability has as its logit. */
  forward(batch: Batch): Tensor {
    this.head.begin();
    const logit = this.backbone.forward(batch);
    if (!(logit instanceof Tensor)) {
      throw new ConfigError("uncertainty: the model must have one logit, and has one a label", {
        details: { labels: Object.keys(logit) },
        hint: "take a model of the first label alone",
      });
    }
    const features = this.head.seenFeatures();
    if (currentTrace().training) {
      this.head.learn(features, sigmoid(logit));
      return logit;
    }
    const variance = this.head.variance(features);
    observe("logit", logit);
    observe("variance", variance);
    if (this.#options.point === "mean") return logit;
    return div(logit, sqrt(add(mul(variance, Math.PI / 8), 1)));
  }

  override beforeEpoch(states: StateValues): void {
    this.head.beforeEpoch(states);
  }

  override afterEpoch(states: StateValues): void {
    this.head.afterEpoch(states);
  }
}

/** What a network's last layer hangs on. */
type Owner = Module & { readonly head: Linear };

function modulesOf(root: Module): Map<string, Module> {
  const found = new Map<string, Module>();
  const visit = (value: unknown, path: string): void => {
    if (value instanceof Module) {
      if (found.has(path)) return;
      found.set(path, value);
    } else if (!Array.isArray(value) && Object.getPrototypeOf(value ?? 0) !== Object.prototype) return;
    for (const [key, entry] of Object.entries(value as object))
      visit(entry, path === "" ? key : `${path}.${key}`);
  };
  visit(root, "");
  return found;
}

function mlpsOf(root: Module): MLP[] {
  return [...modulesOf(root).values()].filter((module) => module instanceof MLP);
}

/** The module whose `head` is the model's last layer. */
function lastLayerOwner(model: Model, wanted: string | undefined): Owner {
  const owners = new Map(
    [...modulesOf(model)].filter((entry): entry is [string, Owner] => {
      const { head } = entry[1] as Partial<Owner>;
      return head instanceof Linear && head.weight.shape[1] === 1;
    }),
  );
  const names = [...owners.keys()];
  const one = wanted ?? (names.includes("deep") ? "deep" : names.length === 1 ? names[0] : undefined);
  const found = one === undefined ? undefined : owners.get(one);
  if (found !== undefined) return found;
  const near = wanted === undefined ? undefined : nearestName(wanted, names);
  throw new ConfigError(
    wanted === undefined
      ? `uncertainty: ${model.constructor.name} has ${names.length === 0 ? "no" : "no single"} network with one output`
      : `uncertainty.head: ${model.constructor.name} has no network "${wanted}" with one output`,
    {
      details: { head: wanted ?? null, known: names },
      hint:
        near !== undefined
          ? `did you mean ${near}?`
          : names.length === 0
            ? "take a model with a deep network, such as DIN, DCNv2 or WideDeep"
            : `say uncertainty.head: one of ${names.map((name) => name || '""').join(", ")}`,
    },
  );
}
