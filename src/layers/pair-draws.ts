/**
 * Pairs of rows drawn from two parts of a batch, with replacement, inside the graph: draw q from a part of
 * n rows is its member number ⌊u_q n⌋. What is drawn is a function of the key, so a run resumes exactly.
 */
import {
  add,
  addAlong,
  bitXor,
  cast,
  cumsum,
  floor,
  gather,
  iota,
  maximum,
  mean,
  minimum,
  mixBits,
  mul,
  neg,
  shiftRight,
  softplus,
  stopGradient,
  sub,
  sum,
  zeros,
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
    const member = stopGradient(members);
    const count = sum(member);
    // Where each member goes in a list of members without gaps; others add nothing to some place of it.
    const place = cast(maximum(add(cumsum(member), -1), 0), "int64");
    const row = mul(cast(iota(member.shape[0]), "float32"), member);
    const listed = addAlong(zeros(member), place, row); // [batch]: the members' rows, then zeros
    // Of an empty part, the first row is drawn, and does not count.
    const number = cast(floor(mul(this.#uniform(), count)), "int64"); // [pairs], u < 1
    const index = cast(gather(listed, number), "int64");
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
