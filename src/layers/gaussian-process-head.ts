/**
 * A last layer that knows how sure it is: random Fourier features of its input and a Laplace approximation of
 * the posterior over their weights,
 *
 *     φ(h) = √(2/D) cos(h Ω / ℓ + b),   Ω ~ N(0, 1),  b ~ U[0, 2π), both drawn once,
 *     m = φ·β,   P = τ I + Σ p (1-p) φ φᵀ,   v = φᵀ P⁻¹ φ.
 *
 * Inner products of φ approximate the kernel `exp(-|x - y|² / 2ℓ²)`, so v falls where rows like this one have
 * been learned from and returns to 1/τ far from all of them. What has been summed is a running state of the
 * model; its inverse is taken on the host between epochs. Liu et al., NeurIPS 2020, arXiv:2006.10108.
 */
import {
  constantInit,
  currentTrace,
  type Initializer,
  Parameter,
  State,
  type StateValues,
} from "../module/index.ts";
import { invertPositiveDefinite } from "../numerics/index.ts";
import {
  add,
  concat,
  cos,
  div,
  expandDims,
  matmul,
  maximum,
  mul,
  sizeOf,
  stopGradient,
  sub,
  sum,
  transpose,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export interface GaussianProcessHeadOptions {
  /** D: random features. @default 256 */
  readonly features?: number;
  /** ℓ, in units of the input. @default √inputs, for coordinates that differ by about 1 */
  readonly lengthScale?: number;
  /** τ: precision of the prior, so that 1/τ is the variance far from all data. @default 1 */
  readonly ridge?: number;
  /** Rows after which earlier ones are forgotten (by the factor e); null: none are. @default null */
  readonly effectiveRows?: number | null;
}

const uniformAngle: Initializer = (values, _, random) => {
  for (let i = 0; i < values.length; i++) values[i] = 2 * Math.PI * random.uniform(i);
};
const standardNormal: Initializer = (values, _, random) => {
  for (let i = 0; i < values.length; i++) values[i] = random.normal(i);
};

export class GaussianProcessHead extends Linear {
  /** Ω, `[inputs, features]`. */
  readonly frequencies: Parameter;
  /** b, `[features]`. */
  readonly phases: Parameter;
  /** Σ p (1-p) φ φᵀ, `[features, features]`. */
  readonly seen: State;
  /** P⁻¹ as of the last epoch's end, `[features, features]`. */
  readonly covariance: State;
  readonly #options: Required<GaussianProcessHeadOptions>;
  /** φ of the forward pass that is being built. */
  #features: Tensor | undefined;

  constructor(inputs: number, options: GaussianProcessHeadOptions = {}) {
    const { features = 256, lengthScale = Math.sqrt(inputs), ridge = 1, effectiveRows = null } = options;
    super(features, 1, { init: constantInit(0) });
    this.#options = { features, lengthScale, ridge, effectiveRows };
    this.frequencies = new Parameter([inputs, features], { init: standardNormal, trainable: false });
    this.phases = new Parameter([features], { init: uniformAngle, trainable: false });
    this.seen = new State([features, features]);
    this.covariance = new State([features, features], {
      init: (values) => {
        values.fill(0);
        for (let k = 0; k < features; k++) values[k * (features + 1)] = 1 / ridge;
      },
    });
  }

  /** φ: `[batch, inputs]` to `[batch, features]`. */
  features(x: Tensor): Tensor {
    const { features, lengthScale } = this.#options;
    const angle = add(matmul(div(x, lengthScale), this.frequencies), this.phases);
    return mul(cos(angle), Math.sqrt(2 / features));
  }

  /** `[batch, inputs]` to `[batch, 1]`. */
  override forward(x: Tensor): Tensor {
    if (this.#features !== undefined) throw new Error("a last layer is used once in a forward pass");
    this.#features = this.features(x);
    return super.forward(this.#features);
  }

  /** Features mix all inputs, so that parts are put side by side here. */
  override forwardParts(parts: readonly Tensor[]): Tensor {
    return this.forward(concat(parts));
  }

  /** Says that a new forward pass begins. */
  begin(): void {
    this.#features = undefined;
  }

  /** φ of the forward pass that came since: `[batch, features]`. */
  seenFeatures(): Tensor {
    if (this.#features === undefined) throw new Error("the model's forward pass left its last layer out");
    return this.#features;
  }

  /** v of rows of features: `[batch, features]` to `[batch]`. */
  variance(features: Tensor): Tensor {
    return maximum(sum(mul(matmul(features, this.covariance), features), { axis: 1 }), 0);
  }

  /** In training, takes the batch into the sum. @param probabilities `[batch]` of the whole model */
  learn(features: Tensor, probabilities: Tensor): void {
    const { effectiveRows } = this.#options;
    const { stateUpdates } = currentTrace();
    const [phi, p] = [stopGradient(features), stopGradient(probabilities)];
    const weighed = mul(phi, expandDims(mul(p, sub(1, p)), 1));
    const batch = matmul(transpose(weighed), phi); // [features, features]
    const kept =
      effectiveRows === null
        ? this.seen
        : mul(this.seen, maximum(sub(1, div(sizeOf(features.shape[0]), effectiveRows)), 0));
    stateUpdates.set(this.seen, add(kept, batch));
  }

  /** The sum starts anew with each pass, unless earlier rows are forgotten anyway. */
  beforeEpoch({ write }: StateValues): void {
    if (this.#options.effectiveRows !== null) return;
    write(this.seen, new Float32Array(this.#options.features ** 2));
  }

  /** P⁻¹ from the sum. */
  afterEpoch({ read, write }: StateValues): void {
    const { features, ridge } = this.#options;
    const precision = Float64Array.from(read(this.seen));
    // The graph's product is symmetric up to rounding.
    for (let i = 0; i < features; i++) {
      precision[i * (features + 1)] += ridge;
      for (let j = 0; j < i; j++) {
        const both = (precision[i * features + j] + precision[j * features + i]) / 2;
        precision[i * features + j] = both;
        precision[j * features + i] = both;
      }
    }
    write(this.covariance, Float32Array.from(invertPositiveDefinite(precision, features)));
  }
}
