/**
 * Pairs of rows drawn from two parts of a batch, with replacement, inside the graph: draw q from a part of
 * n rows is its member number ⌊u_q n⌋, found by counting how many rows come before it. What is drawn is a
 * function of the key, so a run resumes exactly.
 */
import {
  add,
  bitXor,
  cast,
  cumsum,
  expandDims,
  floor,
  gather,
  iota,
  less,
  mean,
  minimum,
  mixBits,
  mul,
  neg,
  shiftRight,
  sizeOf,
  softplus,
  stopGradient,
  sub,
  sum,
} from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

export class PairDraws {
  readonly #scores: Tensor;
  readonly #pairs: number;
  readonly #key: Tensor;
  #drawn = 0;

  /** @param scores `[batch]` */
  constructor(scores: Tensor, { pairs, key }: { readonly pairs: number; readonly key: Tensor }) {
    this.#scores = scores;
    this.#pairs = pairs;
    this.#key = key;
  }

  /**
   * `-mean ln σ(r_i - r_j)`, i from one part of the batch and j from another; 0 where either is empty.
   *
   * @param upper 1 for rows of the part that should rank higher, else 0: `[batch]`
   * @param lower likewise for the other
   */
  rankingLoss(upper: Tensor, lower: Tensor): Tensor {
    const [above, below] = [this.#draw(upper), this.#draw(lower)];
    const loss = mean(softplus(neg(sub(above.scores, below.scores))));
    return mul(loss, mul(above.present, below.present));
  }

  /** Scores of drawn members, `[pairs]`, and whether there are any. */
  #draw(members: Tensor): { scores: Tensor; present: Tensor } {
    const upTo = cumsum(stopGradient(members)); // [batch]: members among the rows up to here
    const count = sum(stopGradient(members));
    const number = add(floor(mul(this.#uniform(), count)), 1); // [pairs], from 1; u < 1
    const before = less(expandDims(upTo, 0), expandDims(minimum(number, count), 1)); // [pairs, batch]
    const position = sum(cast(before, "float32"), { axis: 1 });
    // Of an empty part, position is past the end, or 0 after the minimum; its scores do not count.
    const last = add(sizeOf(this.#scores.shape[0]), -1);
    const index = cast(minimum(position, last), "int64");
    return { scores: gather(this.#scores, index), present: minimum(count, constant(1)) };
  }

  /** `[pairs]` in [0, 1). */
  #uniform(): Tensor {
    const stream = constant((0x9e3779b9 * ++this.#drawn) >>> 0, { dtype: "uint32" });
    const key = mixBits(bitXor(this.#key, stream));
    const bits = mixBits(add(cast(iota(this.#pairs), "uint32"), key));
    // 24 bits fit a float32 exactly, so no draw is rounded up to 1.
    return mul(cast(shiftRight(bits, 8), "float32"), 2 ** -24);
  }
}
