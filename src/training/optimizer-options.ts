/** How a model is optimised, as the configuration says it. */
import { z } from "zod";

export const optimizerOptions = z.strictObject({
  optimizer: z
    .enum(["adam", "adagrad", "rmsprop", "sgd"])
    .default("adam")
    .describe("Optimizer of the dense parameters."),
  embeddingOptimizer: z
    .enum(["adam", "adagrad", "rowwise-adagrad", "rmsprop", "sgd"])
    .optional()
    .describe("Optimizer of the embedding rows. Default: the same as `optimizer`."),
  embeddingUpdate: z
    .enum(["dense", "lazy"])
    .default("dense")
    .describe(
      "Which rows a step moves. `dense`: every row, as torch.optim.Adam does (momentum goes on without gradient); " +
        "`lazy`: the batch's rows only, as torch.optim.SparseAdam does, cheaper on large tables.",
    ),
  learningRate: z.number().positive().default(1e-3).describe("Step size at the start."),
  beta1: z.number().min(0).lt(1).default(0.9).describe("Adam's decay of the first moment."),
  beta2: z.number().min(0).lt(1).default(0.999).describe("Adam's decay of the second moment."),
  epsilon: z
    .number()
    .positive()
    .optional()
    .describe("Added to the denominator. Default: 1e-8 (Adam, RMSProp), 1e-10 (AdaGrad)."),
  momentum: z.number().min(0).lt(1).default(0).describe("Momentum of SGD on dense parameters."),
  embeddingRegularizer: z.number().nonnegative().default(0).describe("λ of λ/2·‖E‖² over embedding tables."),
  embeddingRegularizerScope: z
    .enum(["table", "batch"])
    .default("table")
    .describe("L2 over whole tables at every step (as FuxiCTR and BARS), or over the rows of the batch."),
  netRegularizer: z.number().nonnegative().default(0).describe("λ of λ/2·‖W‖² over dense parameters."),
  maxGradientNorm: z
    .number()
    .positive()
    .nullable()
    .default(10)
    .describe("Gradients of rows and weights together are scaled down to this norm; null: no clipping."),
});

export type OptimizerOptions = z.output<typeof optimizerOptions>;
